"""What came out of learning, and how it is judged."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from astrobrian.studies.ratio.scores import nrmse
from astrobrian.studies.ratio.tasks.task import Target
from astrobrian.studies.ratio.trials import Outcome


class Learned(NamedTuple):
    """Of one read-out.

    Parameters
    ----------
    predicted : array, shape (test samples, outputs)
        A number for each class where classes are learned.
    parameters : int
        How many numbers the read-out has.
    losses : array, shape (epochs + 1,), optional
        Of all training samples, before the first epoch and after each.
    """

    predicted: np.ndarray
    parameters: int
    losses: np.ndarray | None = None


def judged(learned: Learned, target: Target, threshold: float, before: Outcome) -> Outcome:
    """What is said of a read-out.

    Parameters
    ----------
    learned : Learned
    target : Target
    threshold : float
        Part of the initial loss.
    before : Outcome
        What is already known of the trial.
    """
    before = replace(before, parameters=learned.parameters)
    if learned.losses is not None:
        if not np.isfinite(learned.losses).all():
            return replace(before, error="the loss isn't finite")
        before = _trained(learned.losses.astype(float), threshold, before)
    if not np.isfinite(learned.predicted).all():
        return replace(before, error="what is predicted isn't finite")
    true = target.values[target.train :]
    return replace(
        before,
        nrmse=None if target.classes else float(nrmse(learned.predicted, true)),
        score=float(target.score(learned.predicted, true)),
    )


def _trained(losses: np.ndarray, threshold: float, before: Outcome) -> Outcome:
    """How the loss fell."""
    return replace(
        before,
        learning_rate=_slope(losses),
        # of a loss that has come to nothing there is no logarithm
        relative_learning_rate=_slope(np.log(losses)) if losses.all() else None,
        initial_loss=float(losses[0]),
        final_loss=float(losses[-1]),
        epochs_to_threshold=_reached(losses, threshold * losses[0]),
        losses=tuple(losses.tolist()),
    )


def _slope(values: np.ndarray) -> float:
    """Of the line that fits them best, by least squares."""
    epochs = np.arange(len(values)) - (len(values) - 1) / 2
    return float(epochs @ values / (epochs @ epochs))


def _reached(losses: np.ndarray, level: float) -> float:
    """Epochs until the loss is at a level, on the line between two epochs; infinite if it never is."""
    low = np.flatnonzero(losses <= level)
    if not len(low):
        return np.inf
    after = low[0]
    if after == 0:
        return 0.0
    return float(after - (level - losses[after]) / (losses[after - 1] - losses[after]))
