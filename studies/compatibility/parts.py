"""What most rows are made of. Initial values and connections are arrays: the same numbers on every backend."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import EventMonitor, Quantity, SpikeMonitor, StateMonitor, mV, pA, umolar

from astrobrian import AstrocyteGroup, Neurons, TripartiteSynapses
from astrobrian.equations import (
    Model,
    cleft_glutamate,
    coba_lif,
    excitatory_conductance,
    gchi,
    gliotransmission,
    presynaptic_receptors,
    tsodyks_markram,
)
from astrobrian.studies.compatibility.row import Recorded

FEEDING = tsodyks_markram + cleft_glutamate + excitatory_conductance
"""Synapses that astrocytes sense."""

MODULATED = FEEDING + presynaptic_receptors
"""Synapses that astrocytes sense and modulate."""


def firing(N: int = 4, model: Model = coba_lif) -> Neurons:
    """Neurons that fire at about 40 Hz, each at its own times."""
    neurons = Neurons(N, model(I_ex=150 * pA), method="euler", check_range=False)
    neurons.v = np.linspace(-60, -51, N) * mV
    return neurons


def releasing(
    N: int = 2, model: Model = gchi + gliotransmission, method: str = "euler", **options: Any
) -> AstrocyteGroup:
    """Astrocytes that release gliotransmitter within a quarter of a second, each at its own time."""
    astrocytes = AstrocyteGroup(N, model, method=method, check_range=False, **options)
    astrocytes.C = np.linspace(0.48, 0.3, N) * umolar
    astrocytes.I = np.linspace(0.8, 0.5, N) * umolar
    return astrocytes


def all_to_all(synapses: TripartiteSynapses) -> None:
    """Connect every neuron with every other one, in the order of a sorted list."""
    source, target = np.divmod(np.arange(len(synapses.source) * len(synapses.target)), len(synapses.target))
    others = source != target
    synapses.connect(i=source[others], j=target[others])


def loop(
    neurons: Neurons, astrocytes: AstrocyteGroup, model: Model = MODULATED, **options: Any
) -> TripartiteSynapses:
    """Synapses between all neurons, covered by the astrocyte of the postsynaptic one."""
    synapses = TripartiteSynapses(neurons, neurons, astrocytes, model, **options)
    all_to_all(synapses)
    synapses.cover(by="post", index=np.arange(len(neurons)) * len(astrocytes) // len(neurons))
    return synapses


def traces(monitor: StateMonitor) -> Recorded:
    """What a monitor recorded, without units."""
    return {name: np.array(getattr(monitor, name)) for name in monitor.record_variables}


def events(monitor: EventMonitor, dt: Quantity | None = None) -> np.ndarray:
    """Time step and cell of each event, in this order."""
    steps = np.rint(np.array(monitor.t / (dt or monitor.source.clock.dt)))
    pairs = np.stack([steps, np.array(monitor.i)], axis=1)
    return pairs[np.lexsort(pairs.T[::-1])]


def counts(monitor: EventMonitor) -> np.ndarray:
    """How many events each cell had."""
    return np.bincount(np.array(monitor.i), minlength=len(monitor.source)).astype(float)


def irregularity(monitor: SpikeMonitor) -> np.ndarray:
    """Coefficient of variation of the intervals between spikes, of each cell that has enough of them."""
    intervals = [np.diff(np.array(times)) for times in monitor.spike_trains().values()]
    return np.array([each.std() / each.mean() for each in intervals if len(each) > 2])
