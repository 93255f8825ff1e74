"""A recurrence walked over all tokens, as an operator of Torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from astrobrian.bridges.kernels import cpp, triton
from astrobrian.bridges.kernels.common import (
    define,
    expanded,
    first_derivatives_only,
    promoted,
)
from astrobrian.bridges.torch_codegen import TokenStep, step_named

define("scan(str name, Tensor[] states, Tensor[] inputs, Tensor[] parameters, float dt) -> Tensor[]")
define(
    "scan_backward(str name, Tensor[] states, Tensor[] inputs, Tensor[] parameters, float dt, Tensor[] trajectories, "
    "Tensor?[] by_outputs) -> Tensor[]"
)


_WALKS = {"cpu": cpp, "cuda": triton}


def _by_cell(tensor: Tensor) -> Tensor:
    """The same tensor, with the cells of a token side by side in memory."""
    return tensor if tensor.stride(-1) == 1 else tensor.contiguous()


def _outputs(name: str, states: list[Tensor], inputs: list[Tensor]) -> list[Tensor]:
    spiking = step_named(name).spike is not None
    return [inputs[0].new_empty(inputs[0].shape) for _ in range(spiking + len(states))]


@torch.library.impl("astrobrian::scan", ("cpu", "cuda"))
def _scan(
    name: str, states: list[Tensor], inputs: list[Tensor], parameters: list[Tensor], dt: float
) -> list[Tensor]:
    outputs = _outputs(name, states, inputs)
    states, parameters = [s.contiguous() for s in states], [p.contiguous() for p in parameters]
    inputs = [_by_cell(x) for x in inputs]
    _WALKS[inputs[0].device.type].forward(name, states, inputs, parameters, dt, outputs)
    return outputs


@torch.library.register_fake("astrobrian::scan")
def _(name, states, inputs, parameters, dt):
    return _outputs(name, states, inputs)


@torch.library.impl("astrobrian::scan_backward", ("cpu", "cuda"))
def _scan_backward(
    name: str,
    states: list[Tensor],
    inputs: list[Tensor],
    parameters: list[Tensor],
    dt: float,
    trajectories: list[Tensor],
    by_outputs: list[Tensor | None],
) -> list[Tensor]:
    results = _derivatives(states, inputs, parameters)
    n, m = len(states), len(inputs)
    states, parameters = [s.contiguous() for s in states], [p.contiguous() for p in parameters]
    inputs = [_by_cell(x) for x in inputs]
    by_outputs = [None if y is None else _by_cell(y) for y in by_outputs]
    _WALKS[inputs[0].device.type].backward(
        name, states, inputs, parameters, dt, trajectories, by_outputs, results
    )
    return [*results[: n + m], *(p.sum(0) for p in results[n + m :])]


def _derivatives(states: list[Tensor], inputs: list[Tensor], parameters: list[Tensor]) -> list[Tensor]:
    shapes = [*(s.shape for s in states), *(x.shape for x in inputs), *(states[0].shape for _ in parameters)]
    return [states[0].new_empty(shape) for shape in shapes]


@torch.library.register_fake("astrobrian::scan_backward")
def _(name, states, inputs, parameters, dt, trajectories, by_outputs):
    tensors = [*states, *inputs, *parameters]
    return [t.new_empty(t.shape) for t in tensors]


def _remember(ctx: Any, inputs: tuple, output: list[Tensor]) -> None:
    ctx.name, states, xs, parameters, ctx.dt = inputs
    ctx.sizes = len(states), len(xs), len(parameters)
    ctx.save_for_backward(*states, *xs, *parameters, *output[len(output) - len(states) :])
    ctx.set_materialize_grads(False)


def _reverse(ctx: Any, by_outputs: list[Tensor | None]) -> tuple:
    n, m, p = ctx.sizes
    saved = ctx.saved_tensors
    groups = list(saved[:n]), list(saved[n : n + m]), list(saved[n + m : n + m + p])
    results = torch.ops.astrobrian.scan_backward(
        ctx.name, *groups, ctx.dt, list(saved[n + m + p :]), by_outputs
    )
    return None, results[:n], results[n : n + m], results[n + m :], None


torch.library.register_autograd("astrobrian::scan", _reverse, setup_context=_remember)
torch.library.register_autograd("astrobrian::scan_backward", first_derivatives_only)


def fused_scan(
    step: TokenStep,
    states: Mapping[str, Tensor],
    inputs: Mapping[str, Tensor],
    parameters: Mapping[str, Tensor],
    dt: float,
) -> tuple[Any, dict[str, Tensor]]:
    """The same as `astrobrian.bridges.scan.eager_scan`, in one walk over the tokens.

    One call, single steps and uneven pieces give the same bits.

    Raises
    ------
    ValueError
        If a shape is another one.
    TypeError
        If the precision is neither single nor double.
    RuntimeError
        If there is no C++ compiler, or a second derivative is asked for.
    """
    first, n, m = step.inputs[0], len(step.states), len(step.inputs)
    if inputs[first].ndim != 3:
        raise ValueError(
            f"{first} should have the shape (batch, tokens, cells), not {tuple(inputs[first].shape)}"
        )
    batch, tokens, cells = inputs[first].shape
    kinds = (states, (batch, cells)), (inputs, (batch, tokens, cells)), (parameters, (cells,))
    names = step.states, step.inputs, step.parameters
    given = promoted(
        [
            expanded(name, kind[name], shape)
            for (kind, shape), some in zip(kinds, names, strict=True)
            for name in some
        ]
    )
    outcome = torch.ops.astrobrian.scan(step.name, given[:n], given[n : n + m], given[n + m :], dt)
    spikes = None if step.spike is None else outcome[0]
    return spikes, dict(zip(step.states, outcome[step.spike is not None :], strict=True))
