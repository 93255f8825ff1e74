"""Networks on GeNN against the same networks on Brian2's own runtime, step by step.

Programs are run in GeNN's order by `astrobrian.genn.rehearsal`, and by GeNN where it is installed.
"""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import (
    Network,
    NeuronGroup,
    PopulationRateMonitor,
    Soma,
    SpatialNeuron,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    TimedArray,
    check_units,
    implementation,
    linked_var,
    mm,
    ms,
    mV,
    network_operation,
    pA,
    second,
    seed,
    set_device,
    um,
    umolar,
)

from astrobrian import AstrocyteGroup, GapJunctions, Grid, Neurons, TripartiteSynapses, place, use_backend
from astrobrian.backends import obstacle
from astrobrian.backends.findings import UnsupportedFeature
from astrobrian.equations import (
    Model,
    Parameter,
    chi,
    cleft_glutamate,
    coba_lif,
    excitatory_conductance,
    gchi,
    gliotransmission,
    inhibitory_conductance,
    linear_gap_junction,
    presynaptic_receptors,
    tsodyks_markram,
)
from astrobrian.genn import running
from astrobrian.genn.device import genn_device
from astrobrian.genn.rehearsal import rehearse
from astrobrian.guard import PhysicalRangeError

LACKING = obstacle("genn")
needs_genn = pytest.mark.skipif(LACKING is not None, reason=LACKING.reason if LACKING else "")

LIF = """
dv/dt = (g - v + I)/(10*ms) : 1
dg/dt = -g/(5*ms) : 1
I : 1
"""


@pytest.fixture
def rehearsed(monkeypatch):
    """Programs are run by the stand-in for GeNN."""
    monkeypatch.setattr(running, "run", lambda program, *_: rehearse(program))


def neurons(N=8, **kwargs):
    group = NeuronGroup(N, LIF, **{"threshold": "v > 1", "reset": "v = 0", "method": "exact", **kwargs})
    group.I = np.linspace(0.8, 1.6, N)
    group.v = np.linspace(0, 0.9, N)
    return group


def recorded(group, *variables, **kwargs):
    return StateMonitor(group, variables, record=True, **kwargs)


# Each of these describes a network, which is run on both
def input_at_the_time_of_a_reset():
    """The spike that makes a neuron fire is lost in its reset, as are others of the same step."""
    cells = neurons()
    synapses = Synapses(cells, cells, "w : 1", on_pre="v_post += w")
    synapses.connect(condition="i != j")
    synapses.w = "0.05*(1 + i)"
    return [cells, synapses, SpikeMonitor(cells, ["v", "I"]), recorded(cells, "v", "g")]


def refractory_cells():
    cells = NeuronGroup(
        6,
        "dv/dt = (1.5 - v)/(5*ms) : 1 (unless refractory)\nn : 1\nperiod : second",
        threshold="v > 1",
        reset="v = 0\nn += 1",
        refractory="period",
        method="exact",
    )
    cells.period = np.arange(6) * ms
    synapses = Synapses(cells, cells, on_pre="v_post += 0.1", delay=0.7 * ms)
    synapses.connect()
    return [cells, synapses, SpikeMonitor(cells), recorded(cells, "v", "n"), PopulationRateMonitor(cells)]


def several_targets_of_a_spike():
    cells = neurons()
    synapses = Synapses(
        cells,
        cells,
        "dx/dt = (1 - x)/(20*ms) : 1 (event-driven)\nw : 1",
        on_pre="r = 0.3*x\nx -= r\nv_post += w*r\ng_post -= -w*r",
    )
    synapses.connect(condition="i != j")
    synapses.w, synapses.x = "0.1 + 0.01*j", 0.4  # not where it rests
    return [cells, synapses, SpikeMonitor(cells), recorded(cells, "v", "g"), recorded(synapses, "x", "w")]


def connections_in_disorder():
    """Unsorted, some of them twice, from and to subgroups."""
    cells = neurons()
    synapses = Synapses(
        cells[2:6], cells[1:], "w : 1\nscaled = w/N_incoming*N_outgoing : 1", on_pre="g += scaled"
    )
    synapses.connect(i=[3, 0, 1, 0, 3, 3], j=[6, 2, 2, 2, 0, 6])
    synapses.w = np.arange(1, 7) * 0.02
    synapses.run_regularly("w *= 1.1", dt=2 * ms)
    return [cells, synapses, recorded(cells, "g"), recorded(synapses, "w"), SpikeMonitor(cells[1:3])]


def different_delays():
    cells = neurons()
    synapses = Synapses(cells, cells, "w : 1", on_pre="g_post += w*I_post\nw *= 0.9")
    synapses.connect(condition="i != j")
    synapses.w = 0.1
    synapses.delay = "(i % 3)*0.4*ms"
    return [cells, synapses, recorded(cells, "v", "g"), recorded(synapses, "w")]


def delayed_and_recurrent():
    """A variable that delayed synapses of the same group read, and a monitor of it."""
    cells = NeuronGroup(
        8, LIF + "du/dt = (v - u)/(30*ms) : 1", threshold="v > 1", reset="v = 0", method="euler"
    )
    cells.I, cells.u = np.linspace(0.8, 1.6, 8), np.linspace(0, 1, 8)
    synapses = Synapses(cells, cells, on_pre="g_post += 0.1*u_post", delay=1.3 * ms)
    synapses.connect(condition="i != j")
    return [cells, synapses, recorded(cells, "u", "g")]


def plasticity():
    cells = neurons()
    synapses = Synapses(
        cells,
        cells,
        """w : 1
        dapre/dt = -apre/(10*ms) : 1 (event-driven)
        dapost/dt = -apost/(12*ms) : 1 (event-driven)""",
        on_pre="""
        apre += 0.05
        w = clip(w + apost, 0, 0.2)
        g_post += w""",
        on_post="apost -= 0.04\nw = clip(w + apre, 0, 0.2)",
    )
    synapses.connect(condition="i != j")
    synapses.w, synapses.apre = 0.1, "0.01*i"
    return [cells, synapses, recorded(synapses, "w", "apre", "apost"), recorded(cells, "g")]


def two_pathways():
    cells = neurons()
    synapses = Synapses(
        cells, cells, on_pre={"now": "g_post += 0.05", "later": "v_post -= 0.02"}, delay={"later": 2 * ms}
    )
    synapses.connect(condition="i != j")
    return [cells, synapses, recorded(cells, "v", "g")]


def equations_of_synapses():
    """Clock-driven, changed by spikes and by the user."""
    cells = neurons()
    synapses = Synapses(
        cells,
        cells,
        "da/dt = (b - a)/(3*ms) : 1 (clock-driven)\ndb/dt = -b/(7*ms) + 2*sin(t/ms)*Hz : 1 (clock-driven)",
        on_pre="a += 0.1\ng_post += 0.2*a",
        method="euler",
    )
    synapses.connect(condition="abs(i - j) == 1")
    synapses.run_regularly("b += 0.01*t/ms", dt=1.5 * ms)
    return [cells, synapses, recorded(synapses, "a", "b"), recorded(cells, "g")]


def sums():
    """Of both sides, for subgroups, of a pair connected twice, with names inside of names."""
    cells = NeuronGroup(
        7, "dx/dt = (1 - x + p)/(10*ms) : 1\ndxx/dt = -xx*Hz : 1\np : 1\nq : 1\nr : 1", method="rk2"
    )
    cells.x, cells.xx = np.linspace(0, 1, 7), np.linspace(3, 1, 7)
    found = [cells, recorded(cells, "x", "p", "q", "r")]
    for model, source, target in (
        ("p_post = 0.1*exp(x_pre - xx_post)*w : 1 (summed)\nw : 1", cells, cells),
        ("q_post = x_pre/N_incoming : 1 (summed)\nw : 1", cells[:3], cells[2:5]),
        ("r_pre = w*x_post : 1 (summed)\nw : 1", cells, cells),
    ):
        synapses = Synapses(source, target, model)
        synapses.connect(i=[2, 0, 1, 1, 0], j=[0, 2, 1, 1, 1])
        synapses.w = "0.1 + i"
        found.append(synapses)
    return found


def astrocytes():
    """With gap junctions of both kinds, on a clock of their own, with releases and events of another name."""
    cells = AstrocyteGroup(4, chi, dt=1 * ms)
    cells.C = np.linspace(0.05, 0.6, 4) * umolar
    cells.I = np.linspace(0.1, 1.5, 4) * umolar
    others = AstrocyteGroup(4, chi, threshold="C > 0.2*umolar", reset="", refractory="C > 0.2*umolar")
    others.C = np.linspace(0.05, 0.4, 4) * umolar
    thresholded = GapJunctions(cells, pairs=([0, 1, 2], [1, 2, 3]))
    linear = GapJunctions(others, pairs=([0, 3], [1, 2]), model=linear_gap_junction)
    return [
        cells,
        others,
        thresholded,
        linear,
        recorded(cells, "C", dt=2 * ms),
        recorded(others, "C"),
        SpikeMonitor(others),
    ]


def slow_cells():
    """Groups with clocks of their own, in both directions."""
    fast = neurons()
    slow = NeuronGroup(
        4,
        "da/dt = (1.3 - a)/(8*ms) : 1\nb : 1",
        threshold="a > 1",
        reset="a = 0",
        refractory=3 * ms,
        dt=0.5 * ms,
        method="euler",
    )
    slow.a = "0.2*i"
    there, back = (
        Synapses(fast, slow, on_pre="b += 0.1"),
        Synapses(slow, fast, on_pre="g += 0.1", delay=1 * ms),
    )
    there.connect()
    back.connect()
    return [fast, slow, there, back, recorded(slow, "a", "b"), recorded(fast, "g"), SpikeMonitor(slow)]


def inputs():
    current = TimedArray([0.5, 1.2, 0.9, 1.5], dt=7 * ms, name="current")
    each = TimedArray(np.arange(12).reshape(4, 3) * 0.2, dt=9.1 * ms, name="each")
    cells = NeuronGroup(
        3,
        "dv/dt = (current(t) + each(t, i) + I - v)/(10*ms) : 1\nI : 1\nn : 1\nfactor : 1 (shared)",
        threshold="v > 1",
        reset="v = 0",
        method="rk4",
        name="driven",
    )
    cells.factor = 0.9
    cells.run_regularly("I = 0.1*current(t)*factor", dt=1 * ms, name="before_monitors")
    cells[1:].run_regularly("n += v", dt=2 * ms, name="zz_after_monitors")
    clocked = SpikeGeneratorGroup(3, [0, 1, 2, 0], [0, 1.5, 3, 4] * ms, period=5 * ms)
    synapses = Synapses(clocked, cells, on_pre="v += 0.2")
    synapses.connect(j="i")
    namespace = {"current": current, "each": each}
    cells.namespace.update(namespace)
    return [
        cells,
        clocked,
        synapses,
        SpikeMonitor(cells),
        SpikeMonitor(clocked),
        recorded(cells, "v", "n", "I"),
    ]


def functions_and_expressions():
    cells = NeuronGroup(
        5,
        """dx/dt = rate*exprel(x)*clip(y, -0.3333333333, 0.7777777777)*Hz : 1
        rate = log1p(y) + sign(x - 0.5) + int(x > 0.6) + int(4.7*y)/3 + (y % 0.3) + y//0.3 + n/3 + expm1(-abs(y)**2) : 1
        held = x*t/second : 1 (constant over dt)
        y : 1
        n : integer
        on : boolean""",
        method="heun",
    )
    cells.y, cells.x, cells.n, cells.on = np.linspace(0, 1, 5), "i*0.2", "i", "i > 2"
    cells.run_regularly("n += int(on)", dt=1 * ms, name="counting")
    return [cells, recorded(cells, "x", "rate", "held", "n", "on", name="watching")]


def nothing_connected():
    cells = neurons()
    synapses = Synapses(cells, cells, on_pre="v += 1")
    synapses.connect(condition="i < 0")
    return [cells, synapses, recorded(cells, "v")]


NETWORKS = [
    input_at_the_time_of_a_reset,
    refractory_cells,
    several_targets_of_a_spike,
    connections_in_disorder,
    different_delays,
    delayed_and_recurrent,
    plasticity,
    two_pathways,
    equations_of_synapses,
    sums,
    astrocytes,
    slow_cells,
    inputs,
    functions_and_expressions,
    nothing_connected,
]


def outcome(networks, duration=30 * ms):
    """Everything that monitors recorded, and every variable as it is after the run."""
    seed(5)
    objects = [each for network in networks for each in network()]
    Network(objects).run(duration)
    found = {}
    for number, each in enumerate(objects):
        monitored = isinstance(each, StateMonitor | SpikeMonitor | PopulationRateMonitor)
        names = (
            ["t", "rate"]
            if isinstance(each, PopulationRateMonitor)
            else ["t", *getattr(each, "record_variables", ())]
        )
        if not monitored:
            names = sorted(name for name in getattr(each, "equations", {}) if name in each.variables)
        for name in names:
            found[number, type(each).__name__, name] = np.array(getattr(each, name), dtype=float)
    found["time"] = np.array(objects[0].t_[:])
    return found


def compare(networks):
    expected = outcome(networks)
    set_device(genn_device())
    got = outcome(networks)
    assert got.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(got[name], values, rtol=1e-9, atol=1e-12, err_msg=str(name))


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_is_what_it_is_in_brian2(network, rehearsed):
    compare([network])


@needs_genn
@pytest.mark.slow
def test_genn_does_what_its_stand_in_does():
    compare(NETWORKS)


# ---------------------------------------------------------------------------------------------------------- refused
def _a_network_operation():
    @network_operation
    def look():
        pass

    return [neurons(), look]


def _synapses(model="", *, target=None, source=None, **kwargs):
    cells = neurons()
    synapses = Synapses(cells, target or cells, model, **kwargs)
    synapses.connect()
    return [each for each in (cells, target, synapses) if each is not None]


def _a_linked_variable():
    cells = neurons()
    others = NeuronGroup(8, "x : 1 (linked)\ny = x : 1\ndz/dt = x*Hz : 1", method="euler")
    others.x = linked_var(cells, "v")
    return [cells, others]


def _a_function():
    @implementation("numpy", discard_units=True)
    @check_units(x=1, result=1)
    def double(x):
        return 2 * x

    return [NeuronGroup(1, "dx/dt = double(x)*Hz : 1", namespace={"double": double}, method="euler")]


def _a_long_table():
    long = TimedArray(np.zeros(200_000), dt=1 * ms, name="long")
    return [NeuronGroup(1, "dx/dt = long(t)*Hz : 1", namespace={"long": long}, method="euler")]


def _delays_of_all_sizes():
    cells, synapses = _synapses(on_pre="g_post += 1")
    synapses.delay = "(i + 8*j)*ms"
    return [cells, synapses]


def _compartments():
    return [SpatialNeuron(Soma(10 * um), "Im = 0*amp/metre**2 : amp/metre**2")]


def _synapses_of_synapses():
    cells, synapses = _synapses("w : 1", on_pre="g_post += w")
    copies = Synapses(cells, synapses, "w_post = v_pre : 1 (summed)")
    copies.connect()
    return [cells, synapses, copies]


def _a_sum_for_a_part():
    """Brian2 computes it after the step of the cells and before their thresholds."""
    cells = NeuronGroup(4, "dv/dt = -v*Hz : 1\ns : 1", threshold="v + s > 1", reset="v = 0", method="euler")
    synapses = Synapses(cells, cells[2:], "s_post = v_pre : 1 (summed)")
    synapses.connect()
    return [cells, synapses]


def _another_slot():
    cells, synapses = _synapses(on_pre="g_post += 1")
    synapses.pre.when = "after_resets"
    return [cells, synapses]


def _inactive():
    cells = neurons()
    cells.state_updater.active = False
    return [cells]


def _post_before_pre():
    cells, synapses = _synapses("w : 1", on_pre="g_post += w", on_post="w += 1")
    synapses.post.order = -2
    return [cells, synapses]


def _two_events():
    return [neurons(events={"high": "v > 0.9"})]


REFUSED = {
    "network operation": ("network_operation", _a_network_operation),
    "linked variable": ("linked_variables", _a_linked_variable),
    "user function": ("user_functions", _a_function),
    "table": ("timed_array", _a_long_table),
    "delays": ("different_delays", _delays_of_all_sizes),
    "delay of on_post": (
        "post_delays",
        lambda: _synapses("w : 1", on_post={"post": "w += 1"}, delay={"post": 1 * ms}),
    ),
    "compartments": ("other_objects", _compartments),
    "synapses of synapses": ("published_form", _synapses_of_synapses),
    "events": ("custom_events", _two_events),
    "reading the presynaptic neuron": ("presynaptic_variables", lambda: _synapses(on_pre="g_post += v_pre")),
    "changing the presynaptic neuron": ("spikes_elsewhere", lambda: _synapses(on_pre="g_pre += 1")),
    "setting": ("spikes_elsewhere", lambda: _synapses(on_pre="g_post = 1")),
    "spikes of both sides": ("spikes_elsewhere", lambda: _synapses(on_post="g_pre += 1")),
    "order of spikes": ("spikes_read_written", lambda: _synapses(on_pre="g_post += 0.1*(1 - g_post)")),
    "sum of what spikes change": (
        "sums_of_spikes",
        lambda: _synapses("w : 1\nI_post = w : 1 (summed)", on_pre="w += 0.1"),
    ),
    "sum of a variable that spikes change": (
        "sums_of_spikes",
        lambda: [*_synapses("I_post = g_pre : 1 (summed)", on_pre="g_post += 0.1")],
    ),
    "sum for a part, read by a threshold": ("sums_of_spikes", _a_sum_for_a_part),
    "equations that read neurons": (
        "clock_driven_synapses",
        lambda: _synapses("dw/dt = v_post*Hz : 1 (clock-driven)", method="euler", on_pre="g_post += w"),
    ),
    "random numbers for two": (
        "several_targets",
        lambda: _synapses(on_pre="r = rand()\ng_post += r\nv_post += r"),
    ),
    "order": ("object_order", lambda: [neurons(order=1)]),
    "schedule": ("object_order", _another_slot),
    "inactive": ("object_order", _inactive),
    "order of pathways": ("object_order", _post_before_pre),
    "a monitor at the end": ("object_order", lambda: [*(G := [neurons()]), recorded(G[0], "v", when="end")]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_genn_cannot_do_is_refused_with_its_name(case, monkeypatch):
    monkeypatch.setattr(running, "run", lambda *_: pytest.fail("it was sent to GeNN"))
    feature, network = REFUSED[case]
    set_device(genn_device())
    objects = network()
    with pytest.raises(UnsupportedFeature) as refused:
        Network(objects).run(1 * ms)
    assert feature in {each.feature for each in refused.value.refusals}
    assert "numpy" in str(refused.value)


def test_all_reasons_are_given_at_once(rehearsed):
    set_device(genn_device())
    with pytest.raises(UnsupportedFeature) as refused:
        Network(_a_network_operation(), _two_events()).run(1 * ms)
    assert {each.feature for each in refused.value.refusals} == {"network_operation", "custom_events"}


def test_a_second_run_is_refused(rehearsed):
    set_device(genn_device())
    network = Network(neurons())
    network.run(1 * ms)
    with pytest.raises(UnsupportedFeature, match="give the whole duration to one run"):
        network.run(1 * ms)


def test_another_network_may_run_after_one(rehearsed):
    set_device(genn_device())
    Network(neurons()).run(1 * ms)
    cells = neurons()
    network = Network(cells)
    network.store()
    network.run(1.04 * ms)  # ends after 11 steps, as Brian2 does
    assert network.t == 1.04 * ms
    assert cells.t[:] == 1.1 * ms
    first = np.array(cells.v)
    network.restore()
    network.run(1.04 * ms)
    np.testing.assert_array_equal(cells.v, first)


def test_nothing_is_sent_to_genn_for_no_time(monkeypatch):
    monkeypatch.setattr(running, "run", lambda *_: pytest.fail("it was sent to GeNN"))
    set_device(genn_device())
    network = Network(cells := neurons())
    network.run(0 * ms)
    assert cells.t[:] == 0 * ms


def test_profiling_is_refused():
    set_device(genn_device())
    with pytest.raises(UnsupportedFeature, match="profile"):
        Network(neurons()).run(1 * ms, profile=True)


# --------------------------------------------------------------------------------------------------- what comes back
def _growing():
    """What is raised when a cell leaves its range, and the last time that was recorded."""
    rate = Parameter(1.0, "hertz", "how fast it grows")
    cells = AstrocyteGroup(
        3, Model("growing", "dx/dt = rate : 1", {"rate": rate}, bounds={"x": ("0", "0.015")})
    )
    cells.x = [0, 0.0093, 0.005]
    monitor = StateMonitor(cells, "x", record=True)
    with pytest.raises(PhysicalRangeError) as error:
        Network(cells, monitor).run(20 * ms)
    return *error.value.args, float(monitor.t[-1])


def test_a_variable_that_leaves_its_range_is_reported(rehearsed):
    expected = _growing()
    set_device(genn_device())
    assert str(_growing()) == str(expected).replace("astrocytes", "astrocytes_1")


def test_what_was_read_before_may_be_read_after(rehearsed):
    set_device(genn_device())
    cells = neurons()
    network = Network(cells)
    network.run(3 * ms)
    assert network.t == 3 * ms
    assert cells.t[:] == 3 * ms
    cells.v = "v + 1"
    assert np.all(cells.v[:] > 0.9)


# -------------------------------------------------------------------------------------------------- a whole network
def closed_loop(backend):
    """Spikes, releases and calcium of 1,000 neurons, 800 astrocytes and 80,000 synapses, in one second."""
    use_backend(backend)
    draw = np.random.default_rng(1)
    cells = Neurons(1000, coba_lif, method="euler")
    excitatory, inhibitory = cells[:800], cells[800:]
    for population in excitatory, inhibitory:
        place(population, Grid(3.75 * mm))
    cells.v, cells.I_ex = (-60 + 10 * draw.random(1000)) * mV, 115 * pA
    cells.run_regularly("I_ex = 240*pA - I_ex", dt=100 * ms)
    glia = AstrocyteGroup(
        800, gchi(O_delta=1.2 * umolar / second) + gliotransmission, layout=Grid(3.75 * mm), dt=10 * ms
    )
    glia.C = (0.05 + 0.3 * draw.random(800)) * umolar
    release = tsodyks_markram + cleft_glutamate + presynaptic_receptors + excitatory_conductance
    tripartite = TripartiteSynapses(excitatory, cells, glia, release)
    tripartite.connect(**dict(zip("ij", np.nonzero(draw.random((800, 1000)) < 0.05), strict=True)))
    tripartite.cover(by="post")
    plain = TripartiteSynapses(inhibitory, cells, model=tsodyks_markram + inhibitory_conductance)
    plain.connect(**dict(zip("ij", np.nonzero(draw.random((200, 1000)) < 0.2), strict=True)))
    monitors = [SpikeMonitor(cells), SpikeMonitor(glia), StateMonitor(glia, ("C", "Y_S"), record=True)]
    Network(cells, glia, tripartite, plain, GapJunctions(glia, within=150 * um), monitors).run(1 * second)
    spikes = [
        sorted(zip(np.rint(each.t / (0.1 * ms)).tolist(), each.i[:].tolist(), strict=True))
        for each in monitors[:2]
    ]
    return spikes, np.array(monitors[2].C), np.array(monitors[2].Y_S)


@needs_genn
@pytest.mark.slow
def test_a_closed_loop_on_genn_is_that_on_cpp():
    (expected, *traces), (got, *others) = closed_loop("cpp"), closed_loop("genn")
    assert got == expected
    assert min(map(len, expected)) > 100
    for trace, other in zip(traces, others, strict=True):
        assert np.abs(other - trace).max() < 1e-9 * np.abs(trace).max()
