"""The unit: step and sequence, theory of the matrix state, and the same declaration in Brian2."""

import numpy as np
import pytest
import torch
from brian2 import Network, NeuronGroup, SpikeMonitor, StateMonitor, TimedArray, ms, mV, prefs, second
from hypothesis import given, settings
from hypothesis import strategies as st

from astrobrian.bridges import AMSU, AMSUState, token_step
from astrobrian.bridges.amsu import ASTROCYTE, AMSUDrive, amsu_step
from astrobrian.bridges.memory import chunked_memory, linear_law
from astrobrian.equations import Model, amsu, amsu_astrocyte, amsu_key, amsu_membrane


@pytest.fixture
def double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture
def numpy_target():
    before = prefs.codegen.target
    prefs.codegen.target = "numpy"
    yield
    prefs.codegen.target = before


def some_layer(seed=0, **options):
    torch.manual_seed(seed)
    return AMSU(6, 12, 3, 5, 500.0, tau_H=torch.tensor([1e3, 1e4, 1e5]), **options)


def single_steps(layer, x):
    state, spikes = None, []
    for token in x.unbind(1):
        now, state = layer.step(token, state)
        spikes.append(now)
    return torch.stack(spikes, 1), state


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), chunk=st.integers(1, 40), cuts=st.sets(st.integers(1, 59), max_size=4))
def test_one_call_uneven_pieces_and_single_steps_agree(seed, chunk, cuts):
    torch.set_default_dtype(torch.float64)
    try:
        layer = some_layer(seed, chunk=chunk)
        x = 3 * torch.randn(2, 60, 6)
        with torch.no_grad():
            spikes, state = layer(x)
            stepped, after_steps = single_steps(layer, x)
            pieces, at = [], None
            for piece in x.tensor_split(sorted(cuts), 1):
                s, at = layer(piece, at)
                pieces.append(s)
    finally:
        torch.set_default_dtype(torch.float32)
    assert 0.01 < spikes.mean() < 0.99
    assert torch.equal(spikes, stepped)
    assert torch.equal(spikes, torch.cat(pieces, 1))
    for a, b, c in zip(state, after_steps, at, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(a, c, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("astrocyte", [True, False])
def test_eager_and_fused_layers_agree_in_gradient(astrocyte, double):
    gradients = []
    for fused in (True, False):
        layer = some_layer(astrocyte=astrocyte, fused=fused)
        torch.manual_seed(1)
        spikes, state = layer(3 * torch.randn(2, 40, 6))
        ((spikes * torch.randn_like(spikes)).sum() + state.u.square().sum()).backward()
        gradients.append([p.grad for p in layer.parameters()])
    for a, b in zip(*gradients, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


def test_gradient_of_what_is_read_is_right(double):
    layer = some_layer()
    x = torch.randn(2, 7, 6, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, *_: layer.read(x)[0], (x, *layer.astrocyte_parameters))


def test_matrix_state_is_the_weighted_sum_of_writes(double):
    """Against the definition: H_t = sum over s of a^(t-s) b v_s k_s^T, in plain loops."""
    a, b = 0.9, 0.3
    batch, heads, tokens, keys, values = 1, 1, 11, 3, 2
    k, q = torch.randn(2, batch, heads, tokens, keys)
    v = torch.randn(batch, heads, tokens, values)
    tau = -500 / np.log(a)
    p = {"tau_H": torch.tensor([tau]), "g_H": torch.tensor([b / (1 - a)])}
    o, state = chunked_memory(ASTROCYTE, k, v, q, torch.zeros(batch, heads, values, keys), p, 500.0, chunk=4)
    for t in range(tokens):
        H = sum(a ** (t - s) * b * torch.outer(v[0, 0, s], k[0, 0, s]) for s in range(t + 1))
        torch.testing.assert_close(o[0, 0, t], H @ q[0, 0, t])
    torch.testing.assert_close(state[0, 0], H)


def test_law_that_is_not_linear_in_the_write_is_refused():
    odd = Model(
        "odd",
        "dH/dt = (v*k*k - H)/tau_H : 1\no = H*q : 1",
        {"tau_H": amsu_astrocyte.parameters["tau_H"]},
        inputs=amsu_astrocyte.inputs,
    )
    with pytest.raises(ValueError, match="b v k"):
        linear_law(token_step(odd))


def test_rest_state_stays(double):
    layer = some_layer()
    x = torch.randn(1, 6)
    rest = layer.rest_state(x)
    _, o, after = amsu_step(layer.drive(x), rest, {**layer.constants, "theta": torch.full((12,), 1e9)}, 500.0)
    for a, b in zip(rest[:2], after[:2], strict=True):
        torch.testing.assert_close(a, b)
    read, _ = layer.read(x[:, None].expand(1, 5, 6), rest)
    torch.testing.assert_close(read, o[:, None].expand(1, 5, 12))


def test_cut_astrocyte_is_silence_and_may_be_cut_later(double):
    layer = some_layer(astrocyte=False)
    x = 3 * torch.randn(2, 20, 6)
    cut, state = layer(x)
    assert not state.H.any()
    layer.astrocyte = True
    on, _ = layer(x)
    assert not torch.equal(cut, on)
    with torch.no_grad():
        layer.value.weight.zero_()
        layer.value.bias.zero_()
    silent, _ = layer(x)
    assert torch.equal(cut, silent)


def test_time_constants_are_in_milliseconds(double):
    """Twice as many tokens of half the length leave the same trace and the same matrix under a constant input."""
    coarse, fine = some_layer(), some_layer()
    fine.load_state_dict(coarse.state_dict())
    fine.ms_per_token = coarse.ms_per_token / 2
    x = torch.randn(1, 1, 6)
    _, a = coarse.read(x.expand(1, 400, 6))
    _, b = fine.read(x.expand(1, 800, 6))
    torch.testing.assert_close(a.r, b.r, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(a.H, b.H, rtol=2e-3, atol=1e-9)


def test_scalar_unit_is_the_same_in_brian2(double, numpy_target):
    """One declaration, two forms: every cell of a NeuronGroup against a Torch unit of one key."""
    cells, tokens, dt = 20, 150, 50.0
    rng = np.random.default_rng(0)
    names = ("x", "x_k", "v", "q")
    signal = {name: rng.normal(0, 2, (tokens, cells)) for name in names}
    arrays = {f"given_{name}": TimedArray(values, dt=dt * ms) for name, values in signal.items()}
    drive = Model("drive", "\n".join(f"{name} = given_{name}(t, i) : 1" for name in names))
    model = amsu(tau_r=200 * ms, tau_H=3000 * ms, tau_u=120 * ms, theta=0.3, g_H=2)
    fixed = {n: p.quantity for n, p in model.parameters.items()}
    group = NeuronGroup(
        cells,
        (model + drive).equations,
        threshold=model.threshold,
        reset=model.reset,
        method="exponential_euler",
        dt=dt * ms,
        namespace=arrays,
    )
    for name, value in fixed.items():
        setattr(group, name, value)
    states = StateMonitor(group, ["r", "H", "u"], record=True, when="end")
    spikes = SpikeMonitor(group)
    Network(group, states, spikes).run(tokens * dt * ms)

    p = {n: torch.tensor([float(v / ms) if n.startswith("tau") else float(v)]) for n, v in fixed.items()}
    state = AMSUState(torch.zeros(cells, 1), torch.zeros(cells, 1, 1, 1), torch.zeros(cells, 1))
    fired = np.zeros((tokens, cells))
    for t in range(tokens):
        given = AMSUDrive(**{name: torch.from_numpy(signal[name][t])[:, None] for name in names})
        now, _, state = amsu_step(given, state, p, dt)
        fired[t] = now[:, 0].numpy()
        for name in ("r", "H", "u"):
            here = getattr(state, name).reshape(cells).numpy()
            np.testing.assert_allclose(here, getattr(states, name)[:, t], rtol=1e-10, atol=1e-12)
    expected = np.zeros((tokens, cells))
    expected[np.rint(np.asarray(spikes.t / ms) / dt).astype(int), np.asarray(spikes.i)] = 1
    assert np.array_equal(fired, expected)
    assert 0 < fired.mean() < 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": 10}, "multiple of the number of heads"),
        ({"keys": 0}, "keys should be positive"),
        ({"keys": 2.5}, "keys should be a whole number, not 2.5"),
        ({"units": 12.0}, "units should be a whole number, not 12.0"),
        ({"ms_per_token": -1.0}, "ms_per_token should be positive"),
        ({"tau_u": 0.0}, "tau_u should be positive"),
        ({"tau_u": float("inf")}, "tau_u should be positive and finite"),
        ({"tau_r": 1e39}, "tau_r should be positive and finite"),
        ({"ms_per_token": float("nan")}, "ms_per_token should be positive and finite"),
        ({"tau_H": torch.tensor([1.0, -1.0, 1.0])}, "tau_H should be positive"),
    ],
)
def test_impossible_layers_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        AMSU(**{"width": 4, "units": 12, "heads": 3, "keys": 5, "ms_per_token": 500.0, **options})


def test_parts_are_declared_once():
    assert (amsu_key + amsu_astrocyte + amsu_membrane).states == amsu.states
    assert "Shen" in amsu.citation()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ms_per_token": 500 * ms}, r"ms_per_token is a number of milliseconds, got 0\.5 s; pass 500"),
        ({"tau_H": 2 * second}, "tau_H is a number of milliseconds, .*pass 2000"),
        ({"tau_r": [1, 2] * second}, "tau_r is a number of milliseconds"),
        ({"tau_u": 3 * mV}, "tau_u is a number without a unit"),
        ({"theta": 3 * mV}, "theta is a number without a unit"),
    ],
)
def test_quantities_are_refused(options, message):
    with pytest.raises(TypeError, match=message):
        AMSU(**{"width": 4, "units": 12, "heads": 3, "keys": 5, "ms_per_token": 500.0, **options})


def test_layer_says_which_shapes_it_takes():
    layer = some_layer()
    x, state = torch.randn(2, 4, 6), layer.initial_state(2)
    for call, takes in ((layer, "tokens, "), (layer.read, "tokens, "), (layer.step, "")):
        for wrong in (
            torch.tensor(1.0),
            x[0, 0],
            x if call == layer.step else x[0],
            torch.randn(2, 4, 7),
            x[None],
        ):
            with pytest.raises(ValueError, match=rf"\(batch, {takes}width\) with a width of 6, not \("):
                call(wrong)
        one = torch.randn(3, 6) if call == layer.step else torch.randn(3, 4, 6)
        with pytest.raises(ValueError, match=r"r of the state .* \(3, 15\) for a batch of 3, not \(2, 15\)"):
            call(one, state)
        for phase in (torch.zeros(2, dtype=torch.int64), torch.zeros(())):
            with pytest.raises(ValueError, match=r"phase of the state should have the shape \(\)"):
                call(one[:2], state._replace(phase=phase))
    with pytest.raises(ValueError, match=r"\(batch, width\)"):
        layer.rest_state(x)
    with pytest.raises(ValueError, match="at least one token"):
        layer(x[:, :0])


@pytest.mark.parametrize("fused", [True, False])
def test_empty_batch_gives_empty_spikes(fused):
    spikes, state = some_layer(fused=fused)(torch.randn(0, 4, 6))
    assert spikes.shape == (0, 4, 12)
    assert state.H.shape == (0, 3, 4, 5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_layer_runs_in_half_precision(dtype):
    layer = some_layer().to(dtype)
    spikes, state = layer(3 * torch.randn(2, 30, 6, dtype=dtype))
    assert spikes.dtype == state.H.dtype == dtype
    assert 0 < spikes.float().mean() < 1


def test_write_gain_keeps_the_variance_of_slow_astrocytes(double):
    taus = torch.tensor([1e3, 1e8, 1e15])
    layer = AMSU(6, 12, 3, 5, 500.0, tau_H=taus)
    x = 500.0 / (2 * taus)
    assert torch.isfinite(layer.g_H).all()
    torch.testing.assert_close(layer.g_H[0], ((1 + (-2 * x).exp()) / (1 - (-2 * x).exp()))[0].sqrt())
    torch.testing.assert_close(layer.g_H[1:], x[1:].rsqrt())  # coth x = 1/x to 2e-12 there
    huge = AMSU(6, 12, 3, 5, 500.0, tau_H=torch.tensor([1e30]))
    assert torch.isfinite(huge.g_H).all()
