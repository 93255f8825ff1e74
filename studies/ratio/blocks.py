"""Many liquids as one network: which units and which input channels are whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from astrobrian.studies.ratio.liquids import Arm, Liquid
from astrobrian.studies.ratio.tasks.task import Task

Key = TypeVar("Key")

#: Arms that have astrocytes; the others have neurons in their place.
WITH_ASTROCYTES = frozenset({Arm.MIXED, Arm.UNCONNECTED})

# as in astrobrian/standalone/templates/summed_variable.cpp, and a multiple of what any processor handles at once
_BLOCK = 256


@dataclass(frozen=True)
class Blocks:
    """Where the units of each liquid are in a population of neurons and in one of astrocytes.

    Parameters
    ----------
    neurons : Mapping[Liquid, slice]
        Its neurons first, then those that it has in the place of astrocytes.
    astrocytes : Mapping[Liquid, slice]
        Empty where it has neurons in their place.
    channels : Mapping[int, slice]
        The input of a seed among the channels of all seeds.
    """

    neurons: Mapping[Liquid, slice]
    astrocytes: Mapping[Liquid, slice]
    channels: Mapping[int, slice]

    @property
    def silent(self) -> tuple[slice, slice]:
        """The units of both populations that are of no liquid, at the end, and are never to spike: at least one.

        They fill the populations up to whole blocks of a compiled loop. What is left over from those is rounded in
        another way, and what a liquid does would depend on where in a population it is.
        """
        ends = (max(each.stop for each in places.values()) for places in (self.neurons, self.astrocytes))
        first, second = (slice(end, in_blocks(end + 1)) for end in ends)
        return first, second

    def of(self, liquid: Liquid, neurons: np.ndarray, astrocytes: np.ndarray) -> np.ndarray:
        """What a liquid has of values of both populations, their last axis being the units; its neurons come first."""
        parts = neurons[..., self.neurons[liquid]], astrocytes[..., self.astrocytes[liquid]]
        return np.concatenate(parts, axis=-1)

    def apart(self, liquid: Liquid, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The inverse of `of`, for values whose first axis is the units of a liquid."""
        here = self.neurons[liquid]
        return values[: here.stop - here.start], values[here.stop - here.start :]


def arrange(liquids: Sequence[Liquid], tasks: Mapping[int, Task]) -> Blocks:
    """Put the liquids, and the inputs of their seeds, one after the other.

    Parameters
    ----------
    liquids : Sequence[Liquid]
    tasks : Mapping[int, Task]
        By seed.

    Raises
    ------
    ValueError
        If there are no liquids, one of them has no units, is there twice or has no task, or the tasks aren't alike.
    """
    _check_liquids(liquids)
    seeds = sorted({liquid.seed for liquid in liquids})
    _check_tasks(seeds, tasks)
    astrocytes = [each.astrocytes if each.arm in WITH_ASTROCYTES else 0 for each in liquids]
    neurons = [each.size - other for each, other in zip(liquids, astrocytes, strict=True)]
    channels = [tasks[seed].inputs.shape[1] for seed in seeds]
    return Blocks(_in_a_row(liquids, neurons), _in_a_row(liquids, astrocytes), _in_a_row(seeds, channels))


def in_blocks(number: int) -> int:
    """The least multiple of the length of a block that isn't less."""
    return -(-number // _BLOCK) * _BLOCK


def inputs(blocks: Blocks, tasks: Mapping[int, Task]) -> np.ndarray:
    """The series of all channels, an array of shape (steps, channels)."""
    return np.concatenate([tasks[seed].inputs for seed in blocks.channels], axis=1)


def _in_a_row(keys: Sequence[Key], lengths: Sequence[int]) -> dict[Key, slice]:
    ends = np.cumsum(lengths).tolist()
    return {key: slice(end - length, end) for key, length, end in zip(keys, lengths, ends, strict=True)}


def _check_liquids(liquids: Sequence[Liquid]) -> None:
    if not liquids:
        raise ValueError("there are no liquids to simulate; give at least one")
    seen = set()
    for liquid in liquids:
        if min(liquid.neurons, liquid.astrocytes) < 0 or not liquid.size:
            raise ValueError(f"{liquid} can't be simulated: it needs neurons or astrocytes")
        if liquid in seen:
            raise ValueError(f"{liquid} is given twice; give each liquid once")
        seen.add(liquid)


def _check_tasks(seeds: Sequence[int], tasks: Mapping[int, Task]) -> None:
    for seed in seeds:
        if seed not in tasks:
            known = ", ".join(map(str, sorted(tasks))) or "none"
            raise ValueError(f"there is no task for seed {seed}; there are tasks for {known}")
    first = tasks[seeds[0]]
    for seed in seeds[1:]:
        task = tasks[seed]
        if _shape(task) != _shape(first):
            raise ValueError(
                "tasks of one batch differ in nothing but their numbers, but (name, shape of the inputs, wash-in, "
                f"every) are {_shape(first)} for seed {seeds[0]} and {_shape(task)} for seed {seed}"
            )


def _shape(task: Task) -> tuple[object, ...]:
    return task.name, task.inputs.shape, task.washin, task.every
