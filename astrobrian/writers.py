"""Which objects change a variable while a simulation runs, and so at which time steps it can change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from brian2.core.clocks import Clock
from brian2.core.variables import Variable
from brian2.groups.group import CodeRunner
from brian2.groups.neurongroup import Resetter, StateUpdater, Thresholder
from brian2.synapses.synapses import StateUpdater as SynapticStateUpdater
from brian2.synapses.synapses import SummedVariableUpdater, SynapticPathway

from astrobrian.links import statements


def writing_clocks(variable: Variable) -> set[Clock]:
    """The clocks of all objects that may change a variable, in any network.

    Assignments between runs, and functions of the user's that write to arrays behind Brian2's back, are not among them.
    """
    clocks = set()
    for reference in list(CodeRunner.__instances__()):
        runner = reference()
        if not hasattr(runner, "clock") or not hasattr(runner, "group"):
            continue  # gone, or never finished, as after an error in a notebook
        with suppress(ReferenceError):  # its group is gone
            variables = runner.group.variables
            if any(name in variables and variables[name] is variable for name in _written(runner)):
                clocks.add(runner.clock)
    return clocks


def _written(runner: CodeRunner) -> Iterator[str]:
    """Names, in its group, of variables that an object may change."""
    match runner:
        case StateUpdater() | SynapticStateUpdater():
            yield from (*runner.group.equations.diff_eq_names, "not_refractory")
        case Thresholder():
            yield from ("lastspike", "not_refractory")
        case SummedVariableUpdater():
            yield runner.target_varname
        case Resetter():
            yield from _targets(runner.group.event_codes[runner.event])
        case SynapticPathway():
            yield from _targets(runner.code)
        case _:
            yield from _targets(runner.abstract_code or "")


def _targets(code: str) -> list[str]:
    return [line.target for line in statements(code)]
