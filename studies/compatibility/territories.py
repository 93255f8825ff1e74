"""Rows: which astrocyte covers which synapse, and what they exchange."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import SpikeMonitor, StateMonitor

from astrobrian import TripartiteSynapses
from astrobrian.equations import nadkarni_jung, nadkarni_jung_tripartite, tsodyks_markram
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


def covered(**territory: Any) -> Objects:
    """A closed loop whose territories are given in some way."""
    neurons, astrocytes = firing(), releasing()
    synapses = TripartiteSynapses(neurons, neurons, astrocytes, MODULATED)
    all_to_all(synapses)
    synapses.cover(**territory)
    cells = StateMonitor(astrocytes, ["Y_S", "C"], record=True)
    conductance = StateMonitor(neurons, "g_e", record=True)
    spikes = SpikeMonitor(neurons)
    yield [neurons, astrocytes, synapses, cells, conductance, spikes]
    return {**traces(cells), **traces(conductance), "spikes": events(spikes)}


@row()
def cover_by_post() -> Objects:
    return (yield from covered(by="post", index=[0, 1, 1, 0]))


@row()
def cover_by_pre() -> Objects:
    return (yield from covered(by="pre", index=[0, 1, 1, 0]))


@row()
def cover_by_synapse() -> Objects:
    return (yield from covered(index="int(j >= 2)"))


@row()
def several_astrocytes_per_neuron() -> Objects:
    return (yield from covered(index="(i + j) % 2"))


@row()
def uncovered_synapses() -> Objects:
    return (yield from covered(by="post", index=[0, -1, 1, -1]))


@row()
def several_synapse_groups() -> Objects:
    neurons, astrocytes = firing(), releasing()
    synapses = [
        loop(neurons, astrocytes),
        loop(neurons, astrocytes, MODULATED(Y_T=MODULATED.parameters["Y_T"].quantity / 2)),
    ]
    cells = StateMonitor(astrocytes, ["Y_S", "C"], record=True)
    conductance = StateMonitor(neurons, "g_e", record=True)
    yield [neurons, astrocytes, *synapses, cells, conductance]
    return {**traces(cells), **traces(conductance)}


@row()
def gather_sum() -> Objects:
    neurons, astrocytes = firing(), releasing()
    synapses = loop(neurons, astrocytes, gather="sum")
    cells = StateMonitor(astrocytes, ["Y_S", "C"], record=True)
    yield [neurons, astrocytes, synapses, cells]
    return traces(cells)


@row()
def write_astro() -> Objects:
    neurons, astrocytes = firing(), releasing(2, nadkarni_jung)
    synapses = loop(neurons, astrocytes, tsodyks_markram + nadkarni_jung_tripartite)
    cells = StateMonitor(astrocytes, ["I", "C"], record=True)
    yield [neurons, astrocytes, synapses, cells]
    return traces(cells)


@row()
def kept_variables() -> Objects:
    neurons, astrocytes = firing(), releasing()
    synapses = loop(neurons, astrocytes)
    synapses.Gamma_S = np.linspace(0, 0.5, 12)  # type: ignore[assignment]
    on_synapses = StateMonitor(synapses, "Gamma_S", record=True)
    cells = StateMonitor(astrocytes, ["Y_S", "C"], record=True)
    yield [neurons, astrocytes, synapses, on_synapses, cells]
    return {**traces(on_synapses), **traces(cells)}


@row()
def published_form() -> Objects:
    neurons, astrocytes = firing(), releasing(method="rk4")
    synapses = loop(neurons, astrocytes, form="published")
    cells = StateMonitor(astrocytes, ["Y_S", "C"], record=True)
    conductance = StateMonitor(neurons, "g_e", record=True)
    yield [neurons, astrocytes, synapses, cells, conductance]
    return {**traces(cells), **traces(conductance)}
