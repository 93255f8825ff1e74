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
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    TimedArray,
    ms,
    seed,
    set_device,
    umolar,
)

from astrobrian import AstrocyteGroup, GapJunctions
from astrobrian.backends import obstacle
from astrobrian.equations import chi, linear_gap_junction
from astrobrian.genn import running
from astrobrian.genn.device import genn_device
from astrobrian.genn.rehearsal import rehearse

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


def sums_beside_delays():
    """Of variables of cells whose spikes take their time."""
    cells = NeuronGroup(
        8, LIF + "du/dt = (v + p - u)/(30*ms) : 1\np : 1", threshold="v > 1", reset="v = 0", method="euler"
    )
    cells.I, cells.u = np.linspace(0.8, 1.6, 8), np.linspace(0, 1, 8)
    synapses = Synapses(cells, cells, on_pre="g_post += 0.05", delay=1.3 * ms)
    synapses.connect(condition="i != j")
    junctions = Synapses(cells, cells, "p_post = 0.3*(u_pre - u_post) : 1 (summed)")
    junctions.connect(condition="abs(i - j) == 1")
    learning = Synapses(cells, cells, "w : 1", on_pre="w += 0.1", on_post="w *= 0.9 + 0.1*u_pre")
    learning.connect(condition="i != j")
    return [cells, synapses, junctions, learning, recorded(cells, "u", "p", "g"), recorded(learning, "w")]


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
    sums_beside_delays,
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
