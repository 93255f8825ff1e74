"""What Torch asks of an operator: schemas, fake tensors, compiling, exporting."""

import io

import pytest
import torch

from astrobrian.bridges.kernels.operators import bank_walk, fused_scan, matrix_walk, row_linear
from astrobrian.bridges.torch_codegen import token_step
from astrobrian.equations.library.amsu import amsu_astrocyte, amsu_bank, amsu_key, amsu_membrane

MEMBRANE, KEY, ASTROCYTE, BANK = (
    token_step(model) for model in (amsu_membrane, amsu_key, amsu_astrocyte, amsu_bank)
)


def values(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(len(shape)), dtype=torch.float64)


def membrane(u, x, o, tau_u, theta):
    spikes, after = fused_scan(MEMBRANE, {"u": u}, {"x": x, "o": o}, {"tau_u": tau_u, "theta": theta}, 1.0)
    return spikes + after["u"].square()


def astrocyte(k, v, q, state, tau_H, g_H):
    o, after = matrix_walk(ASTROCYTE, k, v, q, state, {"tau_H": tau_H, "g_H": g_H}, 1.0)
    return o.transpose(1, 2).flatten(2).tanh(), after


def affine(x, weight, bias):
    return row_linear(x, weight, bias).tanh()


FUNCTIONS = {
    membrane: (values(2, 5), 3 * values(2, 7, 5), values(2, 7, 5), 1 + values(5), 0.3 + values(5)),
    astrocyte: (
        *(values(2, 3, 70, n) for n in (5, 6, 5)),
        values(2, 3, 6, 5),
        1 + values(3),
        values(3),
    ),
    affine: (values(4, 3, 9), values(6, 9), values(6)),
}


def bank(*tensors):
    return bank_walk(BANK, *tensors)


BANK_TENSORS = values(2, 7), values(6), values(6), values(3, 6), values(3, 2), values(3), values(2, 3)


def flat(y):
    return y if isinstance(y, tuple) else (y,)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_compiled_function_is_the_function_with_its_gradients(function):
    outcomes = []
    for called in (function, torch.compile(function, fullgraph=True, backend="aot_eager")):
        leaves = [y.clone().requires_grad_() for y in FUNCTIONS[function]]
        outputs = flat(called(*leaves))
        gradients = torch.autograd.grad(sum(y.sum() for y in outputs), leaves)
        outcomes.append((*outputs, *gradients))
    for a, b in zip(*outcomes, strict=True):
        assert torch.equal(a, b)


@pytest.mark.slow
@pytest.mark.parametrize("function", FUNCTIONS)
def test_inductor_compiles_what_surrounds_the_operators(function):
    outcomes = []
    for called in (function, torch.compile(function, fullgraph=True)):
        leaves = [y.clone().requires_grad_() for y in FUNCTIONS[function]]
        outputs = flat(called(*leaves))
        outcomes.append((*outputs, *torch.autograd.grad(sum(y.sum() for y in outputs), leaves)))
    for a, b in zip(*outcomes, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_exported_program_is_the_function_once_it_is_saved_and_loaded(function):
    class Layer(torch.nn.Module):
        def forward(self, *arguments):
            return function(*arguments)

    arguments = FUNCTIONS[function]
    saved = io.BytesIO()
    torch.export.save(torch.export.export(Layer(), arguments), saved)
    saved.seek(0)
    loaded = torch.export.load(saved).module()
    for a, b in zip(flat(loaded(*arguments)), flat(function(*arguments)), strict=True):
        assert torch.equal(a, b)


def test_a_program_is_exported_for_any_number_of_tokens():
    class Layer(torch.nn.Module):
        def forward(self, u, x, o, tau_u, theta):
            return membrane(u, x, o, tau_u, theta)

    u, x, o, *parameters = FUNCTIONS[membrane]
    tokens = torch.export.Dim("tokens", min=2, max=1000)
    shapes = ({}, {1: tokens}, {1: tokens}, {}, {})
    program = torch.export.export(Layer(), (u, x, o, *parameters), dynamic_shapes=shapes).module()
    longer = (torch.cat([y, y, y], 1) for y in (x, o))
    x, o = longer
    assert torch.equal(program(u, x, o, *parameters), membrane(u, x, o, *parameters))


@pytest.mark.parametrize("grad", [True, False])
def test_the_operators_are_what_torch_expects_of_them(grad):
    ops = torch.ops.astrobrian
    ready = {f: [y.clone().requires_grad_(grad) for y in FUNCTIONS[f]] for f in FUNCTIONS}
    u, x, o, tau_u, theta = ready[membrane]
    k, v, q, state, tau_H, g_H = ready[astrocyte]
    samples = {
        ops.scan: (MEMBRANE.name, [u], [x, o], [tau_u, theta], 1.0),
        ops.matrix_walk: (ASTROCYTE.name, k, v, q, state, [tau_H, g_H], 1.0, 3, torch.tensor(1)),
        ops.row_linear: tuple(ready[affine]),
    }
    for op, arguments in samples.items():
        checked = torch.library.opcheck(op.default, arguments)
        assert set(checked.values()) == {"SUCCESS"}


def test_gradient_checkpointing_gives_the_same_gradients():
    from torch.utils.checkpoint import checkpoint

    leaves = [y.clone().requires_grad_() for y in FUNCTIONS[membrane]]
    plain = torch.autograd.grad(membrane(*leaves).sum(), leaves)
    again = torch.autograd.grad(checkpoint(membrane, *leaves, use_reentrant=False).sum(), leaves)
    assert all(torch.equal(a, b) for a, b in zip(plain, again, strict=True))


def test_a_step_has_one_name_that_no_other_has():
    assert token_step(amsu_membrane).name == MEMBRANE.name
    names = {each.name for each in (MEMBRANE, KEY, ASTROCYTE, MEMBRANE.without("o"), MEMBRANE.without("x"))}
    assert len(names) == 5


def test_a_program_whose_step_is_unknown_says_what_to_import():
    u, x, o, tau_u, theta = FUNCTIONS[membrane]
    with pytest.raises(LookupError, match=r"no token step unknown .*astrobrian\.bridges\.amsu"):
        torch.ops.astrobrian.scan("unknown", [u], [x, o], [tau_u, theta], 1.0)


@pytest.mark.parametrize(("function", "tensors"), [*FUNCTIONS.items(), (bank, BANK_TENSORS)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_promoted_where_it_meets_single_and_refused_alone(function, tensors, dtype):
    half = [y.to(dtype) for y in tensors]
    with pytest.raises(TypeError, match=f"not in {dtype}: convert a tensor"):
        function(*half)
    first, *others = half
    mixed, single = (flat(function(first.float(), *rest)) for rest in (others, [y.float() for y in others]))
    assert all(torch.equal(a, b) and a.dtype == torch.float32 for a, b in zip(mixed, single, strict=True))
