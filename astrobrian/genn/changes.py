"""Which variables of a network change, and when within a time step: what GeNN may do in another order, and what not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from brian2 import NeuronGroup, PoissonInput, Synapses
from brian2.core.base import BrianObject
from brian2.core.variables import ArrayVariable, Subexpression
from brian2.groups.group import CodeRunner
from brian2.groups.neurongroup import Resetter, SubexpressionUpdater, Thresholder
from brian2.synapses.synapses import SummedVariableUpdater, SynapticPathway

from astrobrian.links import identifiers, statements


@dataclass(frozen=True)
class Changes:
    """Variables, by who changes or reads them.

    Parameters
    ----------
    written : set of ArrayVariable
        By anything, during a run.
    at_spikes : set of ArrayVariable
        Of neurons, by spikes that arrive, or by inputs that come as spikes do.
    read_at_spikes : set of ArrayVariable
        Of neurons, by the code of spikes that arrive.
    read_at_events : set of ArrayVariable
        By thresholds and resets.
    at_start : set of ArrayVariable
        By what runs at the start of a time step.
    by_sums : set of ArrayVariable
        As sums over synapses.
    resetters : list of Resetter
    """

    written: set[ArrayVariable]
    at_spikes: set[ArrayVariable]
    read_at_spikes: set[ArrayVariable]
    read_at_events: set[ArrayVariable]
    at_start: set[ArrayVariable]
    by_sums: set[ArrayVariable]
    resetters: list[Resetter]

    @classmethod
    def of(cls, objects: Iterable[BrianObject]) -> Changes:
        """Read from the code of objects."""
        found = cls(set(), set(), set(), set(), set(), set(), [])
        for each in objects:
            if isinstance(each, NeuronGroup) and each._refractory is not False:
                found.written.update(each.variables[name] for name in ("lastspike", "not_refractory"))
            if not isinstance(each, CodeRunner) or each.codeobj is None:
                continue
            targets = set(written_by(each))
            if isinstance(each, SummedVariableUpdater):
                targets = {each.target_var}
                found.by_sums.update(targets)
            found.written.update(targets)
            if isinstance(each, SynapticPathway):
                found.at_spikes.update(var for var in targets if not isinstance(var.owner, Synapses))
                found.read_at_spikes.update(
                    var for var in read_by(each) if not isinstance(var.owner, Synapses)
                )
            elif isinstance(each, PoissonInput):
                found.at_spikes.update(targets)
            elif isinstance(each, Thresholder | Resetter):
                found.read_at_events.update(read_by(each))
                if isinstance(each, Resetter):
                    found.resetters.append(each)
            elif isinstance(each, SubexpressionUpdater) or each.when == "start":
                found.at_start.update(targets)
        return found

    def deferred(self, resetter: Resetter) -> bool:
        """Whether a reset has to wait until the spikes of its step have been delivered, as it does in Brian2."""
        touched = set(written_by(resetter))
        return bool(
            touched & (self.at_spikes | self.read_at_spikes) or set(read_by(resetter)) & self.at_spikes
        )

    def late(self) -> set[ArrayVariable]:
        """What changes in a step after GeNN has computed its sums and before Brian2 would."""
        after_spikes = (set(written_by(each)) for each in self.resetters if self.deferred(each))
        return self.at_spikes | self.at_start | self.by_sums | set().union(*after_spikes)


def written_by(runner: CodeRunner) -> Iterator[ArrayVariable]:
    """The variables that the code of an object assigns to."""
    for line in statements(runner.abstract_code):
        if isinstance(variable := runner.codeobj.variables.get(line.target), ArrayVariable):
            yield variable


def read_by(runner: CodeRunner) -> Iterator[ArrayVariable]:
    """The variables that the code of an object reads, those that its subexpressions read included."""
    variables = runner.codeobj.variables
    waiting = set().union(*(identifiers(line.expression) for line in statements(runner.abstract_code)))
    seen = set()
    while waiting:
        seen.add(name := waiting.pop())
        variable = variables.get(name)
        if isinstance(variable, Subexpression):
            waiting |= identifiers(variable.expr) - seen
        elif isinstance(variable, ArrayVariable):
            yield variable
