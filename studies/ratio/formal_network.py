"""What liquids of formal units are as Brian2 objects: their units, their input, and all connections.

A step of the task is a step of the simulation. The spikes of a step are what it ends with; what they do to their own unit
and to others happens in the next one, as in snnTorch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from brian2 import NeuronGroup, Synapses, ms

from astrobrian import Neurons
from astrobrian.equations import first_order_unit, rate_control, second_order_unit, spike_trace
from astrobrian.studies.ratio.blocks import Blocks
from astrobrian.studies.ratio.connections import FIRST, SECOND, recurrent, unit_channel_pairs, wire_all
from astrobrian.studies.ratio.constants import Constants, Formal
from astrobrian.studies.ratio.liquids import Arm, Liquid

#: Of the simulation: a step of the task.
STEP = 1 * ms
#: A reset, and what synapses do, come after the decay of a step. What is above threshold after that is looked for when the
#: next step begins: Brian2 forgets at the end of a run the spikes that were found and have done nothing yet.
SCHEDULE = ["thresholds", "start", "groups", "resets", "synapses", "end"]
#: The two populations: neurons, and what else is of first order; 'astrocyte-like' units.
ORDERS = ("first", "second")

# what a spike adds to; a membrane gets a synaptic current in the step in which that comes
_ON_PRE = ("u_post += w", "c_post += w\nu_post += w")

Populations = tuple[Neurons, Neurons]
"""Each with silent units after those of the liquids."""


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
            silent.stop,
            model + control + trace,
            method="exponential_euler",
            name=f"units_{order}",
            dtype={"x": np.float32},  # as it is read: half the memory
        )
        for silent, model, order in zip(blocks.silent, models, ORDERS, strict=True)
    )
    first.tau_u = _time_constants(liquids, blocks, formal) * STEP
    for each, silent in zip((first, second), blocks.silent, strict=True):
        gain = np.full(len(each), 1 / part(formal.tau_mem))
        gain[silent] = 0
        each.g_u = gain
    return first, second


def connect(
    liquids: Sequence[Liquid], blocks: Blocks, units: Populations, channels: NeuronGroup, constants: Constants
) -> list[Synapses]:
    """All connections to units."""
    formal = constants.formal
    width = len(channels) // len(liquids)
    wired = wire_all(liquids, width, constants)
    scales = (
        part(_time_constants(liquids, blocks, formal)) / part(formal.tau_mem),
        np.full(len(units[SECOND]), part(formal.tau_syn)),
    )
    made = []
    for (source, target), edges in recurrent(liquids, blocks, wired).items():
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


def _time_constants(liquids: Sequence[Liquid], blocks: Blocks, formal: Formal) -> np.ndarray:
    """Of the membranes of first order, in steps."""
    tau = np.full(blocks.silent[FIRST].stop, formal.tau_mem)
    for liquid in liquids:
        if liquid.arm is Arm.SLOW:
            tau[blocks.neurons[liquid]][liquid.neurons :] = formal.tau_syn
    return tau
