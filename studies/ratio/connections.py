"""What the networks of formal and of biophysical liquids have in common: their input and lists of connections.

There are two populations, neurons and astrocytes, each with silent units after those of the liquids. The program that is
generated for a network depends on how large the liquids are and not on how they are wired: lists of connections are
filled up to the most that there can be, with connections of no weight between silent units.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np
from brian2 import Equations, NeuronGroup, Quantity, TimedArray

from astrobrian.studies.ratio.blocks import WITH_ASTROCYTES, Blocks, in_blocks
from astrobrian.studies.ratio.constants import Constants
from astrobrian.studies.ratio.liquids import Arm, Liquid
from astrobrian.studies.ratio.wiring import Edges, Wired, wire

#: The population of neurons, and of what is in the place of astrocytes in some arms; and that of astrocytes.
FIRST, SECOND = range(2)


def make_channels(
    liquids: Sequence[Liquid],
    blocks: Blocks,
    equations: str | Equations,
    series: np.ndarray,
    step: Quantity,
    **namespace: TimedArray,
) -> NeuronGroup:
    """The input of all liquids, each its own; the equations say what ``signal`` is made of ``series(t, source)``.

    Parameters
    ----------
    liquids : Sequence[Liquid]
    blocks : Blocks
    equations : str or Equations
    series : array, shape (steps, channels of all seeds)
    step : Quantity
        How long one of the steps is.
    **namespace
        What else the equations read.
    """
    ranges = [blocks.channels[liquid.seed] for liquid in liquids]
    source = np.concatenate([np.arange(each.start, each.stop) for each in ranges])
    channels = NeuronGroup(
        len(source),
        Equations("source : integer (constant)") + equations,
        method="exponential_euler",
        dt=step,
        name="channels",
        namespace={"series": TimedArray(series, dt=step, name="series"), **namespace},
    )
    channels.source = source
    return channels


def unit_channel_pairs(
    liquids: Sequence[Liquid], blocks: Blocks, weights: Mapping[Liquid, np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Each unit of a liquid with each of its channels: unit, channel and weight, for either population.

    Parameters
    ----------
    liquids : Sequence[Liquid]
    blocks : Blocks
    weights : Mapping[Liquid, array of shape (size, channels)]
    """
    for order, (places, silent) in enumerate(
        zip((blocks.neurons, blocks.astrocytes), blocks.silent, strict=True)
    ):
        units, channels, values = [], [], []
        for number, liquid in enumerate(liquids):
            part_of_it = blocks.apart(liquid, weights[liquid])[order]
            here, width = places[liquid], part_of_it.shape[1]
            units.append(np.repeat(np.arange(here.start, here.stop), width))
            channels.append(np.tile(np.arange(number * width, (number + 1) * width), len(part_of_it)))
            values.append(part_of_it.ravel())
        # summed in whole blocks, of which there is one in any case
        found = sum(map(len, units))
        missing = in_blocks(found + 1) - found
        units.append(np.full(missing, silent.start))
        channels.append(np.zeros(missing, int))
        values.append(np.zeros(missing))
        yield np.concatenate(units), np.concatenate(channels), np.concatenate(values)


def in_populations(
    liquids: Sequence[Liquid], blocks: Blocks, values: Mapping[Liquid, np.ndarray]
) -> list[np.ndarray]:
    """What each unit of both populations has; the silent ones 0."""
    both = zip(*(blocks.apart(liquid, values[liquid]) for liquid in liquids), strict=True)
    return [
        np.concatenate([*parts, np.zeros(silent.stop - silent.start)])
        for parts, silent in zip(both, blocks.silent, strict=True)
    ]


def wire_all(liquids: Sequence[Liquid], width: int, constants: Constants) -> dict[Liquid, Wired]:
    """The wiring of each; arms whose wiring is the same share it."""
    kept: dict[tuple[int, int, int, bool], Wired] = {}
    found = {}
    for liquid in liquids:
        connected = liquid.arm is not Arm.UNCONNECTED
        key = liquid.neurons, liquid.astrocytes, liquid.seed, connected
        if key not in kept:
            kept[key] = wire(*key[:3], width, constants.wiring, connected)
        found[liquid] = kept[key]
    return found


def recurrent(
    liquids: Sequence[Liquid], blocks: Blocks, wired: Mapping[Liquid, Wired]
) -> dict[tuple[int, int], Edges]:
    """Connections among units, from each population to each, as many as there can be of liquids of these sizes."""
    parts: dict[tuple[int, int], list[Edges]] = defaultdict(list)
    most: dict[tuple[int, int], int] = defaultdict(int)
    for liquid in liquids:
        for from_astrocyte, to_astrocyte, edges, number in _kinds(liquid, wired[liquid]):
            source, first_source = _place(liquid, blocks, from_astrocyte)
            target, first_target = _place(liquid, blocks, to_astrocyte)
            shifted = Edges(first_source + edges.source, first_target + edges.target, edges.weight)
            parts[source, target].append(shifted)
            most[source, target] += number
    silent = [each.start for each in blocks.silent]
    return {
        (source, target): _filled_up(
            parts[source, target], most[source, target] + 1, silent[source], silent[target]
        )
        for source, target in product((FIRST, SECOND), repeat=2)
    }


def _kinds(liquid: Liquid, wired: Wired) -> Iterator[tuple[bool, bool, Edges, int]]:
    """Connections from and to astrocytes or what is in their place, and how many there can be whatever the seed."""
    synapses = len(wired.synapses)
    pairs = min(synapses, liquid.neurons * liquid.astrocytes)
    yield False, False, wired.synapses, synapses
    yield False, True, wired.listening, pairs
    yield True, False, wired.talking, pairs
    yield True, True, wired.coupling, len(wired.coupling)


def _place(liquid: Liquid, blocks: Blocks, astrocytic: bool) -> tuple[int, int]:
    """The population, and the first unit in it."""
    if astrocytic and liquid.arm in WITH_ASTROCYTES:
        return SECOND, blocks.astrocytes[liquid].start
    return FIRST, blocks.neurons[liquid].start + astrocytic * liquid.neurons


def _filled_up(parts: Sequence[Edges], number: int, silent_source: int, silent_target: int) -> Edges:
    """All of them and, up to this number, connections of no weight between silent units."""
    missing = number - sum(map(len, parts))
    silent = Edges(np.full(missing, silent_source), np.full(missing, silent_target), np.zeros(missing))
    everything = [*parts, silent]
    return Edges(
        np.concatenate([each.source for each in everything]),
        np.concatenate([each.target for each in everything]),
        np.concatenate([each.weight for each in everything]),
    )
