"""Biophysical liquids: integrate-and-fire neurons, and astrocytes with calcium and gliotransmission, many in one network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from brian2 import Network, NeuronGroup, Quantity, SpikeMonitor, StateMonitor, Synapses, TimedArray, uM

from astrobrian import build
from astrobrian.progress import Progress, reporting
from astrobrian.studies.ratio.biophysical_network import Cells, connect, make_cells, steps_of_time
from astrobrian.studies.ratio.blocks import Blocks, arrange, inputs
from astrobrian.studies.ratio.connections import in_populations, make_channels, unit_channel_pairs
from astrobrian.studies.ratio.constants import Constants
from astrobrian.studies.ratio.free_running import is_free, prepare
from astrobrian.studies.ratio.liquids import Liquid
from astrobrian.studies.ratio.project import project
from astrobrian.studies.ratio.states import States
from astrobrian.studies.ratio.tasks.task import Task

# the input of a liquid that may run freely
_PREDICTING = """
prediction = x_0 + from_neurons + from_astrocytes : 1
x_0 : 1 (constant)
from_neurons : 1
from_astrocytes : 1
signal = free(t)*prediction + (1 - free(t))*series(t, source) : 1 (constant over dt)
"""
# what is read of either cell, in the synapses of a read-out
_READ = {"neurons": "x_pre*steps_in_sample", "astrocytes": "C_pre/uM"}


def simulate(
    liquids: Sequence[Liquid],
    tasks: Mapping[int, Task],
    constants: Constants,
    *,
    backend: str = "cpp",
    progress: Progress | None = None,
) -> States:
    """`astrobrian.studies.ratio.simulate.simulate` for biophysical units."""
    blocks = arrange(liquids, tasks)
    task = tasks[liquids[0].seed]
    read = len(task.inputs) - task.washin
    step, sample = steps_of_time(constants.biophysical)
    with project(backend, step):
        cells = make_cells(liquids, blocks, constants.biophysical)
        neurons, astrocytes = cells
        at_rheobase = {liquid: np.ones(liquid.size) for liquid in liquids}
        neurons.b, _ = in_populations(liquids, blocks, at_rheobase)
        signal = "signal = series(t, source) : 1 (constant over dt)"
        channels = make_channels(liquids, blocks, signal, inputs(blocks, tasks), sample)
        connections = connect(liquids, blocks, cells, channels, constants)
        states, events = _monitors(cells, task.every * sample)
        network = Network(cells, channels, connections, states, events)
        with reporting(progress, len(task.inputs) * sample + step) as report:
            for monitor in (*states, *events):
                monitor.active = False
            # states are recorded at the beginning of a step, so that those after the last sample need one step more
            network.run(task.washin * sample + step, **report)
            for monitor in (*states, *events):
                monitor.active = True
            neurons.eta_b = 0
            network.run(read * sample, **report)
            build()
        traces, calcium = (
            monitor.variables[name].get_value() for monitor, name in zip(states, "xC", strict=True)
        )
        traces = traces * np.float32(sample / step)
        calcium = (calcium / float(uM)).astype(np.float32)
        rates = [monitor.count[:] / read for monitor in events]
        bias = neurons.b[:], np.zeros(len(astrocytes))
        return States(
            of={liquid: blocks.of(liquid, traces, calcium) for liquid in liquids},
            rates={liquid: blocks.of(liquid, *rates) for liquid in liquids},
            bias={liquid: blocks.of(liquid, *bias) for liquid in liquids},
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
    """`astrobrian.studies.ratio.simulate.run_free` for biophysical units."""
    blocks, continued = prepare(liquids, tasks, bias, weights)
    task = continued[liquids[0].seed]
    steps, width = task.inputs.shape
    step, sample = steps_of_time(constants.biophysical)
    with project(backend, step):
        cells = make_cells(liquids, blocks, constants.biophysical)
        neurons, _ = cells
        neurons.b, _ = in_populations(liquids, blocks, bias)
        neurons.eta_b = 0
        free = TimedArray(is_free(task), dt=sample, name="free")
        channels = make_channels(liquids, blocks, _PREDICTING, inputs(blocks, continued), sample, free=free)
        channels.x_0 = np.concatenate([weights[liquid][-1] for liquid in liquids])
        predictions = StateMonitor(channels, "prediction", record=True, dt=sample, name="predictions")
        connections = connect(liquids, blocks, cells, channels, constants)
        connections += _read_outs(liquids, blocks, cells, channels, weights, sample / step)
        network = Network(cells, channels, connections, predictions)
        with reporting(progress, steps * sample) as report:
            network.run(steps * sample, **report)
            build()
        values = predictions.variables["prediction"].get_value().reshape(steps, len(liquids), width)
        return {liquid: values[:, number].copy() for number, liquid in enumerate(liquids)}


def _monitors(cells: Cells, dt: Quantity) -> tuple[list[StateMonitor], list[SpikeMonitor]]:
    """Of what is read, and of numbers of spikes and of releases."""
    read = [
        StateMonitor(group, name, record=True, dt=dt, name=f"states_of_{group.name}")
        for group, name in zip(cells, "xC", strict=True)
    ]
    return read, [SpikeMonitor(group, record=False, name=f"events_of_{group.name}") for group in cells]


def _read_outs(
    liquids: Sequence[Liquid],
    blocks: Blocks,
    cells: Cells,
    channels: NeuronGroup,
    weights: Mapping[Liquid, np.ndarray],
    steps_in_sample: float,
) -> list[Synapses]:
    """From the cells to the channels, on the clock of these."""
    made = []
    slopes = {liquid: weights[liquid][:-1] for liquid in liquids}
    for group, (cell, channel, weight) in zip(
        cells, unit_channel_pairs(liquids, blocks, slopes), strict=True
    ):
        into = f"from_{group.name}"
        synapses = Synapses(
            group,
            channels,
            f"w : 1 (constant)\n{into}_post = w*{_READ[group.name]} : 1 (summed)",
            namespace={"steps_in_sample": float(steps_in_sample)},
            name=f"read_{group.name}",
        )
        synapses.connect(i=cell, j=channel)
        synapses.w = weight
        updater = synapses.summed_updaters[f"{into}_post"]
        updater.when, updater.order = "before_start", -1  # than the input is made of it
        made.append(synapses)
    return made
