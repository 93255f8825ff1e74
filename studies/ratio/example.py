"""What one liquid does, to look at: its spikes, and the calcium of biophysical astrocytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from brian2.utils.logger import catch_logs

from astrobrian.studies.ratio.constants import Constants
from astrobrian.studies.ratio.liquids import Arm, Liquid, Units
from astrobrian.studies.ratio.simulate import simulate
from astrobrian.studies.ratio.tasks import TASKS
from astrobrian.studies.style import ASTROCYTE, EXCITATORY, NEUTRAL, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NEURONS, ASTROCYTES = 64, 128
_WASHIN, _SHOWN = 500, 300  # samples
_TRACES = 5


@dataclass(frozen=True)
class Example:
    """A short stretch of one mixed liquid that Lorenz's attractor drives.

    Parameters
    ----------
    liquid : Liquid
    inputs : array, shape (samples, channels)
    states : array, shape (samples, units)
        As in `States`, neurons first.
    decay : float
        What is left after a sample of a trace of spikes.
    rise : float
        What a spike adds to it.
    """

    liquid: Liquid
    inputs: np.ndarray
    states: np.ndarray
    decay: float
    rise: float

    def spikes(self, units: slice) -> tuple[np.ndarray, np.ndarray]:
        """Samples and units with a spike: where the trace rises more than its decay allows."""
        trace = self.states[:, units]
        risen = trace[1:] - self.decay * trace[:-1] > self.rise / 2
        sample, unit = np.nonzero(risen)
        return sample + 1, unit


def example(units: Units, constants: Constants, seed: int = 0) -> Example:
    """Simulate one liquid, two astrocytes for a neuron; without a compiler, which would take longer."""
    series = replace(constants.series, washin=_WASHIN, train=_SHOWN, test=_SHOWN // 2)
    task = TASKS["lorenz"](seed, series)
    liquid = Liquid(units, Arm.MIXED, NEURONS, ASTROCYTES, seed)
    with catch_logs():  # that some synapses are covered by no astrocyte is as it should be
        states = simulate([liquid], {seed: task}, replace(constants, series=series), backend="numpy")
    inputs = task.inputs[task.washin : task.washin + _SHOWN]
    if units is Units.FORMAL:
        sample = step = 1 / constants.formal.tau_trace
    else:
        sample, step = (
            each / constants.biophysical.tau_trace
            for each in (constants.biophysical.sample, constants.biophysical.dt)
        )
    return Example(
        liquid, inputs, states.of[liquid][:_SHOWN], float(np.exp(-sample)), float(1 - np.exp(-step))
    )


def plot(shown: Example) -> Figure:
    """Input, spikes of the neurons, and what the astrocytes do."""
    neurons = slice(0, shown.liquid.neurons)
    astrocytes = slice(shown.liquid.neurons, None)
    figure, axes = panels([1, 2, 2], size=(7.5, 5.0))
    axes[0].plot(shown.inputs, linewidth=0.8, color=NEUTRAL)
    axes[0].set(ylabel="input")
    _raster(axes[1], shown, neurons, EXCITATORY)
    axes[1].set(ylabel="neurons")
    if shown.liquid.units is Units.FORMAL:
        _raster(axes[2], shown, astrocytes, ASTROCYTE)
        axes[2].set(ylabel="astrocyte-like units")
    else:
        calcium = shown.states[:, astrocytes]
        axes[2].plot(calcium[:, :: max(1, calcium.shape[1] // _TRACES)], linewidth=0.9, color=ASTROCYTE)
        axes[2].set(ylabel="calcium of some ($\\mu$M)")
    axes[2].set(xlabel="sample of the task", xlim=(0, len(shown.states)))
    figure.suptitle(
        f"{shown.liquid.units} liquid, {shown.liquid.neurons} neurons and {shown.liquid.astrocytes} astrocytes, "
        "driven by Lorenz's attractor",
        fontsize=9,
    )
    return figure


def _raster(ax: Axes, shown: Example, units: slice, colour: str) -> None:
    sample, unit = shown.spikes(units)
    ax.plot(sample, unit, "|", color=colour, markersize=2, markeredgewidth=0.6, rasterized=True)
