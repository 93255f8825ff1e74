"""Liquids of formal units: neurons of first order and 'astrocyte-like' units of second order, many in one network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from brian2 import Equations, Network, NeuronGroup, SpikeMonitor, StateMonitor, Synapses, TimedArray

from astrobrian import build
from astrobrian.equations import spike_trace
from astrobrian.progress import Progress, reporting
from astrobrian.studies.ratio.blocks import Blocks, arrange, inputs
from astrobrian.studies.ratio.connections import in_populations, make_channels, unit_channel_pairs
from astrobrian.studies.ratio.constants import Constants, Formal
from astrobrian.studies.ratio.formal_network import (
    ORDERS,
    SCHEDULE,
    STEP,
    Populations,
    connect,
    make_units,
    part,
)
from astrobrian.studies.ratio.free_running import is_free, prepare
from astrobrian.studies.ratio.liquids import Liquid
from astrobrian.studies.ratio.project import project
from astrobrian.studies.ratio.states import States
from astrobrian.studies.ratio.tasks.task import Task
from astrobrian.values import assign_values

# the input of a liquid that may run freely; x is the trace of the spikes that its read-out has weighted
_PREDICTING = """
prediction = x + x_0 : 1
x_0 : 1 (constant)
signal = free(t)*prediction + (1 - free(t))*series(t, source) : 1 (constant over dt)
"""


def simulate(
    liquids: Sequence[Liquid],
    tasks: Mapping[int, Task],
    constants: Constants,
    *,
    backend: str = "cpp",
    progress: Progress | None = None,
) -> States:
    """`astrobrian.studies.ratio.simulate.simulate` for formal units."""
    blocks = arrange(liquids, tasks)
    task = tasks[liquids[0].seed]
    read = len(task.inputs) - task.washin
    with project(backend, STEP):
        units = make_units(liquids, blocks, constants.formal)
        for each in units:
            each.b = constants.formal.rate
        signal = "signal = series(t, source) : 1 (constant over dt)"
        channels = make_channels(liquids, blocks, signal, inputs(blocks, tasks), STEP)
        synapses = connect(liquids, blocks, units, channels, constants)
        traces, spikes = _monitors(units, task.every)
        network = Network(units, channels, synapses, traces, spikes)
        network.schedule = SCHEDULE
        with reporting(progress, (len(task.inputs) + 1) * STEP) as report:
            for monitor in (*traces, *spikes):
                monitor.active = False
            network.run((task.washin + 1) * STEP, **report)
            for monitor in (*traces, *spikes):
                monitor.active = True
            for each in units:
                each.eta_b = 0
            network.run(read * STEP, **report)
            build()
        states = [monitor.variables["x"].get_value() for monitor in traces]
        rates = [monitor.count[:] / read for monitor in spikes]
        biases = [each.b[:] for each in units]
        return States(
            of={liquid: blocks.of(liquid, *states) for liquid in liquids},
            rates={liquid: blocks.of(liquid, *rates) for liquid in liquids},
            bias={liquid: blocks.of(liquid, *biases) for liquid in liquids},
        )


def run_free(
    liquids: Sequence[Liquid],
    tasks: Mapping[int, Task],
    constants: Constants,
    bias: Mapping[Liquid, np.ndarray],
    weights: Mapping[Liquid, np.ndarray],
    *,
    backend: str = "cpp",
    progress: Progress | None = None,
) -> dict[Liquid, np.ndarray]:
    """`astrobrian.studies.ratio.simulate.run_free` for formal units."""
    blocks, continued = prepare(liquids, tasks, bias, weights)
    task = continued[liquids[0].seed]
    steps, width = task.inputs.shape
    with project(backend, STEP):
        units = make_units(liquids, blocks, constants.formal)
        for each, values in zip(units, in_populations(liquids, blocks, bias), strict=True):
            each.b = values
            each.eta_b = 0
        trace = spike_trace(tau_x=constants.formal.tau_trace * STEP)
        channels = make_channels(
            liquids,
            blocks,
            trace.equations + Equations(_PREDICTING),
            inputs(blocks, continued),
            STEP,
            free=TimedArray(is_free(task), dt=STEP, name="free"),
        )
        assign_values(channels, trace)
        channels.x_0 = np.concatenate([weights[liquid][-1] for liquid in liquids])
        predictions = StateMonitor(channels, "prediction", record=True, name="predictions")
        synapses = connect(liquids, blocks, units, channels, constants)
        synapses += _read_outs(liquids, blocks, units, channels, weights, constants.formal)
        network = Network(units, channels, synapses, predictions)
        network.schedule = SCHEDULE
        with reporting(progress, steps * STEP) as report:
            network.run(steps * STEP, **report)
            build()
        values = predictions.variables["prediction"].get_value().reshape(steps, len(liquids), width)
        return {liquid: values[:, number].copy() for number, liquid in enumerate(liquids)}


def _monitors(units: Populations, every: int) -> tuple[list[StateMonitor], list[SpikeMonitor]]:
    """Of traces and of numbers of spikes; both see a spike when it resets its unit, one step after it."""
    named = list(zip(units, ORDERS, strict=True))
    when = "after_resets"
    return (
        [StateMonitor(u, "x", record=True, dt=every * STEP, when=when, name=f"traces_{o}") for u, o in named],
        [SpikeMonitor(u, record=False, when=when, name=f"spikes_{o}") for u, o in named],
    )


def _read_outs(
    liquids: Sequence[Liquid],
    blocks: Blocks,
    units: Populations,
    channels: NeuronGroup,
    weights: Mapping[Liquid, np.ndarray],
    formal: Formal,
) -> list[Synapses]:
    """From the units to the channels: a weighted sum of traces of spikes is a trace of weighted spikes."""
    made = []
    slopes = {liquid: weights[liquid][:-1] * part(formal.tau_trace) for liquid in liquids}
    for order, group, (unit, channel, weight) in zip(
        ORDERS, units, unit_channel_pairs(liquids, blocks, slopes), strict=True
    ):
        synapses = Synapses(group, channels, "w : 1 (constant)", on_pre="x_post += w", name=f"read_{order}")
        synapses.connect(i=unit, j=channel)
        synapses.w = weight
        synapses.pre.when, synapses.pre.order = "before_start", -1  # than the input is made of it
        made.append(synapses)
    return made
