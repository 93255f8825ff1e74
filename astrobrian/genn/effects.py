"""What a spike does at synapses, divided among synapse objects each of which adds to one variable of a cell.

Whatever leads to one addition can be repeated without the others as long as no random number is involved: the short-term
plasticity of a synapse that excites a neuron and feeds an astrocyte is simulated for both.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from brian2.core.variables import ArrayVariable, Subexpression
from brian2.synapses.synapses import SynapticPathway
from brian2.utils.stringtools import word_substitute

from astrobrian.genn.code import CannotExpress, Resolver, draws_random_numbers, earlier
from astrobrian.genn.lowering import Lowering, as_stored
from astrobrian.links import Statement, identifiers, statements

# Indices by which code reads variables
OWN, PRE, POST, TERRITORY, ASTROCYTE = (
    *("_idx", "_presynaptic_idx", "_postsynaptic_idx"),
    *("territory", "written_astrocyte"),
)

#: The name in the program of a variable that isn't the synapses' own, of this name and with this index.
Elsewhere = Callable[[str, ArrayVariable, str], str]


@dataclass
class Effects:
    """What happens at a spike, line by line.

    Parameters
    ----------
    lines : list of Statement
        As Brian2 has them, those of event-driven equations included.
    variables, indices : dict
        What names in them are, and by which index they are read.
    lowering : Lowering
    dt : float
        Time step of the synapses' clock, whose time the code reads.
    constant : dict of str to str
        What never changes of the neurons, which becomes the synapses' own, and by which index it was read.
    """

    lines: list[Statement]
    variables: dict[str, Any]
    indices: dict[str, str]
    lowering: Lowering
    dt: float
    constant: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, pathways: Iterable[SynapticPathway], lowering: Lowering) -> Effects:
        """All that some pathways do, one after the other."""
        effects = cls([], {}, {}, lowering, 0.0)
        for each in pathways:
            effects.lines += statements(each.abstract_code)
            effects.variables |= each.codeobj.variables
            effects.indices |= each.codeobj.variable_indices
            effects.dt = each.synapses.clock.dt_
        arrays = [each for each in effects.variables.items() if isinstance(each[1], ArrayVariable)]
        for name, variable in arrays:
            if effects.indices[name] == OWN:
                # Brian2 has other names for what a subexpression reads
                effects.variables[variable.name], effects.indices[variable.name] = variable, OWN
            elif effects.indices[name] in (PRE, POST) and variable not in lowering.changes.written:
                effects.constant[name], effects.indices[name] = effects.indices[name], OWN
        return effects

    def with_sum(self, name: str, variable: ArrayVariable, expression: str) -> Effects:
        """The same, with what changes the sum over a territory of an expression."""
        before, after = Statement(f"before_{name}", "=", expression), f"({expression}) - before_{name}"
        added = f"_sum_{name}"
        return replace(
            self,
            lines=[before, *self.lines, Statement(added, "+=", after)],
            variables={**self.variables, added: variable},
            indices={**self.indices, added: TERRITORY},
        )

    def variable(self, name: str) -> ArrayVariable:
        """What the name of an array is."""
        variable = self.variables[name]
        assert isinstance(variable, ArrayVariable)
        return variable

    def index(self, name: str) -> str:
        """By which index a variable is read, ``"0"`` if it is the same for all synapses or no array."""
        variable = self.variables.get(name)
        return self.indices[name] if isinstance(variable, ArrayVariable) and not variable.scalar else "0"

    def targets(self) -> list[str]:
        """What is added to elsewhere than on the synapses, in the order of the code."""
        names = (line.target for line in self.lines if self.index(line.target) not in (OWN, "0"))
        return list(dict.fromkeys(names))

    def without(self, targets: Collection[str]) -> Effects:
        """Everything but additions to these."""
        return replace(self, lines=[line for line in self.lines if line.target not in targets])

    def leading_to(self, target: str) -> Effects:
        """What an addition depends on, at any number of spikes one after another, and the addition itself."""
        others = set(self.targets()) - {target}
        lines = [line for line in self.lines if line.target not in others]
        needed = {target}
        while more := set(self._read(line.expression for line in lines if line.target in needed)) - needed:
            needed |= more
        return replace(self, lines=[line for line in lines if line.target in needed])

    def own(self, i: np.ndarray, j: np.ndarray) -> dict[str, np.ndarray]:
        """The variables of the synapses that are read or changed, and their values; i and j are their neurons."""
        found = {}
        for name in sorted(self.read() | {line.target for line in self.lines}):
            if self.index(name) == OWN:
                values = as_stored(self.variable(name).get_value())
                neurons = {PRE: i, POST: j}.get(self.constant.get(name, ""))
                found[self._own_name(name)] = values if neurons is None else values[neurons]
        return found

    def read(self) -> set[str]:
        """All names that are read, also through subexpressions."""
        return set(self._read(line.expression for line in self.lines))

    def are_random(self) -> bool:
        """Whether random numbers are drawn."""
        inner = [self.variables[name].expr for name in self.read() if self._is_subexpression(name)]
        return draws_random_numbers([*(line.expression for line in self.lines), *inner])

    def code(self, elsewhere: Elsewhere, times: str = "") -> str:
        """The lines with the names of the program, the additions to a target as one.

        Parameters
        ----------
        elsewhere : callable
            Names of what isn't the synapses' own.
        times : str, optional
            By what variable of the synapses an addition is multiplied.
        """

        varying = set[str]()

        def naming(name: str, variable: ArrayVariable) -> str:
            index = self.index(name)
            found = self._own_name(name) if index == OWN else elsewhere(name, variable, index)
            varying.add(found)
            return found

        read = Resolver(self.variables, naming, self.lowering.program.functions, self.dt)
        targets, written = self.targets(), list[Statement]()
        added: dict[str, list[str]] = {}
        for line in self.lines:
            if line.target in targets:
                summand = f"added_{len(written)}"
                added.setdefault(line.target, []).append(summand)
                written.append(Statement(summand, "=", self._addition(line, read, elsewhere)))
            else:
                written += read.statements(str(line))
        for target, summands in added.items():
            total = " + ".join(summands)
            name = elsewhere(target, self.variable(target), self.index(target))
            written.append(Statement(name, "+=", f"{times}*({total})" if times else total))
        return "\n".join(map(str, inlined(self._at_the_time(written), varying)))

    def _at_the_time(self, lines: list[Statement]) -> list[Statement]:
        """The lines with the time at which the spike came, as the synapses' clock has it.

        Between its own steps, a slower clock is at the next one already.
        """
        dt = self.lowering.program.dt
        every = round(self.dt / dt)
        if every == 1:
            return earlier(lines, dt)
        step = f"floor((t - {dt!r})/{dt!r} + 0.5)"
        tick = f"floor(({step} + {every - 1})/{every}) * {self.dt!r}"
        return [
            replace(each, expression=word_substitute(each.expression, {"t": f"({tick})"})) for each in lines
        ]

    def _addition(self, line: Statement, read: Resolver, elsewhere: Elsewhere) -> str:
        if line.operation not in ("+=", "-="):
            raise CannotExpress(
                "spikes_elsewhere", f"'{line}' does something else than add to a variable of a cell"
            )
        value = read.expression(line.expression)
        if line.operation == "-=":
            value = f"-({value})"
        condition = self.variable(line.target).conditional_write
        if condition is not None:  # a neuron that is refractory keeps its value
            value = f"choose({elsewhere('', condition, self.index(line.target))}, {value}, 0.0)"
        return value

    def _read(self, expressions: Iterable[str]) -> Iterator[str]:
        """Names that are read, also through subexpressions."""
        waiting = set[str]().union(*map(identifiers, expressions))
        seen = set[str]()
        while waiting:
            seen.add(name := waiting.pop())
            yield self._own_name(name) if self.index(name) == OWN else name
            if self._is_subexpression(name):
                waiting |= identifiers(self.variables[name].expr) - seen

    def _own_name(self, name: str) -> str:
        return name if name in self.constant else self.variable(name).name

    def _is_subexpression(self, name: str) -> bool:
        return isinstance(self.variables.get(name), Subexpression)


def inlined(lines: Iterable[Statement], varying: Collection[str]) -> list[Statement]:
    """The same without names for what is the same at all synapses, whose computation brian2genn leaves out."""
    values: dict[str, str] = {}
    varying, found = set(varying), []
    for line in lines:
        expression = word_substitute(line.expression, values)
        same = not {line.target, *identifiers(expression)} & varying
        if same and line.operation == "=" and not draws_random_numbers([expression]):
            values[line.target] = f"({expression})"
            continue
        values.pop(line.target, None)
        varying.add(line.target)
        found.append(replace(line, expression=expression))
    return found


def common_delay(pathways: Iterable[SynapticPathway], lowering: Lowering) -> np.ndarray:
    """The delay of each synapse, or one for all, in time steps of the program."""
    found = {}
    for each in pathways:
        clock = each.source.clock
        seconds = np.asarray(each.variables["delay"].get_value())
        found[each.name] = np.floor(seconds / clock.dt_ + 0.5).astype(int) * lowering.every(clock)
    first, *others = found
    for other in others:
        if np.any(found[first] != found[other]):
            raise CannotExpress("different_delays", f"{first} and {other} have other delays than each other")
    return found[first]
