"""The code that is generated for a GPU, and what is refused before there is any; needs neither a GPU nor nvcc."""

import re
from pathlib import Path

import numpy as np
import pytest
from brian2 import (
    BrianObjectException,
    Function,
    Hz,
    Network,
    NeuronGroup,
    PoissonGroup,
    PopulationRateMonitor,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    defaultclock,
    get_device,
    ms,
    network_operation,
    prefs,
    seed,
)

pytest.importorskip("brian2cuda", reason="Brian2CUDA is not installed")

from astrobrian import AstrocyteGroup, GapJunctions, TripartiteSynapses, use_backend
from astrobrian.backends.findings import UnsupportedFeature, rewritten
from astrobrian.cuda import literals, preferences, sources, toolkit
from astrobrian.cuda.device import CudaDevice, cuda_device
from astrobrian.cuda.results import put_right
from astrobrian.equations import (
    Model,
    chi,
    cleft_glutamate,
    gchi,
    gliotransmission,
    presynaptic_receptors,
    tsodyks_markram,
)

RELEASE = tsodyks_markram + cleft_glutamate + presynaptic_receptors


@pytest.fixture
def program(tmp_path):
    """Choose the backend, to generate code only; what is called after `run` gives the text of a file."""
    use_backend("cuda", directory=tmp_path, compile=False, run=False)

    def text(name: str) -> str:
        return (tmp_path / name).read_text()

    return text


def code_of(program, name):
    return program(f"code_objects/{name}.cu")


def tripartite(model=RELEASE, on_pre="", **kwargs):
    neurons = NeuronGroup(
        6, "dg/dt = -g/(5*ms) : 1\nu : 1", threshold="g > 1", method="exact", name="neurons"
    )
    astrocytes = AstrocyteGroup(3, gchi + gliotransmission, dt=2 * ms, name="astrocytes")
    synapses = TripartiteSynapses(neurons, neurons, astrocytes, model, on_pre=on_pre, name="syn", **kwargs)
    synapses.connect()
    return neurons, astrocytes, synapses


# ------------------------------------------------------------------------------------------------ nothing is lost
def test_what_spikes_add_to_astrocytes_is_added_atomically(program):
    neurons, astrocytes, synapses = tripartite(on_pre="g_post += 0.1*r_S\nI_astro += 0.01*umolar*r_S")
    synapses.cover(by="post", index=np.arange(6) // 2)
    Network(neurons, astrocytes, synapses).run(1 * ms)
    code = code_of(program, "syn_pre_codeobject")
    added = {
        "_ptr_array_syn_territories_Y_S[territory]",
        "_ptr_array_astrocytes_I[written_astrocyte]",
        "_ptr_array_neurons_g[_postsynaptic_idx]",
    }
    for cell in added:
        # once where all delays are the same, once where they differ
        assert code.count(f"_brian_atomicAdd(&{cell}, ") == 2
        assert f"{cell} =" not in code


def test_what_is_subtracted_is_subtracted_atomically(program):
    neurons, astrocytes, synapses = tripartite(on_pre="I_astro -= 0.01*umolar*r_S")
    synapses.cover(by="post", index=np.arange(6) // 2)
    Network(neurons, astrocytes, synapses).run(1 * ms)
    code = code_of(program, "syn_pre_codeobject")
    assert "_brian_atomicAdd(&_ptr_array_astrocytes_I[written_astrocyte], (double)-(" in code


def in_order(code):
    """Whether a pathway leaves all spikes to one thread."""
    return bool(re.search(r"num_blocks = 1;\s*num_threads = 1;", code))


def test_one_thread_adds_to_astrocytes_where_a_neuron_is_set(program):
    neurons, astrocytes, synapses = tripartite(on_pre="u_post = clip(u_post + r_S, 0, 1)")
    synapses.cover(by="post", index=np.arange(6) // 2)
    Network(neurons, astrocytes, synapses).run(1 * ms)
    code = code_of(program, "syn_pre_codeobject")
    assert "_ptr_array_syn_territories_Y_S[territory] = _sum_Y_S;" in code  # not atomically
    assert in_order(code)


def test_brian2cuda_orders_what_only_concerns_the_postsynaptic_neuron(program):
    neurons = NeuronGroup(4, "u : 1", threshold="False", name="neurons")
    synapses = Synapses(neurons, neurons, on_pre="u_post = clip(u_post + 0.1, 0, 1)", name="syn")
    synapses.connect()
    Network(neurons, synapses).run(1 * ms)
    code = code_of(program, "syn_pre_codeobject")
    assert not in_order(code)
    assert "syn_multiple_pre_post" in code


def test_code_that_reads_what_it_added_sees_the_sum(program):
    neurons = NeuronGroup(4, "u : 1\nw : 1", threshold="False", name="neurons")
    synapses = Synapses(neurons, neurons, on_pre="u_post += 0.1\nw_post += u_post", name="syn")
    synapses.connect()
    Network(neurons, synapses).run(1 * ms)
    code = code_of(program, "syn_pre_codeobject")
    assert "_brian_atomicAdd(&_ptr_array_neurons" not in code
    assert code.index("u_post += 0.1;") < code.index("w_post += u_post;")


def test_synapses_that_regularly_add_to_neurons_do_so_atomically(program):
    neurons = NeuronGroup(4, "u : 1", name="neurons")
    synapses = Synapses(neurons, neurons, "w : 1", name="syn")
    synapses.connect()
    synapses.run_regularly("u_post += w", dt=1 * ms)
    Network(neurons, synapses).run(1 * ms)
    code = code_of(program, "syn_run_regularly_codeobject")
    assert "_brian_atomicAdd(&_ptr_array_neurons_u[_postsynaptic_idx], (double)(w));" in code


def test_synapses_that_regularly_set_neurons_are_refused(program):
    neurons = NeuronGroup(4, "u : 1", name="neurons")
    synapses = Synapses(neurons, neurons, "w : 1", name="syn")
    synapses.connect()
    synapses.run_regularly("u_post = w", dt=1 * ms)
    with pytest.raises(UnsupportedFeature, match=r"syn.*sets u_post.*\+="):
        Network(neurons, synapses).run(1 * ms)


def test_one_thread_changes_what_all_cells_share(program):
    neurons = NeuronGroup(1000, "I : 1 (shared)\nv : 1", name="neurons")
    neurons.run_regularly("I += 1\nv = I", dt=1 * ms)
    Network(neurons).run(1 * ms)
    code = code_of(program, "neurons_run_regularly_codeobject")
    assert "num_blocks = num_threads = 1;" in code
    assert code.index("_ptr_array_neurons_I[0] = I;") < code.index("for (_idx = 0; _idx < _N; _idx++)")


def test_each_synapse_has_random_numbers_of_its_own(program):
    neurons = NeuronGroup(4, "u : 1", threshold="False", name="neurons")
    synapses = Synapses(neurons, neurons, on_pre="u_post += int(rand() < 0.5)", name="syn")
    synapses.connect()
    Network(neurons, synapses).run(1 * ms)
    code = code_of(program, "syn_pre_codeobject")
    last = [
        code[: drawn.start()].rsplit("_vectorisation_idx = ", 1)[1]
        for drawn in re.finditer(r"_rand\(_v", code)
    ]
    assert len(last) == 2 and all(text.startswith("_idx;") for text in last)  # the number of the synapse


def test_random_release_counts_the_numbers_that_tripartite_synapses_need(program):
    model = RELEASE + Model("all_or_none", "", on_pre="r_S = int(rand() < r_S)")
    neurons, astrocytes, synapses = tripartite(model)
    synapses.cover(by="post", index=np.arange(6) // 2)
    Network(neurons, astrocytes, synapses).run(1 * ms)
    assert re.search(r"num_per_cycle_rand_syn_pre_codeobject = _array_syn_N\[0\] \* 1;", program("rand.cu"))


def test_none_of_something_starts_no_threads(program):
    neurons = NeuronGroup(4, "u : 1", threshold="False", name="neurons")
    model = "w : 1\nu_post = w : 1 (summed)"
    synapses = Synapses(neurons, neurons, model, on_pre="w += 1", name="syn")
    synapses.connect(condition="i > 10")
    synapses.w = "0.1*i"
    synapses.run_regularly("w *= 0.9", dt=1 * ms)
    Network(neurons, synapses).run(1 * ms)
    for name in "group_variable_set_conditional", "run_regularly", "summed_variable_u_post":
        code = code_of(program, f"syn_{name}_codeobject")
        assert re.search(r"if \(_N > 0\)\s*\{\s*_run_kernel_", code)


# ---------------------------------------------------------------------------------------- our objects on a GPU
def test_sums_over_territories_are_atomic(program):
    neurons, astrocytes, synapses = tripartite()
    synapses.keep("Y_S")
    synapses.cover(by="post", index=np.arange(6) // 2)
    gap_junctions = GapJunctions(astrocytes, pairs=([0, 1], [1, 2]), name="gap")
    Network(neurons, astrocytes, synapses, gap_junctions).run(1 * ms)
    for name, cell in [
        ("syn_sum_Y_S_codeobject", "_ptr_array_syn_territories_Y_S"),
        ("syn_count_synapses", "_ptr_array_syn_territories_N_synapses"),
        ("gap_summed_variable_J_coupling_post_codeobject", "_ptr_array_astrocytes_J_coupling"),
    ]:
        code = code_of(program, name)
        assert f"_brian_atomicAdd(&{cell}[_target_id], _synaptic_var);" in code
        assert re.search(rf"cudaMemset\(dev{cell.removeprefix('_ptr')} \+ 0,\s*0,", code)


def test_lifted_variables_and_copies_run_each_on_its_clock(program):
    neurons, astrocytes, synapses = tripartite(on_pre="g_post += 0.1*Gamma_S")
    synapses.cover(by="post", index=np.arange(6) // 2)
    Network(neurons, astrocytes, synapses).run(1 * ms)
    order = re.findall(r"network\.add\(&(\w+), _run_(\w+)\);", program("main.cu"))
    clocks = {name: clock for clock, name in order}
    assert clocks["syn_territories_refresh_codeobject"] == "defaultclock"
    assert clocks["syn_territories_stateupdater_codeobject"] == "defaultclock"
    assert clocks["astrocytes_gathering_codeobject"] == "astrocytes_clock"
    names = [name for _, name in order]
    assert names.index("syn_territories_refresh_codeobject") < names.index(
        "astrocytes_stateupdater_codeobject"
    )
    assert names.index("astrocytes_gathering_codeobject") < names.index("astrocytes_stateupdater_codeobject")


def test_synapses_that_belong_to_others_are_declared(program):
    neurons, astrocytes, synapses = tripartite(form="published")
    synapses.cover(by="post", index=np.arange(6) // 2)
    Network(neurons, astrocytes, synapses).run(1 * ms)
    for name in "syn_from_astrocytes", "syn_to_astrocytes":
        assert f"bool brian::{name}_multiple_pre_post" in program("objects.cu")


def test_the_guard_records_the_first_cell_and_stops_the_run(program):
    astrocytes = AstrocyteGroup(10, chi, name="astrocytes")
    Network(astrocytes).run(2 * ms)
    code = code_of(program, "astrocytes_range_guard_codeobject")
    kernel, host = code.split("void _run_astrocytes_range_guard_codeobject()")
    assert "atomicMin(_first, _idx*3 + 0);" in kernel
    assert "Network::_globally_stopped = true;" in host and "_globally_stopped" not in kernel
    assert "cudaMemcpy(&_value, dev_array_astrocytes_C + _cell" in host


def test_computed_territories_are_checked_by_the_host(program):
    neurons, astrocytes, synapses = tripartite()
    synapses.cover(index="j // 2")
    Network(neurons, astrocytes, synapses).run(1 * ms)
    lines = program("main.cu").split("_run_syn_group_variable_set_conditional_codeobject();")
    assert 'std::cerr << "syn: astrocyte "' in lines[1]
    assert "__host__ __device__ static inline int _checked_territory" in code_of(
        program, "syn_group_variable_set_conditional_codeobject"
    )


@pytest.mark.parametrize("index", [-7, -2, -1, 0, 4, 5, 6])
def test_what_isnt_an_astrocyte_is_no_territory(index):
    from astrobrian.cuda.territories import add_implementation

    function = Function(lambda i: i, arg_units=[1], return_unit=1)
    add_implementation(function, 5)
    expression = re.search(r"return (.*);", function.implementations["cuda"].get_code(None))[1]
    first, second = re.fullmatch(r"index == -1 \? (.*) : index < 5 \? (.*)", expression).groups()
    small, large = second.split(" : ")
    territory = eval(first if index == -1 else small if index < 5 else large, {"index": index})
    assert (0 <= territory <= 5) == (-1 <= index < 5)
    assert territory == (5 if index == -1 else index if index < 5 else index + 1)


def test_a_reset_may_read_a_shared_parameter_in_several_ways(program):
    equations = "v : 1\nu : 1\nU : 1 (shared)\nV : 1 (shared)"
    neurons = NeuronGroup(4, equations, threshold="v > 1", reset="v = 2*U*V\nu -= U*u", name="neurons")
    Network(neurons).run(1 * ms)
    code = code_of(program, "neurons_spike_resetter_codeobject")
    kernel = code[code.index("_run_kernel_neurons_spike_resetter_codeobject(") :]
    assert re.search(r"const double U = .*?\{\s.*?const double U = ", kernel, re.DOTALL)


def test_functions_in_cpp_are_compiled_for_both(program):
    function = Function(lambda x: 2 * x, arg_units=[1], return_unit=1)
    function.implementations.add_implementation(
        "cpp", "static inline double twice(double x)\n{ return 2*x; }", name="twice"
    )
    neurons = NeuronGroup(4, "v = twice(t/ms) : 1\nu : 1", namespace={"twice": function}, name="neurons")
    neurons.run_regularly("u = v", dt=1 * ms)
    Network(neurons).run(1 * ms)
    code = code_of(program, "neurons_run_regularly_codeobject")
    assert "__host__ __device__ static inline double twice(double x)" in code
    assert any(each.feature == "user_functions" and each.object == "neurons" for each in rewritten)


def test_functions_in_python_only_are_refused(program):
    function = Function(lambda x: x, arg_units=[1], return_unit=1)
    neurons = NeuronGroup(4, "v = same(t/ms) : 1\nu : 1", namespace={"same": function})
    neurons.run_regularly("u = v", dt=1 * ms)
    with pytest.raises((NotImplementedError, BrianObjectException)) as raised:
        Network(neurons).run(1 * ms)
    assert "same" in str(raised.value.__cause__ or raised.value)


# --------------------------------------------------------------------------------------------- refused beforehand
def delayed(dt=None, delay=None, later=None, target_dt=None, synapses_dt=None):
    source = PoissonGroup(4, 20 * Hz, dt=dt, name="source")
    target = NeuronGroup(4, "u : 1\nw : 1", dt=target_dt, name="target")
    target.run_regularly("w += 1", dt=target_dt)
    synapses = Synapses(source, target, on_pre="u_post += 1", delay=delay, dt=synapses_dt, name="syn")
    synapses.connect(i=[0, 1, 2], j=[0, 1, 2])
    if later is not None:
        synapses.delay = later
    return Network(source, target, synapses)


@pytest.mark.parametrize(
    "network",
    [
        {"dt": 1 * ms, "delay": 2 * ms},
        {"dt": 1 * ms, "later": 2 * ms},
        {"dt": 1 * ms, "later": [2, 2, 2] * ms},
        {"dt": 1 * ms, "later": "2*ms"},
        {"delay": 2 * ms, "target_dt": 0.05 * ms},
        {"delay": 2 * ms, "target_dt": 0.25 * ms},
        {"delay": 2 * ms, "synapses_dt": 1 * ms},
    ],
)
def test_equal_delays_are_refused_where_they_would_be_wrong(program, network):
    with pytest.raises(
        UnsupportedFeature, match=r"syn_pre.*spikes of source with the same delay would be lost"
    ):
        delayed(**network).run(1 * ms)


@pytest.mark.parametrize(
    "network",
    [
        {"dt": 1 * ms},
        {"dt": 1 * ms, "delay": 0 * ms},
        {"dt": 1 * ms, "later": [2, 3, 4] * ms},
        {"delay": 2 * ms},
        {"later": "2*ms"},
        {"delay": 2 * ms, "target_dt": 10 * ms},
    ],
)
def test_other_delays_are_not(program, network):
    seed(5)
    delayed(**network).run(1 * ms)


@pytest.fixture
def two_runs(tmp_path):
    use_backend("cuda", directory=tmp_path, build_on_run=False, compile=False, run=False)


def test_delays_that_change_between_runs_are_refused(two_runs):
    network = delayed(later=[2, 3, 4] * ms)
    network.run(1 * ms)
    network.run(1 * ms)
    network["syn"].delay = [1, 2, 3] * ms
    with pytest.raises(UnsupportedFeature, match="delays are set between two runs"):
        network.run(1 * ms)


def test_time_steps_that_change_between_runs_are_refused(two_runs):
    network = delayed()
    network.run(1 * ms)
    defaultclock.dt = 0.2 * ms
    with pytest.raises(UnsupportedFeature, match=r"0.0001 s in the run before and is 0.0002 s"):
        network.run(1 * ms)


def test_network_operations_are_refused(program):
    neurons = NeuronGroup(1, "v : 1")

    @network_operation
    def change():
        neurons.v += 1

    with pytest.raises(UnsupportedFeature, match="can't be called"):
        Network(neurons, change).run(1 * ms)


def test_gsl_is_refused(program):
    neurons = NeuronGroup(1, "dv/dt = -v**2/(1*ms) : 1", method="gsl_rkf45", name="neurons")
    with pytest.raises(UnsupportedFeature, match=r"neurons: it is integrated by 'gsl_rkf45'"):
        Network(neurons).run(1 * ms)


def test_store_and_restore_are_refused(program):
    network = Network(NeuronGroup(1, "v : 1"))
    for call in network.store, network.restore:
        with pytest.raises(UnsupportedFeature, match="earlier state"):
            call()


# ------------------------------------------------------------------------------------------------------- building
def test_everything_is_compiled_as_one_source(program, tmp_path):
    neurons, astrocytes, synapses = tripartite()
    synapses.cover(by="post", index=np.arange(6) // 2)
    Network(neurons, astrocytes, synapses, SpikeMonitor(neurons)).run(1 * ms)
    whole = program(sources.PROGRAM)
    generated = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.cu")} - {sources.PROGRAM}
    assert set(re.findall(r'#include "(.*\.cu)"', whole)) == generated
    for name in generated:
        called = (
            set(re.findall(r"^void (_\w+)\(\);", program(name.replace(".cu", ".h")), re.MULTILINE))
            if "/" in name
            else set()
        )
        for function in called:
            assert len(re.findall(rf"^void {function}\(\) {{", whole, re.MULTILINE)) == 1
    makefile = program("makefile")
    assert "-std=c++17" in makefile and "c++11" not in makefile
    assert "-use_fast_math" not in makefile


def test_threads_that_prepare_a_queue_wait_for_each_other(program):
    Network(NeuronGroup(2, "v : 1")).run(1 * ms)
    text = " ".join(program("brianlib/spikequeue.h").split())
    assert "(!semaphore); __syncthreads(); if (tid == 0)" in text
    assert "!= 0); __threadfence(); }" in text
    assert "__threadfence(); *lock = 0; }" in text


def test_macros_of_one_file_end_with_it():
    texts = {
        "code_objects/a.cu": "#include <x.h>\n#define draw(i) 1\nvoid _run_a() {}\n",
        "code_objects/a.h": "void _run_a();\n",
        "code_objects/after_run_a.cu": "void _after_run_a() {}\n",
        "code_objects/after_run_a.h": "void _after_run_a();\n",
        "main.cu": "int main() {}\n",
    }
    lines = sources.merged(texts).splitlines()
    assert (
        lines.index("#include <x.h>")
        < lines.index('#include "code_objects/a.cu"')
        < lines.index("#undef draw")
    )
    assert "void _run_a() { of_a::_run_a(); }" in lines
    assert "void _after_run_a() { of_a::of_after_run::_after_run_a(); }" in lines
    assert lines[-1] == '#include "main.cu"'


def test_the_device_is_there_once_and_begins_again(program, tmp_path):
    assert cuda_device() is cuda_device() is get_device()
    Network(NeuronGroup(2, "v : 1")).run(1 * ms)
    use_backend("cuda", directory=tmp_path / "again", compile=False, run=False)
    Network(NeuronGroup(3, "v : 1")).run(1 * ms)
    assert Path(tmp_path, "again", sources.PROGRAM).exists()
    assert isinstance(get_device(), CudaDevice)


# ---------------------------------------------------------------------------------------------- single precision
@pytest.mark.parametrize(
    ("double", "single"),
    [
        ("x = 1.5 + .5;", "x = 1.5f + .5f;"),
        ("y = 1e-09 * 2.E3 - 3.;", "y = 1e-09f * 2.E3f - 3.f;"),
        ("1.0f*a/b", "1.0f*a/b"),
        ("w12.size(); a_1.b; file_10.h", "w12.size(); a_1.b; file_10.h"),
        ("a[10] + b12e3", "a[10] + b12e3"),
        ('printf("%.3f of %i", 2.5)', 'printf("%.3f of %i", 2.5f)'),
        ('#include "x_1.5.h"', '#include "x_1.5.h"'),
    ],
)
def test_numbers_and_nothing_else_become_single(double, single):
    assert literals.single(double) == single


def test_single_precision_leaves_names_as_they_are(tmp_path):
    use_backend("cuda", precision="single", directory=tmp_path, compile=False, run=False)
    neurons = NeuronGroup(4, "u : 1", threshold="False", name="neurons")
    synapses = Synapses(neurons, neurons, "w12 : 1", on_pre="u_post += 1.5*w12", name="syn")
    synapses.connect()
    synapses.w12 = "0.5*i"
    Network(neurons, synapses).run(1 * ms)
    code = Path(tmp_path, "code_objects/syn_pre_codeobject.cu").read_text()
    assert "(float)(1.5f * w12)" in code
    assert "_dynamic_array_syn_w12.size()" in code
    assert "float * brian::_array_neurons_u;" in Path(tmp_path, "objects.cu").read_text()


# ---------------------------------------------------------------------------------------------------- preferences
def settings():
    return prefs.devices.cuda_standalone.cuda_backend


def test_without_a_gpu_code_is_for_the_oldest(monkeypatch):
    monkeypatch.setattr(toolkit, "gpus", tuple)
    preferences.prepare()
    assert (settings().gpu_id, settings().compute_capability) == (0, 7.5)
    assert not settings().detect_gpus
    preferences.prepare(gpu=3, compute_capability=9.0)
    assert (settings().gpu_id, settings().compute_capability) == (3, 9.0)


def test_the_best_gpu_is_chosen(monkeypatch):
    there = (toolkit.GPU("old", 7.0), toolkit.GPU("new", 9.0), toolkit.GPU("newish", 8.6))
    monkeypatch.setattr(toolkit, "gpus", lambda: there)
    preferences.prepare()
    assert (settings().gpu_id, settings().compute_capability) == (1, 9.0)
    preferences.prepare(gpu=2)
    assert settings().compute_capability == 8.6
    with pytest.raises(ValueError, match=r"gpu=3, but the GPUs here are 0 \(old\), 1 \(new\), 2 \(newish\)"):
        preferences.prepare(gpu=3)


def test_precision_is_one_of_two():
    preferences.prepare(precision="single")
    assert prefs.core.default_float_dtype == np.float32
    preferences.prepare()
    assert prefs.core.default_float_dtype == np.float64
    with pytest.raises(ValueError, match="precision='half'"):
        preferences.prepare(precision="half")


def test_code_can_be_generated_without_nvcc(tmp_path, monkeypatch):
    monkeypatch.setattr(toolkit, "nvcc", lambda: None)
    use_backend("cuda", directory=tmp_path, compile=False, run=False)
    Network(NeuronGroup(2, "dv/dt = -v/ms : 1", method="exact")).run(1 * ms)
    assert "nvcc $(FLAGS)" in Path(tmp_path, "makefile").read_text()


# -------------------------------------------------------------------------------------------------------- results
def test_recorded_spikes_are_sorted(program, tmp_path):
    neurons = NeuronGroup(5, "v : 1", threshold="v > 1", name="neurons")
    spikes = SpikeMonitor(neurons, variables="v", name="spikes")
    network = Network(neurons, spikes)
    network.run(1 * ms)
    device = get_device()
    device.has_been_run = True
    device.results_dir = f"{tmp_path}/results/"
    recorded = {
        "i": np.array([3, 1, 4, 0, 2], dtype=np.int32),
        "t": np.array([1, 1, 1, 2, 2]) * 1e-3,
        "v": np.array([0.3, 0.1, 0.4, 0.0, 0.2]),
    }
    for name, values in recorded.items():
        values.tofile(tmp_path / "results" / device.get_array_filename(spikes.variables[name]))
    np.array([5], dtype=np.int32).tofile(
        tmp_path / "results" / device.get_array_filename(spikes.variables["N"])
    )
    put_right(device, [network])
    assert list(spikes.i[:]) == [1, 3, 4, 0, 2]
    assert list(spikes.t_[:]) == [0.001, 0.001, 0.001, 0.002, 0.002]
    assert list(spikes.v[:]) == [0.1, 0.3, 0.4, 0.0, 0.2]


def test_a_run_that_ended_early_has_recorded_less(program, tmp_path):
    neurons = NeuronGroup(3, "v : 1", threshold="v > 1", name="neurons")
    monitor = StateMonitor(neurons, "v", record=[0, 2], name="monitor")
    rates = PopulationRateMonitor(neurons, name="rates")
    network = Network(neurons, monitor, rates)
    network.run(1 * ms)
    device = get_device()
    device.has_been_run = True
    device.results_dir = f"{tmp_path}/results/"
    # memory for ten steps, of which there were four
    times = np.arange(4) * 1e-4
    of_rates = {"t": np.append(times, np.zeros(6)), "rate": np.append([5.0, 0, 3, 0], np.zeros(6))}
    recorded = {
        monitor: {"t": times, "v": np.arange(20.0), "N": np.array([4], dtype=np.int32)},
        rates: of_rates | {"N": np.array([10], dtype=np.int32)},
    }
    for each, arrays in recorded.items():
        for name, values in arrays.items():
            values.tofile(tmp_path / "results" / device.get_array_filename(each.variables[name]))
    put_right(device, [network])
    assert np.array_equal(monitor.v, np.arange(8.0).reshape(4, 2).T)
    assert np.array_equal(rates.t_, times)
    assert list(rates.rate_) == [5, 0, 3, 0]
    assert rates.N == 4


def test_synapses_have_the_default_clock_that_their_code_names_although_nothing_steps_on_it(program):
    neurons = NeuronGroup(2, "v : 1", threshold="v > 1", dt=2 * ms, name="neurons")
    synapses = Synapses(neurons, neurons, on_pre="v_post += 1", dt=2 * ms, name="syn")
    synapses.connect()
    Network(neurons, synapses).run(4 * ms)
    assert "defaultclock" in code_of(program, "syn_pre_codeobject")
    assert "Clock brian::defaultclock" in program("objects.cu")
