"""The step of a linear equation as ``y = decay*y + drive``, with coefficients that are computed when they change.

Integrated exactly, ``dGamma_S/dt = O_G*G_A_astro*(1 - Gamma_S) - Omega_G*Gamma_S`` costs an exponential and two
divisions in every step. All of it depends on the astrocyte's gliotransmitter, which keeps its value for many steps of
the synapses' clock. The method doesn't matter: what any explicit one makes of a linear equation is affine in y, and
SymPy reads the two coefficients off the code that Brian2 generates for a step.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import sympy
from brian2 import Equations
from brian2.groups.neurongroup import StateUpdater
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str
from brian2.utils.stringtools import get_identifiers

from astrobrian.links import Statement, statements


@dataclass(frozen=True)
class Coefficients:
    """Of ``y = decay*y + drive``, as Brian2 expressions."""

    decay: str
    drive: str

    @property
    def identifiers(self) -> set[str]:
        return get_identifiers(self.decay) | get_identifiers(self.drive)


class LinearStep(StateUpdater):
    """A state updater that reads ``_decay_y`` and ``_drive_y`` where the step of y is affine.

    Somebody else computes these variables (`Refresh` of the territories), before the step that needs them.

    Parameters
    ----------
    group : NeuronGroup
    method, method_options
        As in `brian2.NeuronGroup`.
    slow : Collection[str]
        Variables that keep their values for many steps: coefficients that depend on any of them, and on nothing else
        but what is the same for all cells, are worth keeping.
    """

    abstract_code: str

    def __init__(self, group, method, method_options, slow: Collection[str]) -> None:
        super().__init__(group, method, method_options)
        self.slow = slow
        #: Coefficients of each variable that has them, known when the code of a step is.
        self.coefficients: dict[str, Coefficients] = {}

    def update_abstract_code(self, run_namespace) -> None:
        super().update_abstract_code(run_namespace)
        lines = statements(self.abstract_code)
        equations = self.group.equations
        found = {name: pair for name, pair in _affine(equations, lines) if self._worth_keeping(pair)}
        self.coefficients = found
        rest = _needed_for(equations.diff_eq_names - found.keys(), lines)
        kept = [f"{name} = _decay_{name}*{name} + _drive_{name}" for name in found]
        self.abstract_code = "\n".join([*map(str, rest), *kept])

    def _worth_keeping(self, pair: Coefficients) -> bool:
        variables = self.group.variables
        read = pair.identifiers & set(variables)
        steady = {name for name in read if variables[name].scalar and name not in ("t", "t_in_timesteps")}
        return bool(read & set(self.slow)) and read <= steady | set(self.slow)


def _affine(equations: Equations, lines: list[Statement]) -> Iterator[tuple[str, Coefficients]]:
    """The variables whose equations are linear and read no other state, with the coefficients of a step."""
    states = {_symbol(name) for name in equations.diff_eq_names}
    for name in equations.diff_eq_names:
        rate, symbol = str_to_sympy(equations[name].expr.code), _symbol(name)
        if (rate.free_symbols & states) - {symbol} or sympy.diff(rate, symbol).has(symbol):
            continue  # also spares SymPy the steps of what isn't linear, which are long
        values: dict[sympy.Symbol, sympy.Expr] = {}
        for line in _needed_for({name}, lines):
            values[_symbol(line.target)] = str_to_sympy(line.expression).xreplace(values)
        step = values[symbol]
        decay = sympy.diff(step, symbol)
        if not decay.has(symbol):
            drive = step.xreplace({symbol: sympy.S.Zero})
            yield name, Coefficients(sympy_to_str(decay), sympy_to_str(drive))


def _needed_for(targets: set[str], lines: list[Statement]) -> list[Statement]:
    """The lines that these variables are computed with."""
    kept: list[Statement] = []
    for line in reversed(lines):
        if line.target in targets:
            targets = targets | get_identifiers(line.expression)
            kept.insert(0, line)
    return kept


def _symbol(name: str) -> sympy.Symbol:
    return sympy.Symbol(name, real=True)
