"""From a declaration to SymPy: the right-hand side with its subexpressions substituted, and its derivatives."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import sympy as sp
from brian2 import Equations
from brian2.core.namespace import DEFAULT_UNITS
from brian2.equations.equations import DIFFERENTIAL_EQUATION, SUBEXPRESSION
from brian2.parsing.sympytools import str_to_sympy

from astrobrian.equations.model import Model, ModelError

# Brian2's functions that SymPy has under another name
_FUNCTIONS = {
    "clip": lambda x, low, high: sp.Max(low, sp.Min(high, x)),
    "int_": lambda x: (
        sp.sign(x) * sp.floor(sp.Abs(x)) if isinstance(x, sp.Expr) else sp.Piecewise((1, x), (0, True))
    ),
    "Mod": lambda x, period: x - period * sp.floor(x / period),
    "sqrt": sp.sqrt,
    "exprel": lambda x: (sp.exp(x) - 1) / x,
}
_RANDOM = {"rand", "randn", "poisson", "binomial"}


def symbol(name: str) -> sp.Symbol:
    """The symbol that Brian2's parser makes of a name."""
    return str_to_sympy(name)


def expression(text: str, model: str) -> sp.Expr:
    """An expression in Brian2's notation as SymPy, in SI units; `model` names its home in errors.

    Raises
    ------
    ModelError
        If it contains a random number or a function without a closed form.
    """
    parsed = str_to_sympy(text)
    for call in parsed.atoms(sp.core.function.AppliedUndef):
        name = call.func.__name__
        if name not in _FUNCTIONS:
            why = "is random" if name in _RANDOM else "has no closed form"
            raise ModelError(f"{model}: nothing can be derived from {text!r}, because {name}() {why}")
    return parsed.replace(
        lambda call: call.func.__name__ in _FUNCTIONS, lambda call: _FUNCTIONS[call.func.__name__](*call.args)
    )


def unit_values(names: set[str]) -> dict[sp.Symbol, sp.Float]:
    """The SI values of those names that are units of Brian2."""
    return {symbol(name): sp.Float(float(DEFAULT_UNITS[name])) for name in names & DEFAULT_UNITS.keys()}


@dataclass(frozen=True, eq=False)
class System:
    """Right-hand side of a model's differential equations.

    It describes the flow between events: thresholds, resets, refractoriness and spikes that arrive have no part in it.

    Attributes
    ----------
    states : tuple of str
        In the order of the declaration.
    derivatives : tuple of sympy.Expr
        dx/dt of each state, in SI units, in terms of states and `constants` only.
    outputs : dict of str to sympy.Expr
        The subexpressions, likewise.
    """

    states: tuple[str, ...]
    derivatives: tuple[sp.Expr, ...]
    outputs: dict[str, sp.Expr]

    @cached_property
    def constants(self) -> tuple[str, ...]:
        """Everything that is read and isn't a state: parameters, inputs, time."""
        read = set().union(*(d.free_symbols for d in (*self.derivatives, *self.outputs.values())))
        return tuple(sorted(s.name for s in read if s.name not in self.states))

    @property
    def jacobian(self) -> sp.Matrix:
        """d(dx_i/dt)/dx_j."""
        return sp.Matrix(self._partial(self.states, 1)).reshape(len(self.states), len(self.states))

    def _partial(self, by: tuple[str, ...], order: int) -> list[sp.Expr]:
        """All derivatives of this order of all right-hand sides, as a flat list in C order."""
        known: dict[tuple[int, tuple[str, ...]], sp.Expr] = {
            (i, ()): d for i, d in enumerate(self.derivatives)
        }

        def partial(i: int, names: tuple[str, ...]) -> sp.Expr:
            if (i, names) not in known:
                known[i, names] = _differentiate(partial(i, names[:-1]), symbol(names[-1]))
            return known[i, names]

        # derivatives commute: each is computed once, by its sorted names
        return [
            partial(i, tuple(sorted(names, key=by.index)))
            for i in range(len(self.derivatives))
            for names in itertools.product(by, repeat=order)
        ]

    @lru_cache  # noqa: B019 (systems are few and kept by `derive` anyway)
    def function(self, order: int = 0, by: tuple[str, ...] | None = None) -> Callable[..., np.ndarray]:
        """A NumPy function of the states, then the `constants`, that returns derivatives of the right-hand side.

        Parameters
        ----------
        order : int, optional
            0 for dx/dt itself, 1 for the Jacobian, and so on.
        by : tuple of str, optional
            What to differentiate by: the states unless given.

        Returns
        -------
        Callable
            Gives an array of shape ``(len(states), *(len(by),)*order)``; for order 0 the arguments may be arrays,
            whose shape is then appended.
        """
        by = by or self.states
        arguments = [symbol(name) for name in (*self.states, *self.constants)]
        compiled = sp.lambdify(arguments, self._partial(by, order), modules="numpy", cse=True)
        shape = (len(self.states), *(len(by),) * order)

        def evaluate(*values: float | np.ndarray) -> np.ndarray:
            parts = np.broadcast_arrays(*compiled(*values))
            return np.array(parts, dtype=float).reshape(*shape, *parts[0].shape)

        return evaluate


def _differentiate(of: sp.Expr, by: sp.Symbol) -> sp.Expr:
    """The derivative away from the kinks and jumps of abs, sign, clip and int."""
    derivative = sp.diff(of, by)
    # what SymPy leaves undone is the derivative of a rounding function, zero between its jumps
    jumps = (sp.DiracDelta, sp.Derivative, sp.Subs)
    return derivative.replace(lambda e: isinstance(e, jumps), lambda e: sp.Integer(0))


def derive(model: Model) -> System:
    """The right-hand side of a model as SymPy expressions.

    Raises
    ------
    ModelError
        If the model is stochastic, or calls a function without a closed form.

    Examples
    --------
    >>> derive(li_rinzel).jacobian
    """
    return _derive(model.text, model.name, frozenset(model.equations.names))


@lru_cache(maxsize=256)
def _derive(text: str, name: str, declared: frozenset[str]) -> System:
    equations = Equations(text)
    if noise := equations.stochastic_variables:
        raise ModelError(
            f"{name} is stochastic (it reads {', '.join(sorted(noise))}); derive from its deterministic counterpart"
        )
    parsed = {
        variable: expression(single.expr.code, name)
        for variable, single in equations.items()
        if single.type in (DIFFERENTIAL_EQUATION, SUBEXPRESSION)
    }
    units = unit_values({s.name for e in parsed.values() for s in e.free_symbols} - declared)
    subexpressions = {symbol(n): parsed[n] for n, single in equations.items() if single.type == SUBEXPRESSION}

    def closed(formula: sp.Expr) -> sp.Expr:
        while formula.free_symbols & subexpressions.keys():
            formula = formula.xreplace(subexpressions)
        return formula.xreplace(units)

    return System(
        states=tuple(n for n, single in equations.items() if single.type == DIFFERENTIAL_EQUATION),
        derivatives=tuple(
            closed(parsed[n]) for n, single in equations.items() if single.type == DIFFERENTIAL_EQUATION
        ),
        outputs={n.name: closed(n) for n in subexpressions},
    )
