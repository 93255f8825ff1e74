"""What Torch does with modules works with a layer: compiling, exporting, mixed precision, saving, checkpointing, copies."""

import copy
import io
import pickle
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from astrobrian.bridges import AMSU, AMSUState
from astrobrian.bridges.scan import FUSED

both = pytest.mark.parametrize(
    "fused",
    [pytest.param(True, marks=pytest.mark.skipif(not FUSED, reason="there is no C++ compiler")), False],
)


def some_layer(fused=True, dtype=torch.float32, **options):
    torch.manual_seed(0)
    return AMSU(6, 12, 3, 5, 500.0, tau_H=torch.tensor([1e3, 1e4, 1e5]), fused=fused, **options).to(dtype)


def some_input(batch=2, tokens=20, dtype=torch.float32):
    return 3 * torch.randn(batch, tokens, 6, dtype=dtype, generator=torch.Generator().manual_seed(1))


def gradients(layer, call, x):
    layer.zero_grad()
    spikes, state = call(x)
    weights = torch.randn(spikes.shape, generator=torch.Generator().manual_seed(2)).to(spikes)
    ((spikes * weights).sum() + state.u.square().sum() + state.H.square().sum()).backward()
    return [p.grad.clone() for p in layer.parameters() if p.requires_grad]


def same(ones, others, **tolerance):
    for one, other in zip(ones, others, strict=True):
        torch.testing.assert_close(one, other, **tolerance)


@pytest.fixture
def compiler():
    """What was compiled before doesn't count."""
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@both
@pytest.mark.parametrize("options", [{}, {"astrocyte_every": 3}, {"astrocyte": False}])
@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_compiled_whole_with_the_same_gradients(compiler, fused, options, backend):
    # what the eager loop unrolls to takes long to compile
    layer = some_layer(fused, torch.float64, **options)
    for p in [] if layer.astrocyte else layer.astrocyte_parameters:
        p.requires_grad_(False)
    x = some_input(tokens=20 if fused else 4, dtype=torch.float64)
    compiled = torch.compile(layer, fullgraph=True, backend=backend)
    with torch.no_grad():
        expected, found = layer(x), compiled(x)
    assert torch.equal(expected[0], found[0])
    same(expected[1], found[1])
    same(gradients(layer, layer, x), gradients(layer, compiled, x))


@pytest.mark.skipif(not FUSED, reason="there is no C++ compiler")
def test_a_compiled_layer_goes_on_from_a_state_and_takes_other_lengths(compiler):
    layer = some_layer(dtype=torch.float64)
    compiled = torch.compile(layer, fullgraph=True, dynamic=True, backend="aot_eager")
    with torch.no_grad():
        for batch, tokens in ((2, 20), (3, 7), (4, 50)):
            x = some_input(batch, tokens, torch.float64)
            _, middle = layer(x)
            expected, found = layer(x, middle), compiled(x, middle)
            assert torch.equal(expected[0], found[0])
            same(expected[1], found[1])


@pytest.mark.skipif(not FUSED, reason="there is no C++ compiler")
def test_exported_for_any_batch_and_number_of_tokens():
    layer = some_layer()
    batch, tokens = torch.export.Dim("batch", min=2), torch.export.Dim("tokens", min=3)
    state = layer.initial_state(3)
    axes = {"x": {0: batch, 1: tokens}, "state": AMSUState({0: batch}, {0: batch}, {0: batch}, None)}
    program = torch.export.export(layer, (some_input(3), state), dynamic_shapes=axes)
    saved = io.BytesIO()
    torch.export.save(program, saved)
    saved.seek(0)
    with torch.serialization.safe_globals([AMSUState]):  # the example inputs are saved too
        loaded = torch.export.load(saved).module()
    for sizes in ((3, 20), (5, 33)):
        x, state = some_input(*sizes), layer.initial_state(sizes[0])
        with torch.no_grad():
            expected, found = layer(x, state), loaded(x, state)
        assert torch.equal(expected[0], found[0])
        same(expected[1], found[1], rtol=0, atol=0)


@both
def test_mixed_precision_projects_in_half_and_walks_in_single_precision(fused):
    layer, x = some_layer(fused), some_input(tokens=200)
    with torch.autocast("cpu", torch.bfloat16):
        spikes, state = layer(x)
        more, _ = layer(x.bfloat16(), state)
        (spikes.sum() + more.sum()).backward()
    assert spikes.dtype == state.u.dtype == state.H.dtype == torch.float32
    assert all(torch.isfinite(p.grad).all() and p.grad.dtype == torch.float32 for p in layer.parameters())
    with torch.no_grad():
        exact, _ = layer(x)
        # the projections and nothing else are rounded to 8 bits
        rounded = some_layer(fused)
        drive = rounded.drive(x)
        with torch.autocast("cpu", torch.bfloat16):
            coarse = rounded.drive(x)
    for fine, rough in zip(drive, coarse, strict=True):
        torch.testing.assert_close(fine, rough, rtol=0.02, atol=0.05)
    assert (exact != spikes).float().mean() < 0.05


@both
def test_a_state_dict_is_all_that_a_layer_is_made_of(fused):
    layer, other = some_layer(fused), AMSU(6, 12, 3, 5, 500.0, fused=fused)
    saved = io.BytesIO()
    torch.save(layer.state_dict(), saved)
    saved.seek(0)
    other.load_state_dict(torch.load(saved, weights_only=True))
    x = some_input()
    assert torch.equal(layer(x)[0], other(x)[0])


@both
@pytest.mark.parametrize("clone", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copy_does_the_same_and_shares_nothing(fused, clone):
    layer = some_layer(fused)
    other, x = clone(layer), some_input()
    spikes, state = layer(x)
    found, after = other(x)
    assert torch.equal(spikes, found)
    same(state, after, rtol=0, atol=0)
    same(state, pickle.loads(pickle.dumps(state.detach())), rtol=0, atol=0)
    with torch.no_grad():
        other.signal.weight.zero_()
    assert layer.signal.weight.any()


@both
def test_checkpointing_gives_equal_gradients(fused):
    layer, x = some_layer(fused), some_input()
    plain = gradients(layer, layer, x)
    again = gradients(layer, lambda x: checkpoint(layer, x, use_reentrant=False), x)
    same(plain, again, rtol=0, atol=0)


def test_second_derivatives_without_the_fused_operators():
    layer = some_layer(fused=False, dtype=torch.float64)
    x = some_input(1, 5, torch.float64).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: layer.read(x)[0], (x,))


@pytest.mark.skipif(not FUSED, reason="there is no C++ compiler")
def test_second_derivatives_by_the_fused_operators_are_refused():
    layer = some_layer()
    x = some_input().requires_grad_()
    (first,) = torch.autograd.grad(layer.read(x)[0].square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="fused=False"):
        first.sum().backward()


def test_functional_calls_with_stacked_parameters():
    """As ensembles are made with torch.func."""
    layers = [some_layer(fused=False, dtype=torch.float64) for _ in range(2)]
    with torch.no_grad():
        layers[1].signal.weight.mul_(2)
    parameters, buffers = torch.func.stack_module_state(layers)
    x = some_input(2, 6, torch.float64)

    def read(parameters, buffers):
        return torch.func.functional_call(layers[0], (parameters, buffers), (x,))[1].H

    found = torch.func.vmap(read)(parameters, buffers)
    for layer, H in zip(layers, found, strict=True):
        torch.testing.assert_close(layer(x)[1].H, H)


@pytest.mark.slow
def test_two_processes_have_the_gradient_of_one(tmp_path):
    program = Path(__file__).with_name("ddp_rank.py")
    ranks = [
        subprocess.Popen([sys.executable, str(program), str(rank), "2", str(tmp_path)]) for rank in range(2)
    ]
    assert [rank.wait(120) for rank in ranks] == [0, 0]
    of = runpy.run_path(str(program))
    layer, x = of["layer_and_batch"]()
    of["loss"](layer, x).backward()
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        same(found, [p.grad for p in layer.parameters()])
