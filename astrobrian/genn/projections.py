"""Plain synapses as projections of a program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import Synapses
from brian2.core.variables import ArrayVariable
from brian2.groups.group import CodeRunner
from brian2.synapses.synapses import SummedVariableUpdater, SynapticPathway
from brian2.utils.stringtools import word_substitute

from astrobrian.genn.changes import read_by, written_by
from astrobrian.genn.clocks import add_at_each, add_only, tick
from astrobrian.genn.code import CannotExpress, Naming, draws_random_numbers, earlier, number_text, text, when
from astrobrian.genn.lowering import Lowering, Piece, as_stored, whole_group
from astrobrian.genn.populations import add_to_pending, within
from astrobrian.genn.program import Projection
from astrobrian.genn.sites import occurrence
from astrobrian.links import Statement, identifiers, statements

#: Each different delay is a synapse object of GeNN.
MOST_DELAYS = 20


@dataclass
class Pathway:
    """What happens at a spike, for synapses with the same delays.

    Parameters
    ----------
    delay : ndarray of int
        In time steps, for each synapse.
    lines : list of Statement
        What their code does.
    """

    delay: np.ndarray
    lines: list[Statement] = field(default_factory=list)


def add_synapses(synapses: Synapses, lowering: Lowering) -> None:
    """Projections for the pathways and for the summed variables of some synapses."""
    if not len(synapses):
        return
    Plain(synapses, lowering).add()


class Plain:
    """Synapses on their way into a program.

    Parameters
    ----------
    synapses : Synapses
        With connections.
    lowering : Lowering
    """

    def __init__(self, synapses: Synapses, lowering: Lowering) -> None:
        self.synapses, self.lowering = synapses, lowering
        self.dt = lowering.program.dt
        self.variables: dict[str, np.ndarray] = {}
        self.source, self.target = (whole_group(end)[0].name for end in (synapses.source, synapses.target))
        self.i, self.j = (
            np.asarray(synapses.variables[name].get_value()) for name in ("_synaptic_pre", "_synaptic_post")
        )

    def add(self) -> None:
        """Add everything to the program."""
        pre = self._pathways("pre")
        post = [line for pathway in self._pathways("post") for line in pathway.lines]
        if self._written(post) and len(pre) > 1:
            raise CannotExpress(
                "different_delays", "pathways with different delays and on_post share its variables"
            )
        for one in range(len(pre)):
            for other in range(one):
                shared = self._written(pre[one].lines) & self._named(pre[other].lines)
                if shared | self._written(pre[other].lines) & self._named(pre[one].lines):
                    raise CannotExpress(
                        "different_delays", f"pathways with different delays share {min(shared)}"
                    )
        update = self._update()
        for pathway in pre or ([Pathway(np.zeros(len(self.i), int))] if post or update else []):
            self._add_spiking(pathway, post, update)
        for updater in self.synapses.contained_objects:
            if isinstance(updater, SummedVariableUpdater):
                self._add_sum(updater)

    # --------------------------------------------------------------------------------------------------------- spikes
    def _pathways(self, prepost: str) -> list[Pathway]:
        """The pathways, those with the same delays as one."""
        found: list[Pathway] = []
        pathways = [getattr(self.synapses, name) for name in self.synapses._synaptic_updaters]
        for each in sorted(pathways, key=lambda each: (each.order, each.name)):
            if each.prepost != prepost or each.codeobj is None:
                continue
            delay = np.broadcast_to(self._delay(each), self.i.shape)
            same = next((pathway for pathway in found if np.array_equal(pathway.delay, delay)), None)
            if same is None:
                found.append(same := Pathway(delay))
            if prepost == "post" and delay.any():
                raise CannotExpress("post_delays", "on_post has a delay, which GeNN doesn't know")
            same.lines += self._lines(each, delay)
        return found

    def _delay(self, pathway: SynapticPathway) -> np.ndarray:
        steps = np.rint(np.asarray(pathway.variables["delay"].get_value()) / pathway.clock.dt_).astype(int)
        return steps * self.lowering.every(pathway.clock)

    def _lines(self, pathway: SynapticPathway, delay: np.ndarray) -> list[Statement]:
        if unsure := self.lowering.changes.at_spikes & set(read_by(pathway)):
            raise CannotExpress(
                "spikes_read_written",
                f"its code at a spike reads {min(each.name for each in unsure)}, which spikes also change: the result "
                "depends on which comes first",
            )
        original = statements(pathway.abstract_code)
        of_neurons = [self._is_addition(line, pathway) for line in original]
        naming = self._naming(pathway, bool(delay.any()))
        lines = self.lowering.resolver(pathway, naming).statements(pathway.abstract_code)
        found = [
            self._addition(line, pathway.codeobj.variables[each.target], naming) if addition else line
            for line, each, addition in zip(lines, original, of_neurons, strict=True)
        ]
        return earlier(found, self.dt)

    def _is_addition(self, line: Statement, pathway: SynapticPathway) -> bool:
        """Whether a line adds to a variable of the postsynaptic neurons; what else it may do to neurons is refused."""
        variable = pathway.codeobj.variables.get(line.target)
        index = pathway.codeobj.variable_indices[line.target]
        if not isinstance(variable, ArrayVariable) or index == "_idx":
            return False
        if pathway.prepost == "post" or index != "_postsynaptic_idx" or line.operation not in ("+=", "-="):
            raise CannotExpress(
                "spikes_elsewhere",
                f"'{line}' in on_{pathway.prepost}: spikes can only add to variables of the postsynaptic neuron, in on_pre",
            )
        return True

    def _addition(self, line: Statement, variable: ArrayVariable, naming: Naming) -> Statement:
        """The line as ``x_post += ...``, which adds nothing to what refractoriness protects."""
        expression = line.expression if line.operation == "+=" else f"-({line.expression})"
        if (condition := variable.conditional_write) is not None:
            expression = f"int({naming(condition.name, condition)})*({expression})"
        return Statement(line.target, "+=", expression)

    def _add_spiking(self, pathway: Pathway, post: list[Statement], update: list[Statement]) -> None:
        adding = [line for line in pathway.lines if line.target.endswith("_post")]
        every_line = [*pathway.lines, *post, *update]
        if len(adding) > 1:
            if draws_random_numbers(line.expression for line in every_line):
                raise CannotExpress(
                    "several_targets",
                    "on_pre adds to several variables and draws random numbers, which GeNN can't share",
                )
            self.lowering.rewrite(
                "several_targets",
                self.synapses.name,
                f"there is a copy of it for each of {len(adding)} additions",
            )
        for copy, only in enumerate(adding or [None]):
            on_pre = [line for line in pathway.lines if line not in adding or line is only]
            for rows, delay in self._parts(pathway.delay):
                name = self._new_name()
                projection = self._projection(name, rows, [*on_pre, *post, *update])
                projection.on_pre, projection.on_post, projection.update = (
                    "\n".join(text(lines)) for lines in (on_pre, post, update)
                )
                projection.delay = delay
                if copy == 0:
                    self._place(projection, rows, [*on_pre, *post, *update])

    def _parts(self, delay: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
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

    def _projection(self, name: str, rows: np.ndarray, lines: list[Statement]) -> Projection:
        used = self._named(lines)
        projection = Projection(name, self.source, self.target, self.i[rows], self.j[rows])
        projection.variables = {key: values[rows] for key, values in self.variables.items() if key in used}
        self.lowering.program.projections[name] = projection
        return projection

    def _place(self, projection: Projection, rows: np.ndarray, lines: list[Statement]) -> None:
        for name in self._written(lines):
            pieces = self.lowering.places.setdefault(self.synapses.variables[name], [])
            pieces.append(Piece(projection.name, name, rows, np.arange(len(rows))))

    def _new_name(self) -> str:
        taken = self.lowering.program.projections
        return next(name for k in range(len(taken) + 1) if (name := f"{self.synapses.name}_{k}") not in taken)

    # ----------------------------------------------------------------------------------------------------- every step
    def _update(self) -> list[Statement]:
        """What happens to all synapses in each step: run_regularly, then the clock-driven equations."""
        operations = [
            each
            for each in self.lowering.objects
            if is_operation(each) and each.group.name == self.synapses.name
        ]
        updater = self.synapses.state_updater
        runners = [*operations, *([updater] if updater is not None and updater.codeobj is not None else [])]
        found = []
        for runner in runners:
            feature = "clock_driven_synapses" if runner is updater else "synapses_regularly"
            self.lowering.rewrite(feature, runner.name, "it runs a step later, before that step's spikes")
            lines = self.lowering.resolver(runner, self._naming(runner, True)).statements(
                runner.abstract_code
            )
            every = self.lowering.every(runner.clock)
            condition = f"t > {self.dt / 2!r}"
            if every > 1:
                condition += f" and timestep(t - {self.dt!r}, {self.dt!r}) % {every} == 0"
            found += when(condition, earlier(lines, self.dt), self.variables)
        return found

    def _add_sum(self, updater: SummedVariableUpdater) -> None:
        """A sum, gathered in a variable of its own, and handed on when Brian2 would compute it."""
        if early := self.lowering.changes.late() & set(read_by(updater)):
            raise CannotExpress(
                "sums_of_spikes",
                f"the sum for {updater.target_varname} reads {min(each.name for each in early)}, which changes at spikes "
                "or at the start of a step; GeNN computes sums before that",
            )
        resolver = self.lowering.resolver(updater, self._naming(updater, True, sums=True))
        (line,) = resolver.statements(updater.abstract_code)
        whole, start = whole_group(updater.target)
        population = self.lowering.program.populations[whole.name]
        sums = []
        for rows, _ in self._parts(np.zeros(len(self.i), int)):
            projection = self._projection(name := self._new_name(), rows, [line])
            projection.sums = population.variable(f"sum_{name}")
            projection.sum = line.expression
            if updater.target_varname.endswith("_pre"):
                _turn_round(projection)
            sums.append(projection.sums)
        target = self.lowering.stored(population, updater.target_var)
        conditions = []
        if len(updater.target) < population.N:
            conditions.append(within(population, start, start + len(updater.target)))
        every = self.lowering.every(updater.clock)
        lines = [f"{target} = {' + '.join(sums)}"]
        if self._after_update(updater):
            add_to_pending(population, every, conditions, lines, self.dt)
        elif conditions:
            conditions += [tick(population, every)] if every > 1 else []
            add_only(population, "gather", " and ".join(conditions), lines)
        else:
            add_at_each(population, "gather", every, lines)

    def _after_update(self, updater: SummedVariableUpdater) -> bool:
        """Whether a sum is computed after the cells' step, which is so if it is for a subgroup."""
        names = {updater.name, f"{self.source}_stateupdater", f"{self.target}_stateupdater"}
        order = [each.name for each in self.lowering.objects if each.name in names]
        position = order.index(updater.name)
        if 0 < position < len(order) - 1:
            raise CannotExpress(
                "object_order", "some of its cells step before it sums them up, and some after"
            )
        changed = set().union(*(set(written_by(each)) for each in self.lowering.changes.resetters))
        if position and (reset := changed & set(read_by(updater))):
            raise CannotExpress(
                "sums_of_spikes",
                f"its sum reads {min(each.name for each in reset)} after the cells' step and before resets",
            )
        return position > 0

    # ---------------------------------------------------------------------------------------------------------- names
    def _naming(self, runner: CodeRunner, delayed: bool, sums: bool = False) -> Naming:
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

    def _written(self, lines: list[Statement]) -> set[str]:
        return {line.target for line in lines} & self.variables.keys()

    def _named(self, lines: list[Statement]) -> set[str]:
        read = set().union(*(identifiers(line.expression) for line in lines)) if lines else set()
        return (read | {line.target for line in lines}) & self.variables.keys()


def is_operation(each: Any) -> bool:
    """Whether it was made by `run_regularly`."""
    return type(each) is CodeRunner and each.template == "stateupdate"


def _turn_round(projection: Projection) -> None:
    """Let the synapses go the other way, to sum over their sources."""
    order = np.lexsort((projection.i, projection.j))
    projection.i, projection.j = projection.j[order], projection.i[order]
    projection.source, projection.target = projection.target, projection.source
    projection.variables = {name: values[order] for name, values in projection.variables.items()}
    names = {name for name in identifiers(projection.sum) if name not in projection.variables}
    pairs = (("_pre", "_post"), ("_post", "_pre"))
    swapped = {n: n.removesuffix(old) + new for n in names for old, new in pairs if n.endswith(old)}
    projection.sum = word_substitute(projection.sum, swapped)
