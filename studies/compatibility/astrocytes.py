"""Rows: astrocytes, alone, with each other, and with neurons."""

from __future__ import annotations

import numpy as np
from brian2 import SpikeMonitor, StateMonitor, Synapses, ms, pA, second, umolar

from astrobrian import AstrocyteGroup, GapJunctions, TripartiteSynapses
from astrobrian.equations import (
    chi,
    chi_stochastic,
    excitatory_conductance,
    gchi,
    gliotransmission,
    linear_gap_junction,
    tsodyks_markram,
)
from astrobrian.equations import slow_inward_current as inward_current
from astrobrian.studies.compatibility.parts import (
    FEEDING,
    all_to_all,
    counts,
    events,
    firing,
    loop,
    releasing,
    traces,
)
from astrobrian.studies.compatibility.row import Objects, row


@row()
def one_group() -> Objects:
    astrocytes = releasing(4, method="rk4")
    astrocytes.Y_S = np.linspace(0, 2, 4) * umolar
    cells = StateMonitor(astrocytes, ["C", "G_A", "Gamma_A"], record=True)
    releases = SpikeMonitor(astrocytes)
    yield [astrocytes, cells, releases]
    return {**traces(cells), "releases": events(releases)}


@row()
def several_groups() -> Objects:
    neurons = firing()
    slow, quick = releasing(), releasing(1, gchi(O_beta=5 * umolar / second) + gliotransmission)
    synapses = [loop(neurons, slow), loop(neurons, quick)]
    in_slow = StateMonitor(slow, "C", record=True)
    in_quick = StateMonitor(quick, "C", record=True)
    spikes = SpikeMonitor(neurons)
    yield [neurons, slow, quick, *synapses, in_slow, in_quick, spikes]
    return {"slow C": np.array(in_slow.C), "quick C": np.array(in_quick.C), "spikes": events(spikes)}


@row()
def open_loop() -> Objects:
    neurons, astrocytes = firing(), releasing()
    synapses = loop(neurons, astrocytes, FEEDING)
    cells = StateMonitor(astrocytes, ["Y_S", "C"], record=True)
    spikes = SpikeMonitor(neurons)
    yield [neurons, astrocytes, synapses, cells, spikes]
    return {**traces(cells), "spikes": events(spikes)}


@row()
def closed_loop() -> Objects:
    neurons, astrocytes = firing(), releasing(method="rk4")
    synapses = loop(neurons, astrocytes)
    cells = StateMonitor(astrocytes, ["Y_S", "C", "G_A"], record=True)
    conductance = StateMonitor(neurons, "g_e", record=True)
    spikes, releases = SpikeMonitor(neurons), SpikeMonitor(astrocytes)
    yield [neurons, astrocytes, synapses, cells, conductance, spikes, releases]
    recorded = {**traces(cells), **traces(conductance)}
    return {**recorded, "spikes": events(spikes), "releases": events(releases)}


@row()
def astrocyte_clock() -> Objects:
    neurons, astrocytes = firing(), releasing(method="rk4", dt=5 * ms)
    synapses = loop(neurons, astrocytes)
    cells = StateMonitor(astrocytes, ["Y_S", "C"], record=True)
    spikes, releases = SpikeMonitor(neurons), SpikeMonitor(astrocytes)
    yield [neurons, astrocytes, synapses, cells, spikes, releases]
    return {**traces(cells), "spikes": events(spikes), "releases": events(releases)}


@row()
def gap_junctions_linear() -> Objects:
    astrocytes = releasing(3, chi)
    astrocytes.I = [0.1, 0.9, 0.4] * umolar
    gap_junctions = GapJunctions(astrocytes, pairs=([0, 1], [1, 2]), model=linear_gap_junction)
    cells = StateMonitor(astrocytes, ["J_coupling", "C"], record=True)
    yield [astrocytes, gap_junctions, cells]
    return traces(cells)


@row()
def gap_junctions_thresholded() -> Objects:
    astrocytes = releasing(3, chi)
    astrocytes.I = [0.1, 0.9, 0.4] * umolar
    gap_junctions = GapJunctions(astrocytes, pairs=([0, 1], [1, 2]))
    cells = StateMonitor(astrocytes, ["J_coupling", "C"], record=True)
    yield [astrocytes, gap_junctions, cells]
    return traces(cells)


@row()
def slow_inward_current() -> Objects:
    neurons, astrocytes = firing(2), releasing(2, gchi + inward_current(SIC_scale=5 * pA))
    inward = Synapses(astrocytes, neurons, "I_sic_post = I_sic_pre : amp (summed)")
    inward.connect(i=[0, 1], j=[0, 1])
    current = StateMonitor(neurons, "I_sic", record=True)
    spikes = SpikeMonitor(neurons)
    yield [neurons, astrocytes, inward, current, spikes]
    return {**traces(current), "spikes": events(spikes)}


@row(statistics=True)
def stochastic_gate() -> Objects:
    astrocytes = AstrocyteGroup(
        4000, chi_stochastic + gliotransmission(C_Theta=0.45 * umolar), check_range=False
    )
    astrocytes.C, astrocytes.h, astrocytes.I = 0.4 * umolar, 0.7, 0.5 * umolar
    releases = SpikeMonitor(astrocytes)
    yield [astrocytes, releases]
    h = np.array(astrocytes.h)
    return {"spread of h": abs(h - h.mean()), "C": np.array(astrocytes.C), "releases": counts(releases)}


@row()
def without_astrocytes() -> Objects:
    neurons = firing()
    synapses = TripartiteSynapses(neurons, neurons, model=tsodyks_markram + excitatory_conductance)
    all_to_all(synapses)
    cells = StateMonitor(neurons, ["v", "g_e"], record=True)
    spikes = SpikeMonitor(neurons)
    yield [neurons, synapses, cells, spikes]
    return {**traces(cells), "spikes": events(spikes)}
