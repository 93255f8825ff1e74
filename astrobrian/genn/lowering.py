"""A network on its way to GeNN: the program so far, what was refused and rewritten, and where everything is.

The lowering of tripartite synapses, ``astrobrian.genn.tripartite.lower(synapses, lowering)``, is called for each
`TripartiteSynapses` with astrocytes, after all populations and plain synapses have been lowered and before monitors are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import Clock, Subgroup
from brian2.core.base import BrianObject
from brian2.core.variables import ArrayVariable
from brian2.groups.group import CodeRunner, Group

from astrobrian.backends.findings import Refusal, Rewriting
from astrobrian.genn.changes import Changes
from astrobrian.genn.code import CannotExpress, Naming, Resolver, number_text
from astrobrian.genn.program import Population, Program, start_of


@dataclass(frozen=True)
class Piece:
    """Where some values of a variable of a Brian2 object are in the program.

    Parameters
    ----------
    object, variable : str
        A population or projection of the program, and its variable.
    here : ndarray of int
        Indices in the user's object.
    there : ndarray of int
        Their indices in the program's.
    """

    object: str
    variable: str
    here: np.ndarray
    there: np.ndarray


@dataclass
class Lowering:
    """Everything that the lowering of one object leaves for that of the next.

    Parameters
    ----------
    objects : list of BrianObject
        Of the network, in the order of a time step; Brian2 has generated their code.
    changes : Changes
        Who changes which variables.
    program : Program
    refusals, rewritings : list
        What preflight reports.
    places : dict of ArrayVariable to list of Piece
        For each variable of the user's objects that changes: where its values are. Monitors read them there, and so
        does the user after the run.
    """

    objects: list[BrianObject]
    changes: Changes
    program: Program
    refusals: list[Refusal] = field(default_factory=list)
    rewritings: list[Rewriting] = field(default_factory=list)
    places: dict[ArrayVariable, list[Piece]] = field(default_factory=dict)

    def refuse(self, feature: str, name: str, reason: str) -> None:
        """Note that this can't be run."""
        self.refusals.append(Refusal(feature, name, reason))

    def rewrite(self, feature: str, name: str, how: str) -> None:
        """Note that this is expressed in another way."""
        self.rewritings.append(Rewriting(feature, name, how))

    def every(self, clock: Clock) -> int:
        """How many time steps of the program one of this clock has."""
        return round(clock.dt_ / self.program.dt)

    def resolver(self, runner: CodeRunner, naming: Naming) -> Resolver:
        """What writes the code of a runner with the names of the program."""
        return Resolver(runner.codeobj.variables, naming, self.program.functions, runner.clock.dt_)

    def naming(self, group: Group) -> Naming:
        """Names in the code of a population's group; its variables are added to the population when first named."""
        whole, _ = whole_group(group)
        population = self.program.populations[whole.name]

        def name(_: str, variable: ArrayVariable) -> str:
            if variable.owner.name != whole.name:
                raise CannotExpress(
                    "linked_variables", f"it reads {variable.name} of {variable.owner.name}, another group"
                )
            if variable.scalar and variable not in self.changes.written:
                return number_text(variable.get_value())
            return self.stored(population, variable)

        return name

    def stored(self, population: Population, variable: ArrayVariable) -> str:
        """The name of a variable of a population, which is added when first asked for."""
        if variable.name not in population.variables:
            population.variable(variable.name, as_stored(variable.get_value()))
            if variable in self.changes.written:
                population.copied.add(variable.name)
                there = np.zeros(1, int) if variable.scalar else np.arange(population.N)
                piece = Piece(population.name, start_of(variable.name), np.arange(len(there)), there)
                self.places[variable] = [piece]
        return variable.name


def whole_group(group: Group) -> tuple[Group, int]:
    """The group that a group is a part of, or itself, and the index of its first cell there."""
    return (group.source, group.start) if isinstance(group, Subgroup) else (group, 0)


def as_stored(values: Any) -> np.ndarray:
    """Values with one of the types that a program has."""
    values = np.asarray(values)
    return values.astype({"i": np.int32, "u": np.int32, "b": bool}.get(values.dtype.kind, np.float64))
