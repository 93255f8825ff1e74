"""How close two trajectories are, and two series of events."""

from __future__ import annotations

import numpy as np

WITHIN = 1.0  # s
"""How far an event may be from the simulated one that it counts as."""


def r_squared(target: np.ndarray, predicted: np.ndarray) -> float:
    """Share of the target's variance (about its own mean, over all its values) that a prediction explains."""
    return float(1 - np.square(target - predicted).sum() / np.square(target - target.mean()).sum())


def crossings(trajectory: np.ndarray, threshold: float, dt: float) -> np.ndarray:
    """When a trajectory rises through a threshold.

    Parameters
    ----------
    trajectory : ndarray, shape (tokens,)
        Values at the end of each token.
    threshold : float
    dt : float
        Length of a token.

    Returns
    -------
    ndarray
        Times from the beginning of the first token, interpolated linearly.
    """
    before, after = trajectory[:-1], trajectory[1:]
    (at,) = np.nonzero((before <= threshold) & (after > threshold))
    return (at + 1 + (threshold - before[at]) / (after[at] - before[at])) * dt


def matched(one: np.ndarray, other: np.ndarray, within: float = WITHIN) -> int:
    """How many pairs there are at most of events at most so far apart, each event in one pair; both in order of time."""
    i = j = pairs = 0
    while i < len(one) and j < len(other):
        if abs(one[i] - other[j]) <= within:
            i, j, pairs = i + 1, j + 1, pairs + 1
        elif one[i] < other[j]:
            i += 1
        else:
            j += 1
    return pairs


def f1(simulated: list[np.ndarray], predicted: list[np.ndarray], within: float = WITHIN) -> float:
    """F1 score of events, over several cells; 1 if there are none at all."""
    pairs = sum(matched(a, b, within) for a, b in zip(simulated, predicted, strict=True))
    events = sum(map(len, simulated)) + sum(map(len, predicted))
    return 2 * pairs / events if events else 1.0
