"""A layer gives the same bits however a sequence is cut, and its simplifications do what they say."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from astrobrian.bridges import AMSU, AMSUState, AstroSNN, AstroSNNConfig, amsu_step
from astrobrian.bridges.amsu import membrane_step
from astrobrian.bridges.scan import FUSED

fused = pytest.mark.skipif(not FUSED, reason="there is no C++ compiler")

DTYPES = (torch.float32, torch.float64)
OPTIONS = (
    {},
    {"astrocyte": False},
    {"reset": False},
    {"sigma": "identity"},
    {"astrocyte_every": 3},
)


def some_layer(dtype=torch.float64, seed=0, sizes=(6, 12, 3, 5), **options):
    torch.manual_seed(seed)
    tau_H = torch.logspace(3, 5, sizes[2])
    return AMSU(*sizes, 500.0, tau_H=tau_H, tau_r=700.0, **options).to(dtype)


def in_pieces(layer, x, cuts):
    spikes, state = [], None
    for piece in x.tensor_split(cuts, 1):
        s, state = layer(piece, state)
        spikes.append(s)
    return torch.cat(spikes, 1), state


def token_by_token(layer, x):
    spikes, state = [], None
    for token in x.unbind(1):
        s, state = layer.step(token, state)
        spikes.append(s)
    return torch.stack(spikes, 1), state


def reads(layer, x, cuts):
    """What the astrocytes add, piece by piece."""
    found, state = [], None
    for piece in x.tensor_split(cuts, 1):
        o, state = layer.read(piece, state)
        found.append(o)
    return torch.cat(found, 1)


@fused
@settings(max_examples=40, deadline=None)
@given(
    options=st.sampled_from(OPTIONS),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 999),
    batch=st.integers(1, 3),
    sizes=st.sampled_from([(6, 12, 3, 5), (33, 34, 2, 17), (1, 8, 8, 1), (16, 16, 1, 16)]),
    cuts=st.sets(st.integers(1, 59), max_size=4).map(sorted),
)
def test_every_way_to_cut_a_sequence_gives_equal_bits(options, dtype, seed, batch, sizes, cuts):
    layer = some_layer(dtype, seed, sizes, **options)
    x = 3 * torch.randn(batch, 60, sizes[0], dtype=dtype)
    with torch.no_grad():
        spikes, state = layer(x)
        for other, after in (token_by_token(layer, x), in_pieces(layer, x, cuts)):
            assert torch.equal(spikes, other)
            for a, b in zip(state, after, strict=True):
                assert torch.equal(a, b)
        if layer.astrocyte:
            o = reads(layer, x, [])
            assert torch.equal(o, reads(layer, x, cuts))
            assert torch.equal(o, reads(layer, x, list(range(1, 60))))
    assert 0 < spikes.mean() < 1


@fused
@pytest.mark.parametrize("dtype", DTYPES)
def test_bits_depend_on_neither_the_batch_nor_the_threads(dtype):
    layer = some_layer(dtype, sizes=(64, 64, 4, 16))
    x = 2 * torch.randn(5, 300, 64, dtype=dtype)
    with torch.no_grad():
        spikes, state = layer(x)
        torch.set_num_threads(3)
        threaded, after = layer(x)
        alone, after_alone = layer(x[3:4])
    assert torch.equal(spikes, threaded)
    assert torch.equal(spikes[3:4], alone)
    for whole, again, one in zip(state[:3], after[:3], after_alone[:3], strict=True):
        assert torch.equal(whole, again)
        assert torch.equal(whole[3:4], one)


@fused
def test_a_language_model_gives_equal_bits_byte_by_byte():
    torch.manual_seed(0)
    model = AstroSNN(AstroSNNConfig(width=20, depth=2, heads=2, keys=5))
    text = torch.randint(256, (2, 40))
    with torch.no_grad():
        logits, states = model(text)
        found, at = [], None
        for byte in text.split(1, 1):
            one, at = model(byte, at)
            found.append(one)
    assert torch.equal(logits, torch.cat(found, 1))
    for (unit, channels), (unit_after, channels_after) in zip(states, at, strict=True):
        for a, b in zip((*unit, channels), (*unit_after, channels_after), strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("is_fused", [pytest.param(True, marks=fused), False])
def test_a_sequence_is_the_element_laws_token_by_token(options, is_fused):
    layer = some_layer(fused=is_fused, **options)
    x = 3 * torch.randn(2, 50, 6, dtype=torch.float64)
    with torch.no_grad():
        spikes, state = layer(x)
        if not layer.astrocyte:
            return
        o, _ = layer.read(x)
        at = layer.initial_state(2)
        membrane = membrane_step(layer.sigma, layer.reset)
        for t, token in enumerate(x.unbind(1)):
            s, o_t, at = amsu_step(
                layer.drive(token), at, layer.constants, 500.0, membrane, layer.astrocyte_every
            )
            assert torch.equal(s, spikes[:, t])
            torch.testing.assert_close(o_t, o[:, t], rtol=1e-10, atol=1e-12)
    for a, b in zip(state, at, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("is_fused", [pytest.param(True, marks=fused), False])
def test_without_its_reset_the_membrane_is_the_convolution_of_its_currents(is_fused):
    layer = some_layer(astrocyte=False, reset=False, fused=is_fused)
    x = 3 * torch.randn(1, 40, 6, dtype=torch.float64)
    with torch.no_grad():
        _, state = layer(x)
        decay = torch.exp(-500.0 / layer.constants["tau_u"])
        age = torch.arange(39, -1, -1, dtype=torch.float64)
        weights = (1 - decay) * decay ** age[:, None]
        torch.testing.assert_close(state.u[0], (weights * torch.tanh(layer.signal(x))[0]).sum(0))


@pytest.mark.parametrize("is_fused", [pytest.param(True, marks=fused), False])
def test_a_slow_astrocyte_holds_its_matrix_between_ticks(is_fused):
    layer = some_layer(astrocyte_every=4, fused=is_fused)
    x = 3 * torch.randn(1, 12, 6, dtype=torch.float64)
    matrices, phases, state = [], [], None
    with torch.no_grad():
        for token in x.unbind(1):
            _, state = layer.step(token, state)
            matrices.append(state.H)
            phases.append(int(state.phase))
    assert phases == [1, 2, 3, 0] * 3
    for t in range(1, 12):
        assert torch.equal(matrices[t], matrices[t - 1]) == (t % 4 != 0)
    # a tick forgets as much as four tokens do
    decay = torch.exp(-4 * 500.0 / layer.constants["tau_H"]).view(1, 3, 1, 1)
    drive = layer.drive(x[:, 4])
    with torch.no_grad():
        r = layer(x[:, :4])[1].r
        write = drive.v.view(1, 3, 4, 1) * torch.tanh(r).view(1, 3, 1, 5) * layer.g_H.view(1, 3, 1, 1)
        torch.testing.assert_close(matrices[4], decay * matrices[0] + (1 - decay) * write)


@pytest.mark.parametrize("is_fused", [pytest.param(True, marks=fused), False])
@pytest.mark.parametrize("options", [{"astrocyte_every": 3}, {"reset": False}, {"sigma": "identity"}])
def test_gradients_of_options_are_those_of_the_element_laws(options, is_fused):
    layer = some_layer(fused=is_fused, **options)
    x = 3 * torch.randn(2, 11, 6, dtype=torch.float64)
    weights = torch.randn(2, 11, 12, dtype=torch.float64)

    spikes, state = layer(x)
    ((spikes * weights).sum() + state.H.square().sum() + state.u.square().sum()).backward()
    found = [p.grad.clone() for p in layer.parameters()]

    layer.zero_grad()
    at, loss = layer.initial_state(2), 0
    membrane = membrane_step(layer.sigma, layer.reset)
    for t, token in enumerate(x.unbind(1)):
        s, _, at = amsu_step(layer.drive(token), at, layer.constants, 500.0, membrane, layer.astrocyte_every)
        loss = loss + (s * weights[:, t]).sum()
    (loss + at.H.square().sum() + at.u.square().sum()).backward()
    for (name, p), g in zip(layer.named_parameters(), found, strict=True):
        torch.testing.assert_close(g, p.grad, rtol=1e-8, atol=1e-9, msg=lambda m, name=name: f"{name}: {m}")


def test_the_identity_lets_a_constant_current_through():
    layer = some_layer(sigma="identity", astrocyte=False, theta=1e9)
    with torch.no_grad():
        layer.signal.weight.zero_()
        layer.signal.bias.fill_(7.0)
        _, state = layer(torch.zeros(1, 200, 6, dtype=torch.float64))
        rest = layer.rest_state(torch.zeros(1, 6, dtype=torch.float64))
    torch.testing.assert_close(state.u, torch.full_like(state.u, 7.0))
    torch.testing.assert_close(rest.u, torch.full_like(state.u, 7.0))


def test_the_state_after_a_long_sequence_is_no_larger_than_a_state():
    _, state = some_layer()(torch.randn(2, 200, 6, dtype=torch.float64))
    for tensor in state:
        assert tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()


def test_a_detached_state_cuts_the_gradient():
    layer = some_layer()
    x = torch.randn(2, 10, 6, dtype=torch.float64, requires_grad=True)
    _, state = layer(x)
    kept, _ = layer(torch.randn(2, 5, 6, dtype=torch.float64), state)
    cut, _ = layer(torch.randn(2, 5, 6, dtype=torch.float64), state.detach())
    assert torch.autograd.grad(kept.sum(), x, allow_unused=True)[0] is not None
    assert torch.autograd.grad(cut.sum(), x, allow_unused=True)[0] is None


class FakeUnit:
    """What a layer reads of a distilled unit."""

    def __init__(self):
        self.values = {"tau_H": np.array([1e3, 1e4, 1e5])}


@pytest.mark.parametrize("trainable", [True, False])
def test_a_layer_begins_with_the_constants_of_a_unit(trainable):
    layer = AMSU.from_unit(FakeUnit(), 6, 12, 3, 2, ms_per_token=500, trainable_constants=trainable)
    constants = layer.constants
    # quantiles in the logarithm: the middle one is the middle one's, the others lie within
    torch.testing.assert_close(constants["tau_H"][1], torch.tensor(1e4))
    assert 1e3 < constants["tau_H"][0] < 1e4 < constants["tau_H"][2] < 1e5
    assert all(p.requires_grad == trainable for p in layer.log_constants.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma": "relu"}, "sigma should be one of tanh, identity, not 'relu'"),
        ({"astrocyte_every": 0}, "astrocyte_every should be positive"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        some_layer(**options)


def test_a_layer_says_which_precision_it_takes():
    layer = some_layer()
    x = torch.randn(2, 4, 6)
    with pytest.raises(ValueError, match=r"the input should be torch.float64 on cpu.*not torch.float32"):
        layer(x)
    state = layer.initial_state(2)
    with pytest.raises(ValueError, match=r"H of the state should be torch.float64 on cpu.*torch.float32"):
        layer(x.double(), AMSUState(state.r, state.H.float(), state.u))
    with pytest.raises(TypeError, match="should be an AMSUState, not tuple"):
        layer(x.double(), tuple(state))


def test_a_layer_says_on_which_device_it_is():
    layer = some_layer()
    with pytest.raises(ValueError, match=r"the input should be .* on cpu.*on meta"):
        layer(torch.randn(2, 4, 6, dtype=torch.float64, device="meta"))
    state = layer.initial_state(2)
    with pytest.raises(ValueError, match=r"u of the state .*on meta"):
        layer(torch.randn(2, 4, 6, dtype=torch.float64), state._replace(u=state.u.to("meta")))
