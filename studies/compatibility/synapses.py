"""Rows: synapses between neurons, covered or not."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import NeuronGroup, SpikeMonitor, StateMonitor, Synapses, ms, nS

from astrobrian import TripartiteSynapses
from astrobrian.equations import (
    Model,
    calcium_plasticity,
    cleft_glutamate,
    coba_lif,
    excitatory_conductance,
    presynaptic_receptors,
    tsodyks_markram,
)
from astrobrian.studies.compatibility.parts import (
    MODULATED,
    all_to_all,
    events,
    firing,
    loop,
    releasing,
    traces,
)
from astrobrian.studies.compatibility.row import Objects, row

DEPRESSING = tsodyks_markram + excitatory_conductance

#: Each release is all or nothing, with the probability that a deterministic one has as its size.
ALL_OR_NOTHING = Model("all_or_nothing", on_pre="r_S = int(rand() < r_S)")


@row()
def equal_delays() -> Objects:
    neurons, astrocytes = firing(), releasing()
    synapses = loop(neurons, astrocytes, delay=3 * ms)
    cells = StateMonitor(astrocytes, ["Y_S", "C"], record=True)
    conductance = StateMonitor(neurons, "g_e", record=True)
    yield [neurons, astrocytes, synapses, cells, conductance]
    return {**traces(cells), **traces(conductance)}


@row()
def different_delays() -> Objects:
    neurons, astrocytes = firing(), releasing()
    synapses = loop(neurons, astrocytes)
    synapses.delay = np.linspace(0, 5.5, 12) * ms
    cells = StateMonitor(astrocytes, ["Y_S", "C"], record=True)
    conductance = StateMonitor(neurons, "g_e", record=True)
    yield [neurons, astrocytes, synapses, cells, conductance]
    return {**traces(cells), **traces(conductance)}


def plastic(**delays: Any) -> Objects:
    """Weights that change with the times of pre- and postsynaptic spikes."""
    neurons = firing()
    synapses = Synapses(
        neurons,
        neurons,
        """w : siemens
        dbefore/dt = -before/(20*ms) : 1 (event-driven)
        dafter/dt = -after/(20*ms) : 1 (event-driven)""",
        on_pre="""g_e_post += w
        before += 1
        w = clip(w - 0.05*nS*after, 0*nS, 5*nS)""",
        on_post="""after += 1
        w = clip(w + 0.05*nS*before, 0*nS, 5*nS)""",
        **delays,
    )
    all_to_all(synapses)
    synapses.w = 1 * nS
    conductance = StateMonitor(neurons, "g_e", record=True)
    yield [neurons, synapses, conductance]
    return {**traces(conductance), "w": np.array(synapses.w)}


@row()
def stdp() -> Objects:
    return (yield from plastic())


@row()
def post_delays() -> Objects:
    return (yield from plastic(delay={"post": 3 * ms}))


@row()
def clock_driven_synapses() -> Objects:
    neurons = firing()
    synapses = TripartiteSynapses(
        neurons, neurons, model=DEPRESSING + calcium_plasticity, on_post="C_syn += Cpost", method="euler"
    )
    all_to_all(synapses)
    on_synapses = StateMonitor(synapses, ["C_syn", "W"], record=True)
    yield [neurons, synapses, on_synapses]
    return traces(on_synapses)


def summed(what: str) -> Objects:
    """Cells that follow a sum over neurons."""
    neurons = firing()
    dimensions = {"v": "volt", "g_e": "siemens"}[what]
    filters = NeuronGroup(
        2, f"dseen/dt = (total - seen)/(20*ms) : {dimensions}\ntotal : {dimensions}", method="euler"
    )
    sums = Synapses(neurons, filters, f"total_post = {what}_pre : {dimensions} (summed)")
    sums.connect(i=[0, 1, 2, 3, 3], j=[0, 0, 1, 0, 1])
    synapses = TripartiteSynapses(neurons, neurons, model=DEPRESSING)
    all_to_all(synapses)
    cells = StateMonitor(filters, ["total", "seen"], record=True)
    yield [neurons, filters, sums, synapses, cells]
    return traces(cells)


@row()
def summed_variables() -> Objects:
    return (yield from summed("v"))


@row()
def sums_of_spikes() -> Objects:
    return (yield from summed("g_e"))


@row()
def n_incoming() -> Objects:
    neurons = firing()
    filters = NeuronGroup(2, "dseen/dt = (average - seen)/(20*ms) : volt\naverage : volt", method="euler")
    mean = Synapses(neurons, filters, "average_post = v_pre/N_incoming : volt (summed)")
    mean.connect(i=[0, 1, 2, 3, 3], j=[0, 0, 1, 0, 1])
    synapses = TripartiteSynapses(
        neurons, neurons, model=tsodyks_markram, on_pre="g_e_post += 1*nS*r_S/(N_incoming + N_outgoing)"
    )
    all_to_all(synapses)
    cells = StateMonitor(filters, ["average", "seen"], record=True)
    conductance = StateMonitor(neurons, "g_e", record=True)
    yield [neurons, filters, mean, synapses, cells, conductance]
    return {**traces(cells), **traces(conductance)}


def releasing_at_random(model: Model) -> Objects:
    """Modulated synapses, one from each neuron to itself, whose releases are counted."""
    neurons = firing(3000, coba_lif + Model("counting", "released : 1"))
    astrocytes = releasing(300)
    synapses = TripartiteSynapses(neurons, neurons, astrocytes, model, "released_post += r_S")
    synapses.connect(i=np.arange(3000), j=np.arange(3000))
    synapses.cover(by="post", index=np.arange(3000) % 300)
    yield [neurons, astrocytes, synapses]
    return {"releases": np.array(neurons.released), "Gamma_A": np.array(astrocytes.Gamma_A)}


@row(statistics=True)
def stochastic_release() -> Objects:
    recorded = yield from releasing_at_random(tsodyks_markram + ALL_OR_NOTHING + presynaptic_receptors)
    del recorded["Gamma_A"]  # the astrocytes sense nothing here
    return recorded


@row(statistics=True)
def stochastic_release_feeding() -> Objects:
    model = tsodyks_markram + ALL_OR_NOTHING + cleft_glutamate + presynaptic_receptors
    return (yield from releasing_at_random(model))


@row(statistics=True)
def random_connections() -> Objects:
    neurons = firing(400)
    synapses = TripartiteSynapses(neurons, neurons, model=DEPRESSING)
    synapses.connect(p=0.1)
    yield [neurons, synapses]
    return {"synapses": np.bincount(np.array(synapses.i), minlength=400).astype(float)}


@row()
def subgroups() -> Objects:
    neurons, astrocytes = firing(6), releasing()
    excitatory, others = neurons[:4], neurons[3:]
    synapses = TripartiteSynapses(excitatory, others, astrocytes, MODULATED)
    synapses.connect(i=[0, 0, 1, 2, 3, 3], j=[0, 1, 2, 1, 1, 2])
    synapses.cover(by="post", index=[0, 1, 1])
    conductance = StateMonitor(neurons, "g_e", record=True)
    cells = StateMonitor(astrocytes, ["Y_S", "C"], record=True)
    spikes = SpikeMonitor(others)
    yield [neurons, astrocytes, synapses, conductance, cells, spikes]
    return {**traces(conductance), **traces(cells), "spikes": events(spikes, neurons.clock.dt)}


@row()
def synapses_regularly() -> Objects:
    neurons = firing()
    synapses = TripartiteSynapses(
        neurons, neurons, model=tsodyks_markram + Model("weights", "w : siemens", on_pre="g_e_post += w*r_S")
    )
    all_to_all(synapses)
    synapses.w = np.linspace(0.1, 1, 12) * nS
    synapses.run_regularly("w = 0.9*w", dt=50 * ms)
    conductance = StateMonitor(neurons, "g_e", record=True)
    yield [neurons, synapses, conductance]
    return {**traces(conductance), "w": np.array(synapses.w)}


def spike_code(on_pre: str, names: list[str]) -> Objects:
    """Neurons in a ring, and what spikes do to their variables."""
    neurons = firing()
    synapses = TripartiteSynapses(
        neurons, neurons, model=tsodyks_markram + Model("memory", "seen : siemens"), on_pre=on_pre
    )
    synapses.connect(i=[0, 1, 2, 3], j=[1, 2, 3, 0])
    cells = StateMonitor(neurons, names, record=True)
    yield [neurons, synapses, cells]
    return {**traces(cells)}


@row()
def several_targets() -> Objects:
    return (yield from spike_code("g_e_post += 0.1*nS*r_S\ng_i_post += 0.2*nS*r_S", ["g_e", "g_i"]))


@row()
def presynaptic_variables() -> Objects:
    return (yield from spike_code("g_e_post += 0.1*nS*r_S*(1 + (v_pre - V_th_pre)/mV)", ["g_e"]))


@row()
def spikes_elsewhere() -> Objects:
    return (yield from spike_code("g_i_pre += 0.1*nS*r_S", ["g_i"]))


@row()
def spikes_read_written() -> Objects:
    return (
        yield from spike_code("seen = g_e_post\ng_e_post += 0.1*nS*r_S\ng_i_post += 0.1*seen", ["g_e", "g_i"])
    )
