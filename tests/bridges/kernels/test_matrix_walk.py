"""The astrocyte's matrix walked in C++: against an eager loop of the element law, and against itself in pieces."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from astrobrian.bridges.kernels import matrix
from astrobrian.bridges.kernels.operators import matrix_walk
from astrobrian.bridges.memory import chunked_memory
from astrobrian.bridges.scan import advance
from astrobrian.bridges.torch_codegen import token_step
from astrobrian.equations import Input, Model, Parameter
from astrobrian.equations.library.amsu import amsu_astrocyte

ASTROCYTE = token_step(amsu_astrocyte)


def case(batch=2, heads=3, tokens=9, values=6, keys=5, seed=0, dtype=torch.float64):
    dice = torch.Generator().manual_seed(seed)

    def by_head(size):  # as a layer has it: a view whose heads lie side by side
        flat = torch.randn(batch, tokens, heads * size, generator=dice, dtype=dtype)
        return flat.view(batch, tokens, heads, size).transpose(1, 2).requires_grad_()

    k, v, q = by_head(keys), by_head(values), by_head(keys)
    state = torch.randn(batch, heads, values, keys, generator=dice, dtype=dtype).requires_grad_()
    tau, gain = torch.rand(2, heads, generator=dice, dtype=dtype) * 3 + 0.3
    return k, v, q, state, {"tau_H": tau.requires_grad_(), "g_H": gain.requires_grad_()}


def eager(step, k, v, q, state, parameters, dt):
    element = {n: p[:, None, None] for n, p in parameters.items()}
    reads = []
    for k_t, v_t, q_t in zip(k.unbind(2), v.unbind(2), q.unbind(2), strict=True):
        inputs = {"k": k_t[:, :, None, :], "v": v_t[:, :, :, None], "q": q_t[:, :, None, :]}
        _, after = advance(step, {"H": state}, inputs, element, dt)
        state = after["H"]
        reads.append((state * inputs["q"]).sum(-1))
    return torch.stack(reads, 2), state


def outcome(walk, k, v, q, state, parameters, dt=0.7):
    o, last = walk(ASTROCYTE, k, v, q, state, parameters, dt)
    dice = torch.Generator().manual_seed(1)
    loss = sum((y * torch.randn(y.shape, generator=dice).to(y.dtype)).sum() for y in (o, last))
    return o, last, *torch.autograd.grad(loss, [k, v, q, state, *parameters.values()])


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-13)])
@pytest.mark.parametrize("shape", [(2, 3, 9, 6, 5), (1, 2, 70, 64, 16), (2, 1, 30, 33, 17), (1, 1, 1, 1, 1)])
def test_it_is_the_eager_loop_with_its_gradients(shape, dtype, tolerance):
    *tensors, parameters = case(*shape, dtype=dtype)
    exact = [y.detach().double().requires_grad_() for y in tensors]
    exact.append({n: p.detach().double().requires_grad_() for n, p in parameters.items()})
    fused, loop = (outcome(walk, *tensors, parameters) for walk in (matrix_walk, eager))
    for a, b, c in zip(fused, loop, outcome(eager, *exact), strict=True):
        assert a.shape == b.shape
        rounding = 4 * (b - c).abs().max()
        assert (a - b).abs().max() <= max(tolerance * max(1, b.abs().max()), rounding)


def test_it_is_what_chunks_of_products_give():
    drawn = case(tokens=200, values=16, keys=16)
    for a, b in zip(outcome(matrix_walk, *drawn), outcome(chunked_memory, *drawn), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)


def test_a_matrix_too_large_for_the_stack_is_walked_on_the_heap():
    drawn = case(1, 1, 2, 1024, 1024)
    for a, b in zip(outcome(matrix_walk, *drawn), outcome(chunked_memory, *drawn), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)


def test_one_write_fades_with_the_time_constant_of_its_head():
    tau = torch.tensor([2.0, 5.0], dtype=torch.float64)
    write = torch.zeros(1, 2, 30, 1, dtype=torch.float64)
    write[:, :, 0] = 1
    q = torch.ones(1, 2, 30, 1, dtype=torch.float64)
    p = {"tau_H": tau, "g_H": torch.full((2,), 3.0, dtype=torch.float64)}
    o, _ = matrix_walk(ASTROCYTE, write, write, q, torch.zeros(1, 2, 1, 1, dtype=torch.float64), p, 1.0)
    age = torch.arange(30, dtype=torch.float64)
    expected = 3 * (1 - torch.exp(-1 / tau))[:, None] * torch.exp(-age / tau[:, None])
    torch.testing.assert_close(o[0, :, :, 0], expected, rtol=1e-12, atol=0)


@settings(max_examples=30, deadline=None)
@given(
    size=st.sampled_from([(6, 5), (20, 3)]),
    tokens=st.integers(1, 150),
    data=st.data(),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_pieces_and_rows_have_the_bits_of_the_whole(size, tokens, data, dtype):
    k, v, q, state, parameters = case(2, 2, tokens, *size, seed=tokens, dtype=dtype)
    cuts = sorted(data.draw(st.sets(st.integers(0, tokens), max_size=4)) | {0, tokens})
    with torch.no_grad():
        whole, last = matrix_walk(ASTROCYTE, k, v, q, state, parameters, 0.7)
        reads, after = [], state[1:]
        for a, b in pairwise(cuts):
            pieces = (y[1:, :, a:b].contiguous() for y in (k, v, q))
            o, after = matrix_walk(ASTROCYTE, *pieces, after, parameters, 0.7)
            reads.append(o)
    assert torch.equal(torch.cat(reads, 2), whole[1:])
    assert torch.equal(after, last[1:])


def test_threads_change_nothing():
    drawn = case(batch=3, heads=4, tokens=300, values=16, keys=16)
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append(outcome(matrix_walk, *drawn))
    for one, *others in zip(*results, strict=True):
        assert all(torch.equal(one, other) for other in others)


def test_gradient_is_right_across_chunks():
    assert matrix.chunk(300) == 16  # tokens
    k, v, q, state, parameters = case(1, 1, 18, 1, 300)
    k, q = (y.detach() for y in (k, q))

    def walk(v, tau_H, g_H):
        return matrix_walk(ASTROCYTE, k, v, q, state.detach(), {"tau_H": tau_H, "g_H": g_H}, 0.7)

    assert torch.autograd.gradcheck(walk, (v, parameters["tau_H"], parameters["g_H"]))


@pytest.mark.parametrize("which", ["o", "state"])
def test_one_of_the_results_may_be_left_unused(which):
    drawn = case(tokens=70)
    leaves = [*drawn[:4], *drawn[4].values()]
    gradients = []
    for walk in (matrix_walk, eager):
        o, last = walk(ASTROCYTE, *drawn, 0.7)
        loss = (o if which == "o" else last).square().sum()
        gradients.append(torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True))
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_heads_are_joined_without_a_copy():
    k, v, q, state, parameters = case()
    o, _ = matrix_walk(ASTROCYTE, k, v, q, state, parameters, 0.7)
    assert o.transpose(1, 2).is_contiguous()


@pytest.mark.parametrize("which", [1, 2, 3])
def test_shapes_that_do_not_fit_are_refused(which):
    drawn = list(case())
    drawn[which] = drawn[which][..., :-1, :]
    with pytest.raises(ValueError, match=f"{' vq'[which] if which < 3 else 'state'} should have the shape"):
        matrix_walk(ASTROCYTE, *drawn, 0.7)


def test_a_law_of_another_form_is_refused():
    odd = Model(
        "odd",
        "dH/dt = (v*k*k - H)/tau_H : 1\no = H*q : 1",
        {"tau_H": Parameter(1, "second", "time constant")},
        inputs={name: Input("1", name, signed=True) for name in "kvq"},
    )
    k, v, q, state, parameters = case()
    with pytest.raises(ValueError, match="need the law"):
        matrix_walk(token_step(odd), k, v, q, state, parameters, 0.7)


def test_second_derivatives_are_refused():
    drawn = case()
    o, _ = matrix_walk(ASTROCYTE, *drawn, 0.7)
    (slope,) = torch.autograd.grad(o.square().sum(), drawn[1], create_graph=True)
    with pytest.raises(RuntimeError, match=r"first derivatives only: .* fused=False"):
        torch.autograd.grad(slope.sum(), drawn[1])
