"""What the operators have in common: how they are defined, and in how many threads they run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor

REAL = {torch.float32: "float", torch.float64: "double"}
"""The precisions that there are kernels for, as C++ calls them."""

_SMALL = 1 << 15  # values per thread below which threads cost more than they bring


def define(schema: str) -> None:
    """Define an operator by its schema; `torch.library.custom_op` would do it too, and add some 20 us to every call."""
    name, bracket, rest = schema.partition("(")
    torch.library.define(f"astrobrian::{name}", bracket + rest)


def threads(values: int) -> int:
    """How many threads so many values are worth: Torch's number of them at most."""
    return min(torch.get_num_threads(), 1 + values // _SMALL)


def promoted(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The tensors in the precision that all of them have a place in.

    Raises
    ------
    TypeError
        If there are no kernels for it.
    """
    dtype = reduce(torch.promote_types, (t.dtype for t in tensors))
    if dtype not in REAL:
        raise TypeError(
            f"the fused operators compute in {' or '.join(map(str, REAL))}, not in {dtype}: convert a tensor with .to(), or use "
            "the eager loop"
        )
    return [t.to(dtype) for t in tensors]


def expanded(name: str, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A tensor with this shape, of one that has it or that stands for it by broadcasting.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if tensor.shape == shape:
        return tensor
    try:
        return tensor.expand(shape)
    except RuntimeError:
        raise ValueError(f"{name} should have the shape {shape}, not {tuple(tensor.shape)}") from None


def first_derivatives_only(ctx: Any, *derivatives: Any) -> None:
    """The derivative of an operator's derivative, which there isn't."""
    raise RuntimeError(
        "the fused operators have first derivatives only: for create_graph=True pass fused=False"
    )
