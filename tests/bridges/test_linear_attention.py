"""The kernels of flash-linear-attention get what their documentation asks for; they themselves need a GPU."""

import sys
from types import SimpleNamespace

import pytest
import torch

from astrobrian.bridges.amsu import ASTROCYTE
from astrobrian.bridges.linear_attention import library_memory, takes
from astrobrian.bridges.memory import chunked_memory


def chunk_simple_gla(q, k, v, g, scale, initial_state, output_final_state):
    """What is documented, in a loop: tokens before heads, S' = exp(g) S + k v^T, o = scale q S, a state of keys by values."""
    assert output_final_state
    state, reads = initial_state, []
    for q_t, k_t, v_t, g_t in zip(*(y.unbind(1) for y in (q, k, v, g)), strict=True):
        state = g_t.exp()[:, :, None, None] * state + k_t[:, :, :, None] * v_t[:, :, None, :]
        reads.append(scale * torch.einsum("bhk,bhkv->bhv", q_t, state))
    return torch.stack(reads, 1), state


def drawn(dtype=torch.float64):
    dice = torch.Generator().manual_seed(0)
    sizes = ((2, 3, 9, 4), (2, 3, 9, 5), (2, 3, 9, 4), (2, 3, 5, 4))
    tensors = [torch.randn(size, generator=dice, dtype=dtype).requires_grad_() for size in sizes]
    tau = torch.tensor([300.0, 3e3, 3e4], dtype=dtype).requires_grad_()
    return tensors, {"tau_H": tau, "g_H": torch.ones(3, dtype=dtype).requires_grad_()}


def test_the_library_is_called_for_the_same_memory(monkeypatch):
    interface = SimpleNamespace(chunk_simple_gla=chunk_simple_gla)
    monkeypatch.setitem(sys.modules, "fla.ops.simple_gla", interface)
    outcomes = []
    for memory in (library_memory, chunked_memory):
        tensors, p = drawn()
        o, last = memory(ASTROCYTE, *tensors, p, 500.0)
        (o.square().sum() + last.square().sum()).backward()
        outcomes.append([o, last, *(t.grad for t in (*tensors, *p.values()))])
    for a, b in zip(*outcomes, strict=True):
        torch.testing.assert_close(a, b)


def test_a_memory_that_forgets_at_once_is_no_infinite_gate(monkeypatch):
    monkeypatch.setitem(sys.modules, "fla.ops.simple_gla", SimpleNamespace(chunk_simple_gla=chunk_simple_gla))
    tensors, p = drawn(torch.float32)
    o, _ = library_memory(ASTROCYTE, *tensors, {**p, "tau_H": torch.full((3,), 1e-3)}, 500.0)
    assert torch.isfinite(o).all()


def test_tensors_of_a_cpu_are_not_for_it():
    assert not takes(torch.zeros(1))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_on_a_gpu_it_is_near_the_chunks():
    pytest.importorskip("fla")
    tensors, p = drawn(torch.float32)
    tensors, p = [t.detach().cuda() for t in tensors], {name: t.detach().cuda() for name, t in p.items()}
    for a, b in zip(
        library_memory(ASTROCYTE, *tensors, p, 500.0),
        chunked_memory(ASTROCYTE, *tensors, p, 500.0),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-2, atol=1e-2)
