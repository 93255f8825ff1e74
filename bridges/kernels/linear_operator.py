"""An affine map whose rows don't depend on each other, as an operator of Torch."""

from __future__ import annotations

from collections.abc import Callable
from ctypes import c_long, c_void_p
from functools import cache
from typing import Any

import torch
from torch import Tensor

from astrobrian.bridges.kernels import linear
from astrobrian.bridges.kernels.build import library
from astrobrian.bridges.kernels.common import REAL, define, promoted, threads

define("row_linear(Tensor x, Tensor weight, Tensor? bias) -> Tensor")


@cache
def _linear(dtype: torch.dtype) -> Callable:
    walk = library(linear.source(REAL[dtype])).linear
    walk.argtypes = [*[c_long] * 4, c_void_p, c_long, *[c_void_p] * 3]
    return walk


@torch.library.impl("astrobrian::row_linear", "cpu")
def _row_linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    rows = x.reshape(-1, x.shape[-1])
    rows = rows if rows.stride(1) == 1 else rows.contiguous()
    weight = weight.contiguous()
    bias = None if bias is None else bias.contiguous()
    y = x.new_empty(*x.shape[:-1], weight.shape[0])
    sizes = threads(rows.shape[0] * weight.numel() // 8), *rows.shape, weight.shape[0]
    given = None if bias is None else bias.data_ptr()
    _linear(x.dtype)(*sizes, rows.data_ptr(), rows.stride(0), weight.data_ptr(), given, y.data_ptr())
    return y


@torch.library.register_fake("astrobrian::row_linear")
def _(x, weight, bias):
    return x.new_empty(*x.shape[:-1], weight.shape[0])


def _remember_linear(ctx: Any, inputs: tuple, output: Tensor) -> None:
    x, weight, bias = inputs
    ctx.save_for_backward(x, weight)
    ctx.biased = bias is not None


def _reverse_linear(ctx: Any, by_y: Tensor) -> tuple:
    x, weight = ctx.saved_tensors
    rows = by_y.reshape(-1, by_y.shape[-1])
    by_x = by_y @ weight if ctx.needs_input_grad[0] else None
    by_weight = rows.T @ x.reshape(-1, x.shape[-1]) if ctx.needs_input_grad[1] else None
    by_bias = rows.sum(0) if ctx.biased and ctx.needs_input_grad[2] else None
    return by_x, by_weight, by_bias


torch.library.register_autograd("astrobrian::row_linear", _reverse_linear, setup_context=_remember_linear)


def row_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`torch.nn.functional.linear`, each row of whose result has the same bits however many rows are given.

    Parameters
    ----------
    x : Tensor, shape (..., width)
    weight : Tensor, shape (outputs, width)
    bias : Tensor, shape (outputs,), optional

    Returns
    -------
    Tensor, shape (..., outputs)

    Raises
    ------
    ValueError
        If the shapes don't fit.
    TypeError
        If the precision is neither single nor double.
    RuntimeError
        If there is no C++ compiler.
    """
    if (
        weight.ndim != 2
        or x.shape[-1:] != weight.shape[1:]
        or (bias is not None and bias.shape != weight.shape[:1])
    ):
        shapes = " and ".join(str(tuple(t.shape)) for t in (weight, bias) if t is not None)
        raise ValueError(f"an input of shape {tuple(x.shape)} doesn't fit weights of shape {shapes}")
    if bias is None:
        x, weight = promoted([x, weight])
    else:
        x, weight, bias = promoted([x, weight, bias])
    return torch.ops.astrobrian.row_linear(x, weight, bias)
