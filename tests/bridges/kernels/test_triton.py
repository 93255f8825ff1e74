"""A recurrence in Triton, run by its interpreter on CPU tensors: no test of this file runs anything on a CUDA device."""

import pytest
import torch

from astrobrian.bridges.kernels import triton
from astrobrian.bridges.kernels.recurrence import recurrence
from astrobrian.bridges.scan import eager_scan
from astrobrian.bridges.torch_codegen import token_step
from astrobrian.equations import Input, Model, Parameter
from astrobrian.equations.library.amsu import amsu_astrocyte, amsu_key, amsu_membrane
from astrobrian.equations.library.spiking_units import first_order_unit, second_order_unit

MODELS = (amsu_membrane, amsu_key, amsu_astrocyte, first_order_unit, second_order_unit)


@pytest.fixture
def _interpreted(monkeypatch):
    if not triton.available():
        pytest.skip("Triton isn't installed")
    monkeypatch.setenv("TRITON_INTERPRET", "1")  # read when a kernel is defined
    triton._kernels.cache_clear()
    yield
    triton._kernels.cache_clear()


def values(*shape, dtype, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


@pytest.mark.usefixtures("_interpreted")
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_it_is_the_eager_loop_with_its_gradients(model, dtype, tolerance):
    step, batch, tokens, cells = token_step(model), 2, 15, triton.BLOCK + 6
    states = [values(batch, cells, dtype=dtype, seed=i).requires_grad_() for i in range(len(step.states))]
    inputs = [
        values(batch, tokens, cells, dtype=dtype, seed=9 + i).requires_grad_()
        for i in range(len(step.inputs))
    ]
    parameters = [
        (0.3 + values(cells, dtype=dtype, seed=99 + i).abs()).requires_grad_()
        for i in range(len(step.parameters))
    ]
    leaves = [*states, *inputs, *parameters]
    spikes, after = eager_scan(
        step,
        *(dict(zip(n, y, strict=True)) for n, y in ((step.states, states), (step.inputs, inputs))),
        dict(zip(step.parameters, parameters, strict=True)),
        0.8,
    )
    expected = [*([] if spikes is None else [spikes]), *after.values()]
    by_outputs = [values(*y.shape, dtype=dtype, seed=7) for y in expected]
    gradients = torch.autograd.grad(expected, leaves, by_outputs, allow_unused=True, materialize_grads=True)

    states, inputs, parameters = ([y.detach() for y in group] for group in (states, inputs, parameters))
    outputs = [torch.empty_like(y) for y in expected]
    triton.forward(step.name, states, inputs, parameters, 0.8, outputs)
    results = [torch.empty_like(y) for y in (*states, *inputs)]
    results += [torch.empty_like(states[0]) for _ in parameters]  # of each row of the batch
    trajectories = outputs[len(outputs) - len(states) :]
    triton.backward(step.name, states, inputs, parameters, 0.8, trajectories, by_outputs, results)
    found = [*results[: len(states) + len(inputs)], *(y.sum(0) for y in results[len(states) + len(inputs) :])]
    if spikes is not None:
        assert torch.equal(outputs[0], spikes)
    for a, b in zip((*outputs, *found), (*expected, *gradients), strict=True):
        assert (a - b).abs().max() <= tolerance * max(1, b.abs().max())


@pytest.mark.usefixtures("_interpreted")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_hyperbolic_tangent_is_as_precise_as_its_argument(dtype):
    model = Model(
        "f",
        "du/dt = (tanh(x) - u)/tau : 1",
        {"tau": Parameter(1, "ms", "time constant")},
        inputs={"x": Input("1", "argument", signed=True)},
    )
    spread = torch.logspace(-20, 2, 300, dtype=torch.float64)
    x = torch.cat([-spread, spread]).to(dtype)
    after = torch.empty(1, 1, len(x), dtype=dtype)
    zero, tau = torch.zeros(1, len(x), dtype=dtype), torch.full((len(x),), 1e-4, dtype=dtype)
    triton.forward(token_step(model).name, [zero], [x[None, None]], [tau], 1.0, [after])
    torch.testing.assert_close(
        after[0, 0].double(), x.double().tanh(), rtol=40 * torch.finfo(dtype).eps, atol=0
    )


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_it_compiles_for_a_device_that_is_not_here(model):
    if not triton.available():
        pytest.skip("Triton isn't installed")
    from triton import compile as compiled
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    triton._kernels.cache_clear()
    for kernel in triton._kernels(token_step(model).name):
        names = kernel.arg_names
        kinds = {n: "*fp32" if n.endswith("_") else "i32" for n in names} | dict.fromkeys(
            ("step", "BLOCK"), "constexpr"
        )
        constants = {(names.index("step"),): 0.8, (names.index("BLOCK"),): triton.BLOCK}
        code = compiled(
            ASTSource(fn=kernel, signature=kinds, constexprs=constants),
            target=GPUTarget("cuda", 90, 32),
            options={"enable_fp_fusion": False},
        ).asm["ptx"]
        assert "fma" not in code  # nothing is contracted
        assert ".f64" not in code  # nor computed in another precision


def test_a_function_that_a_device_lacks_is_named():
    model = Model(
        "odd",
        "du/dt = (sinh(x) - u)/tau : 1",
        {"tau": Parameter(1, "ms", "time constant")},
        inputs={"x": Input("1", "input", signed=True)},
    )
    with pytest.raises(ValueError, match=r"can't compute sinh\(input_x\): pass fused=False"):
        triton.source(recurrence(token_step(model)))
