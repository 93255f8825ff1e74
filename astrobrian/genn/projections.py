"""Plain synapses as projections of a program."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import numpy as np
from brian2 import Synapses
from brian2.core.variables import ArrayVariable
from brian2.groups.group import CodeRunner
from brian2.synapses.synapses import SummedVariableUpdater, SynapticPathway

from astrobrian.genn.changes import read_by
from astrobrian.genn.code import CannotExpress, Naming, draws_random_numbers, earlier, text, when
from astrobrian.genn.connections import Connections
from astrobrian.genn.effects import common_delay
from astrobrian.genn.lowering import Lowering, Piece
from astrobrian.genn.program import Projection
from astrobrian.genn.sums import add_sum
from astrobrian.links import Statement, statements


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
    connections = Connections(synapses, lowering)
    Spiking(connections).add()
    for updater in synapses.contained_objects:
        if isinstance(updater, SummedVariableUpdater):
            add_sum(updater, connections)


class Spiking:
    """Pathways, and what else changes synapses, on their way into a program.

    Parameters
    ----------
    connections : Connections
    """

    def __init__(self, connections: Connections) -> None:
        self.connections = connections
        self.synapses, self.lowering = connections.synapses, connections.lowering
        self.dt = self.lowering.program.dt

    def add(self) -> None:
        """Add everything to the program."""
        pre = self._pathways("pre")
        post = [line for pathway in self._pathways("post") for line in pathway.lines]
        update = self._update()
        self._check_order()
        if self.connections.written([*post, *update]) and len(pre) > 1:
            raise CannotExpress(
                "different_delays", "it has pathways with different delays and others beside them"
            )
        for one, other in permutations(pre, 2):
            if shared := self.connections.written(one.lines) & self.connections.named(other.lines):
                raise CannotExpress("different_delays", f"pathways with different delays share {min(shared)}")
        for pathway in pre or ([Pathway(np.zeros(len(self.connections.i), int))] if post or update else []):
            self._add_spiking(pathway, post, update)

    def _check_order(self) -> None:
        pathways = [getattr(self.synapses, name) for name in self.synapses._synaptic_updaters]
        orders = {kind: [each.order for each in pathways if each.prepost == kind] for kind in ("pre", "post")}
        if max(orders["pre"], default=-np.inf) > min(orders["post"], default=np.inf):
            raise CannotExpress("object_order", "on_post comes before on_pre, and in GeNN it comes after it")

    # --------------------------------------------------------------------------------------------------------- spikes
    def _pathways(self, prepost: str) -> list[Pathway]:
        """The pathways, those with the same delays as one."""
        found: list[Pathway] = []
        pathways = [getattr(self.synapses, name) for name in self.synapses._synaptic_updaters]
        for each in sorted(pathways, key=lambda each: (each.order, each.name)):
            if each.prepost != prepost or each.codeobj is None:
                continue
            delay = np.broadcast_to(common_delay([each], self.lowering), self.connections.i.shape)
            same = next((pathway for pathway in found if np.array_equal(pathway.delay, delay)), None)
            if same is None:
                found.append(same := Pathway(delay))
            if prepost == "post" and delay.any():
                raise CannotExpress("post_delays", "on_post has a delay, which GeNN doesn't know")
            same.lines += self._lines(each, delay)
        return found

    def _lines(self, pathway: SynapticPathway, delay: np.ndarray) -> list[Statement]:
        if unsure := self.lowering.changes.at_spikes & set(read_by(pathway)):
            raise CannotExpress(
                "spikes_read_written",
                f"its code at a spike reads {min(each.name for each in unsure)}, which spikes also change: the result "
                "depends on which comes first",
            )
        original = statements(pathway.abstract_code)
        of_neurons = [self._is_addition(line, pathway) for line in original]
        naming = self.connections.naming(pathway, bool(delay.any()))
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
            for rows, delay in self.connections.parts(pathway.delay):
                projection = self.connections.projection(rows, [*on_pre, *post, *update])
                projection.on_pre, projection.on_post, projection.update = (
                    "\n".join(text(lines)) for lines in (on_pre, post, update)
                )
                projection.delay = delay
                if copy == 0:
                    self._place(projection, rows, [*on_pre, *post, *update])

    def _place(self, projection: Projection, rows: np.ndarray, lines: list[Statement]) -> None:
        for name in self.connections.written(lines):
            pieces = self.lowering.places.setdefault(self.synapses.variables[name], [])
            pieces.append(Piece(projection.name, name, rows, np.arange(len(rows))))

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
            lines = self.lowering.resolver(runner, self.connections.naming(runner, True)).statements(
                runner.abstract_code
            )
            every = self.lowering.every(runner.clock)
            condition = f"t > {self.dt / 2!r}"
            if every > 1:
                condition += f" and timestep(t - {self.dt!r}, {self.dt!r}) % {every} == 0"
            found += when(condition, earlier(lines, self.dt), self.connections.variables)
        return found

    # ---------------------------------------------------------------------------------------------------------- names


def is_operation(each: Any) -> bool:
    """Whether it was made by `run_regularly`."""
    return type(each) is CodeRunner and each.template == "stateupdate"
