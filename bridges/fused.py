"""One operator for a whole sequence, forward and backward, compiled by numba from the symbolic declaration.

Whatever doesn't depend on a state is computed outside the loop by Torch, for all tokens at once: what depends on inputs is
a *drive* d (batch, tokens, cells), what depends on parameters alone a *coefficient* c (cells,). What is left in the loop is
the recurrence, and its adjoint is derived by SymPy; the spike is differentiated as `SURROGATE`. The adjoint can't be
differentiated again; the eager loop (``fused=False``) has higher derivatives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import sympy as sp
import torch
from sympy.printing.pycode import pycode

from astrobrian.bridges.torch_codegen import SURROGATE, TokenStep, Z, symbol, torch_function

_SMALL = 1 << 15  # values per thread below which threads cost more than they bring


@dataclass(frozen=True, eq=False)
class Recurrence:
    """A token step with everything that is independent of the states taken out of it."""

    states: tuple[sp.Symbol, ...]
    drives: dict[sp.Symbol, sp.Expr]
    coefficients: dict[sp.Symbol, sp.Expr]
    update: tuple[sp.Expr, ...]
    spike: sp.Expr | None
    reset: tuple[sp.Expr, ...]


def recurrence(step: TokenStep) -> Recurrence:
    """Take drives and coefficients out of a token step.

    Examples
    --------
    >>> recurrence(token_step(amsu_membrane)).update
    (c_0*u + d_0,)
    """
    states = tuple(symbol(name) for name in step.states)
    inputs = {symbol(name) for name in step.inputs}
    drives: dict[sp.Expr, sp.Symbol] = {}
    coefficients: dict[sp.Expr, sp.Symbol] = {}

    def name(expr: sp.Expr) -> sp.Expr:
        if expr.is_number:
            return expr
        table, letter = (drives, "d") if expr.free_symbols & inputs else (coefficients, "c")
        return table.setdefault(expr, symbol(f"{letter}_{len(table)}"))

    def pull(expr: sp.Expr) -> sp.Expr:
        if not expr.free_symbols & set(states):
            return name(expr)
        if expr.is_Add or expr.is_Mul:
            fixed, moving = expr.as_independent(*states, as_Add=expr.is_Add)
            moving_args = expr.func.make_args(moving)
            if fixed == expr.func.identity:
                return (
                    expr.func(*(pull(a) for a in moving_args))
                    if len(moving_args) > 1
                    else pull(moving_args[0])
                )
            return expr.func(name(fixed), *(pull(a) for a in moving_args))
        return expr.func(*(pull(a) for a in expr.args)) if expr.args else expr

    update = tuple(pull(step.update[n].expand()) for n in step.states)
    spike = None if step.spike is None else pull(step.spike.expand())
    reset = tuple(pull(step.reset[n].expand()) if n in step.reset else symbol(n) for n in step.states)
    return Recurrence(
        states,
        {d: e for e, d in drives.items()},
        {c: e for e, c in coefficients.items()},
        update,
        spike,
        reset,
    )


def sources(r: Recurrence) -> tuple[str, str]:
    """The text of the forward and of the backward kernel of a recurrence."""
    code = partial(pycode, fully_qualified_modules=False)
    s = sp.Symbol("s", real=True)
    after = [symbol(f"{x}_after") for x in r.states]
    to_after = dict(zip(r.states, after, strict=True))
    new = [a + s * (e.xreplace(to_after) - a) for a, e in zip(after, r.reset, strict=True)]
    z = None if r.spike is None else r.spike.xreplace(to_after)

    per_token = [f"{d} = {d}_[b, t, j]" for d in r.drives] + [f"{c} = {c}_[j]" for c in r.coefficients]
    step = [f"{x} = {x}_[b, t, j]" for x in r.states]
    step += [f"{a} = {code(e)}" for a, e in zip(after, r.update, strict=True)]
    if z is not None:
        step += [f"z = {code(z)}", "s = 1.0 if z > 0.0 else 0.0"]

    if z is None:
        forward_step = [f"{x}_[b, t + 1, j] = {a}" for x, a in zip(r.states, after, strict=True)]
    else:
        forward_step = ["spikes_[b, t, j] = s"]
        forward_step += [f"{x}_[b, t + 1, j] = {code(e)}" for x, e in zip(r.states, new, strict=True)]

    # adjoints, in reverse: g_x of the state after the token (h_x: after the update, before the reset), g_s of the spike
    g = [symbol(f"g_{x}") for x in r.states]
    h = [symbol(f"h_{x}") for x in r.states]

    def through_update(y: sp.Symbol) -> sp.Expr:
        return sum((b * sp.diff(e, y) for b, e in zip(h, r.update, strict=True)), sp.S.Zero)

    def through_spike(y: sp.Symbol) -> sp.Expr:
        if z is None:
            return sum((b for b, a in zip(g, after, strict=True) if a == y), sp.S.Zero)
        direct = sum((b * sp.diff(e, y) for b, e in zip(g, new, strict=True)), sp.S.Zero)
        return direct + symbol("h_z") * sp.diff(z, y)

    backward_step = [
        f"{b} = carry_{x}_[b, j] + grad_{x}_[b, t + 1, j]" for b, x in zip(g, r.states, strict=True)
    ]
    if z is not None:
        by_s = sum((b * sp.diff(e, s) for b, e in zip(g, new, strict=True)), sp.S.Zero)
        h_z = (symbol("g_s") + by_s) * sp.diff(SURROGATE, Z).subs(Z, symbol("z"))
        backward_step += ["g_s = grad_spikes_[b, t, j]", f"h_z = {code(h_z)}"]
    backward_step += [f"{b} = {code(through_spike(a))}" for b, a in zip(h, after, strict=True)]
    backward_step += [f"grad_{d}_[b, t, j] = {code(through_update(d) + through_spike(d))}" for d in r.drives]
    backward_step += [
        f"grad_{c}_[b, j] += {code(through_update(c) + through_spike(c))}" for c in r.coefficients
    ]
    backward_step += [f"carry_{x}_[b, j] = {code(through_update(x))}" for x in r.states]

    given = [f"{y}_" for y in (*r.states, *r.drives, *r.coefficients)]
    spiking = z is not None
    forward_arguments = ["low", "high", *given, *(["spikes_"] if spiking else [])]
    backward_arguments = [*forward_arguments[: 2 + len(given)]]
    backward_arguments += [f"grad_{x}_" for x in (*r.states, *r.drives, *r.coefficients)]
    backward_arguments += [f"carry_{x}_" for x in r.states] + (["grad_spikes_"] if spiking else [])
    return (
        _loop("forward", forward_arguments, r, "range(tokens)", per_token + step + forward_step),
        _loop(
            "backward", backward_arguments, r, "range(tokens - 1, -1, -1)", per_token + step + backward_step
        ),
    )


def _loop(name: str, arguments: list[str], r: Recurrence, order: str, body: list[str]) -> str:
    lines = [
        f"def {name}({', '.join(arguments)}):",
        f"    tokens, cells = {r.states[0]}_.shape[1] - 1, {r.states[0]}_.shape[2]",
        "    for b in range(low, high):",
        f"        for t in {order}:",
        "            for j in range(cells):",
        *(f"                {line}" for line in body),
    ]
    return "\n".join(lines)


@cache
def _compiled(step: TokenStep) -> tuple[Recurrence, Callable, Callable]:
    """The recurrence and its two kernels; numba compiles them at their first use in each precision."""
    r = recurrence(step)
    kernels = []
    for name, source in zip(("forward", "backward"), sources(r), strict=True):
        scope = dict(vars(math))
        exec(source, scope)  # noqa: S102 (our own text, printed by SymPy from a declaration)
        kernels.append(numba.njit(nogil=True)(scope[name]))
    forward, backward = kernels
    return r, forward, backward


def _in_threads(kernel: Callable, arrays: list[np.ndarray]) -> None:
    """Run a kernel over the whole batch, a share of it in each of Torch's threads."""
    batch = arrays[0].shape[0]
    threads = max(1, min(torch.get_num_threads(), batch, 1 + arrays[0].size // _SMALL))
    edges = [batch * i // threads for i in range(threads + 1)]
    if threads == 1:
        kernel(0, batch, *arrays)
        return
    with ThreadPoolExecutor(threads) as pool:
        for share in [pool.submit(kernel, *edge, *arrays) for edge in pairwise(edges)]:
            share.result()


class _FusedScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx, step, *tensors):
        r, kernel, _ = _compiled(step)
        n, m = len(r.states), len(r.drives)
        first, drives, coefficients = tensors[:n], tensors[n : n + m], tensors[n + m :]
        trajectories = []
        for start in first:
            trajectory = start.new_empty(drives[0].shape[0], drives[0].shape[1] + 1, drives[0].shape[2])
            trajectory[:, 0] = start
            trajectories.append(trajectory)
        arrays = [t.detach().numpy() for t in (*trajectories, *drives, *coefficients)]
        spikes = [] if r.spike is None else [torch.empty_like(drives[0])]
        _in_threads(kernel, [*arrays, *(s.numpy() for s in spikes)])
        ctx.step = step
        ctx.save_for_backward(*trajectories, *drives, *coefficients)
        ctx.set_materialize_grads(False)
        return *spikes, *(trajectory[:, 1:] for trajectory in trajectories)

    @staticmethod
    def backward(ctx, *gradients):
        # not once_differentiable: autograd.grad passes it by where the inputs are reached another way
        if torch.is_grad_enabled():
            raise RuntimeError(
                "the fused operator has first derivatives only: for create_graph=True pass fused=False"
            )
        r, _, kernel = _compiled(ctx.step)
        saved = ctx.saved_tensors
        n, m = len(r.states), len(r.drives)
        trajectories, drives, coefficients = saved[:n], saved[n : n + m], saved[n + m :]
        spiking = r.spike is not None
        by_spikes = []
        if spiking:
            given = gradients[0]
            by_spikes = [torch.zeros_like(drives[0]) if given is None else given.contiguous()]
        by_trajectory = []
        for trajectory, given in zip(trajectories, gradients[spiking:], strict=True):
            padded = torch.zeros_like(trajectory)
            if given is not None:
                padded[:, 1:] = given
            by_trajectory.append(padded)
        by_drives = [torch.empty_like(d) for d in drives]
        rows = drives[0].shape[0], drives[0].shape[2]
        by_coefficients = [c.new_zeros(rows) for c in coefficients]
        carry = [t.new_zeros(rows) for t in trajectories]
        tensors = (*saved, *by_trajectory, *by_drives, *by_coefficients, *carry, *by_spikes)
        _in_threads(kernel, [t.detach().numpy() for t in tensors])
        return None, *carry, *by_drives, *(c.sum(0) for c in by_coefficients)


def fused_scan(
    step: TokenStep,
    states: Mapping[str, torch.Tensor],
    inputs: Mapping[str, torch.Tensor],
    parameters: Mapping[str, torch.Tensor],
    dt: float,
) -> tuple[Any, dict[str, torch.Tensor]]:
    """The same as `astrobrian.bridges.scan.eager_scan`, in one walk over the tokens."""
    r = _compiled(step)[0]
    shape = inputs[step.inputs[0]].shape
    values = [inputs[n] for n in step.inputs] + [parameters[n] for n in step.parameters] + [dt]
    arguments = step.arguments[len(step.states) :]
    drives = torch_function(arguments, tuple(r.drives.values()))(*values)
    coefficients = torch_function(arguments, tuple(r.coefficients.values()))(*values)
    outcome = _FusedScan.apply(
        step,
        *(states[n] for n in step.states),
        *(d.expand(shape).contiguous() for d in drives),
        *(c.expand(shape[-1]).contiguous() for c in coefficients),
    )
    spikes = None if r.spike is None else outcome[0]
    return spikes, dict(zip(step.states, outcome[r.spike is not None :], strict=True))
