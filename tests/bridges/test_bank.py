"""A bank of astrocytes that hear themselves: step and sequence, theory, and the same declaration in Brian2."""

import numpy as np
import pytest
import torch
from brian2 import Network, NeuronGroup, StateMonitor, Synapses, TimedArray, ms, prefs
from hypothesis import given, settings
from hypothesis import strategies as st

from astrobrian.bridges import Bank
from astrobrian.bridges.bank import BANK
from astrobrian.equations import amsu_bank


@pytest.fixture
def double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def some_bank(seed=0, heads=3, keys=4, **options):
    torch.manual_seed(seed)
    return Bank(heads, keys, 500.0, torch.logspace(2.5, 4, heads), **options)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 99),
    heads=st.integers(1, 5),
    keys=st.integers(1, 4),
    cuts=st.sets(st.integers(1, 39), max_size=4),
)
def test_one_call_uneven_pieces_and_single_steps_are_equal_to_the_bit(seed, heads, keys, cuts):
    bank = some_bank(seed, heads, keys)
    x, at = torch.rand(3, 40), bank.initial_state(3)
    with torch.no_grad():
        whole, last = bank(x, at)
        pieces, between = [], at
        for piece in x.tensor_split(sorted(cuts), 1):
            o, between = bank(piece, between)
            pieces.append(o)
        for token in x.unbind(1):
            at = bank.step(token, at)
    assert torch.equal(whole, torch.cat(pieces, 1))
    assert torch.equal(last, between)
    assert torch.equal(last, at)


@pytest.mark.parametrize("feedback", [True, False])
@pytest.mark.parametrize("fused", [True, False])
def test_gradient_is_right(double, feedback, fused):
    bank = some_bank(heads=2, keys=2, feedback=feedback, fused=fused)
    x, o = torch.rand(2, 5, requires_grad=True), torch.randn(2, 2, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, o, *_: bank(x, o)[0], (x, o, *bank.parameters()))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-5), (torch.float64, 1e-12)])
def test_the_fused_operator_agrees_with_the_eager_loop(dtype, tolerance):
    results = []
    for fused in (True, False):
        bank = some_bank(heads=5, keys=7, fused=fused).to(dtype)
        torch.manual_seed(1)
        x = torch.rand(4, 80, dtype=dtype, requires_grad=True)
        o, _ = bank(x, bank.initial_state(4))
        o.square().sum().backward()
        results.append([o, x.grad, *(p.grad for p in bank.parameters())])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(
            one, other, rtol=tolerance, atol=tolerance * other.detach().abs().max().item()
        )


def test_signals_of_another_precision_are_promoted(double):
    bank = some_bank().float()
    x = torch.rand(2, 9)
    wide, _ = bank.double()(x, torch.zeros(2, 3))
    mixed, _ = bank.float()(x, torch.zeros(2, 3))
    assert mixed.dtype == torch.float64
    torch.testing.assert_close(mixed, wide, rtol=1e-5, atol=1e-6)


def test_torch_knows_the_operator():
    bank = some_bank()
    kept, written = bank._law()
    given = (
        BANK.name,
        torch.rand(2, 6),
        bank.key_weight,
        bank.key_bias,
        bank.feedback,
        written,
        kept,
        bank.initial_state(2),
    )
    torch.library.opcheck(torch.ops.astrobrian.bank_walk.default, given)
    open_loop = (*given[:4], None, *given[5:])
    torch.library.opcheck(torch.ops.astrobrian.bank_walk.default, open_loop)


def test_without_feedback_it_is_a_filter_of_saturated_signals(double):
    bank = some_bank(feedback=False)
    x = torch.rand(1, 60)
    o, _ = bank(x, bank.initial_state(1))
    a = torch.exp(-500 / bank.tau_H)
    k = torch.tanh(x[0, :, None] * bank.key_weight + bank.key_bias).view(60, 3, 4)
    written = (1 - a) * (k * bank.query).sum(-1)
    expected = sum(a ** (59 - s) * written[s] for s in range(60))
    torch.testing.assert_close(o[0, -1], expected)


def test_under_a_constant_signal_an_open_bank_comes_to_rest_where_the_law_says(double):
    bank = some_bank(feedback=False)
    x = torch.full((1, 400), 0.3)
    _, last = bank(x, bank.initial_state(1))
    k = torch.tanh(0.3 * bank.key_weight + bank.key_bias).view(3, 4)
    torch.testing.assert_close(last[0], (k * bank.query).sum(-1), rtol=1e-6, atol=1e-8)


def test_brian2_integrates_the_same_declaration(double):
    """Every element of the matrix on its own, with the feedback as synapses between elements, as the equations are written."""
    before, prefs.codegen.target = prefs.codegen.target, "numpy"
    try:
        heads, keys, tokens = 2, 3, 50
        bank = some_bank(heads=heads, keys=keys)
        x = torch.rand(1, tokens)
        with torch.no_grad():
            o, _ = bank(x, bank.initial_state(1))
        equations = amsu_bank.equations
        signal = TimedArray(x[0].numpy(), dt=500 * ms)
        driven = "x_k = w*signal(t) + c + fed : 1\nfed : 1\nw : 1 (constant)\nc : 1 (constant)\nhead : integer (constant)"
        kept = [eq for name, eq in equations.items() if name not in ("x_k", "tau_H", "q", "v", "g_H")]
        per_element = "tau_H : second (constant)\nq : 1 (constant)\nv : 1 (constant)\ng_H : 1 (constant)"
        group = NeuronGroup(
            heads * keys,
            type(equations)(kept) + type(equations)(f"{driven}\n{per_element}"),
            method="exponential_euler",
            dt=500 * ms,
            namespace={"signal": signal},
        )
        feedback = Synapses(group, group, "weight : 1\nfed_post = weight*o_pre : 1 (summed)", dt=500 * ms)
        feedback.connect()
        group.w, group.c = (p.detach().numpy() for p in (bank.key_weight, bank.key_bias))
        group.head, group.v, group.g_H = np.repeat(np.arange(heads), keys), 1, 1
        group.q = bank.query.detach().numpy().ravel()
        group.tau_H = np.repeat(bank.tau_H.detach().numpy(), keys) * ms
        feedback.weight = bank.feedback.detach().numpy()[np.asarray(group.head)[feedback.i], feedback.j]
        monitor = StateMonitor(group, "o", record=True, when="end")
        Network(group, feedback, monitor).run(tokens * 500 * ms)
    finally:
        prefs.codegen.target = before
    read = np.asarray(monitor.o).reshape(heads, keys, tokens).sum(1)
    np.testing.assert_allclose(read.T, o[0].numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Bank(0, 4, 500.0, 1e3), ValueError, "heads should be positive"),
        (lambda: Bank(2, 4, 500.0, -1e3), ValueError, "tau_H should be positive"),
        (lambda: Bank(2, 4, 500 * ms, 1e3), TypeError, "ms_per_token is a number of milliseconds"),
        (lambda: some_bank()(torch.rand(2), torch.zeros(2, 3)), ValueError, r"shape \(batch, tokens\)"),
        (lambda: some_bank()(torch.rand(2, 0), torch.zeros(2, 3)), ValueError, r"shape \(batch, tokens\)"),
        (lambda: some_bank()(torch.rand(2, 5), torch.zeros(2, 4)), ValueError, r"the shape \(2, 3\)"),
        (lambda: some_bank().step(torch.rand(2, 5), torch.zeros(2, 3)), ValueError, r"shape \(batch\)"),
    ],
)
def test_what_makes_no_sense_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
