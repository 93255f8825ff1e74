"""Connections of synapses on their way into a program: who is connected, in what parts, and what names mean there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from brian2 import Synapses
from brian2.core.variables import ArrayVariable
from brian2.groups.group import CodeRunner

from astrobrian.genn.code import CannotExpress, Naming, number_text
from astrobrian.genn.lowering import Lowering, as_stored, whole_group
from astrobrian.genn.program import Projection
from astrobrian.genn.sites import occurrence
from astrobrian.links import Statement, identifiers

#: Each different delay is a synapse object of GeNN.
MOST_DELAYS = 20


class Connections:
    """Synapses, and those of their variables that code has named so far.

    Parameters
    ----------
    synapses : Synapses
        At least one.
    lowering : Lowering

    Attributes
    ----------
    variables : dict of str to ndarray
        Values of each named variable, one for each synapse.
    source, target : str
        Names of populations.
    i, j : ndarray of int
        The cells there.
    """

    def __init__(self, synapses: Synapses, lowering: Lowering) -> None:
        self.synapses, self.lowering = synapses, lowering
        self.variables: dict[str, np.ndarray] = {}
        self.source, self.target = (whole_group(end)[0].name for end in (synapses.source, synapses.target))
        self.i, self.j = (
            np.asarray(synapses.variables[name].get_value()) for name in ("_synaptic_pre", "_synaptic_post")
        )

    def parts(self, delay: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
        """Rows with the same delay in which each pair of cells occurs once, sorted, and their delay."""
        delays = np.unique(delay)
        if len(delays) > MOST_DELAYS:
            raise CannotExpress(
                "different_delays",
                f"its synapses have {len(delays)} different delays, of which each would be a synapse object of its own; "
                f"round them to at most {MOST_DELAYS}",
            )
        if len(delays) > 1:
            self.lowering.rewrite(
                "different_delays", self.synapses.name, f"one part for each of {len(delays)} delays"
            )
        number = occurrence(self.i, self.j, delay)
        for value in delays:
            for k in range(number[delay == value].max() + 1):
                rows = np.flatnonzero((delay == value) & (number == k))
                yield rows[np.lexsort((self.j[rows], self.i[rows]))], int(value)

    def projection(self, rows: np.ndarray, lines: list[Statement]) -> Projection:
        """A projection of these rows, in the program, with the variables that lines of code name."""
        taken = self.lowering.program.projections
        name = next(name for k in range(len(taken) + 1) if (name := f"{self.synapses.name}_{k}") not in taken)
        used = self.named(lines)
        projection = Projection(name, self.source, self.target, self.i[rows], self.j[rows])
        projection.variables = {key: values[rows] for key, values in self.variables.items() if key in used}
        self.lowering.program.projections[name] = projection
        return projection

    def naming(self, runner: CodeRunner, delayed: bool, sums: bool = False) -> Naming:
        """Names in the code of the synapses; what nobody changes becomes a variable of the synapses, or a number."""
        changes, indices = self.lowering.changes, runner.codeobj.variable_indices
        prepost = getattr(runner, "prepost", "")

        def name(called: str, variable: ArrayVariable) -> str:
            index = indices[called]
            if variable not in changes.written:
                if variable.scalar:
                    return number_text(variable.get_value())
                values, new = as_stored(variable.get_value()), variable.name
                if index != "_idx":
                    values = values[self._cells(index)]
                    new += "_of_source" if index == "_presynaptic_idx" else "_of_target"
                self.variables[new] = values
                return new
            if index == "_idx":
                if sums:
                    raise CannotExpress(
                        "sums_of_spikes", f"the sum reads {called}, which changes on the synapses"
                    )
                self.variables[variable.name] = as_stored(variable.get_value())
                return variable.name
            self._check_read(called, variable, index, prepost, delayed, sums)
            end = self.synapses.target if index == "_postsynaptic_idx" else self.synapses.source
            population = self.lowering.program.populations[whole_group(end)[0].name]
            suffix = "_post" if index == "_postsynaptic_idx" else "_pre"
            return self.lowering.stored(population, variable) + suffix

        return name

    def _cells(self, index: str) -> np.ndarray:
        if index == "_presynaptic_idx":
            return self.i
        if index == "_postsynaptic_idx":
            return self.j
        raise CannotExpress("other_objects", f"its code uses {index}, a third index")

    def _check_read(
        self, called: str, variable: ArrayVariable, index: str, prepost: str, delayed: bool, sums: bool
    ):
        if index not in ("_presynaptic_idx", "_postsynaptic_idx"):
            raise CannotExpress(
                "other_objects", f"its code uses {called}, which isn't of its synapses or neurons"
            )
        if sums:
            return
        if not prepost:
            raise CannotExpress(
                "clock_driven_synapses",
                f"at each step its synapses read {called}, which changes; in GeNN it would be that of another step",
            )
        if prepost == "pre" and index == "_presynaptic_idx":
            raise CannotExpress("presynaptic_variables", f"on_pre reads {called}, which changes")
        if prepost == "post" and (index == "_postsynaptic_idx" or delayed):
            raise CannotExpress("presynaptic_variables", f"on_post reads {called}, which changes")

    def written(self, lines: list[Statement]) -> set[str]:
        """The variables of the synapses that lines of code change."""
        return {line.target for line in lines} & self.variables.keys()

    def named(self, lines: list[Statement]) -> set[str]:
        """The variables of the synapses that lines of code read or change."""
        read = set().union(*(identifiers(line.expression) for line in lines)) if lines else set()
        return (read | {line.target for line in lines}) & self.variables.keys()
