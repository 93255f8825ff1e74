"""The astrocyte's matrix state by the kernels of flash-linear-attention, on a CUDA device where that library is installed.

The law H' = a H + b v k with o = H q is its *simple gated linear attention* with a gate that doesn't change. It computes in
chunks, with the precision of its matrix products (TF32 for single precision). Written from its documentation: it has not
been run on a GPU here.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

import torch

from astrobrian.bridges.memory import law
from astrobrian.bridges.torch_codegen import TokenStep

AVAILABLE = find_spec("fla") is not None and torch.cuda.is_available()
"""Whether there are flash-linear-attention and a device for it."""

_DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def takes(*tensors: torch.Tensor) -> bool:
    """Whether its kernels are for these tensors."""
    return AVAILABLE and all(tensor.is_cuda and tensor.dtype in _DTYPES for tensor in tensors)


def library_memory(
    step: TokenStep,
    k: torch.Tensor,
    v: torch.Tensor,
    q: torch.Tensor,
    state: torch.Tensor,
    parameters: Mapping[str, torch.Tensor],
    dt: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Write and read the matrix state; see `astrobrian.bridges.memory.chunked_memory`."""
    from fla.ops.simple_gla import chunk_simple_gla

    a, b = law(step)(*(parameters[n] for n in step.parameters), dt)
    batch, heads, tokens, _ = k.shape
    gate = a.clamp(min=torch.finfo(a.dtype).tiny).log().expand(batch, tokens, heads)
    q, k, v = (y.transpose(1, 2) for y in (q, k, v * b[:, None, None]))  # tokens before heads
    o, last = chunk_simple_gla(
        q, k, v, g=gate, scale=1.0, initial_state=state.transpose(2, 3), output_final_state=True
    )
    return o.transpose(1, 2), last.transpose(2, 3)
