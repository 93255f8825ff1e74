"""What a free run is made of, whatever the units: the continuation of a task, and where it is left to the liquid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from astrobrian.studies.ratio.blocks import Blocks, arrange
from astrobrian.studies.ratio.liquids import Liquid
from astrobrian.studies.ratio.tasks.task import Task


def prepare(
    liquids: Sequence[Liquid],
    tasks: Mapping[int, Task],
    bias: Mapping[Liquid, np.ndarray],
    weights: Mapping[Liquid, np.ndarray],
) -> tuple[Blocks, dict[int, Task]]:
    """Where each liquid is, and the tasks with their continuation as input.

    Parameters
    ----------
    liquids, tasks, bias, weights
        As in `astrobrian.studies.ratio.simulate.run_free`.

    Raises
    ------
    ValueError
        As there.
    """
    arrange(liquids, tasks)  # so that what is missing is said before what is made of it
    continued = {liquid.seed: _on_continuation(tasks[liquid.seed]) for liquid in liquids}
    blocks = arrange(liquids, continued)
    width = continued[liquids[0].seed].inputs.shape[1]
    _check_shapes("the bias", bias, {liquid: (liquid.size,) for liquid in liquids})
    _check_shapes("the weights", weights, {liquid: (liquid.size + 1, width) for liquid in liquids})
    return blocks, continued


def is_free(task: Task) -> np.ndarray:
    """1 in the steps of free segments."""
    free = np.zeros(len(task.inputs))
    for start, stop in task.free_segments:
        free[start:stop] = 1
    return free


def _on_continuation(task: Task) -> Task:
    """The same, with its continuation as input, none of which is a wash-in."""
    if task.continuation is None:
        raise ValueError(f"{task.name} has no continuation, so that nothing can run freely in it")
    return replace(task, inputs=task.continuation, washin=0)


def _check_shapes(
    what: str, arrays: Mapping[Liquid, np.ndarray], shapes: Mapping[Liquid, tuple[int, ...]]
) -> None:
    """Raises ValueError if a liquid has no array, or one of another shape."""
    for liquid, shape in shapes.items():
        found = arrays[liquid].shape if liquid in arrays else None
        if found != shape:
            raise ValueError(f"{what} of {liquid} is to be an array of shape {shape}, got {found or 'none'}")
