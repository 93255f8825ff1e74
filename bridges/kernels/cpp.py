"""A recurrence as C++: one walk over the tokens, forward and in reverse, the inner loop over cells.

What is printed uses nothing but additions, multiplications, divisions, comparisons and shifts, each rounded as IEEE 754 says and
never contracted, and the scalar functions of the C library. An element therefore gets the same bits whatever vector
register, thread or call it is computed in. The functions of an array library don't promise that: they treat the ends of an
array, and arrays that aren't contiguous, in another way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from ctypes import c_double, c_long, c_void_p
from functools import cache
from math import prod
from string import Template
from typing import Any

import sympy as sp
import torch
from sympy.printing.cxx import CXX17CodePrinter
from torch import Tensor

from astrobrian.bridges.kernels.adjoint import Adjoint, adjoint
from astrobrian.bridges.kernels.build import library
from astrobrian.bridges.kernels.common import REAL, threads
from astrobrian.bridges.kernels.recurrence import SPIKE, Code, Recurrence, recurrence, small_powers
from astrobrian.bridges.torch_codegen import step_named

ELEMENTARY = """
#include <cmath>
#include <cstdint>
#include <cstring>

template <typename> struct Format;
template <> struct Format<float> {
    using bits = std::uint32_t;
    static constexpr int mantissa = 23, bias = 127, terms = 7;
};
template <> struct Format<double> {
    using bits = std::uint64_t;
    static constexpr int mantissa = 52, bias = 1023, terms = 13;
};
using Bits = Format<real>::bits;
constexpr int MANTISSA = Format<real>::mantissa, BIAS = Format<real>::bias, TERMS = Format<real>::terms;
constexpr real ROUND = real(3) * real(Bits(1) << (MANTISSA - 1));  // adding and subtracting it rounds to an integer

constexpr real inverse_factorial(int n) { return n < 2 ? real(1) : inverse_factorial(n - 1) / n; }

// unrolled by its type, or else the loop over cells around it isn't vectorised
template <int N> constexpr real INVERSE = inverse_factorial(N);
template <int K> static inline real series(real sum, real r) {
    if constexpr (K == 0) return sum * r;
    else return series<K - 1>(sum * r + INVERSE<K>, r);
}

static inline real nearest(real x) { return (x + ROUND) - ROUND; }

// 2^n, for an integer n
static inline real power_of_two(real n) {
    n += ROUND;
    Bits bits;
    std::memcpy(&bits, &n, sizeof n);
    bits = (bits + BIAS) << MANTISSA;
    std::memcpy(&n, &bits, sizeof n);
    return n;
}

// e^x - 1 of what is left of x without n times the logarithm of 2, by its Taylor series
static inline real remainder_of(real x, real n) {
    const real r = (x - n * real(0.693359375)) - n * real(-2.12194440054690582767656361e-4);
    return series<TERMS - 1>(INVERSE<TERMS>, r);
}

static inline real exp_(real x) {
    constexpr real least = sizeof(real) == 4 ? -105 : -750, most = sizeof(real) == 4 ? 90 : 711;
    x = x < least ? least : x > most ? most : x;
    const real n = nearest(x * real(1.44269504088896340736)), half = nearest(n * real(0.5));
    return (real(1) + remainder_of(x, n)) * power_of_two(half) * power_of_two(n - half);
}

static inline real tanh_(real x) {
    constexpr real most = 40;  // from where on the result is 1
    const real twice = std::fabs(x) * 2, y = twice > most ? most : twice;
    const real n = nearest(y * real(1.44269504088896340736)), scale = power_of_two(n);
    const real e = remainder_of(y, n) * scale + (scale - 1);
    return std::copysign(e / (e + 2), x);
}
"""

_LOOP = Template("""
extern "C" void $name(long threads, long batch, long tokens, long cells, double dt, void* const* array, const long* stride) {
    constexpr long BLOCK = 256;
    static const real zeros[BLOCK] = {};
    const real step = real(dt);
    const long blocks = (cells + BLOCK - 1) / BLOCK;
    #pragma omp parallel for collapse(2) schedule(static) num_threads(threads) if (threads > 1)
    for (long b = 0; b < batch; ++b) for (long block = 0; block < blocks; ++block) {
        const long first = block * BLOCK, width = cells - first < BLOCK ? cells - first : BLOCK;
$pointers
$buffers
        #pragma omp simd
        for (long j = 0; j < width; ++j) {
$before
        }
        for ($order) {
$rows
            #pragma omp simd
            for (long j = 0; j < width; ++j) {
$token
            }
        }
$after
    }
    (void)zeros; (void)step; (void)stride;
}
""")


class _Printer(CXX17CodePrinter):
    """Numbers in the kernel's own precision; its own exponential and hyperbolic tangent."""

    def _print(self, expr: sp.Basic, **kwargs: Any) -> str:
        if isinstance(expr, sp.Expr) and expr.is_number:
            return f"real({float(expr)!r})"
        return super()._print(expr, **kwargs)

    def _print_exp(self, expr: sp.Expr) -> str:
        return f"exp_({self._print(expr.args[0])})"

    def _print_tanh(self, expr: sp.Expr) -> str:
        return f"tanh_({self._print(expr.args[0])})"

    def _print_Piecewise(self, expr: sp.Piecewise) -> str:
        (value, condition), *rest = expr.args
        otherwise = self._print(sp.Piecewise(*rest))
        return f"({self._print(condition)} ? {self._print(value)} : {otherwise})"


def assign(code: Code) -> list[str]:
    printer = _Printer()
    return [f"const real {name} = {printer.doprint(small_powers(expr))};" for name, expr in code.items()]


def _load(names: Iterable[sp.Symbol]) -> list[str]:
    return [f"const real {name} = {name}_[j];" for name in names]


def _store(names: Iterable[sp.Symbol]) -> list[str]:
    return [f"{name}_[j] = {name};" for name in names]


def _loop(name: str, order: str, **parts: Sequence[str]) -> str:
    depth = {"pointers": 8, "buffers": 8, "before": 12, "rows": 12, "token": 16, "after": 8}
    text = {part: "\n".join(" " * depth[part] + line for line in parts[part]) for part in depth}
    return _LOOP.substitute(name=name, order=order, **text)


class _Arrays:
    """Where each array is found: the walk gets them in the order in which they are asked for."""

    def __init__(self) -> None:
        self.count = self.strided = 0
        self.pointers: list[str] = []

    def cell(self, names: Iterable[sp.Symbol], rows: bool, constant: bool = True) -> None:
        """One value for each cell, or for each cell of each row of the batch."""
        for name in names:
            where = "b * cells + first" if rows else "first"
            kind = "const real" if constant else "real"
            self.pointers.append(
                f"{kind}* __restrict {name}_ = static_cast<real*>(array[{self.count}]) + {where};"
            )
            self.count += 1

    def tokens(self, names: Iterable[sp.Symbol], constant: bool = True) -> None:
        """One value for each cell of each token; a null pointer stands for zeros."""
        for name in names:
            kind = "const real" if constant else "real"
            i, s = self.count, 2 * self.strided
            start = f"static_cast<real*>(array[{i}]) + b * stride[{s}] + first"
            self.pointers.append(
                f"{kind}* {name}_all = {f'!array[{i}] ? zeros : ' if constant else ''}{start};"
            )
            self.pointers.append(f"const long {name}_stride = stride[{s + 1}];")
            self.count += 1
            self.strided += 1


def _rows(names: Iterable[sp.Symbol], constant: bool = True) -> list[str]:
    kind = "const real" if constant else "real"
    return [f"{kind}* __restrict {name}_ = {name}_all + t * {name}_stride;" for name in names]


def _previous(r: Recurrence) -> list[str]:
    return [
        f"const real* __restrict {x}_ = t ? {y}_all + (t - 1) * {y}_stride : first_{x}_;"
        for x, y in zip(r.before, r.new, strict=True)
    ]


def _coefficients(r: Recurrence) -> list[str]:
    return [*_load(r.parameters), *assign(r.coefficients), *_store(r.coefficients)]


def _forward(r: Recurrence) -> str:
    """Takes states, inputs, parameters; gives spikes (if there is a threshold) and the states after each token."""
    spikes = (SPIKE,) if r.distance is not None else ()
    arrays = _Arrays()
    arrays.cell((sp.Symbol(f"first_{x}") for x in r.before), rows=True)
    arrays.tokens(r.inputs)
    arrays.cell(r.parameters, rows=False)
    arrays.tokens((*spikes, *r.new), constant=False)
    return _loop(
        "forward",
        "long t = 0; t < tokens; ++t",
        pointers=arrays.pointers,
        buffers=[f"real {c}_[BLOCK];" for c in r.coefficients],
        before=_coefficients(r),
        rows=[*_previous(r), *_rows(r.inputs), *_rows((*spikes, *r.new), constant=False)],
        token=[
            *_load((*r.before, *r.inputs, *r.coefficients)),
            *assign(r.token),
            *_store((*spikes, *r.new)),
        ],
        after=[],
    )


def _backward(r: Recurrence, a: Adjoint) -> str:
    """Takes what the forward walk took and the states that it gave, and the derivatives by spikes and states.

    Gives the derivatives by the first states, the inputs, and the parameters for each row of the batch.
    """
    by_spikes = (a.by_spike,) if r.distance is not None else ()
    sums = [sp.Symbol(f"sum_{b}") for b in a.by_coefficients]
    arrays = _Arrays()
    arrays.cell((sp.Symbol(f"first_{x}") for x in r.before), rows=True)
    arrays.tokens(r.inputs)
    arrays.cell(r.parameters, rows=False)
    arrays.tokens((*r.new, *by_spikes, *a.by_new))
    arrays.cell(a.by_before, rows=True, constant=False)
    arrays.tokens(a.by_inputs, constant=False)
    arrays.cell(a.by_parameters, rows=True, constant=False)
    given = [f"const real {b} = {b}_[j] + {c}_[j];" for b, c in zip(a.by_new, a.by_before, strict=True)]
    summed = [f"{s}_[j] += {b};" for s, b in zip(sums, a.by_coefficients, strict=True)]
    return _loop(
        "backward",
        "long t = tokens - 1; t >= 0; --t",
        pointers=arrays.pointers,
        buffers=[
            *(f"real {c}_[BLOCK];" for c in r.coefficients),
            *(f"real {s}_[BLOCK] = {{}};" for s in sums),
        ],
        before=[*_coefficients(r), *(f"{b}_[j] = 0;" for b in a.by_before)],
        rows=[
            *_previous(r),
            *_rows((*r.inputs, *by_spikes, *a.by_new)),
            *_rows(a.by_inputs, constant=False),
        ],
        token=[
            *_load((*r.before, *r.inputs, *r.coefficients, *by_spikes)),
            *given,
            *assign(r.token),
            *assign(a.token),
            *_store((*a.by_before, *a.by_inputs)),
            *summed,
        ],
        after=[
            "#pragma omp simd",
            "for (long j = 0; j < width; ++j) {",
            *(f"    const real {b} = {s}_[j];" for b, s in zip(a.by_coefficients, sums, strict=True)),
            *(f"    {line}" for line in [*_load((*r.parameters, *r.coefficients)), *assign(a.cell)]),
            *(f"    {line}" for line in _store(a.by_parameters)),
            "}",
        ],
    )


def source(r: Recurrence, real: str) -> str:
    """The text of both walks, for ``float`` or ``double``."""
    return f"using real = {real};\n{ELEMENTARY}" + _forward(r) + _backward(r, adjoint(r))


@cache
def _walks(name: str, dtype: torch.dtype) -> tuple[Callable, Callable]:
    compiled = library(source(recurrence(step_named(name)), REAL[dtype]))
    for walk in (compiled.forward, compiled.backward):
        walk.argtypes = [*[c_long] * 4, c_double, c_void_p, c_void_p]
    return compiled.forward, compiled.backward


def _call(
    walk: Callable,
    shape: Sequence[int],
    dt: float,
    arrays: Sequence[Tensor | None],
    strided: Sequence[Tensor | None],
) -> None:
    """Call a walk with the addresses of all arrays, and the strides of those that have tokens."""
    addresses = (c_void_p * len(arrays))(*(None if a is None else a.data_ptr() for a in arrays))
    strides = [s for a in strided for s in ((0, 0) if a is None else a.stride()[:2])]
    walk(threads(prod(shape)), *shape, dt, addresses, (c_long * len(strides))(*strides))


def forward(
    name: str,
    states: list[Tensor],
    inputs: list[Tensor],
    parameters: list[Tensor],
    dt: float,
    outputs: list[Tensor],
) -> None:
    """Walk forward: fill spikes, if there is a threshold, and the states after each token.

    The cells of states, parameters and tokens lie side by side in memory.
    """
    walk, _ = _walks(name, inputs[0].dtype)
    arrays = [*states, *inputs, *parameters, *outputs]
    _call(walk, inputs[0].shape, dt, arrays, [*inputs, *outputs])


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
    _, walk = _walks(name, inputs[0].dtype)
    by_inputs = results[len(states) : len(states) + len(inputs)]
    arrays = [*states, *inputs, *parameters, *trajectories, *by_outputs, *results]
    _call(walk, inputs[0].shape, dt, arrays, [*inputs, *trajectories, *by_outputs, *by_inputs])
