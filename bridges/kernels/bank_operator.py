"""A bank of astrocytes that hear themselves, walked over all tokens, as an operator of Torch."""

from __future__ import annotations

from collections.abc import Callable
from ctypes import c_long, c_void_p
from functools import cache
from typing import Any

import torch
from torch import Tensor

from astrobrian.bridges.kernels import bank
from astrobrian.bridges.kernels.build import library
from astrobrian.bridges.kernels.common import REAL, define, first_derivatives_only, promoted, threads
from astrobrian.bridges.torch_codegen import TokenStep, step_named

define(
    "bank_walk(str name, Tensor x, Tensor weight, Tensor bias, Tensor? feedback, Tensor written, Tensor kept, Tensor first) "
    "-> Tensor"
)
define(
    "bank_walk_backward(str name, Tensor x, Tensor weight, Tensor bias, Tensor? feedback, Tensor written, Tensor kept, "
    "Tensor first, Tensor trajectory, Tensor by_trajectory) -> Tensor[]"
)


@cache
def _walks(name: str, heads: int, keys: int, dtype: torch.dtype) -> tuple[Callable, Callable]:
    compiled = library(bank.source(step_named(name), heads, keys, REAL[dtype]))
    compiled.forward.argtypes = [*[c_long] * 3, *[c_void_p] * 8]
    compiled.backward.argtypes = [*[c_long] * 3, *[c_void_p] * 16]
    return compiled.forward, compiled.backward


def _addresses(*tensors: Tensor | None) -> list[int | None]:
    return [None if t is None else t.data_ptr() for t in tensors]


def _given(*tensors: Tensor | None) -> list[Tensor | None]:
    return [None if t is None else t.contiguous() for t in tensors]


def _threads(x: Tensor, written: Tensor) -> int:
    return min(threads(x.numel() * written.numel()), x.shape[0])


@torch.library.impl("astrobrian::bank_walk", "cpu")
def _bank_walk(
    name: str,
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    feedback: Tensor | None,
    written: Tensor,
    kept: Tensor,
    first: Tensor,
) -> Tensor:
    trajectory = x.new_empty(*x.shape, kept.shape[0])
    given = _given(x, weight, bias, feedback, written, kept, first)
    walk, _ = _walks(name, *written.shape, x.dtype)
    walk(_threads(x, written), *x.shape, *_addresses(*given, trajectory))
    return trajectory


@torch.library.register_fake("astrobrian::bank_walk")
def _(name, x, weight, bias, feedback, written, kept, first):
    return x.new_empty(*x.shape, kept.shape[0])


@torch.library.impl("astrobrian::bank_walk_backward", "cpu")
def _bank_walk_backward(
    name: str,
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    feedback: Tensor | None,
    written: Tensor,
    kept: Tensor,
    first: Tensor,
    trajectory: Tensor,
    by_trajectory: Tensor,
) -> list[Tensor]:
    given = _given(x, weight, bias, feedback, written, kept, first, trajectory, by_trajectory)
    shares = _threads(x, written)
    added = [
        None if t is None else t.new_zeros(shares, *t.shape) for t in (weight, bias, feedback, written, kept)
    ]
    by_x, by_first = x.new_empty(x.shape), first.new_empty(first.shape)
    _, walk = _walks(name, *written.shape, x.dtype)
    walk(shares, *x.shape, *_addresses(*given, by_x, *added, by_first))
    return [by_x, *(t.sum(0) for t in added if t is not None), by_first]


@torch.library.register_fake("astrobrian::bank_walk_backward")
def _(name, x, weight, bias, feedback, written, kept, first, trajectory, by_trajectory):
    tensors = (x, weight, bias, feedback, written, kept, first)
    return [t.new_empty(t.shape) for t in tensors if t is not None]


def _remember(ctx: Any, inputs: tuple, output: Tensor) -> None:
    ctx.name, *tensors = inputs
    ctx.save_for_backward(*tensors, output)


def _reverse(ctx: Any, by_trajectory: Tensor) -> tuple:
    results = torch.ops.astrobrian.bank_walk_backward(ctx.name, *ctx.saved_tensors, by_trajectory)
    if ctx.saved_tensors[3] is None:
        results.insert(3, None)
    return None, *results


torch.library.register_autograd("astrobrian::bank_walk", _reverse, setup_context=_remember)
torch.library.register_autograd("astrobrian::bank_walk_backward", first_derivatives_only)


def bank_walk(
    step: TokenStep,
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    feedback: Tensor | None,
    written: Tensor,
    kept: Tensor,
    first: Tensor,
) -> Tensor:
    """Outputs of a bank after every token.

    Parameters
    ----------
    step : TokenStep
        A declaration with a prompt key k of x_k.
    x : Tensor, shape (batch, tokens)
    weight, bias : Tensor, shape (heads * keys,)
        What a key hears of the signal, and besides.
    feedback : Tensor, shape (heads, heads * keys), optional
        What it hears of the outputs after the token before.
    written : Tensor, shape (heads, keys)
        What a key adds to its head's output.
    kept : Tensor, shape (heads,)
        What is kept of an output in a token.
    first : Tensor, shape (batch, heads)

    Returns
    -------
    Tensor, shape (batch, tokens, heads)

    Raises
    ------
    TypeError
        If the precision is neither single nor double.
    RuntimeError
        If there is no C++ compiler, or a second derivative is asked for.
    """
    x, weight, bias, written, kept, first, *loop = promoted(
        [x, weight, bias, written, kept, first, *([] if feedback is None else [feedback])]
    )
    return torch.ops.astrobrian.bank_walk(
        step.name, x, weight, bias, loop[0] if loop else None, written, kept, first
    )
