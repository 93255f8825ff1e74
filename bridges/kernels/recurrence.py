"""A token step as straight-line code: what is computed once for a cell, and what is computed at every token.

Names of the declaration get a prefix that says what they are (``before_u``, ``input_x``), so that none can clash with a
name of the code they are printed into.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import sympy as sp
from sympy.codegen.rewriting import create_expand_pow_optimization

from astrobrian.bridges.torch_codegen import DT, TokenStep, symbol

small_powers = create_expand_pow_optimization(4)
"""Writes small powers as products."""

Code = dict[sp.Symbol, sp.Expr]
"""Assignments, in order."""

SPIKE, DISTANCE, STEP = (symbol(name) for name in ("spike", "distance", "step"))


def named(prefix: str, names: Iterable[str]) -> tuple[sp.Symbol, ...]:
    """A symbol for each name."""
    return tuple(symbol(f"{prefix}_{name}") for name in names)


@dataclass(frozen=True, eq=False)
class Recurrence:
    """A token step whose coefficients are taken out of it.

    Attributes
    ----------
    before, after, new : tuple of Symbol
        Each state before the token, after its update, and after the reset.
    inputs, parameters : tuple of Symbol
    coefficients : dict of Symbol to Expr
        What depends on parameters and the length of a token alone.
    update, reset : tuple of Expr
        Each state after the update; what a spike would make of it.
    distance : Expr or None
        To the threshold; None if the declaration has none.
    """

    before: tuple[sp.Symbol, ...]
    after: tuple[sp.Symbol, ...]
    new: tuple[sp.Symbol, ...]
    inputs: tuple[sp.Symbol, ...]
    parameters: tuple[sp.Symbol, ...]
    coefficients: Code
    update: tuple[sp.Expr, ...]
    distance: sp.Expr | None
    reset: tuple[sp.Expr, ...]

    @property
    def chosen(self) -> tuple[sp.Expr, ...]:
        """Each state after the token, of the states after the update and the spike."""
        if self.distance is None:
            return self.after
        return tuple(a + SPIKE * (r - a) for a, r in zip(self.after, self.reset, strict=True))

    @property
    def token(self) -> Code:
        """The code of one token; what occurs in it more than once is computed once."""
        code = dict(zip(self.after, self.update, strict=True))
        if self.distance is not None:
            code[DISTANCE] = self.distance
            code[SPIKE] = sp.Piecewise((1, DISTANCE > 0), (0, True))
        return shared(code | dict(zip(self.new, self.chosen, strict=True)), "shared")


@cache
def recurrence(step: TokenStep) -> Recurrence:
    """Take the coefficients out of a token step.

    Examples
    --------
    >>> recurrence(token_step(amsu_key)).update
    (coefficient_0*(before_r - input_x_k) + input_x_k,)
    """
    before, after, new = (named(prefix, step.states) for prefix in ("before", "after", "new"))
    inputs, parameters = named("input", step.inputs), named("parameter", step.parameters)
    declared = [symbol(name) for name in (*step.inputs, *step.parameters)] + [DT]
    constant = dict(zip(declared, (*inputs, *parameters, STEP), strict=True))
    states = [symbol(name) for name in step.states]
    from_before = constant | dict(zip(states, before, strict=True))
    from_after = constant | dict(zip(states, after, strict=True))
    found: dict[sp.Expr, sp.Symbol] = {}
    moving = {*before, *after, *inputs}

    def coefficient(expr: sp.Expr) -> sp.Expr:
        return expr if expr.is_number else found.setdefault(expr, symbol(f"coefficient_{len(found)}"))

    def pull(expr: sp.Expr) -> sp.Expr:
        if not expr.free_symbols & moving:
            return coefficient(expr)
        if expr.is_Add or expr.is_Mul:
            fixed, rest = expr.as_independent(*moving, as_Add=expr.is_Add)
            return expr.func(coefficient(fixed), *(pull(a) for a in expr.func.make_args(rest)))
        return expr.func(*(pull(a) for a in expr.args)) if expr.args else expr

    def pulled(exprs: Mapping[str, sp.Expr], names: Mapping[sp.Symbol, sp.Symbol]) -> tuple[sp.Expr, ...]:
        return tuple(pull(exprs.get(n, symbol(n)).xreplace(names)) for n in step.states)

    update = pulled(step.update, from_before)
    distance = None if step.spike is None else pull(step.spike.xreplace(from_after))
    reset = pulled(step.reset, from_after)
    coefficients = {name: expr for expr, name in found.items()}
    return Recurrence(before, after, new, inputs, parameters, coefficients, update, distance, reset)


def shared(code: Code, prefix: str) -> Code:
    """The same code with common sub-expressions computed once, each just before its first use."""
    common, reduced = sp.cse(list(code.values()), symbols=sp.numbered_symbols(f"{prefix}_", real=True))
    waiting = dict(common)
    lines: Code = {}

    def emit(name: sp.Symbol, expr: sp.Expr) -> None:
        for needed in sorted(expr.free_symbols & waiting.keys(), key=str):
            if needed in waiting:
                emit(needed, waiting.pop(needed))
        lines[name] = expr

    for name, expr in zip(code, reduced, strict=True):
        emit(name, expr)
    return lines
