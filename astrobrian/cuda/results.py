"""Recorded values as the other backends have them.

Threads note the events of a time step in any order. And monitors of variables and rates get all of their memory when a
run begins, so that one that was ended early leaves more behind than it has recorded.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from brian2 import EventMonitor, Network, PopulationRateMonitor, StateMonitor
from brian2.core.variables import Variable
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice


def put_right(device: CPPStandaloneDevice, networks: Iterable[Network]) -> None:
    """Put right what monitors have recorded, where the results are kept."""
    for network in networks:
        for monitor in network.sorted_objects:
            if isinstance(monitor, EventMonitor) and monitor.record:
                _sort(device, monitor)
            elif isinstance(monitor, StateMonitor):
                _shorten(device, monitor)
            elif isinstance(monitor, PopulationRateMonitor):
                _shorten_rates(device, monitor)


def _sort(device: CPPStandaloneDevice, monitor: EventMonitor) -> None:
    """By time, and at the same time by cell."""
    names = sorted(monitor.record_variables)
    recorded = {name: device.get_value(monitor.variables[name]) for name in names}
    order = np.lexsort((recorded["i"], recorded["t"]))
    for name, values in recorded.items():
        values[order].tofile(_file(device, monitor.variables[name]))


def _shorten(device: CPPStandaloneDevice, monitor: StateMonitor) -> None:
    """To the time steps that there were."""
    steps = len(device.get_value(monitor.variables["t"]))
    for name in monitor.record_variables:
        variable = monitor.variables[name]
        os.truncate(_file(device, variable), steps * monitor.n_indices * np.dtype(variable.dtype).itemsize)


def _shorten_rates(device: CPPStandaloneDevice, monitor: PopulationRateMonitor) -> None:
    """To the time steps that there were: where there were none, times are zero, as only the first one may be."""
    times, rates = (device.get_value(monitor.variables[name]) for name in ("t", "rate"))
    steps = max(np.flatnonzero(times), default=0) + 1
    number = np.array([min(steps, len(times))], dtype=monitor.variables["N"].dtype)
    for name, values in ("t", times[:steps]), ("rate", rates[:steps]), ("N", number):
        values.tofile(_file(device, monitor.variables[name]))


def _file(device: CPPStandaloneDevice, variable: Variable) -> Path:
    return Path(device.results_dir, device.get_array_filename(variable))
