"""Walking a declaration along a sequence: the eager loop, which is the reference, and the choice of the fused one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

import torch

from astrobrian.bridges.kernels import triton
from astrobrian.bridges.kernels.operators import AVAILABLE as FUSED
from astrobrian.bridges.kernels.operators import fused_scan
from astrobrian.bridges.torch_codegen import Spike, TokenStep

_DEVICES = ("cpu", "cuda") if triton.available() else ("cpu",)

__all__ = ["FUSED", "advance", "eager_scan", "fusible", "scan"]


def advance(
    step: TokenStep,
    states: Mapping[str, torch.Tensor],
    inputs: Mapping[str, torch.Tensor],
    parameters: Mapping[str, torch.Tensor],
    dt: float,
) -> tuple[Any, dict[str, torch.Tensor]]:
    """One token.

    Parameters
    ----------
    step : TokenStep
    states, inputs, parameters : mapping of str to Tensor
        By the names of the declaration; shapes that broadcast with each other.
    dt : float
        Time that the token takes, in the unit of the time constants.

    Returns
    -------
    spikes : Tensor or None
        None if the declaration has no threshold.
    states : dict of str to Tensor
    """
    constants = [parameters[name] for name in step.parameters]
    drives = [inputs[name] for name in step.inputs]
    after = step.functions["update"](*(states[n] for n in step.states), *drives, *constants, dt)
    if step.spike is None:
        return None, dict(zip(step.states, after, strict=True))
    (z,) = step.functions["spike"](*after, *drives, *constants, dt)
    spikes = Spike.apply(z)
    reset = step.functions["reset"](*after, *drives, *constants, dt)
    new = dict(zip(step.states, after, strict=True))
    for name, value in zip(step.reset, reset, strict=True):
        new[name] = new[name] + spikes * (value - new[name])
    return spikes, new


def eager_scan(
    step: TokenStep,
    states: Mapping[str, torch.Tensor],
    inputs: Mapping[str, torch.Tensor],
    parameters: Mapping[str, torch.Tensor],
    dt: float,
) -> tuple[Any, dict[str, torch.Tensor]]:
    """All tokens, one after the other.

    Parameters
    ----------
    states : mapping of str to Tensor, shape (batch, cells)
    inputs : mapping of str to Tensor, shape (batch, tokens, cells)
    parameters : mapping of str to Tensor, shape (cells,)

    Returns
    -------
    spikes : Tensor or None, shape (batch, tokens, cells)
    trajectories : dict of str to Tensor, shape (batch, tokens, cells)
        The states after each token.
    """
    # unbound once: indexing x[:, t] in the loop would make the backward pass quadratic in the number of tokens
    tokens = zip(*(inputs[name].unbind(1) for name in step.inputs), strict=True)
    spikes: list[torch.Tensor] = []
    trajectories = []
    for token in tokens:
        spike, states = advance(step, states, dict(zip(step.inputs, token, strict=True)), parameters, dt)
        spikes.append(spike)
        trajectories.append(states)
    stacked = {name: torch.stack([s[name] for s in trajectories], 1) for name in step.states}
    return torch.stack(spikes, 1) if step.spike is not None else None, stacked


def fusible(*tensors: torch.Tensor, device: str = "cpu") -> bool:
    """Whether the fused operators take these tensors: all on this device, together of single or double precision."""
    dtype = reduce(torch.promote_types, (tensor.dtype for tensor in tensors))
    return dtype in (torch.float32, torch.float64) and all(tensor.device.type == device for tensor in tensors)


def scan(
    step: TokenStep,
    states: Mapping[str, torch.Tensor],
    inputs: Mapping[str, torch.Tensor],
    parameters: Mapping[str, torch.Tensor],
    dt: float,
    fused: bool = FUSED,
) -> tuple[Any, dict[str, torch.Tensor]]:
    """All tokens, by the fused operator where there is one; see `eager_scan`, with which it agrees.

    The fused operator is for the CPU, and for CUDA devices where Triton is there; for single and double precision, to which
    other precisions are promoted where they meet them, as under autocast; and for first derivatives. ``fused=False`` has
    higher ones. Whatever else the tensors are, the eager loop takes.
    """
    tensors = (*states.values(), *inputs.values(), *(parameters[name] for name in step.parameters))
    if fused and any(fusible(*tensors, device=device) for device in _DEVICES):
        return fused_scan(step, states, inputs, parameters, dt)
    return eager_scan(step, states, inputs, parameters, dt)
