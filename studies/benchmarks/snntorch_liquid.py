"""A liquid of formal units as a script in snnTorch has it: layers of torch, and a loop over the steps.

As the tutorials of snnTorch do, connections are `Linear` layers, the layers of neurons hand their states on from step to
step, and spikes are collected in a list. Nothing is recorded for training.
"""

from __future__ import annotations

import numpy as np
import snntorch
import torch
from scipy.signal import lfilter

from astrobrian.studies.ratio.constants import Constants, Formal
from astrobrian.studies.ratio.liquids import Liquid
from astrobrian.studies.ratio.tasks.task import Task
from astrobrian.studies.ratio.wiring import matrix, wire


class Network(torch.nn.Module):
    """One liquid; of its two layers of units, it has those that have some.

    Parameters
    ----------
    neurons, astrocytes : int
    inputs : array, shape (neurons + astrocytes, channels)
    weights : array, shape (neurons + astrocytes, neurons + astrocytes)
        To each unit, a row, from each, a column.
    formal : Formal
    """

    def __init__(
        self, neurons: int, astrocytes: int, inputs: np.ndarray, weights: np.ndarray, formal: Formal
    ) -> None:
        super().__init__()
        self.sizes = neurons, astrocytes
        self.formal = formal
        self.input = _layer(inputs)
        self.recurrent = _layer(weights)
        alpha, beta = np.exp(-1 / formal.tau_syn), np.exp(-1 / formal.tau_mem)
        self.scale = 1 - alpha
        self.first = snntorch.Leaky(beta=beta)
        self.second = snntorch.Synaptic(alpha=alpha, beta=beta)

    def forward(self, series: torch.Tensor, washin: int) -> torch.Tensor:
        """Spikes of each step, shape (steps, neurons + astrocytes), while rates are controlled during the wash-in."""
        neurons, astrocytes = self.sizes
        spikes = series.new_zeros(neurons + astrocytes)
        bias = torch.full_like(spikes, self.formal.rate)
        first = self.first.reset_mem()
        current, second = self.second.reset_mem()
        recorded = []
        for step, values in enumerate(series):
            drive = self.input(values) + self.recurrent(spikes) + bias
            if step <= washin:
                bias = bias - self.formal.adaptation * (spikes - self.formal.rate)
            fired = []
            if neurons:
                spike, first = self.first(drive[:neurons], first)
                fired.append(spike)
            if astrocytes:
                spike, current, second = self.second(self.scale * drive[neurons:], current, second)
                fired.append(spike)
            spikes = torch.cat(fired).to(series)  # those of snnTorch are of single precision
            recorded.append(spikes)
        return torch.stack(recorded)


def _layer(weights: np.ndarray) -> torch.nn.Linear:
    """A layer with these weights and without a bias."""
    layer = torch.nn.Linear(weights.shape[1], weights.shape[0], bias=False)
    layer.weight = torch.nn.Parameter(torch.as_tensor(weights))
    return layer


def simulate(
    liquid: Liquid, task: Task, constants: Constants, dtype: torch.dtype = torch.float32
) -> np.ndarray:
    """Build a liquid, run it, and filter its spikes.

    Parameters
    ----------
    liquid : Liquid
        Of the arm that has astrocytes.
    task : Task
    constants : Constants
    dtype : torch.dtype, optional
        In which it is computed.

    Returns
    -------
    array, shape (samples, neurons + astrocytes)
        As `States.of`.
    """
    neurons, astrocytes = liquid.neurons, liquid.astrocytes
    wired = wire(neurons, astrocytes, liquid.seed, task.inputs.shape[1], constants.wiring)
    weights = matrix(neurons, astrocytes, wired.synapses, wired.listening, wired.talking, wired.coupling)
    network = Network(neurons, astrocytes, wired.inputs, weights, constants.formal).to(dtype)
    with torch.no_grad():
        spikes = network(torch.as_tensor(task.inputs, dtype=dtype), task.washin).numpy()
    kept = np.exp(-1 / constants.formal.tau_trace)
    traces = lfilter([1 - kept], [1, -kept], spikes, axis=0)
    return traces[task.washin + task.every - 1 :: task.every]
