"""CUDA programs of whole networks give the numbers of "cpp": run on a CPU, by the stand-in of tests/cuda_on_cpu."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from brian2 import (
    Network,
    NeuronGroup,
    PopulationRateMonitor,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    TimedArray,
    get_device,
    ms,
    mV,
    pA,
    second,
    umolar,
)
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("brian2cuda", reason="Brian2CUDA is not installed")
if shutil.which("g++") is None:
    pytest.skip("no g++", allow_module_level=True)

import stand_in
from stand_in import compile_for_cpu, on_cpu, settings

from astrobrian import (
    AstrocyteGroup,
    GapJunctions,
    Neurons,
    PhysicalRangeError,
    TripartiteSynapses,
    build,
    use_backend,
)
from astrobrian.backends.features import FEATURES
from astrobrian.equations import (
    cleft_glutamate,
    coba_lif,
    excitatory_conductance,
    gchi,
    gliotransmission,
    inhibitory_conductance,
    presynaptic_receptors,
    tsodyks_markram,
)
from astrobrian.studies.compatibility import ROWS
from astrobrian.studies.compatibility.comparison import compare
from astrobrian.studies.compatibility.runner import references, run_cells

RELEASE = tsodyks_markram + cleft_glutamate + presynaptic_receptors + excitatory_conductance
EXCITATORY, NEURONS, ASTROCYTES = 60, 80, 20


@pytest.fixture(autouse=True)
def leave_nothing():
    yield
    get_device().reinit()


def simulate(describe, backend, directory, **options):
    """What a network recorded: `describe` makes and runs it, and returns what reads its monitors."""
    if backend == "cpp":
        use_backend("cpp", directory=directory, build_on_run=False, with_output=False)
        read = describe()
        build()
        return read()
    use_backend("cuda", directory=directory, build_on_run=False, compile=False, with_output=False)
    read = describe()
    device = get_device()
    with on_cpu(device, **options):
        device.build(**{**device.build_options, "compile": True, "run": True})
    return read()


def events(monitor):
    """Cells and times of events, in the order of times, and of cells where those are equal."""
    i, t = np.array(monitor.i), np.array(monitor.t / ms)
    return np.stack([i, t])[:, np.lexsort((i, t))]


def traces(*monitors):
    return {name: np.array(getattr(each, name)) for each in monitors for name in each.record_variables}


def tripartite(rng, source, target, model, astrocytes=None, territory=None):
    synapses = TripartiteSynapses(source, target, astrocytes, model)
    i, j = np.nonzero(rng.random((len(source), len(target))) < 0.1)
    synapses.connect(i=i, j=j)
    if astrocytes is not None:
        synapses.cover(by="post", index=territory)
    return synapses, len(i)


def closed_loop():
    """The published equations in a closed loop, lifted, with all that generated code does for them.

    Synapses with equal and with different delays write to the same astrocytes, which step more slowly, are coupled,
    cover some neurons and not others, and change what the synapses release.
    """
    rng = np.random.default_rng(1)
    drive = TimedArray([130, 170, 110, 160] * pA, dt=20 * ms)
    neurons = Neurons(NEURONS, coba_lif, method="euler", namespace={"drive": drive})
    neurons.run_regularly("I_ex = drive(t)", dt=20 * ms)
    neurons.v = rng.uniform(-60, -50, NEURONS) * mV
    excitatory, inhibitory = neurons[:EXCITATORY], neurons[EXCITATORY:]
    glia = AstrocyteGroup(ASTROCYTES, gchi(O_beta=5 * umolar / second) + gliotransmission, dt=1 * ms)
    glia.C = rng.uniform(0.3, 0.5, ASTROCYTES) * umolar
    glia.I = rng.uniform(0.5, 0.9, ASTROCYTES) * umolar
    ring = GapJunctions(glia, pairs=(np.arange(ASTROCYTES), np.roll(np.arange(ASTROCYTES), 1)))

    covering = rng.integers(-1, ASTROCYTES, NEURONS)
    equal, _ = tripartite(rng, excitatory, neurons, RELEASE, glia, covering)
    equal.delay = 1 * ms
    different, number = tripartite(rng, excitatory, neurons, RELEASE, glia, covering[::-1])
    different.delay = rng.uniform(0, 4, number) * ms
    inhibiting, _ = tripartite(rng, inhibitory, neurons, tsodyks_markram + inhibitory_conductance)

    cells = StateMonitor(glia, ["Y_S", "G_A", "C", "J_coupling"], record=True)
    conductances = StateMonitor(neurons, ["g_e", "g_i", "v"], record=True)
    on_synapses = StateMonitor(different, ["Gamma_S", "x_S"], record=[0, 10, 20])
    rate = PopulationRateMonitor(neurons)
    spikes, of_some, releases = SpikeMonitor(neurons), SpikeMonitor(inhibitory), SpikeMonitor(glia)
    network = Network(neurons, glia, ring, equal, different, inhibiting)
    network.add(cells, conductances, on_synapses, rate, spikes, of_some, releases)
    network.run(50 * ms)
    glia.I = np.linspace(0.9, 0.5, ASTROCYTES) * umolar
    network.run(30 * ms)

    def read():
        values = traces(cells, conductances, on_synapses)
        values |= {"rate": np.array(rate.rate), "x_S at the end": np.array(equal.x_S)}
        return values, [events(spikes), events(of_some), events(releases)]

    return read


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The closed loop on "cpp"."""
    return simulate(closed_loop, "cpp", tmp_path_factory.mktemp("cpp"))


def check(found, expected):
    (values, spikes), (expected_values, expected_spikes) = found, expected
    for each, other in zip(spikes, expected_spikes, strict=True):
        assert_array_equal(each, other)
    assert expected_values.keys() == values.keys()
    for name, each in expected_values.items():
        assert_allclose(values[name], each, rtol=0, atol=1e-9 * np.abs(each).max(), err_msg=name)


def test_a_closed_loop_has_the_numbers_of_cpp(expected, tmp_path):
    assert all(each.shape[1] > 5 for each in expected[1])
    check(simulate(closed_loop, "cuda", tmp_path), expected)


def test_a_variable_that_leaves_its_range_ends_the_run(tmp_path):
    def describe():
        astrocytes = AstrocyteGroup(150, gchi, dt=1 * ms, check_range=True)
        astrocytes.C = 0.3 * umolar
        astrocytes.run_regularly("C -= 1*umolar*int(i == 101)*int(t > 5*ms)", dt=1 * ms)
        Network(astrocytes).run(10 * ms)

    with pytest.raises(PhysicalRangeError, match="101"):
        simulate(describe, "cuda", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{"look_for": "races"}, {"look_for": "addresses"}, {"guard": True}, {"order": 2}],
    ids=lambda each: "-".join(map(str, *each.items())),
)
def test_no_races_no_wrong_addresses_no_wrong_sides_no_order(expected, tmp_path, options):
    check(simulate(closed_loop, "cuda", tmp_path, **options), expected)


@pytest.mark.slow
def test_every_row_of_the_table_of_features(monkeypatch):
    monkeypatch.setenv(
        "PYTHONPATH", str(Path(stand_in.__file__).parents[1])
    )  # for the processes of the table
    features = {each for each in FEATURES if FEATURES[each].status("cuda") != "refused"}
    features -= {"interrupt"}  # the CPU is still busy with the memory of a very long run when Ctrl-C comes
    reference, found = references(sorted(features)), run_cells("cuda", sorted(features), "stand-in")
    wrong = {each: found[each].reason for each in features if found[each].status == "failed"}
    for each in features - wrong.keys():
        compared = compare(ROWS[each], found[each].recorded, reference[each].recorded)
        if not compared.agrees:
            wrong[each] = str(compared)
    assert not wrong


ADDITION = re.compile(r"_brian_atomicAdd\(&(\w+)\[(\w+)\], ")


def feeding():
    """Synapses that add to neurons, and to the territories of two astrocytes, in the same time step."""
    source = SpikeGeneratorGroup(40, np.arange(40), np.zeros(40) * ms)
    target = NeuronGroup(5, "g_e : siemens")
    glia = AstrocyteGroup(2, gchi + gliotransmission)
    synapses = TripartiteSynapses(source, target, glia, RELEASE)
    synapses.connect(i=np.arange(40), j=np.arange(40) % 5)
    synapses.cover(by="post", index=[0, 1, 0, 1, 0])
    Network(source, target, glia, synapses).run(1 * ms)


@pytest.mark.slow
def test_each_addition_of_a_synapse_would_be_a_race_if_it_werent_atomic(tmp_path):
    use_backend("cuda", directory=tmp_path, build_on_run=False, compile=False)
    feeding()
    build()
    (path,) = tmp_path.glob("code_objects/tripartite*_pre_codeobject.cu")
    code = path.read_text()
    arrays = {array for array, _ in ADDITION.findall(code)}
    assert {array.rsplit("_", 2)[-2:] == ["g", "e"] for array in arrays} == {True, False}
    assert "data race" not in _said(tmp_path)
    for each in arrays:
        path.write_text(
            ADDITION.sub(lambda at, each=each: f"{at[1]}[{at[2]}] += (" if at[1] == each else at[0], code)
        )
        assert "data race" in _said(tmp_path), each


def _said(project):
    program = compile_for_cpu(project, "races")
    return subprocess.run(
        [program],
        cwd=project,
        env={**os.environ, **settings("races")},
        capture_output=True,
        text=True,
        check=False,
    ).stderr
