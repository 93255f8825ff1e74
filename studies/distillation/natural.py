"""Spike trains that a network of neurons and astrocytes gives the synapses of its astrocytes, to drive other ones with."""

from __future__ import annotations

import numpy as np
from brian2 import pA, second

from astrobrian import use_backend
from astrobrian.bridges import Ensemble, Protocol, Trains
from astrobrian.progress import Progress, reporting
from astrobrian.studies.network import STEP, Fig6Network, assemble

# Chosen here: a fifth of the network, and a current that drifts (an Ornstein-Uhlenbeck process within two standard deviations)
# around 100 pA, the current of the figure, below which the network falls silent.
SCALE = 0.2
MEAN, DEVIATION, TAU = 104.0, 4.0, 20.0  # pA, pA, s
RATE_BIN = 0.5  # s


def natural_trains(
    protocol: Protocol,
    ensemble: Ensemble,
    stimuli: int = 4,
    backend: str = "cpp",
    progress: Progress | None = None,
) -> list[Trains]:
    """What the synapses of some astrocytes of the network of Fig. 6 receive, as stimuli for an ensemble.

    The network runs once, for as long as all stimuli take, and each stimulus is a piece of that. It has other astrocytes than
    the other stimuli, drawn at random, and of each of these some synapses, whose presynaptic spikes it gets: they are
    correlated, irregular, and follow what the whole network does. Every spike is kept with the same probability, such that the
    highest rate of the protocol is that of the network in the most active hundredth of the time (chosen here).

    Parameters
    ----------
    protocol : Protocol
        Its length, highest rate and seed.
    ensemble : Ensemble
        Its numbers of astrocytes and synapses.
    stimuli : int, optional
    backend : str, optional
        As in `astrobrian.use_backend`; the backend in use afterwards.
    progress : Progress, optional

    Raises
    ------
    ValueError
        If the network doesn't have as many astrocytes, or they not as many synapses, or it falls silent.

    Examples
    --------
    >>> given = natural_trains(Protocol(), Ensemble(), stimuli=2)
    >>> use_backend("cpp")
    >>> recording = simulate(Protocol(), Ensemble(), given=given)
    """
    if stimuli < 1:
        raise ValueError(f"at least one stimulus is needed, not {stimuli}")
    rng = np.random.default_rng(np.random.SeedSequence(protocol.seed).spawn(1)[0])
    seconds = stimuli * protocol.seconds
    use_backend(backend)
    built = assemble(scale=SCALE, seed=int(rng.integers(2**31)), drive=drifting_current(rng, seconds) * pA)
    wanted = stimuli * ensemble.astrocytes
    cells = len(built.monitors[2].source)
    if wanted > cells:
        raise ValueError(
            f"{stimuli} stimuli of {ensemble.astrocytes} astrocytes are more than the {cells} of the network"
        )
    with reporting(progress, seconds * second) as report:
        built.network.run(seconds * second, **report)
    chosen = _synapses_of(built, rng, wanted, ensemble.synapses)
    t, neuron = (np.asarray(each) for each in (built.monitors[0].t, built.monitors[0].i))
    highest = _high_rate(t, seconds, len(built.monitors[0].source))
    if not highest:
        raise ValueError(
            f"the network fell silent under the current of seed {protocol.seed}: take another seed"
        )
    kept = min(1.0, protocol.highest / highest)
    trains = []
    for i, presynaptic in enumerate(chosen.reshape(stimuli, -1)):
        start = i * protocol.seconds
        within = (t >= start) & (t < start + protocol.seconds)
        trains.append(received(rng, t[within] - start, neuron[within], presynaptic, kept))
    return trains


def drifting_current(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """External current (pA) for each 2 s."""
    steps = int(np.ceil(seconds / float(STEP / second)))
    stays = np.exp(-float(STEP / second) / TAU)
    x = np.empty(steps)
    x[0] = rng.standard_normal()
    for i, kick in enumerate(rng.standard_normal(steps - 1)):
        x[i + 1] = stays * x[i] + np.sqrt(1 - stays**2) * kick
    return MEAN + DEVIATION * np.clip(x, -2, 2)


def _synapses_of(built: Fig6Network, rng: np.random.Generator, astrocytes: int, synapses: int) -> np.ndarray:
    """Presynaptic neuron of so many synapses of each of so many astrocytes, both drawn without replacement."""
    covering = built.excitatory_synapses.astrocyte_index
    source = np.asarray(built.excitatory_synapses.i)
    number = np.bincount(covering[covering >= 0])
    able = np.flatnonzero(number >= synapses)
    if able.size < astrocytes:
        raise ValueError(
            f"{able.size} astrocytes of the network have {synapses} synapses or more, and {astrocytes} are needed; they have "
            f"{int(np.median(number))} each"
        )
    return np.stack(
        [
            rng.choice(source[covering == cell], synapses, replace=False)
            for cell in rng.choice(able, astrocytes, replace=False)
        ]
    )


def _high_rate(t: np.ndarray, seconds: float, neurons: int) -> float:
    """Mean rate of a neuron (Hz) in the most active hundredth of the time."""
    counts = np.histogram(t, np.arange(0, seconds + RATE_BIN / 2, RATE_BIN))[0]
    return float(np.quantile(counts, 0.99)) / (neurons * RATE_BIN)


def received(
    rng: np.random.Generator, t: np.ndarray, neuron: np.ndarray, presynaptic: np.ndarray, kept: float
) -> Trains:
    """What arrives at synapses with these presynaptic neurons, of spikes that neurons fire at times t (s)."""
    fired = np.split(
        np.argsort(neuron, kind="stable"), np.cumsum(np.bincount(neuron, minlength=presynaptic.max() + 1))
    )
    spikes = [fired[i] for i in presynaptic]
    synapse = np.repeat(np.arange(presynaptic.size), [each.size for each in spikes])
    passes = rng.random(synapse.size) < kept
    return Trains("natural", synapse[passes], t[np.concatenate(spikes)][passes])
