"""What a territory computes, wherever the program computes it: in its astrocyte, at a site, or in the null cell."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from brian2.core.variables import ArrayVariable
from brian2.utils.stringtools import get_identifiers, word_substitute

from astrobrian.genn.clocks import add_at_each
from astrobrian.genn.code import CannotExpress, number_text
from astrobrian.genn.lowering import Lowering, as_stored
from astrobrian.genn.program import Population
from astrobrian.links import SUFFIX, Statement
from astrobrian.territories import Refresh, Territories
from astrobrian.tripartite import TripartiteSynapses


@dataclass(frozen=True)
class Territory:
    """The code of the territories of some synapses.

    Parameters
    ----------
    territories : Territories
    mirrored : dict of str to str
        For each ``X_astro``, what it is of the astrocyte's variables, with their names in the program.
    step : list of Statement
        One step of what is integrated, with the names that the territories have.
    every : int
        Number of time steps from one such step to the next.
    """

    territories: Territories
    mirrored: dict[str, str]
    step: list[Statement]
    every: int

    @classmethod
    def of(cls, synapses: TripartiteSynapses, lowering: Lowering) -> Territory:
        """Read it from the code of the objects that compute it on other backends."""
        territories, astrocytes = synapses.territories, synapses.astrocytes
        assert territories is not None and astrocytes is not None
        of_astrocytes = lowering.naming(astrocytes)

        def naming(name: str, variable: ArrayVariable) -> str:
            if variable.owner.name == astrocytes.name:
                return of_astrocytes(name, variable)
            return variable.name if variable.owner.name == territories.name else shared(variable, lowering)

        mirrored, step = {}, []
        for refresh in (each for each in territories.contained_objects if isinstance(each, Refresh)):
            read = lowering.resolver(refresh, naming)
            for line in read.statements(refresh.abstract_code):
                if line.target in territories.mirrored:
                    mirrored[line.target] = read.expression("_" + line.target.removesuffix(SUFFIX))
                else:
                    step.append(line)
        updater = territories.state_updater
        if updater.codeobj is not None:
            step += lowering.resolver(updater, naming).statements(updater.abstract_code)
        return cls(territories, mirrored, step, lowering.every(territories.clock))

    def astrocytic(self, only: Collection[str]) -> set[str]:
        """Names in what is mirrored of the astrocytes to compute these variables."""
        needed = needed_for(only, self.step)
        return set[str]().union(
            *(get_identifiers(self.mirrored[name]) for name in self.mirrored.keys() & needed)
        )

    def add(
        self,
        population: Population,
        tag: str,
        cells: np.ndarray,
        read: Mapping[str, str],
        only: Collection[str] | None = None,
    ) -> dict[str, str]:
        """Compute it in a population.

        Parameters
        ----------
        population : Population
        tag : str
            What the names of its variables there end with.
        cells : ndarray of int
            The territory of each cell of the population; the null cell's reads zero.
        read : Mapping[str, str]
            Names in this population for the variables of the astrocytes, where they differ.
        only : collection of str, optional
            Which variables are needed; by default all of them.

        Returns
        -------
        dict of str to str
            For each variable of the territories, its name in the population.
        """
        null = len(self.territories) - 1
        needed = needed_for(self.variables if only is None else only, self.step)
        step = [line for line in self.step if line.target in needed]
        kept = [name for name in self.variables if name in needed]
        names = {name: f"{name}_{tag}" for name in (*kept, *(line.target for line in step))}
        for name in kept:
            values = as_stored(self.territories.variables[name].get_value())
            population.variable(names[name], values[cells])
        covered = ""
        if (cells == null).any() and (cells < null).any():
            covered = population.variable(f"covered_{tag}", cells < null)
        copies = []
        for name in self.mirrored.keys() & needed if (cells < null).any() else ():
            value = word_substitute(self.mirrored[name], dict(read))
            copies.append(f"{names[name]} = {f'choose({covered}, {value}, 0.0)' if covered else value}")
        add_at_each(population, "after", self.every, sorted(copies))
        add_at_each(population, "integrate", self.every, [word_substitute(str(line), names) for line in step])
        return {name: names[name] for name in kept}

    @property
    def variables(self) -> list[str]:
        """Names in the territories."""
        return sorted(self.territories.equations.names - {"N_synapses"})


def needed_for(wanted: Collection[str], lines: list[Statement]) -> set[str]:
    """These variables and everything that they are computed from, in one run of the lines after another."""
    needed = set(wanted)
    while True:
        read = (get_identifiers(line.expression) for line in lines if line.target in needed)
        more = set[str]().union(*read) - needed
        if not more:
            return needed
        needed |= more


def shared(variable: ArrayVariable, lowering: Lowering) -> str:
    """The value of a shared parameter of the synapses; raises CannotExpress if it changes."""
    if variable in lowering.changes.written:
        raise CannotExpress(
            "synapses_regularly", f"{variable.name}, which all synapses share, is changed during the run"
        )
    return number_text(variable.get_value())
