"""Rows: a monitor of every object of a closed loop."""

from __future__ import annotations

import numpy as np
from brian2 import PopulationRateMonitor, SpikeMonitor, StateMonitor

from astrobrian.studies.compatibility.parts import MODULATED, events, firing, loop, releasing, traces
from astrobrian.studies.compatibility.row import Objects, row


@row()
def monitor_spikes() -> Objects:
    neurons = firing()
    spikes = SpikeMonitor(neurons)
    yield [neurons, spikes]
    return {"spikes": events(spikes), "counts": np.array(spikes.count)}


@row()
def monitor_releases() -> Objects:
    astrocytes = releasing(4)
    releases = SpikeMonitor(astrocytes)
    yield [astrocytes, releases]
    return {"releases": events(releases)}


@row()
def monitor_spike_variables() -> Objects:
    astrocytes = releasing(4)
    releases = SpikeMonitor(astrocytes, variables=["I", "h"])
    yield [astrocytes, releases]
    return {"releases": events(releases), "I": np.array(releases.I), "h": np.array(releases.h)}


@row()
def monitor_neurons() -> Objects:
    neurons = firing()
    cells = StateMonitor(neurons, "v", record=[3, 1])
    yield [neurons, cells]
    return traces(cells)


@row()
def monitor_astrocytes() -> Objects:
    astrocytes = releasing(4)
    cells = StateMonitor(astrocytes, ["C", "h", "I", "J_r"], record=[0, 3])
    yield [astrocytes, cells]
    return traces(cells)


@row()
def monitor_synapses() -> Objects:
    neurons, astrocytes = firing(), releasing()
    synapses = loop(neurons, astrocytes)
    on_synapses = StateMonitor(synapses, ["u_S", "x_S"], record=[0, 5, 7])
    yield [neurons, astrocytes, synapses, on_synapses]
    return traces(on_synapses)


@row()
def monitor_lifted() -> Objects:
    neurons, astrocytes = firing(), releasing()
    synapses = loop(neurons, astrocytes)
    on_synapses = StateMonitor(synapses, "Gamma_S", record=[0, 5, 7])
    yield [neurons, astrocytes, synapses, on_synapses]
    return traces(on_synapses)


@row()
def monitor_territories() -> Objects:
    neurons, astrocytes = firing(), releasing()
    synapses = loop(neurons, astrocytes, MODULATED)
    territories = StateMonitor(synapses.territories, ["Gamma_S", "Y_S"], record=True)
    yield [neurons, astrocytes, synapses, territories]
    return traces(territories)


@row()
def monitor_rate() -> Objects:
    neurons = firing()
    rate = PopulationRateMonitor(neurons)
    yield [neurons, rate]
    return {"rate": np.array(rate.rate)}
