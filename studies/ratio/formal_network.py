"""What liquids of formal units are as Brian2 objects: their units, their input, and all connections.

A step of the task is a step of the simulation. The spikes of a step are found at its end; what they do to their own unit
and to others happens in the next one, as in snnTorch.

The program that is generated for them depends on how large the liquids are and not on how they are wired: lists of
synapses are filled up to the most that there can be, with synapses of no weight between silent units.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt
from brian2 import Equations, NeuronGroup, Synapses, TimedArray, ms

from astrobrian import Neurons
from astrobrian.equations import first_order_unit, rate_control, second_order_unit, spike_trace
from astrobrian.studies.ratio.blocks import WITH_ASTROCYTES, Blocks
from astrobrian.studies.ratio.constants import Constants, Formal
from astrobrian.studies.ratio.liquids import Arm, Liquid
from astrobrian.studies.ratio.wiring import Edges, Wired, wire

#: Of the simulation: a step of the task.
STEP = 1 * ms
#: A reset, and what synapses do, come after the decay of the same step and before its threshold.
SCHEDULE = ["start", "groups", "resets", "synapses", "thresholds", "end"]
#: The two populations: neurons, and what else is of first order; 'astrocyte-like' units.
ORDERS = ("first", "second")

_FIRST, _SECOND = range(2)
# what a spike adds to; a membrane gets a synaptic current in the step in which that comes
_ON_PRE = ("u_post += w", "c_post += w\nu_post += w")

Populations = tuple[Neurons, Neurons]
"""Each with a silent unit after those of the liquids."""


def part(tau: npt.ArrayLike) -> np.ndarray:
    """What a leaky integrator takes of its input in one step; its time constant is in steps."""
    return -np.expm1(-1 / np.asarray(tau))


def make_units(liquids: Sequence[Liquid], blocks: Blocks, formal: Formal) -> Populations:
    """The units of all liquids, without connections."""
    control = rate_control(eta_b=formal.adaptation, r_b=formal.rate / STEP)
    trace = spike_trace(tau_x=formal.tau_trace * STEP)
    models = (
        first_order_unit.per_cell("tau_u", "g_u"),
        second_order_unit(tau_u=formal.tau_mem * STEP, tau_c=formal.tau_syn * STEP).per_cell("g_u"),
    )
    first, second = (
        Neurons(
            size + 1,
            model + control + trace,
            method="exponential_euler",
            name=f"units_{order}",
            dtype={"x": np.float32},  # as it is read: half the memory
        )
        for size, model, order in zip(blocks.sizes, models, ORDERS, strict=True)
    )
    first.tau_u = _time_constants(liquids, blocks, formal) * STEP
    for each in first, second:
        gain = np.full(len(each), 1 / part(formal.tau_mem))
        gain[-1] = 0
        each.g_u = gain
    return first, second


def make_channels(
    liquids: Sequence[Liquid],
    blocks: Blocks,
    equations: str | Equations,
    series: np.ndarray,
    **namespace: TimedArray,
) -> NeuronGroup:
    """The input of all liquids, each its own; the equations say what ``signal`` is made of ``series(t, source)``.

    Parameters
    ----------
    liquids : Sequence[Liquid]
    blocks : Blocks
    equations : str or Equations
    series : array, shape (steps, channels of all seeds)
    **namespace
        What else the equations read.
    """
    ranges = [blocks.channels[liquid.seed] for liquid in liquids]
    source = np.concatenate([np.arange(each.start, each.stop) for each in ranges])
    channels = NeuronGroup(
        len(source),
        Equations("source : integer (constant)") + equations,
        method="exponential_euler",
        name="channels",
        namespace={"series": TimedArray(series, dt=STEP, name="series"), **namespace},
    )
    channels.source = source
    return channels


def connect(
    liquids: Sequence[Liquid], blocks: Blocks, units: Populations, channels: NeuronGroup, constants: Constants
) -> list[Synapses]:
    """All connections to units."""
    formal = constants.formal
    width = len(channels) // len(liquids)
    wired = _wired(liquids, width, constants)
    scales = (
        part(_time_constants(liquids, blocks, formal)) / part(formal.tau_mem),
        np.full(len(units[_SECOND]), part(formal.tau_syn)),
    )
    made = []
    for (source, target), edges in _recurrent(liquids, blocks, wired).items():
        synapses = Synapses(
            units[source],
            units[target],
            "w : 1 (constant)",
            on_pre=_ON_PRE[target],
            name=f"{ORDERS[source]}_to_{ORDERS[target]}",
        )
        synapses.connect(i=edges.source, j=edges.target)
        synapses.w = edges.weight * scales[target][edges.target]
        made.append(synapses)
    pairs = unit_channel_pairs(liquids, blocks, {each: wired[each].inputs for each in liquids})
    for order, group, (unit, channel, weight) in zip(ORDERS, units, pairs, strict=True):
        synapses = Synapses(
            channels, group, "w : 1 (constant)\nI_post = w*signal_pre : 1 (summed)", name=f"input_of_{order}"
        )
        synapses.connect(i=channel, j=unit)
        synapses.w = weight
        made.append(synapses)
    return made


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
    for order, places in enumerate((blocks.neurons, blocks.astrocytes)):
        # the silent unit has one, so that there are some in any case
        units, channels, values = [np.array([blocks.sizes[order]])], [np.array([0])], [np.array([0.0])]
        for number, liquid in enumerate(liquids):
            part_of_it = blocks.apart(liquid, weights[liquid])[order]
            here, width = places[liquid], part_of_it.shape[1]
            units.append(np.repeat(np.arange(here.start, here.stop), width))
            channels.append(np.tile(np.arange(number * width, (number + 1) * width), len(part_of_it)))
            values.append(part_of_it.ravel())
        yield np.concatenate(units), np.concatenate(channels), np.concatenate(values)


def _time_constants(liquids: Sequence[Liquid], blocks: Blocks, formal: Formal) -> np.ndarray:
    """Of the membranes of first order, in steps."""
    tau = np.full(blocks.sizes[_FIRST] + 1, formal.tau_mem)
    for liquid in liquids:
        if liquid.arm is Arm.SLOW:
            tau[blocks.neurons[liquid]][liquid.neurons :] = formal.tau_syn
    return tau


def _wired(liquids: Sequence[Liquid], width: int, constants: Constants) -> dict[Liquid, Wired]:
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


def _recurrent(
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
    return {
        (source, target): _filled_up(
            parts[source, target], most[source, target] + 1, blocks.sizes[source], blocks.sizes[target]
        )
        for source, target in product((_FIRST, _SECOND), repeat=2)
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
        return _SECOND, blocks.astrocytes[liquid].start
    return _FIRST, blocks.neurons[liquid].start + astrocytic * liquid.neurons


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
