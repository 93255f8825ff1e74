"""A trial: what one read-out of one liquid learned. A row of the store, and of the table that the statistics read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from astrobrian.studies.ratio.liquids import Liquid


class Design(StrEnum):
    """How many inputs the read-out has."""

    WIDE = "wide"  #: one for each unit, as they are: the published design, in which it grows with the liquid
    FIXED = "fixed"  #: the same number for all liquids: standardised states, projected at random


class Reader(StrEnum):
    """What learns."""

    MLP = "mlp"  #: three layers, by Adam; the slope of its loss is the published 'learning rate'
    RIDGE = "ridge"  #: linear, in closed form


class Trial(NamedTuple):
    """What names a trial.

    Parameters
    ----------
    liquid : Liquid
    task, target : str
        As in `Task.name` and `Task.targets`; ``"free run"`` is a target of its own.
    design : Design
    reader : Reader
    """

    liquid: Liquid
    task: str
    target: str
    design: Design
    reader: Reader


@dataclass(frozen=True)
class Outcome:
    """What came out of a trial; None where it has no meaning, such as a slope of a ridge regression.

    Parameters
    ----------
    error : str
        Why the trial failed; empty if it didn't.
    learning_rate : float, optional
        Slope of the training loss over the epochs, by least squares, a unit of loss an epoch: the more negative, the
        faster.
    relative_learning_rate : float, optional
        The same of the logarithm of the loss, which doesn't depend on where the loss began.
    initial_loss, final_loss : float, optional
        Of the training samples, before the first epoch and after the last.
    epochs_to_threshold : float, optional
        Until the loss is at a part of the initial one; infinite if it never is.
    nrmse : float, optional
        Root of the mean squared error over the standard deviation, of the test samples.
    score : float, optional
        What the task is judged by: memory capacity, accuracy, the valid prediction time of a free run in Lyapunov
        times; for others the same as `nrmse`.
    parameters : int
        How many numbers the read-out has.
    neuron_rate, astrocyte_rate : float, optional
        Mean spikes a step.
    dead, saturated : float
        Part of the units that (almost) never spike, or (almost) always.
    degenerate : bool
        More than half of the units are one or the other.
    losses : tuple of float
        Of the training samples before the first epoch and after each.
    """

    error: str = ""
    learning_rate: float | None = None
    relative_learning_rate: float | None = None
    initial_loss: float | None = None
    final_loss: float | None = None
    epochs_to_threshold: float | None = None
    nrmse: float | None = None
    score: float | None = None
    parameters: int = 0
    neuron_rate: float | None = None
    astrocyte_rate: float | None = None
    dead: float = 0.0
    saturated: float = 0.0
    degenerate: bool = False
    losses: tuple[float, ...] = ()
