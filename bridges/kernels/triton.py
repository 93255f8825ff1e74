"""A recurrence as Triton, for CUDA devices: one program for each row of the batch and block of cells walks over the tokens.

It is the same straight-line code that the C++ walk has. Contraction is off here as well: the reverse walk must find the
spikes that the forward walk found.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.util import find_spec
from string import Template
from typing import Any

import sympy as sp
from sympy.printing.str import StrPrinter
from torch import Tensor

from astrobrian.bridges.kernels.adjoint import adjoint
from astrobrian.bridges.kernels.recurrence import SPIKE, Code, Recurrence, recurrence, small_powers
from astrobrian.bridges.torch_codegen import step_named

BLOCK = 64
"""Cells of one program."""


def available() -> bool:
    """Whether Triton is there."""
    return find_spec("triton") is not None


_FUNCTIONS = {
    "exp": "tl.exp",
    "log": "tl.log",
    "sin": "tl.sin",
    "cos": "tl.cos",
    "Abs": "tl.abs",
    "tanh": "tanh",
}

_TEXT = Template("""
import triton
import triton.language as tl


@triton.jit
def tanh(x):
    y = tl.abs(x)
    e = tl.exp(-2.0 * y)
    large = (1.0 - e) / (1.0 + e)
    square = x * x
    return tl.where(y < 0.1, x * ($series), tl.where(x < 0.0, -large, large))


@triton.jit
def forward($forward_arguments, tokens, cells, step: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cell = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = cell < cells
$forward_before
    for t in range(tokens):
$forward_token


@triton.jit
def backward($backward_arguments, tokens, cells, step: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cell = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = cell < cells
$backward_before
    for passed in range(tokens):
        t = tokens - 1 - passed
$backward_token
$backward_after
""")


class _Printer(StrPrinter):
    """Functions of Triton's; a choice is made by `where`."""

    def _print(self, expr: sp.Basic, **kwargs: Any) -> str:
        if isinstance(expr, sp.Expr) and expr.is_number:
            return repr(float(expr))
        return super()._print(expr, **kwargs)

    def _print_Function(self, expr: sp.Expr) -> str:
        name = type(expr).__name__
        if name not in _FUNCTIONS:
            raise ValueError(f"a kernel for a CUDA device can't compute {expr}: pass fused=False")
        return f"{_FUNCTIONS[name]}({', '.join(self._print(a) for a in expr.args)})"

    _print_Abs = _print_Function

    def _print_Pow(self, expr: sp.Pow, rational: bool = False) -> str:
        base, power = expr.args
        if power == sp.S.Half:
            return f"tl.sqrt({self._print(base)})"
        if power.is_negative:
            return f"(1.0/({self._print(small_powers(base**-power))}))"
        return f"tl.exp({self._print(power * sp.log(base))})"

    def _print_Piecewise(self, expr: sp.Piecewise) -> str:
        (value, condition), *rest = expr.args
        otherwise = self._print(sp.Piecewise(*rest))
        return f"tl.where({self._print(condition)}, {self._print(value)}, {otherwise})"


def _assign(code: Code) -> list[str]:
    printer = _Printer()
    return [f"{name} = {printer.doprint(small_powers(expr))}" for name, expr in code.items()]


def _cell(name: sp.Symbol, rows: bool) -> str:
    return f"{name}_ + {'row * cells + ' if rows else ''}cell"


def _token(name: sp.Symbol, when: str = "t") -> str:
    return f"{name}_ + row * {name}_row + {when} * {name}_token + cell"


def _load(name: sp.Symbol, where: str) -> str:
    return f"{name} = tl.load({where}, mask=inside, other=1.0)"


def _store(name: sp.Symbol, where: str) -> str:
    return f"tl.store({where}, {name}, mask=inside)"


def _pointers(cells: Iterable[sp.Symbol], tokens: Iterable[sp.Symbol]) -> list[str]:
    return [*(f"{n}_" for n in cells), *(f"{n}_{part}" for n in tokens for part in ("", "row", "token"))]


def _series() -> sp.Expr:
    """tanh(x)/x, to the precision of a double below a tenth, in Horner's form of the square of x."""
    x, square = sp.symbols("x square", real=True)
    return sp.horner(sp.series(sp.tanh(x) / x, x, 0, 16).removeO().subs(x**2, square))


def source(r: Recurrence) -> str:
    """The text of both walks, in any precision."""
    a = adjoint(r)
    spikes, by_spikes = ((SPIKE,), (a.by_spike,)) if r.distance is not None else ((), ())
    sums = {b: sp.Symbol(f"sum_{b}") for b in a.by_coefficients}
    firsts = {x: sp.Symbol(f"first_{x}") for x in r.before}
    before = [_load(p, _cell(p, rows=False)) for p in r.parameters] + _assign(r.coefficients)
    inputs = [_load(x, _token(x)) for x in r.inputs]
    carried = [*a.by_before, *sums.values()]
    indented = {
        "forward_before": [*before, *(_load(x, _cell(x, rows=True)) for x in r.before)],
        "forward_token": [
            *inputs,
            *_assign(r.token),
            *(_store(y, _token(y)) for y in (*spikes, *r.new)),
            *(f"{x} = {y}" for x, y in zip(r.before, r.new, strict=True)),
        ],
        "backward_before": [
            *before,
            *(_load(f, _cell(x, rows=True)) for x, f in firsts.items()),
            *(f"{c} = 0.0 * first_{r.before[0]}" for c in carried),
        ],
        "backward_token": [
            *inputs,
            *(
                f"{x} = tl.where(t > 0, tl.load({_token(y, 'tl.maximum(t - 1, 0)')}, mask=inside, other=1.0), {firsts[x]})"
                for x, y in zip(r.before, r.new, strict=True)
            ),
            *(_load(b, _token(b)) for b in (*by_spikes, *a.by_new)),
            *(f"{b} += {c}" for b, c in zip(a.by_new, a.by_before, strict=True)),
            *_assign(r.token),
            *_assign(a.token),
            *(_store(b, _token(b)) for b in a.by_inputs),
            *(f"{s} += {b}" for b, s in sums.items()),
        ],
        "backward_after": [
            *(f"{b} = {s}" for b, s in sums.items()),
            *_assign(a.cell),
            *(_store(b, _cell(b, rows=True)) for b in (*a.by_before, *a.by_parameters)),
        ],
    }
    text = {
        part: "\n".join(" " * (8 if part.endswith("token") else 4) + line for line in lines)
        for part, lines in indented.items()
    }
    forward = _pointers((*r.before, *r.parameters), (*r.inputs, *spikes, *r.new))
    backward = _pointers(
        (*r.before, *r.parameters, *a.by_before, *a.by_parameters),
        (*r.inputs, *r.new, *by_spikes, *a.by_new, *a.by_inputs),
    )
    return _TEXT.substitute(
        text,
        series=_Printer().doprint(_series()),
        forward_arguments=", ".join(forward),
        backward_arguments=", ".join(backward),
    )


@cache
def _kernels(name: str) -> tuple[Any, Any]:
    text = source(recurrence(step_named(name)))
    where = f"<{name}>"
    linecache.cache[where] = (
        len(text),
        None,
        text.splitlines(keepends=True),
        where,
    )  # Triton reads what it compiles
    scope: dict[str, Any] = {"__name__": name}
    exec(compile(text, where, "exec"), scope)  # noqa: S102 (our own text, printed by SymPy from a declaration)
    return scope["forward"], scope["backward"]


def _launch(kernel: Any, cells: Sequence[Tensor], tokens: Sequence[Tensor], dt: float) -> None:
    batch, length, width = tokens[0].shape
    strided = [each for t in tokens for each in (t, *t.stride()[:2])]
    grid = batch, -(-width // BLOCK)
    kernel[grid](*cells, *strided, length, width, step=dt, BLOCK=BLOCK, enable_fp_fusion=False)


def forward(
    name: str,
    states: list[Tensor],
    inputs: list[Tensor],
    parameters: list[Tensor],
    dt: float,
    outputs: list[Tensor],
) -> None:
    """Walk forward: fill spikes, if there is a threshold, and the states after each token."""
    _launch(_kernels(name)[0], [*states, *parameters], [*inputs, *outputs], dt)


def backward(
    name: str,
    states: list[Tensor],
    inputs: list[Tensor],
    parameters: list[Tensor],
    dt: float,
    trajectories: list[Tensor],
    by_outputs: list[Tensor | None],
    results: list[Tensor],
) -> None:
    """Walk in reverse: fill the derivatives by states, inputs, and parameters for each row of the batch."""
    n, m = len(states), len(inputs)
    zeros = states[0].new_zeros(states[0].shape[1]).expand(inputs[0].shape)
    given = [zeros if b is None else b for b in by_outputs]
    cells = [*states, *parameters, *results[:n], *results[n + m :]]
    _launch(_kernels(name)[1], cells, [*inputs, *trajectories, *given, *results[n : n + m]], dt)
