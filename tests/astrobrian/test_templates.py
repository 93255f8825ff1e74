"""Our own templates do what Brian2's do: the same numbers, drawn in the same order, with less work."""

import numpy as np
import pytest
from brian2 import (
    EventMonitor,
    Hz,
    Network,
    NeuronGroup,
    PoissonGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    TimedArray,
    check_units,
    defaultclock,
    get_device,
    implementation,
    linked_var,
    ms,
    profiling_summary,
    second,
    seed,
    set_device,
)
from jinja2 import ChoiceLoader, FunctionLoader

from astrobrian import use_backend
from astrobrian.standalone import codeobject

REPLACED = "network", "stateupdate", "summed_variable", "synapses", "threshold"
CELLS = 700  # more than two blocks, and part of another


@implementation("cpp", "static double counted(double x) { static double calls; return x + (calls += 1); }")
@check_units(x=1, result=1)
def counted(x):
    raise NotImplementedError


def everything() -> tuple[Network, dict]:
    """A network with something of everything that the templates treat, and what is compared of it."""
    seed(3)
    defaultclock.dt = 0.1 * ms
    noisy = NeuronGroup(
        CELLS,
        """dv/dt = (1.05 - v)/(10*ms) + 0.2*xi/sqrt(10*ms) : 1 (unless refractory)
        dropped : integer""",
        threshold="v > 1 and rand() < 0.9",
        reset="v = 0",
        refractory=3 * ms,
        events={"low": "v < 0.01"},
        method="euler",
        name="noisy",
    )
    noisy.v = "rand()"
    noisy.run_on_event("low", "dropped += 1")
    noisy.run_regularly("v += 0.01*randn()", dt=0.3 * ms)
    poisson = PoissonGroup(CELLS, 100 * Hz, name="poisson")

    drive = TimedArray([0.5, 1.5, 1.0], dt=20 * ms)
    smooth = NeuronGroup(
        CELLS,
        """dx/dt = (drive(t) + tanh(x) + exp(-x) - clip(x, 0, 2)**2 - x**1.3 + total)/(5*ms) : 1
        dy/dt = sin(t/ms)/ms + not_refractory*x/(9*ms) : 1
        total : 1
        drawn : 1""",
        threshold="x > 1",
        reset="x = 0.01*y",
        refractory="2*ms + 0.1*ms*i/N",
        method="rk4",
        namespace={"drive": drive},
        dt=0.25 * ms,
        name="smooth",
    )
    smooth.x = "0.5 + 0.4*i/N"
    other = Synapses(
        smooth[50:],
        smooth[:600],
        """total_post = 0.1*tanh(x_pre - x_post) + 0.01*w : 1 (summed)
        drawn_post = rand() + drawn_pre : 1 (summed)
        w : 1""",
        name="other",
    )
    other.connect(j="(i + k*k) % N_post for k in range(3)")
    other.w = "i/1.0/N_pre"
    dynamic = Synapses(
        smooth,
        smooth,
        """dg/dt = -g/(3*ms) + 0.001*x_post/ms : 1 (clock-driven)
        da/dt = -a/(7*ms) : 1 (event-driven)""",
        on_pre="a += exp(-0.01*j)\ng += a",
        method="exact",
        name="dynamic",
    )
    dynamic.connect(j="(i + k*k) % N_post for k in range(5)")

    ordered = NeuronGroup(
        CELLS, "y : 1\nto_the_left : integer (constant)\ny_left : 1 (linked)\nw : 1", name="ordered"
    )
    ordered.to_the_left = "clip(i - 1, 0, N)"
    ordered.y_left = linked_var(ordered, "y", index="to_the_left")
    ordered.run_regularly("y = y_left + 1", dt=1 * ms)
    ordered.run_regularly("w = counted(y)", dt=1 * ms)
    smooth[3:9].run_regularly("y -= 0.01", dt=1 * ms)

    spikes = SpikeMonitor(noisy), EventMonitor(noisy, "low"), SpikeMonitor(poisson), SpikeMonitor(smooth)
    trace = StateMonitor(smooth, ["x", "y", "total"], record=range(0, CELLS, 9))
    network = Network(noisy, poisson, smooth, other, dynamic, ordered, *spikes, trace)
    return network, {
        "exact": (noisy, ordered, spikes[:3]),
        "close": (smooth, dynamic, spikes[3], trace),
    }


def simulate(**report) -> tuple[dict, dict]:
    """What is the same to the last bit, and what up to rounding, after two runs."""
    network, parts = everything()
    network.run(40 * ms, profile=True, **report)
    network.run(20 * ms, profile=True, **report)
    device = get_device()
    device.build(**device.build_options)
    noisy, ordered, spikes = parts["exact"]
    exact = {"v": noisy.v[:], "dropped": noisy.dropped[:], "last": noisy.lastspike[:], "order": ordered.y[:]}
    exact |= {"counted": ordered.w[:], "drawn": parts["close"][0].drawn[:]}
    exact |= {f"events_{k}_{n}": np.array(getattr(m, n)) for k, m in enumerate(spikes) for n in "it"}
    smooth, dynamic, fired, trace = parts["close"]
    close = {
        "x": smooth.x[:],
        "y": smooth.y[:],
        "g": dynamic.g[:],
        "a": dynamic.a[:],
        "fired": np.array(fired.t / second),
    }
    close |= {name: getattr(trace, name) for name in ("x", "y", "total")} | {"t": np.array(trace.t / second)}
    assert len(fired.i) > 100 and len(exact["dropped"].nonzero()[0]) > 10 and (ordered.y > 100).any()
    assert "stateupdater" in str(profiling_summary(network))
    assert network.t == 60 * ms and device._last_run_completed_fraction == 1
    return exact, close


def assert_same(found, expected, tolerance):
    assert found.keys() == expected.keys()
    for name in found:
        np.testing.assert_allclose(found[name], expected[name], rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    use_backend("cpp", directory=tmp_path_factory.mktemp("ours"), build_on_run=False)
    yield simulate(report="text")


def test_everything_is_as_with_brian2s_templates(ours, tmp_path, monkeypatch):
    """On the same device, which builds quickly."""
    templater = codeobject._templater()
    find = templater.env.loader.get_source
    replaced = {f"{name}.cpp": f"brian2/{name}.cpp" for name in REPLACED}
    theirs = FunctionLoader(lambda name: find(templater.env, replaced[name])[0] if name in replaced else None)
    templater.env.loader = ChoiceLoader([theirs, templater.env.loader])
    monkeypatch.setattr(codeobject.CodeObject, "templater", templater)
    use_backend("cpp", directory=tmp_path, build_on_run=False)
    exact, close = simulate()
    assert "std::set" in (tmp_path / "network.h").read_text()
    assert_same(ours[0], exact, 0)
    assert_same(ours[1], close, 1e-12)


@pytest.mark.slow
def test_everything_is_as_on_brian2s_device(ours, tmp_path):
    set_device("cpp_standalone", directory=tmp_path, build_on_run=False)
    exact, close = simulate()
    assert_same(ours[0], exact, 0)
    assert_same(ours[1], close, 1e-12)


def test_threads_share_what_is_not_random(ours, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    use_backend("cpp", directory=tmp_path, build_on_run=False, threads=2)
    assert_same(simulate()[1], ours[1], 1e-12)


INDEPENDENT = (
    "dynamic_stateupdater",
    "noisy_low_thresholder",
    "other_summed_variable_total_post",
    "smooth_spike_thresholder",
    "smooth_stateupdater",
)
DEPENDENT = (
    "noisy_run_regularly",  # random numbers
    "noisy_spike_thresholder",
    "noisy_stateupdater",
    "other_summed_variable_drawn_post",
    "ordered_run_regularly",  # reads what another pass has written
    "ordered_run_regularly_1",  # a function with a memory, though Brian2 is not told
    "poisson_spike_thresholder",
    "smooth_subgroup_2_run_regularly",  # writes through an index
)


def test_only_independent_passes_are_made_at_once(tmp_path):
    use_backend("cpp", directory=tmp_path, build_on_run=False)
    network, _ = everything()
    device = get_device()
    device._set_maximum_run_time(1.5 * second)
    network.run(1 * ms)
    device.build(**{**device.build_options, "compile": False, "run": False})
    sources = {path.stem: path.read_text() for path in (tmp_path / "code_objects").glob("*.cpp")}
    for name in INDEPENDENT:
        assert "#pragma omp simd" in sources[f"{name}_codeobject"], name
    for name in DEPENDENT:
        assert "#pragma omp simd" not in sources[f"{name}_codeobject"], name
    assert "elapsed() <= 1.5" in (tmp_path / "network.cpp").read_text()
