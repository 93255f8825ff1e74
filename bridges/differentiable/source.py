"""From assignments in SymPy to the source of a Torch function, with common sub-expressions shared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from typing import Any

import sympy as sp
import torch
from sympy.printing.str import StrPrinter

from astrobrian.bridges.differentiable.functions import FUNCTIONS, event, int_


class _TorchPrinter(StrPrinter):
    """Python whose functions are those of `FUNCTIONS`, behind an underscore that no name of a model begins with."""

    def _print_Function(self, expr: sp.Expr) -> str:
        if expr.is_number:
            return repr(float(expr))
        return f"_{expr.func.__name__}({self.stringify(expr.args, ', ')})"

    def _print_Pow(self, expr: sp.Pow, rational: bool = False) -> str:
        if expr.exp == sp.S.Half and not expr.is_number:
            return f"_sqrt({self._print(expr.base)})"
        return super()._print_Pow(expr, rational=True)

    def _print_Relational(self, expr: sp.Expr) -> str:
        return f"({self._print(expr.lhs)} {expr.rel_op} {self._print(expr.rhs)})"

    def _print_number(self, expr: sp.Expr) -> str:
        return f"({float(expr)!r})" if expr.is_finite else f"float('{float(expr)}')"

    _print_Float = _print_NumberSymbol = _print_Exp1 = _print_Pi = _print_number
    _print_Infinity = _print_NegativeInfinity = _print_number
    _print_Abs = _print_Function


@dataclass(frozen=True, eq=False)
class Function:
    """A Torch function of named values.

    Attributes
    ----------
    arguments : tuple of str
        What it reads.
    results : tuple of str
        What it gives.
    source : str
        Its text.
    """

    arguments: tuple[str, ...]
    results: tuple[str, ...]
    source: str
    call: Callable[..., tuple[torch.Tensor, ...]]

    def __call__(self, scope: Mapping[str, torch.Tensor | float]) -> dict[str, torch.Tensor]:
        values = self.call(*(scope[name] for name in self.arguments))
        return dict(zip(self.results, values, strict=True))

    def compiled(self) -> Function:
        """The same function, of which Torch makes one program when it is first called."""
        return replace(self, call=torch.compile(self.call))


def function(
    assignments: Mapping[sp.Symbol, sp.Expr], results: Mapping[str, sp.Expr], dtype: torch.dtype
) -> Function:
    """A Torch function that evaluates the results of some assignments.

    Parameters
    ----------
    assignments : mapping of Symbol to Expr
        In any order; each may read what others assign.
    results : mapping of str to Expr
    dtype : torch.dtype
        What conditions become where they count as numbers.

    Examples
    --------
    >>> print(function({}, {"z": sp.sympify("(x + y)**2/(1 + (x + y)**2)")}, torch.float64).source)
    """
    arguments = sorted(names_in([*assignments.values(), *results.values()]) - names_in(assignments))
    shared, parts = sp.cse(
        [*assignments.values(), *results.values()], sp.numbered_symbols("_x"), order="none"
    )
    defined = {**dict(shared), **dict(zip(assignments, parts, strict=False))}
    needs = {target: _sorted(value.free_symbols & defined.keys()) for target, value in defined.items()}
    printer = _TorchPrinter()
    lines = [f"{s} = {printer.doprint(defined[s])}" for s in TopologicalSorter(needs).static_order()]
    lines.append(f"return ({''.join(f'{printer.doprint(e)}, ' for e in parts[len(assignments) :])})")
    text = "\n    ".join([f"def function({', '.join(arguments)}):", *lines])
    functions = {**FUNCTIONS, "int_": int_(dtype), "event": event(dtype)}
    scope: dict[str, Any] = {f"_{name}": each for name, each in functions.items()}
    exec(text, scope)  # noqa: S102 (our own text, printed by SymPy from a declaration)
    return Function(tuple(arguments), tuple(results), text, scope["function"])


def names_in(expressions: Iterable[sp.Basic]) -> frozenset[str]:
    """The names that expressions read."""
    return frozenset(s.name for e in expressions for s in e.free_symbols)


def _sorted(symbols: set[sp.Symbol]) -> list[sp.Symbol]:
    """In one order whatever the hash seed, so that the source is always the same."""
    return sorted(symbols, key=lambda s: s.name)
