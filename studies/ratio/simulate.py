"""Simulate liquids, whatever their units are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType

import numpy as np

from astrobrian.progress import Progress
from astrobrian.studies.ratio import biophysical, formal
from astrobrian.studies.ratio.constants import Constants
from astrobrian.studies.ratio.liquids import Liquid, Units
from astrobrian.studies.ratio.states import States
from astrobrian.studies.ratio.tasks.task import Task

_OF_UNITS = {Units.FORMAL: formal, Units.BIOPHYSICAL: biophysical}


def simulate(
    liquids: Sequence[Liquid],
    tasks: Mapping[int, Task],
    constants: Constants,
    *,
    backend: str = "cpp",
    progress: Progress | None = None,
) -> States:
    """Drive liquids with the inputs of their tasks; their rates are controlled during the wash-in.

    What is read of a unit or a neuron are its low-pass filtered spikes, a sample of the task; of a biophysical astrocyte,
    its calcium in micromolar, and it has no bias.

    Parameters
    ----------
    liquids : Sequence[Liquid]
        All of the same units. What one of them does doesn't depend on the others.
    tasks : Mapping[int, Task]
        By seed; they differ in nothing but their numbers.
    constants : Constants
    backend : str, optional
        As in `astrobrian.use_backend`.
    progress : Progress, optional
        Is told how far the simulation has come.

    Returns
    -------
    States

    Raises
    ------
    ValueError
        If there are no liquids, their units differ, one of them has none, is there twice or has no task, the tasks
        aren't alike, or time steps of biophysical liquids don't go together.
    PhysicalRangeError
        If constants let a variable leave its physical range.

    Examples
    --------
    >>> liquid = Liquid(Units.FORMAL, Arm.MIXED, 64, 128, seed=0)
    >>> states = simulate([liquid], {0: lorenz(0, Series())}, Constants())
    >>> states.of[liquid].shape
    (4000, 192)
    """
    return _simulator(liquids).simulate(liquids, tasks, constants, backend=backend, progress=progress)


def run_free(
    liquids: Sequence[Liquid],
    tasks: Mapping[int, Task],
    constants: Constants,
    bias: Mapping[Liquid, np.ndarray],
    weights: Mapping[Liquid, np.ndarray],
    *,
    backend: str = "cpp",
    progress: Progress | None = None,
) -> Mapping[Liquid, np.ndarray]:
    """Let linear read-outs of the liquids make the input that they predict.

    The liquids start from nothing. Their input is the continuation of their task, but in its free segments it is what
    is predicted.

    Parameters
    ----------
    liquids, tasks, constants, backend, progress
        As in `simulate`.
    bias : Mapping[Liquid, array of shape (size,)]
        As `States.bias`; it stays as it is.
    weights : Mapping[Liquid, array of shape (size + 1, channels)]
        Of what can be read of each unit; the last row is the intercept.

    Returns
    -------
    dict[Liquid, array of shape (steps, channels)]
        What is predicted of each step of the continuation, from the states one step before.

    Raises
    ------
    ValueError
        As in `simulate`; or if a task has no continuation, or a bias or weights are missing or have another shape.

    Examples
    --------
    >>> predicted = run_free([liquid], tasks, constants, states.bias, {liquid: weights})
    >>> start, stop = tasks[0].free_segments[0]
    >>> predicted[liquid][start:stop] - tasks[0].continuation[start:stop]
    """
    run_free = _simulator(liquids).run_free
    return run_free(liquids, tasks, constants, bias, weights, backend=backend, progress=progress)


def _simulator(liquids: Sequence[Liquid]) -> ModuleType:
    units = sorted({liquid.units for liquid in liquids})
    if len(units) > 1:
        raise ValueError(
            f"liquids of one batch have the same units, got {' and '.join(units)}; simulate them apart"
        )
    if not units:
        raise ValueError("there are no liquids to simulate; give at least one")
    return _OF_UNITS[units[0]]
