"""What a program records for the user's monitors, and how they get it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from brian2 import EventMonitor, PopulationRateMonitor, StateMonitor
from brian2.core.variables import Subexpression
from brian2.groups.group import Group
from brian2.synapses.synapses import Synapses

from astrobrian.genn.code import CannotExpress, Resolver
from astrobrian.genn.lowering import Lowering, whole_group
from astrobrian.genn.program import Recording
from astrobrian.genn.sending import Results

#: Fills a monitor, with what was computed in so many time steps.
Filling = Callable[[Results, int], None]


def add_state_monitor(monitor: StateMonitor, lowering: Lowering) -> Filling:
    """Record variables at the start of time steps."""
    every = lowering.every(monitor.clock)
    parts = {name: _parts(monitor, name, every, lowering) for name in monitor.record_variables}

    def fill(results: Results, steps: int) -> None:
        number = -(-steps // every)
        monitor.resize(number)
        monitor.variables["t"].set_value(np.arange(number) * monitor.clock.dt_)
        for name, (constant, recordings) in parts.items():
            values = np.repeat(constant[np.newaxis], number, axis=0)
            for recording, where in recordings:
                values[:, where] = results.recording(recording)[:, :number].T
            monitor.variables[name].set_value(values)

    return fill


def _parts(
    monitor: StateMonitor, name: str, every: int, lowering: Lowering
) -> tuple[np.ndarray, list[tuple[str, np.ndarray]]]:
    """Values of what doesn't change, and for what does, names of recordings and the columns that they are."""
    group, start = whole_group(monitor.source)
    record = np.asarray(monitor.record) + start
    variable = group.variables[name]
    if isinstance(variable, Subexpression):
        return np.zeros(len(record)), [_expression(monitor, group, name, record, every, lowering)]
    territories = getattr(group, "territories", None)
    if territories is not None and variable.owner.name == territories.name:  # what the synapses have there
        record = np.asarray(group.variables["territory"].get_value())[record]
    values = np.asarray(variable.get_value())
    constant = np.broadcast_to(values, len(record)) if variable.scalar else values[record]
    recordings = []
    for piece in lowering.places.get(variable, ()):
        if variable.scalar:
            columns, cells = np.arange(len(record)), np.zeros(len(record), int)
        else:
            position = np.full(len(values), -1)
            position[piece.here] = piece.there
            columns = np.flatnonzero(position[record] >= 0)
            cells = position[record[columns]]
        if len(columns):
            recordings.append((_record(piece.object, piece.variable, cells, every, lowering), columns))
    return constant, recordings


def _expression(
    monitor: StateMonitor, group: Group, name: str, record: np.ndarray, every: int, lowering: Lowering
) -> tuple[str, np.ndarray]:
    """A recording of an expression of a population, which is computed at the start of each step."""
    if isinstance(group, Synapses):
        raise CannotExpress("monitor_synapses", f"{name} is an expression; record what it is computed from")
    population = lowering.program.populations[group.name]
    new = f"recorded_{name}"
    if new not in population.variables:
        variables = {**monitor.codeobj.variables, **group.variables}
        resolver = Resolver(variables, lowering.naming(group), lowering.program.functions, group.clock.dt_)
        population.variable(new)
        population.add("start", f"{new} = {resolver.expression(name)}")
    return _record(population.name, new, record, every, lowering), np.arange(len(record))


def _record(name: str, variable: str, cells: np.ndarray, every: int, lowering: Lowering) -> str:
    recordings = lowering.program.recordings
    recordings.append(Recording(f"{len(recordings)}_{name}_{variable}", name, variable, cells, every))
    return recordings[-1].name


def add_event_monitor(monitor: EventMonitor, lowering: Lowering) -> Filling:
    """Spikes, or the only kind of event that a group has."""
    group, start = whole_group(monitor.source)
    lowering.program.spikes.add(group.name)
    variables = {
        name: _at_spike(name, monitor, group, lowering) for name in set(monitor.record_variables) - {"i", "t"}
    }
    stop = start + len(monitor.source)

    def fill(results: Results, steps: int) -> None:
        cells, when = results.spikes(group.name)
        mine = (cells >= start) & (cells < stop) & (when < steps)
        cells, when = cells[mine] - start, when[mine]
        monitor.variables["N"].set_value(len(cells))
        monitor.variables["count"].set_value(np.bincount(cells, minlength=stop - start))
        if not monitor.record:
            return
        monitor.resize(len(cells))
        values = {"i": cells, "t": when // lowering.every(group.clock) * group.clock.dt_}
        values |= {name: results.at_spikes(group.name, new)[mine] for name, new in variables.items()}
        for name in monitor.record_variables:
            monitor.variables[name].set_value(values[name])

    return fill


def _at_spike(name: str, monitor: EventMonitor, group: Group, lowering: Lowering) -> str:
    """A variable that has the value of another one at a cell's last spike, before the reset."""
    population = lowering.program.populations[group.name]
    new = f"at_spike_{name}"
    if new not in population.variables:
        variables = {**monitor.codeobj.variables, **group.variables}
        resolver = Resolver(variables, lowering.naming(group), lowering.program.functions, group.clock.dt_)
        population.variable(new)
        population.reset = f"{new} = {resolver.expression(name)}\n{population.reset}"
        lowering.program.at_spikes.setdefault(group.name, set()).add(new)
    return new


def add_rate_monitor(monitor: PopulationRateMonitor, lowering: Lowering) -> Filling:
    """Spikes of each time step, as a rate."""
    group, start = whole_group(monitor.source)
    lowering.program.spikes.add(group.name)
    number = len(monitor.source)
    every = lowering.every(monitor.clock)

    def fill(results: Results, steps: int) -> None:
        cells, when = results.spikes(group.name)
        mine = (cells >= start) & (cells < start + number) & (when < steps)
        times = -(-steps // every)
        counts = np.bincount(when[mine] // every, minlength=times)[:times]
        monitor.resize(times)
        monitor.variables["N"].set_value(times)
        monitor.variables["t"].set_value(np.arange(times) * monitor.clock.dt_)
        monitor.variables["rate"].set_value(counts / monitor.clock.dt_ / number)

    return fill


def write_back(lowering: Lowering, results: Results) -> None:
    """Give the user's objects the values that they have after the run."""
    for variable, pieces in lowering.places.items():
        values = np.array(variable.get_value(), ndmin=1)
        for piece in pieces:
            values[piece.here] = results.final(piece.object, piece.variable)[piece.there]
        variable.set_value(values)
