"""How one liquid is connected: subnetworks of tripartite motifs, with the spectral radius that was asked for.

Each synapse from a neuron to a neuron is covered by an astrocyte of the target's subnetwork, which listens to the source
and talks to the target. The neurons of a subnetwork are those whose index has the same remainder; astrocytes too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from astrobrian.studies.ratio import constants

# the random numbers of a wiring are those of nothing else
_STREAM = 1
# below this part of the largest weight a radius is rounding: nothing comes back to where it began
_NILPOTENT = 1e-6


@dataclass(frozen=True)
class Edges:
    """From which unit to which, and with which weight.

    Parameters
    ----------
    source, target : array of int, shape (edges,)
    weight : array, shape (edges,)
    """

    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True)
class Wired:
    """The connections of one liquid; neurons and astrocytes are counted from 0 each.

    Parameters
    ----------
    synapses : Edges
        From neuron to neuron.
    cover : array of int, shape (synapses,)
        The astrocyte that covers each of them, -1 where the liquid has none.
    listening : Edges
        From neuron to astrocyte, one for each pair.
    talking : Edges
        From astrocyte to neuron, one for each pair.
    coupling : Edges
        From astrocyte to astrocyte, in both directions.
    inputs : array, shape (neurons + astrocytes, channels)
        Weights of the input.
    inhibitory : array of bool, shape (neurons,)
        A fifth of the neurons, for units that have a kind.
    """

    synapses: Edges
    cover: np.ndarray
    listening: Edges
    talking: Edges
    coupling: Edges
    inputs: np.ndarray
    inhibitory: np.ndarray


def wire(
    neurons: int, astrocytes: int, seed: int, channels: int, values: constants.Wiring, connected: bool = True
) -> Wired:
    """The wiring of a liquid; the same for the same arguments.

    Parameters
    ----------
    neurons, astrocytes : int
    seed : int
    channels : int
        Of the input.
    values : constants.Wiring
    connected : bool, optional
        False leaves the astrocytes with their input alone; what else there is isn't drawn anew.
    """
    random = np.random.default_rng([_STREAM, neurons, astrocytes, seed])
    source, target = _synapses(neurons, values, random)
    cover = _cover(target, astrocytes, values.subnetworks, random)
    coupled = _coupling(astrocytes, values.coupling)
    covered = cover >= 0
    pairs = [
        (source, target),
        _once(source[covered], cover[covered]),
        _once(cover[covered], target[covered]),
        coupled,
    ]
    synapses, listening, talking, coupling = (Edges(i, j, random.normal(size=len(i))) for i, j in pairs)
    inputs = random.uniform(-1, 1, (neurons + astrocytes, channels))
    inputs *= values.input_scale / np.sqrt(channels)
    inhibitory = random.permutation(neurons) < neurons // 5
    if not connected:
        cover = np.full(len(source), -1)
        listening = talking = coupling = Edges(np.empty(0, int), np.empty(0, int), np.empty(0))
    weights = matrix(neurons, astrocytes, synapses, listening, talking, coupling)
    factor = values.spectral_radius / _radius(weights)
    synapses, listening, talking, coupling = (
        Edges(each.source, each.target, each.weight * factor)
        for each in (synapses, listening, talking, coupling)
    )
    return Wired(synapses, cover, listening, talking, coupling, inputs, inhibitory)


def _synapses(
    neurons: int, values: constants.Wiring, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Sources and targets; those of a subnetwork first, others where it has too few neurons."""
    sources, targets = [], []
    cells = np.arange(neurons)
    for target in range(neurons):
        at_home = cells % values.subnetworks == target % values.subnetworks
        home, away = cells[at_home & (cells != target)], cells[~at_home]
        some = min(values.in_degree, neurons - 1)
        near = min(round(values.local * some), len(home))
        far = min(some - near, len(away))
        near = some - far
        chosen = [random.choice(home, near, replace=False), random.choice(away, far, replace=False)]
        sources.append(np.concatenate(chosen))
        targets.append(np.full(some, target))
    empty = [np.empty(0, int)]
    return np.concatenate(empty + sources), np.concatenate(empty + targets)


def _cover(target: np.ndarray, astrocytes: int, subnetworks: int, random: np.random.Generator) -> np.ndarray:
    """An astrocyte of the target's subnetwork, or any one if that has none."""
    if not astrocytes:
        return np.full(len(target), -1)
    home = target % subnetworks
    in_home = (astrocytes - home + subnetworks - 1) // subnetworks
    drawn = random.random(len(target))
    return np.where(
        in_home > 0, home + subnetworks * (drawn * in_home).astype(int), (drawn * astrocytes).astype(int)
    )


def _coupling(astrocytes: int, neighbours: int) -> tuple[np.ndarray, np.ndarray]:
    """Each astrocyte with the next ones on a ring, half of its neighbours on either side."""
    cells = np.arange(astrocytes)
    reach = [step for step in range(-(neighbours // 2), neighbours // 2 + 1) if step]
    sources = [cells for _ in reach]
    targets = [(cells + step) % max(astrocytes, 1) for step in reach]
    empty = [np.empty(0, int)]
    source, target = _once(np.concatenate(empty + sources), np.concatenate(empty + targets))
    return source[source != target], target[source != target]


def _once(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each pair once, in order."""
    pairs = np.unique(np.stack([source, target]), axis=1)
    return pairs[0], pairs[1]


def matrix(
    neurons: int, astrocytes: int, synapses: Edges, listening: Edges, talking: Edges, coupling: Edges
) -> np.ndarray:
    """All weights: to each unit, a row, from each, a column; neurons come first."""
    found = np.zeros((neurons + astrocytes,) * 2)
    for edges, above, left in (
        (synapses, 0, 0),
        (listening, neurons, 0),
        (talking, 0, neurons),
        (coupling, neurons, neurons),
    ):
        found[above + edges.target, left + edges.source] = edges.weight
    return found


def _radius(weights: np.ndarray) -> float:
    """Of a matrix; where nothing comes back, its norm."""
    if not weights.any():
        return 1.0
    radius = float(np.abs(np.linalg.eigvals(weights)).max())
    return radius if radius > _NILPOTENT * np.abs(weights).max() else float(np.linalg.norm(weights, 2))
