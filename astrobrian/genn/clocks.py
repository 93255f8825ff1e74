"""A slower clock within a program that has only one: what belongs to it happens at every so-manieth time step.

In between nothing of it is computed and every variable keeps its value, so that astrocytes with ``dt=10*ms`` take the
same steps as they do in Brian2. A population counts its own steps; the count is the same in all cells.
"""

from __future__ import annotations

from collections.abc import Iterable

from brian2.utils.stringtools import get_identifiers, word_substitute

from astrobrian.genn.program import Population
from astrobrian.links import statements

# What is between these two statements is only run where the value is true: the worker makes an ``if`` of them, since
# abstract code has none
BEGIN, END = "begin_only", "end_only"


def tick(population: Population, every: int) -> str:
    """A variable of the population that is true at each so-manieth time step, the first included.

    It has its new value from the stage "start" on; in the stage "pending" it is still that of the step before, to which
    this stage belongs.

    Parameters
    ----------
    population : Population
        Gets the variable when first asked for.
    every : int
        Number of time steps.

    Returns
    -------
    str
        Name of the variable.
    """
    name, count = f"at_each_{every}", f"since_each_{every}"
    if name not in population.variables:
        population.variable(name, False)
        population.variable(count, every - 1)
        population.stages["start"][:0] = [
            f"{count} = ({count} + 1)*int({count} + 1 < {every})",
            f"{name} = {count} == 0",
        ]
    return name


def add_only(population: Population, stage: str, condition: str, lines: Iterable[str]) -> None:
    """Append lines to a stage that are only run in the cells where a condition is true.

    Whatever they compute for themselves has names of its own, which nothing before or after them knows.
    """
    if not get_identifiers(condition) & population.variables.keys():
        # what is the same for all cells is computed before all other code, and so would the condition be alone
        condition = f"({condition}) and {population.variable('everywhere', True)}"
    lines = list(lines)
    number = f"{stage}_{len(population.stages[stage])}"
    own = {line.target for line in statements("\n".join(lines))} - population.variables.keys()
    lines = [word_substitute(line, {name: f"{name}_{number}" for name in own}) for line in lines]
    population.add(stage, [f"{BEGIN}_{number} = {condition}", *lines, f"{END}_{number} = {condition}"])


def add_at_each(population: Population, stage: str, every: int, lines: Iterable[str]) -> None:
    """Append lines to a stage that are only run at each so-manieth time step."""
    if every == 1:
        population.add(stage, lines)
    else:
        add_only(population, stage, tick(population, every), lines)
