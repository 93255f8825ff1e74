"""The network of figure 6 in AstroBrian, with its astrocytes and without them."""

from __future__ import annotations

import brian2
from brian2 import Network, SpikeMonitor, ms

from astrobrian import TripartiteSynapses
from astrobrian.equations import excitatory_conductance, inhibitory_conductance, tsodyks_markram
from astrobrian.studies.network import EXCITATORY, INHIBITORY, Mapping, assemble, driven_neurons

SEED = 28371


def lifted(mapping: Mapping = "spatial", scale: float = 1.0) -> Network:
    """With astrocytes; the parameters are those of `astrobrian.studies.network.simulate`."""
    return assemble(mapping, scale=scale, seed=SEED).network


def without_astrocytes() -> Network:
    """Without astrocytes and gliotransmission; short-term plasticity is kept."""
    brian2.seed(SEED)
    brian2.defaultclock.dt = 0.1 * ms
    neurons = driven_neurons(EXCITATORY + INHIBITORY)
    excitatory, inhibitory = neurons[:EXCITATORY], neurons[EXCITATORY:]
    exc_syn = TripartiteSynapses(excitatory, neurons, model=tsodyks_markram + excitatory_conductance)
    exc_syn.connect(p=0.05)
    inh_syn = TripartiteSynapses(inhibitory, neurons, model=tsodyks_markram + inhibitory_conductance)
    inh_syn.connect(p=0.2)
    monitors = SpikeMonitor(excitatory, name="excitatory*"), SpikeMonitor(inhibitory, name="inhibitory*")
    return Network(neurons, exc_syn, inh_syn, *monitors)
