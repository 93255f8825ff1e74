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
    mM,
    ms,
    mV,
    nS,
    pA,
    second,
    set_device,
    umolar,
)

from astrobrian import AstrocyteGroup, GapJunctions, Neurons, TripartiteSynapses, use_backend
from astrobrian.backends import obstacle
from astrobrian.backends.findings import UnsupportedFeature
from astrobrian.equations import (
    Model,
    Parameter,
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
    tolerance: float = 1e-11


def _delays(neurons, astrocytes, synapses):
    synapses.pre.delay = "int(i % 3)*ms"


def _parameters(neurons, astrocytes, synapses):
    synapses.U_0_star = "0.3 + 0.1*int(i % 3)"
    synapses.w_e = "(0.05 + 0.01*int(j % 2))*nS"


def _second_object(neurons, astrocytes, synapses):
    other = TripartiteSynapses(neurons[:6], neurons[4:], astrocytes, RELEASE(rho_c=0.001), name="other")
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
    inward = Synapses(astrocytes, neurons, "I_sic_post = I_sic_pre : amp (summed)", name="inward")
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


def simulate(case: Case) -> dict[str, np.ndarray]:
    """What monitors recorded, and what there is after the run."""
    defaultclock.dt = 0.5 * ms
    neurons = Neurons(N, coba_lif, method="euler", name="cells")
    neurons.v = "E_l + (i + 0.5)/N*(V_th - E_l)"
    neurons.I_ex = 300 * pA
    clock = {} if case.dt is None else {"dt": case.dt}
    astrocytes = AstrocyteGroup(N_A, case.astrocyte, name="glia", **clock)
    astrocytes.C = [0.6, 0.1, 0.49, 0.3] * umolar
    if "I" in astrocytes.variables:
        astrocytes.I = [0.1, 0.2, 0.6, 0.3] * umolar
    synapses = TripartiteSynapses(neurons, neurons, astrocytes, case.model, name="loop", **case.more)
    synapses.connect("i != j")
    synapses.cover(**case.cover)
    objects = [neurons, astrocytes, synapses]
    objects += (case.also and case.also(neurons, astrocytes, synapses)) or []
    recorded = {
        "glia": StateMonitor(
            astrocytes, _some(astrocytes, "C I G_A Y_S Gamma_A J_ex J_coupling"), record=True
        ),
        "cells": StateMonitor(neurons, ["v", "g_e", "g_i", "I_sic"], record=[0, 5, 11]),
        "loop": StateMonitor(synapses, ["u_S", "x_S"], record=[3, 40, 131]),
    }
    if kept := _some(synapses.territories, "Gamma_S Y_S G_A_astro C_astro"):
        recorded["territories"] = StateMonitor(synapses.territories, kept, record=True)
    if "Gamma_S" in synapses.variables:
        recorded["lifted"] = StateMonitor(synapses, "Gamma_S", record=[0, 3, 40, 131])
    spikes = (
        {"spikes": SpikeMonitor(neurons), "releases": SpikeMonitor(astrocytes)}
        if astrocytes.thresholder
        else {"spikes": SpikeMonitor(neurons)}
    )
    network = Network(*objects, *recorded.values(), *spikes.values())
    network.run(100 * ms)
    found = {
        f"{name}.{variable}": np.array(getattr(monitor, variable + "_"))
        for name, monitor in recorded.items()
        for variable in monitor.record_variables
    }
    for name, monitor in spikes.items():
        order = np.lexsort((monitor.i, monitor.t_))
        found |= {f"{name}.i": monitor.i[:][order], f"{name}.t": monitor.t_[:][order]}
    for group in neurons, astrocytes, synapses, synapses.territories:
        found |= {
            f"final {group.name}.{name}": np.array(group.variables[name].get_value())
            for name in group.equations.diff_eq_names
        }
    return found


def _some(group, names: str) -> list[str]:
    return [name for name in names.split() if name in group.variables]


def check_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], tolerance: float) -> None:
    assert len(expected["spikes.i"]) > 20
    for name, values in expected.items():
        scale = np.abs(values).max(initial=0)
        np.testing.assert_allclose(found[name], values, rtol=tolerance, atol=tolerance * scale, err_msg=name)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_in_the_order_of_genn_a_program_computes_the_same(case, monkeypatch):
    expected = simulate(case)
    monkeypatch.setattr(running, "run", lambda program, *_: rehearse(program))
    set_device(genn_device())
    check_same(simulate(case), expected, case.tolerance)


@pytest.mark.skipif(obstacle("genn") is not None, reason=f"GeNN: {obstacle('genn')}")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_genn_computes_the_same(case):
    expected = simulate(case)
    use_backend("genn")
    check_same(simulate(case), expected, case.tolerance)
