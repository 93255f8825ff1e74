"""A piece of a sequence of which only the ends are kept: its inner values are computed again for the backward pass.

`torch.utils.checkpoint` does so for any function, but keeps a node for each operation. Where tensors have a value for each
of a thousand cells or fewer, the nodes of a long sequence are as large as the tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

Tensors = tuple[torch.Tensor, ...]


def recomputed(run: Callable[..., Tensors], *tensors: torch.Tensor) -> Tensors:
    """The results of a function of tensors, which is called again for their derivatives.

    Parameters
    ----------
    run : callable
        Reads no other tensor that needs a derivative, and draws no random number.
    *tensors : Tensor

    Raises
    ------
    RuntimeError
        If derivatives of derivatives are asked for.
    """
    return _Recomputed.apply(run, *tensors)  # type: ignore[no-any-return,no-untyped-call]


class _Recomputed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, run: Callable[..., Tensors], *tensors: torch.Tensor) -> Tensors:
        ctx.run = run
        ctx.save_for_backward(*tensors)
        ctx.set_materialize_grads(False)
        results = run(*tensors)
        ctx.mark_non_differentiable(*(x for x in results if not x.is_floating_point()))
        return results

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError("what is computed again has first derivatives only: give no checkpoint_every")
        with torch.enable_grad():
            needed = ctx.needs_input_grad[1:]
            tensors = [x.detach().requires_grad_(n) for x, n in zip(ctx.saved_tensors, needed, strict=True)]
            results = ctx.run(*tensors)
        known = [(x, g) for x, g in zip(results, gradients, strict=True) if g is not None and x.requires_grad]
        torch.autograd.backward([x for x, _ in known], [g for _, g in known])
        return None, *(x.grad for x in tensors)
