"""The reverse of a token step, derived by SymPy; the spike is differentiated as `SURROGATE`."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from astrobrian.bridges.kernels.recurrence import DISTANCE, SPIKE, Code, Recurrence, shared
from astrobrian.bridges.torch_codegen import SURROGATE, Z, symbol


@dataclass(frozen=True, eq=False)
class Adjoint:
    """What a token passes back.

    Attributes
    ----------
    by_new, by_before, by_inputs, by_coefficients, by_parameters : tuple of Symbol
        Derivatives of the loss by the states after the token and before it, and by what else enters it.
    by_spike : Symbol
    token : dict of Symbol to Expr
        `by_before`, `by_inputs` and this token's part of `by_coefficients`, of `by_new` and `by_spike`. The code of the
        token itself comes before it.
    cell : dict of Symbol to Expr
        `by_parameters`, of the sums of `by_coefficients`.
    """

    by_new: tuple[sp.Symbol, ...]
    by_before: tuple[sp.Symbol, ...]
    by_inputs: tuple[sp.Symbol, ...]
    by_coefficients: tuple[sp.Symbol, ...]
    by_parameters: tuple[sp.Symbol, ...]
    by_spike: sp.Symbol
    token: Code
    cell: Code


def adjoint(r: Recurrence) -> Adjoint:
    """Derive the reverse step of a recurrence."""
    by_new, by_after, by_before, by_inputs, by_coefficients, by_parameters = (
        tuple(symbol(f"by_{each}") for each in group)
        for group in (r.new, r.after, r.before, r.inputs, r.coefficients, r.parameters)
    )
    by_spike, by_distance = symbol("by_spike"), symbol("by_distance")

    def chain(y: sp.Symbol, outer: tuple[sp.Symbol, ...], exprs: tuple[sp.Expr, ...]) -> sp.Expr:
        return sp.Add(*(b * sp.diff(e, y) for b, e in zip(outer, exprs, strict=True)))

    def through_reset(y: sp.Symbol) -> sp.Expr:
        direct = chain(y, by_new, r.chosen)
        return direct if r.distance is None else direct + by_distance * sp.diff(r.distance, y)

    token: Code = {}
    if r.distance is not None:
        slope = sp.diff(SURROGATE, Z).xreplace({Z: DISTANCE})
        token[by_distance] = (by_spike + chain(SPIKE, by_new, r.chosen)) * slope
    token |= {b: through_reset(y) for b, y in zip(by_after, r.after, strict=True)}
    token |= {b: chain(y, by_after, r.update) for b, y in zip(by_before, r.before, strict=True)}
    for b, y in zip((*by_inputs, *by_coefficients), (*r.inputs, *r.coefficients), strict=True):
        token[b] = chain(y, by_after, r.update) + through_reset(y)
    cell = {
        b: chain(p, by_coefficients, tuple(r.coefficients.values()))
        for b, p in zip(by_parameters, r.parameters, strict=True)
    }
    known = {e: s for s, e in r.token.items() if not e.is_Symbol and not e.is_number}
    reused = {b: e.xreplace(known) for b, e in token.items()}
    return Adjoint(
        by_new,
        by_before,
        by_inputs,
        by_coefficients,
        by_parameters,
        by_spike,
        shared(reused, "shared_by"),
        shared(cell, "shared_by"),
    )
