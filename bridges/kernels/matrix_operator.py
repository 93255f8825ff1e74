"""The astrocyte's matrix walked over all tokens, as an operator of Torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ctypes import c_double, c_long, c_void_p
from functools import cache
from typing import Any

import torch
from torch import Tensor

from astrobrian.bridges.kernels import matrix
from astrobrian.bridges.kernels.build import library
from astrobrian.bridges.kernels.common import (
    REAL,
    define,
    expanded,
    first_derivatives_only,
    promoted,
    threads,
)
from astrobrian.bridges.torch_codegen import TokenStep, step_named

define(
    "matrix_walk(str name, Tensor k, Tensor v, Tensor q, Tensor state, Tensor[] parameters, float dt, int every, Tensor phase) "
    "-> (Tensor, Tensor, Tensor)"
)
define(
    "matrix_walk_backward(str name, Tensor k, Tensor v, Tensor q, Tensor state, Tensor[] parameters, float dt, int every, "
    "Tensor phase, Tensor kept, Tensor? by_o, Tensor? by_last) -> Tensor[]"
)


@cache
def _walks(name: str, keys: int, values: int, dtype: torch.dtype) -> tuple[Callable, Callable]:
    compiled = library(matrix.source(step_named(name), keys, values, REAL[dtype]))
    compiled.forward.argtypes = [*[c_long] * 6, c_double, *[c_void_p] * 5]
    compiled.backward.argtypes = [*[c_long] * 6, c_double, *[c_void_p] * 7]
    return compiled.forward, compiled.backward


def _sizes(k: Tensor, v: Tensor, every: int, phase: Tensor) -> tuple[int, ...]:
    """Threads, batch, heads and tokens; and of which tokens a step begins."""
    return threads(k.numel() * v.shape[3] // 4), *k.shape[:3], every, int(phase)


def _addresses(tensors: Sequence[Tensor]) -> Any:
    return (c_void_p * len(tensors))(*(t.data_ptr() for t in tensors))


def _views(tensors: Sequence[Tensor | None]) -> Any:
    """Where each tensor begins, and its strides but the last, which is one."""
    flat = [each for t in tensors for each in ((0,) * 4 if t is None else (t.data_ptr(), *t.stride()[:3]))]
    return (c_long * len(flat))(*flat)


def _by_number(t: Tensor) -> Tensor:
    """The same tensor, with the numbers of a token side by side in memory."""
    return t if t.stride(-1) == 1 else t.contiguous()


def _outputs(k: Tensor, v: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    batch, heads, tokens, keys = k.shape
    kept = max(0, (tokens - 1) // matrix.chunk(keys))
    o = v.new_empty(batch, tokens, heads, v.shape[3]).transpose(
        1, 2
    )  # so that heads can be joined without a copy
    return o, state.new_empty(state.shape), state.new_empty(batch, heads, kept, *state.shape[2:])


@torch.library.impl("astrobrian::matrix_walk", "cpu")
def _matrix_walk(
    name: str,
    k: Tensor,
    v: Tensor,
    q: Tensor,
    state: Tensor,
    parameters: list[Tensor],
    dt: float,
    every: int,
    phase: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    o, last, kept = _outputs(k, v, state)
    k, v, q = map(_by_number, (k, v, q))
    state, parameters = state.contiguous(), [p.contiguous() for p in parameters]
    walk = _walks(name, k.shape[3], v.shape[3], k.dtype)[0]
    matrices = (t.data_ptr() for t in (state, last, kept))
    walk(*_sizes(k, v, every, phase), dt, _views((k, v, q, o)), _addresses(parameters), *matrices)
    return o, last, kept


@torch.library.register_fake("astrobrian::matrix_walk")
def _(name, k, v, q, state, parameters, dt, every, phase):
    return _outputs(k, v, state)


def _derivatives(k: Tensor, v: Tensor, q: Tensor, state: Tensor) -> list[Tensor]:
    return [*(torch.empty_like(t) for t in (k, v, q)), state.new_empty(state.shape)]


@torch.library.impl("astrobrian::matrix_walk_backward", "cpu")
def _matrix_walk_backward(
    name: str,
    k: Tensor,
    v: Tensor,
    q: Tensor,
    state: Tensor,
    parameters: list[Tensor],
    dt: float,
    every: int,
    phase: Tensor,
    kept: Tensor,
    by_o: Tensor | None,
    by_last: Tensor | None,
) -> list[Tensor]:
    k, v, q = map(_by_number, (k, v, q))
    by_o = None if by_o is None else _by_number(by_o)
    by_last = None if by_last is None else by_last.contiguous()
    state, parameters = state.contiguous(), [p.contiguous() for p in parameters]
    by_k, by_v, by_q, by_state = _derivatives(k, v, q, state)
    by_parameters = [p.new_empty(k.shape[:2]) for p in parameters]
    views = _views((k, v, q, by_o, by_k, by_v, by_q))
    walk = _walks(name, k.shape[3], v.shape[3], k.dtype)[1]
    matrices = [None if t is None else t.data_ptr() for t in (state, kept, by_last, by_state)]
    walk(*_sizes(k, v, every, phase), dt, views, _addresses(parameters), *matrices, _addresses(by_parameters))
    return [by_k, by_v, by_q, by_state, *(p.sum(0) for p in by_parameters)]


@torch.library.register_fake("astrobrian::matrix_walk_backward")
def _(name, k, v, q, state, parameters, dt, every, phase, kept, by_o, by_last):
    return [*_derivatives(k, v, q, state), *(torch.empty_like(p) for p in parameters)]


def _remember(ctx: Any, inputs: tuple, output: tuple) -> None:
    ctx.name, k, v, q, state, parameters, ctx.dt, ctx.every, phase = inputs
    ctx.mark_non_differentiable(output[2])
    ctx.save_for_backward(k, v, q, state, phase, output[2], *parameters)
    ctx.set_materialize_grads(False)


def _reverse(ctx: Any, by_o: Tensor | None, by_last: Tensor | None, _: None) -> tuple:
    k, v, q, state, phase, kept, *parameters = ctx.saved_tensors
    results = torch.ops.astrobrian.matrix_walk_backward(
        ctx.name, k, v, q, state, parameters, ctx.dt, ctx.every, phase, kept, by_o, by_last
    )
    return None, *results[:4], results[4:], None, None, None


torch.library.register_autograd("astrobrian::matrix_walk", _reverse, setup_context=_remember)
torch.library.register_autograd("astrobrian::matrix_walk_backward", first_derivatives_only)


def matrix_walk(
    step: TokenStep,
    k: Tensor,
    v: Tensor,
    q: Tensor,
    state: Tensor,
    parameters: Mapping[str, Tensor],
    dt: float,
    every: int = 1,
    phase: Tensor | int = 0,
) -> tuple[Tensor, Tensor]:
    """Write and read the matrix state, token after token; see `astrobrian.bridges.memory.chunked_memory`.

    One call, single steps and uneven pieces give the same bits.

    Parameters
    ----------
    step : TokenStep
        Of one element of the matrix, H' = a H + b v k and o = H q.
    k, q : Tensor, shape (batch, heads, tokens, keys)
    v : Tensor, shape (batch, heads, tokens, values)
    state : Tensor, shape (batch, heads, values, keys)
    parameters : mapping of str to Tensor, shape (heads,)
    dt : float
        Time that a token takes, in the unit of the time constants.
    every : int, optional
        Tokens that one step of the matrix takes.
    phase : Tensor or int, shape (), optional
        Tokens since the last step began.

    Returns
    -------
    o : Tensor, shape (batch, heads, tokens, values)
    state : Tensor, shape (batch, heads, values, keys)

    Raises
    ------
    ValueError
        If the law has another form, or a shape is another one.
    TypeError
        If the precision is neither single nor double.
    RuntimeError
        If there is no C++ compiler, or a second derivative is asked for.
    """
    k, v, q, state, *constants = promoted([k, v, q, state, *(parameters[n] for n in step.parameters)])
    batch, heads, tokens, keys = k.shape
    values = v.shape[-1]
    shapes = (batch, heads, tokens, values), (batch, heads, tokens, keys), (batch, heads, values, keys)
    for name, tensor, shape in zip(["v", "q", "state"], (v, q, state), shapes, strict=True):
        if tensor.shape != shape:
            raise ValueError(
                f"{name} should have the shape {shape} for keys of shape {tuple(k.shape)}, not {tuple(tensor.shape)}"
            )
    constants = [expanded(n, c, (heads,)) for n, c in zip(step.parameters, constants, strict=True)]
    clock = dt * every, every, torch.as_tensor(phase)
    o, last, _ = torch.ops.astrobrian.matrix_walk(step.name, k, v, q, state, constants, *clock)
    return o, last
