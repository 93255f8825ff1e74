"""A series that drives a liquid, and what is to be read from its states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


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
    """

    values: np.ndarray
    train: int
    classes: int = 0

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
    free_run : bool
        Whether the read-out of the target ``"one step"`` may be asked to go on by itself.
    """

    name: str
    inputs: np.ndarray
    washin: int
    every: int
    targets: Mapping[str, Target]
    free_run: bool = False

    @property
    def samples(self) -> int:
        """How often the states are read."""
        return (len(self.inputs) - self.washin) // self.every
