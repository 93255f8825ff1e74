"""A series that drives a liquid, and what is to be read from its states."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from astrobrian.studies.ratio.scores import nrmse


@dataclass(frozen=True)
class Target:
    """What a read-out learns.

    Parameters
    ----------
    values : array, shape (samples, outputs), or of int, shape (samples,)
        Standardised numbers, or classes from 0.
    train : int
        How many samples, from the first, are there to learn from; the others are for the score.
    classes : int
        How many there are; 0 for numbers.
    score : callable
        What the task is judged by, of `astrobrian.studies.ratio.scores`: gets what was predicted, shape
        (samples, outputs), and the values.
    """

    values: np.ndarray
    train: int
    classes: int = 0
    score: Callable[[np.ndarray, np.ndarray], np.ndarray] = nrmse

    @property
    def outputs(self) -> int:
        """How many numbers a read-out gives."""
        return self.classes or self.values.shape[1]


@dataclass(frozen=True)
class Task:
    """What drives one liquid and is asked of it; of one name, all have the same shapes whatever their seed.

    Parameters
    ----------
    name : str
    inputs : array, shape (steps, channels)
        Standardised.
    washin : int
        Steps in which rates are controlled and nothing is read.
    every : int
        A sample is read at the last of so many steps: at the steps ``washin + every*(k + 1) - 1``.
    targets : Mapping[str, Target]
        By horizon, or whatever else distinguishes what is asked of the same states.
    continuation : array, shape (steps, channels), optional
        Where the read-out of the target ``"one step"`` may be asked to go on by itself: how the series goes on after
        the last sample, standardised as `inputs` are.
    free_segments : sequence of (int, int)
        First step, and the one after the last, of each part of the continuation in which each input is what the
        read-out predicted from the states one step before. Elsewhere the input is the continuation itself.

    Raises
    ------
    ValueError
        If the wash-in isn't a multiple of `every`, or leaves no sample.
    """

    name: str
    inputs: np.ndarray
    washin: int
    every: int
    targets: Mapping[str, Target]
    continuation: np.ndarray | None = None
    free_segments: Sequence[tuple[int, int]] = ()

    def __post_init__(self) -> None:
        if self.washin % self.every or self.samples < 1:
            raise ValueError(
                f"{self.name} has a wash-in of {self.washin} of its {len(self.inputs)} steps, and is read every "
                f"{self.every}: the wash-in must be a multiple of that, and there must be a sample after it"
            )

    @property
    def samples(self) -> int:
        """How often the states are read."""
        return (len(self.inputs) - self.washin) // self.every


def standardised(series: np.ndarray, learned: int) -> np.ndarray:
    """A series less the mean of its first samples, over their standard deviation; each column by itself.

    Parameters
    ----------
    series : array, shape (steps, columns)
    learned : int
        How many of the first there are; nothing is known of the others before the test.
    """
    known = series[:learned]
    return (series - known.mean(axis=0)) / known.std(axis=0)
