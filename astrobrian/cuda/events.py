"""Recorded events in the order of the other backends: threads note those of a time step in any order."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from brian2 import EventMonitor, Network
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice


def sort_recorded(device: CPPStandaloneDevice, networks: Iterable[Network]) -> None:
    """Sort what monitors of events have recorded by time, and at the same time by cell, where the results are kept."""
    for network in networks:
        for monitor in network.sorted_objects:
            if isinstance(monitor, EventMonitor) and monitor.record:
                _sort(device, monitor)


def _sort(device: CPPStandaloneDevice, monitor: EventMonitor) -> None:
    recorded = {name: device.get_value(monitor.variables[name]) for name in sorted(monitor.record_variables)}
    order = np.lexsort((recorded["i"], recorded["t"]))
    for name, values in recorded.items():
        file = device.get_array_filename(monitor.variables[name])
        values[order].tofile(Path(device.results_dir, file))
