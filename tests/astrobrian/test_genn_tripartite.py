"""Tripartite synapses, rewritten for GeNN, against the same networks on Brian2's own runtime.

Programs are run in GeNN's order by `astrobrian.genn.rehearsal`, and by GeNN where it is installed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from brian2 import (
    Network,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    defaultclock,
    ms,
    pA,
    second,
    set_device,
    umolar,
)

from astrobrian import AstrocyteGroup, GapJunctions, Neurons, TripartiteSynapses, use_backend
from astrobrian.backends import obstacle
from astrobrian.equations import (
    Model,
    cleft_glutamate,
    coba_lif,
    excitatory_conductance,
    gchi,
    gliotransmission,
    presynaptic_receptors,
    slow_inward_current,
    tsodyks_markram,
)
from astrobrian.equations.library.tsodyks_markram import release_record
from astrobrian.genn import running
from astrobrian.genn.device import genn_device
from astrobrian.genn.rehearsal import rehearse

RELEASE = tsodyks_markram + cleft_glutamate + presynaptic_receptors + excitatory_conductance
ASTROCYTE = gchi(O_beta=5 * umolar / second) + gliotransmission
N, N_A = 12, 4
HALVES = np.arange(N) // 3


@dataclass
class Case:
    """What differs from a closed loop in which each astrocyte covers the synapses of three neurons."""

    model: Model = RELEASE
    astrocyte: Model = ASTROCYTE
    dt: Any = None
    cover: dict = field(default_factory=lambda: {"by": "post", "index": HALVES})
    more: dict = field(default_factory=dict)
    also: Any = None


def _delays(neurons, astrocytes, synapses):
    synapses.pre.delay = "int(i % 3)*ms"


def _parameters(neurons, astrocytes, synapses):
    synapses.U_0_star = "0.3 + 0.1*int(i % 3)"
    synapses.w_e = "(0.05 + 0.01*int(j % 2))*nS"


def _second_object(neurons, astrocytes, synapses):
    other = TripartiteSynapses(neurons[:6], neurons[4:], astrocytes, RELEASE(rho_c=0.001))
    other.connect("i != j")
    other.cover(by="post", index=[1, 1, 2, 2, 3, 3, 0, -1])
    return [other]


def _started(neurons, astrocytes, synapses):
    synapses.Gamma_S = 0.3
    synapses.x_S = "0.5 + 0.05*(j % 3)"
    synapses.u_S = 0.2


def _gap_junctions(neurons, astrocytes, synapses):
    return [GapJunctions(astrocytes, pairs=([0, 1, 2], [1, 2, 3]))]


def _slow_inward(neurons, astrocytes, synapses):
    inward = Synapses(astrocytes, neurons, "I_sic_post = I_sic_pre : amp (summed)")
    inward.connect("i == j // 3")
    return [inward]


def _driven(neurons, astrocytes, synapses):
    return [astrocytes.run_regularly("I += 0.05*umolar*int(i == 2)", dt=20 * ms)]


CASES = {
    "one clock": Case(),
    "slower astrocytes": Case(dt=5 * ms),
    "sum": Case(more={"gather": "sum"}, dt=5 * ms),
    "several astrocytes per neuron": Case(cover={"index": "(i + j) % 4"}, dt=5 * ms),
    "by the presynaptic neuron": Case(cover={"by": "pre", "index": HALVES}),
    "uncovered": Case(cover={"by": "post", "index": np.where(HALVES == 2, -1, HALVES)}),
    "some uncovered at each neuron": Case(cover={"index": "(i % 5) - 1"}),
    "one delay": Case(more={"delay": 2 * ms}, dt=5 * ms),
    "different delays": Case(also=_delays, dt=5 * ms),
    "parameters of each synapse": Case(
        model=RELEASE.per_cell("U_0_star", "w_e"), also=_parameters, dt=5 * ms
    ),
    "two objects": Case(also=_second_object, dt=5 * ms),
    "initial values": Case(also=_started),
    "gap junctions": Case(also=_gap_junctions, dt=5 * ms),
    "slow inward current": Case(astrocyte=ASTROCYTE + slow_inward_current, also=_slow_inward, dt=5 * ms),
    "run_regularly of astrocytes": Case(also=_driven, dt=5 * ms),
    "open loop": Case(model=tsodyks_markram(U_0=0.5) + cleft_glutamate + excitatory_conductance, dt=5 * ms),
    "only read": Case(model=tsodyks_markram + presynaptic_receptors + excitatory_conductance, dt=5 * ms),
    "read directly": Case(
        model=tsodyks_markram(U_0=0.5) + cleft_glutamate,
        more={"on_pre": "g_e_post += 0.1*nS*r_S*int(C_astro > 0.3*umolar)"},
        dt=5 * ms,
    ),
    "written": Case(more={"on_pre": "J_ex_astro += 0.01*umolar/second*r_S"}, dt=5 * ms),
    "written, and reset": Case(
        model=tsodyks_markram(U_0=0.5) + cleft_glutamate + excitatory_conductance,
        more={"on_pre": "G_A_astro += 0.01*umolar*r_S"},
        dt=5 * ms,
    ),
    "slower synapses": Case(more={"dt": 1 * ms}, dt=5 * ms),
    "constants of neurons": Case(
        more={"on_pre": "g_i_post += 0.01*nS*r_S*(1 + I_ex_pre/nA)*(i + N_incoming)*tau_e_post/ms"}, dt=5 * ms
    ),
    "several pathways": Case(more={"on_pre": {"pre": "", "again": "g_e_post += 0.01*nS*x_S"}}),
    "plasticity": Case(
        model=RELEASE + Model("trace", "dA_S/dt = -A_S/(20*ms) : 1 (event-driven)"),
        more={"on_pre": "A_S += 1\ng_e_post += 0.01*nS*A_S", "on_post": "A_S *= 0.5"},
    ),
    "two additions": Case(more={"on_pre": "g_i_post += 0.02*nS*u_S"}),
    "what spikes leave is gathered": Case(
        model=tsodyks_markram + release_record + presynaptic_receptors + excitatory_conductance,
        astrocyte=Model(
            "sensing", "dC/dt = (r_S*umolar - C)/(50*ms) : mmolar\nr_S : 1\nG_A = C*0.01 : mmolar"
        ),
        dt=5 * ms,
    ),
    "an expression of the astrocyte": Case(
        model=tsodyks_markram + cleft_glutamate + presynaptic_receptors + excitatory_conductance,
        astrocyte=Model(
            "sensing",
            "dC/dt = (Y_S - C)/(50*ms) : mmolar\nY_S : mmolar\nG_A = C*gain : mmolar\ngain : 1",
        ),
        also=lambda neurons, astrocytes, synapses: setattr(astrocytes, "gain", "0.01*(1 + i)"),
        cover={"by": "post", "index": np.where(HALVES == 2, -1, HALVES)},
        dt=5 * ms,
    ),
}


def simulate(cases: dict[str, Case]) -> dict[str, dict[str, np.ndarray]]:
    """What was recorded of each case, and what there is after the run: all of them are one network."""
    defaultclock.dt = 0.5 * ms
    parts = {name: Part(case) for name, case in cases.items()}
    Network([each for part in parts.values() for each in part.objects]).run(100 * ms)
    return {name: part.found() for name, part in parts.items()}


class Part:
    """The objects of a case."""

    def __init__(self, case: Case) -> None:
        self.neurons = neurons = Neurons(N, coba_lif, method="euler")
        neurons.v = "E_l + (i + 0.5)/N*(V_th - E_l)"
        neurons.I_ex = 300 * pA
        clock = {} if case.dt is None else {"dt": case.dt}
        self.astrocytes = astrocytes = AstrocyteGroup(N_A, case.astrocyte, **clock)
        astrocytes.C = [0.6, 0.1, 0.49, 0.3] * umolar
        if "I" in astrocytes.variables:
            astrocytes.I = [0.1, 0.2, 0.6, 0.3] * umolar
        self.synapses = synapses = TripartiteSynapses(neurons, neurons, astrocytes, case.model, **case.more)
        synapses.connect("i != j")
        synapses.cover(**case.cover)
        also = (case.also and case.also(neurons, astrocytes, synapses)) or []
        self.recorded = {
            "neurons": StateMonitor(neurons, ["v", "g_e", "g_i", "I_sic"], record=[0, 5, 11]),
            "astrocytes": _monitor(astrocytes, "C I G_A Y_S Gamma_A J_ex J_coupling", record=True),
            "synapses": StateMonitor(synapses, ["u_S", "x_S"], record=[3, 40, 131]),
            "territories": _monitor(synapses.territories, "Gamma_S Y_S G_A_astro C_astro", record=True),
            "lifted": _monitor(synapses, "Gamma_S", record=[0, 3, 40, 131]),
        }
        groups = (neurons, astrocytes) if astrocytes.thresholder else (neurons,)
        self.spikes = [SpikeMonitor(group) for group in groups]
        monitors = [each for each in self.recorded.values() if each is not None]
        self.objects = [neurons, astrocytes, synapses, *also, *monitors, *self.spikes]

    def found(self) -> dict[str, np.ndarray]:
        """Everything that can be compared."""
        found = {
            f"{name}.{variable}": np.array(getattr(monitor, variable + "_"))
            for name, monitor in self.recorded.items()
            for variable in ([] if monitor is None else monitor.record_variables)
        }
        for number, monitor in enumerate(self.spikes):
            order = np.lexsort((monitor.i, monitor.t_))
            found |= {f"spikes {number}.i": monitor.i[:][order], f"spikes {number}.t": monitor.t_[:][order]}
        for name in ("neurons", "astrocytes", "synapses"):
            found |= _final(name, getattr(self, name))
        return found | _final("territories", self.synapses.territories)


def _monitor(group, names: str, record) -> StateMonitor | None:
    known = [name for name in names.split() if name in group.variables]
    return StateMonitor(group, known, record=record) if known else None


def _final(name: str, group) -> dict[str, np.ndarray]:
    names = set(group.equations.diff_eq_names) | {"u_S", "x_S", "lastspike", "not_refractory"}
    return {
        f"{name}.{each} after": np.array(group.variables[each].get_value())
        for each in names & {*group.variables}
    }


def check_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert len(expected["spikes 0.i"]) > 20
    for name, values in expected.items():
        scale = np.abs(values[np.isfinite(values)]).max(initial=0)
        np.testing.assert_allclose(found[name], values, rtol=1e-11, atol=1e-11 * scale, err_msg=name)


@pytest.mark.parametrize("name", CASES)
def test_in_the_order_of_genn_a_program_computes_the_same(name, monkeypatch):
    expected = simulate({name: CASES[name]})
    monkeypatch.setattr(running, "run", lambda program, *_: rehearse(program))
    set_device(genn_device())
    check_same(simulate({name: CASES[name]})[name], expected[name])


genn_needed = pytest.mark.skipif(obstacle("genn") is not None, reason=f"GeNN: {obstacle('genn')}")


@genn_needed
def test_genn_computes_the_same():
    _compare_with_genn("slower astrocytes")


@genn_needed
@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, len(CASES), 5))
def test_genn_computes_the_same_of_every_case(first):
    _compare_with_genn(*list(CASES)[first : first + 5])


def _compare_with_genn(*names: str) -> None:
    """All these cases are one network, because compiling takes longest."""
    cases = {name: CASES[name] for name in names}
    expected = simulate(cases)
    use_backend("genn")
    found = simulate(cases)
    for name in names:
        check_same(found[name], expected[name])
