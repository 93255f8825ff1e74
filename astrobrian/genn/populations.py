"""Groups of cells, and what acts on them alone, as populations of a program."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

import numpy as np
from brian2 import NeuronGroup, PoissonGroup, PoissonInput, SpikeGeneratorGroup, StateMonitor, Subgroup
from brian2.groups.group import CodeRunner
from brian2.groups.neurongroup import Resetter, SubexpressionUpdater

from astrobrian.genn.changes import written_by
from astrobrian.genn.clocks import add_at_each, add_only, tick
from astrobrian.genn.code import CannotExpress, Naming, draws_random_numbers, earlier, plainly, text
from astrobrian.genn.lowering import Lowering, whole_group
from astrobrian.genn.program import Function, Generator, Population
from astrobrian.genn.sending import Results
from astrobrian.guard import RangeGuard
from astrobrian.links import Statement

VIOLATION = "range_violation"


def add_group(group: NeuronGroup | PoissonGroup, lowering: Lowering) -> None:
    """A population with the equations, threshold and reset of a group."""
    population = Population(group.name, len(group))
    lowering.program.populations[group.name] = population
    every = lowering.every(group.clock)
    if every > 1:
        lowering.rewrite(
            "astrocyte_clock", group.name, f"it makes a step in each {every}th time step of the network"
        )
    for each in group.contained_objects:
        if isinstance(each, SubexpressionUpdater):
            _add_at_start(population, every, [], _code(each, lowering), lowering)
    if isinstance(group, NeuronGroup) and group.state_updater.codeobj is not None:
        add_at_each(population, "integrate", every, _code(group.state_updater, lowering))
    _add_events(group, population, every, lowering)


def _add_events(
    group: NeuronGroup | PoissonGroup, population: Population, every: int, lowering: Lowering
) -> None:
    if len(group.thresholder) > 1:
        lowering.refuse(
            "custom_events", group.name, "its cells have several kinds of events, and GeNN knows one"
        )
        return
    for thresholder in group.thresholder.values():
        condition = _lines(thresholder, lowering)[-1].expression
        population.threshold = condition if every == 1 else f"({condition}) and {tick(population, every)}"
    if "spike" in group.thresholder and getattr(group, "_refractory", False) is not False:
        for name in ("lastspike", "not_refractory"):
            lowering.stored(population, group.variables[name])
        population.reset = "lastspike = t\nnot_refractory = False\n"
    for resetter in getattr(group, "resetter", {}).values():
        if not lowering.changes.deferred(resetter):
            population.reset += "\n".join(text(_lines(resetter, lowering, always=True)))


def add_input(each: PoissonInput, lowering: Lowering) -> None:
    """A Poisson input: it comes when spikes come."""
    (name,) = (name for name in each.variables if name.startswith("poissoninput"))
    probability = float(each.rate) * each.clock.dt_
    lowering.program.functions[name] = Function(
        "binomial", {"n": each.N, "p": probability, "approximate": True}
    )
    population, dt = lowering.program.populations[whole_group(each.group)[0].name], lowering.program.dt
    conditions = (
        [within(population, each.group.start, each.group.stop)] if isinstance(each.group, Subgroup) else []
    )
    lines = text(earlier(_lines(each, lowering), dt))
    add_to_pending(population, lowering.every(each.clock), conditions, lines, dt)


def add_deferred_reset(resetter: Resetter, lowering: Lowering) -> None:
    """A reset that waits until the spikes of its time step have been delivered, if this one has to."""
    if lowering.changes.deferred(resetter):
        population = lowering.program.populations[resetter.group.name]
        population.reset += f"{population.variable('reset_due', False)} = True"
        lines = earlier(_lines(resetter, lowering, always=True), lowering.program.dt)
        add_only(population, "pending", "reset_due", text(lines))
        population.add("pending", "reset_due = False")


def add_operation(operation: CodeRunner, lowering: Lowering) -> None:
    """What `run_regularly` does to a group."""
    whole, start = whole_group(operation.group)
    population = lowering.program.populations[whole.name]
    lines = text(_lines(operation, lowering))
    monitors = [
        each
        for each in lowering.objects
        if isinstance(each, StateMonitor) and whole_group(each.source)[0].name == whole.name
    ]
    first = {(each.order, each.name) < (operation.order, operation.name) for each in monitors}
    if len(first) == 2:
        lowering.refuse(
            "object_order",
            operation.name,
            f"some monitors of {whole.name} come before it in a time step, and some after",
        )
    conditions = []
    if isinstance(operation.group, Subgroup):
        conditions.append(within(population, start, operation.group.stop))
    every = lowering.every(operation.clock)
    if True in first:
        add_when(population, "after", every, conditions, lines)
    else:
        _add_at_start(population, every, conditions, lines, lowering)


def within(population: Population, start: int, stop: int) -> str:
    """The condition that a cell is one of these."""
    if "cell" not in population.variables:
        population.variable("cell", np.arange(population.N, dtype=np.int32))
    return f"cell >= {start} and cell < {stop}"


def add_guard(guard: RangeGuard, lowering: Lowering) -> None:
    """What watches the physical range: the first violation of each cell is kept, and reported after the run."""
    population = lowering.program.populations[guard.group.name]
    population.variable(VIOLATION, np.int32(0))
    for each in ("value", "time"):
        population.variable(f"{VIOLATION}_{each}")
    resolver = lowering.resolver(guard, lowering.naming(guard.group))
    lines = []
    for number, assignment in enumerate(ast.parse(guard.abstract_code).body, start=1):
        assert isinstance(assignment, ast.Assign) and isinstance(assignment.value, ast.Call)
        value, low, high = (resolver.expression(ast.unparse(each)) for each in assignment.value.args[:3])
        lines += [
            f"left_{number} = {VIOLATION} == 0 and not (({value}) >= ({low}) and ({value}) <= ({high}))",
            f"{VIOLATION}_value = choose(left_{number}, {value}, {VIOLATION}_value)",
            f"{VIOLATION}_time = choose(left_{number}, t - {lowering.program.dt!r}, {VIOLATION}_time)",
            f"{VIOLATION} = choose(left_{number}, {number}, {VIOLATION})",
        ]
    add_to_pending(population, lowering.every(guard.clock), [], lines, lowering.program.dt)


def report_violations(lowering: Lowering, results: Results) -> int | None:
    """Hand the first violation of each group to its guard, which raises the error; the time step of the first of all."""
    program, steps = lowering.program, []
    for guard in (each for each in lowering.objects if isinstance(each, RangeGuard)):
        numbers, values, times = (
            results.final(guard.group.name, VIOLATION + part) for part in ("", "_value", "_time")
        )
        if numbers.any():
            times = np.where(numbers > 0, times, np.inf)
            cell = int(np.argmin(times))
            guard.variables["_violation"].set_value([numbers[cell], cell, values[cell], times[cell]])
            steps.append(round(times[cell] / program.dt))
    return min(steps, default=None)


def add_generator(group: SpikeGeneratorGroup, lowering: Lowering) -> None:
    """Spikes at given times, repeated as often as the run has periods."""
    every, steps = lowering.every(group.clock), lowering.program.steps
    bins, cells = (np.asarray(group.variables[name].get_value()) for name in ("_timebins", "neuron_index"))
    if period := int(group.variables["_period_bins"].get_value().item()):
        repeats = np.arange(-(-steps // (every * period)))
        bins, cells = (bins + period * repeats[:, None]).ravel(), np.tile(cells, len(repeats))
    when = bins.astype(np.int64) * every
    kept = (when >= 0) & (when < steps)
    lowering.program.generators[group.name] = Generator(group.name, len(group), cells[kept], when[kept])


def _lines(runner: CodeRunner, lowering: Lowering, always: bool = False) -> list[Statement]:
    """The code of an object, which leaves alone what refractoriness protects, unless it is a reset."""
    naming = lowering.naming(runner.group)
    lines = lowering.resolver(runner, naming).statements(runner.abstract_code)
    if draws_random_numbers(line.expression for line in lines) and any(
        var.scalar for var in written_by(runner)
    ):
        raise CannotExpress(
            "noise", "a random number that all cells share would be another one for each of them"
        )
    if always:
        return lines
    conditions = dict(_conditions(runner, naming))
    return [
        Statement(line.target, "=", f"choose({conditions[line.target]}, {plainly(line)}, {line.target})")
        if line.target in conditions
        else line
        for line in lines
    ]


def _conditions(runner: CodeRunner, naming: Naming) -> Iterator[tuple[str, str]]:
    """For each variable that the code writes to and that refractoriness protects, the condition of writing."""
    for variable in set(written_by(runner)):
        if (condition := variable.conditional_write) is not None:
            yield naming(variable.name, variable), naming(condition.name, condition)


def _code(runner: CodeRunner, lowering: Lowering) -> list[str]:
    return text(_lines(runner, lowering))


def add_to_pending(
    population: Population, every: int, conditions: list[str], lines: Iterable[str], dt: float
) -> None:
    """Lines that belong to the step before, with the time of that one; before the first one there is none."""
    add_when(
        population, "pending", every, [f"t > {dt / 2!r}", *conditions] if every == 1 else conditions, lines
    )


def _add_at_start(
    population: Population, every: int, conditions: list[str], lines: Iterable[str], lowering: Lowering
) -> None:
    """Lines for the start of a step, but not after the last one."""
    end = (lowering.program.steps - 0.5) * lowering.program.dt
    add_when(population, "start", every, [f"t < {end!r}", *conditions], lines)


def add_when(
    population: Population, stage: str, every: int, conditions: list[str], lines: Iterable[str]
) -> None:
    """Lines that are run at some time steps, and only for cells for which all conditions are true."""
    if every > 1:
        conditions = [tick(population, every), *conditions]
    if conditions:
        add_only(population, stage, " and ".join(conditions), lines)
    else:
        population.add(stage, lines)
