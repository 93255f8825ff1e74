"""A layer that was trained in Torch and its Brian2 network give the same spikes."""

import numpy as np
import pytest
import torch
from brian2 import device, prefs, set_device, start_scope
from hypothesis import given, settings
from hypothesis import strategies as st

from astrobrian import use_backend
from astrobrian.backends import obstacle
from astrobrian.bridges import AMSU, to_brian2, trained_layers
from astrobrian.deployment import load_layers, save_layers, spike_source
from tests.bridges.deployment.conftest import MS_PER_TOKEN, STORED, WIDTH, answers, trials

TOKENS = 250


@pytest.fixture(autouse=True)
def _fresh_brian():
    start_scope()
    target = prefs.codegen.target
    prefs.codegen.target = "numpy"
    yield
    device.reinit()
    set_device("runtime")
    prefs.codegen.target = target


def deployed_spikes(layers, source, batch=1, tokens=TOKENS):
    deployed = to_brian2(layers, source, batch)
    deployed.network().run(deployed.duration(tokens))
    return [deployed.spikes(tokens, number) for number in range(len(deployed.groups))]


@pytest.mark.parametrize("backend", ["numpy", "cpp", pytest.param("cython", marks=pytest.mark.slow)])
def test_a_trained_network_gives_the_same_spikes_on_held_out_input(recall, backend):
    if (lacking := obstacle(backend)) is not None:
        pytest.skip(lacking.reason)
    x, _ = trials(4, TOKENS, seed=2000)
    expected = answers(recall.layers, x)
    assert all(0.1 < spikes.mean() < 0.9 for spikes in expected)
    use_backend(backend)
    found = deployed_spikes(recall.layers, spike_source(x.numpy(), MS_PER_TOKEN), len(x))
    for layer, spikes in zip(found, expected, strict=True):
        assert layer.shape == spikes.shape
        np.testing.assert_array_equal(layer, spikes)


def test_from_numbers_too(recall):
    x = 2 * torch.randn(3, TOKENS, WIDTH, dtype=torch.float64)
    for layer, spikes in zip(deployed_spikes(recall.layers, x), answers(recall.layers, x), strict=True):
        np.testing.assert_array_equal(layer, spikes)


def test_a_file_takes_it_where_there_is_no_torch(recall, tmp_path):
    save_layers(trained_layers(recall.layers), tmp_path / "layers.safetensors")
    for loaded, layer in zip(
        load_layers(tmp_path / "layers.safetensors"), trained_layers(recall.layers), strict=True
    ):
        assert layer.values.keys() == loaded.values.keys()
        assert all(np.array_equal(value, loaded.values[name]) for name, value in layer.values.items())


def test_the_stored_answers_are_those_of_torch():
    """What the tests without Torch rely on."""
    held_out = np.load(STORED / "held_out.npz")
    x = torch.from_numpy(held_out["x"]).double()
    for stored, expected in zip(load_layers(STORED / "layers.safetensors"), ("first", "second"), strict=True):
        layer = AMSU(stored.width, stored.units, stored.heads, stored.keys, stored.ms_per_token, fused=False)
        layer = layer.double()
        sides = {"x": layer.signal, "x_k": layer.key, "v": layer.value, "q": layer.query}
        with torch.no_grad():
            for side, affine in sides.items():
                scale = stored.keys**0.5 if side == "q" else 1
                affine.weight.copy_(torch.from_numpy(stored.values[f"{side}.weight"]) * scale)
                affine.bias.copy_(torch.from_numpy(stored.values[f"{side}.bias"]) * scale)
            for name, constant in layer.log_constants.items():
                constant.copy_(torch.from_numpy(stored.values[name]).log())
            layer.g_H.copy_(torch.from_numpy(stored.values["g_H"]))
        (spikes,) = answers([layer], x)
        np.testing.assert_array_equal(spikes, held_out[expected])
        x = torch.from_numpy(spikes).double()


@settings(max_examples=5, deadline=None)
@given(
    heads=st.integers(1, 3),
    rows=st.integers(1, 3),
    keys=st.integers(1, 4),
    width=st.integers(1, 4),
    batch=st.integers(1, 3),
    astrocyte=st.booleans(),
    sigma=st.sampled_from(["tanh", "identity"]),
    reset=st.booleans(),
    seed=st.integers(0, 99),
)
def test_any_layer_gives_the_same_spikes(heads, rows, keys, width, batch, astrocyte, sigma, reset, seed):
    start_scope()
    torch.manual_seed(seed)
    layer = AMSU(
        width, heads * rows, heads, keys, 300.0, tau_H=2000.0, astrocyte=astrocyte, sigma=sigma, reset=reset
    ).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(1 + torch.rand_like(parameter) / 10)
        layer.query.weight.mul_(10)
    x = (torch.rand(batch, 40, width) < 0.4).double()
    (expected,) = answers([layer], x)
    (by_spikes,) = deployed_spikes(layer, spike_source(x.numpy(), 300.0), batch, 40)
    (by_numbers,) = deployed_spikes(layer, x, tokens=40)
    np.testing.assert_array_equal(by_spikes, expected)
    np.testing.assert_array_equal(by_numbers, expected)


def test_a_layer_in_single_precision_is_deployed_in_double():
    layer = AMSU(3, 4, 2, 2, 100.0)
    values = trained_layers(layer)[0].values
    assert all(value.dtype == np.float64 for value in values.values())
    assert layer.signal.weight.dtype == torch.float32
    np.testing.assert_array_equal(values["x.weight"], layer.signal.weight.detach().double().numpy())
    np.testing.assert_array_equal(values["q.bias"], layer.double().query.bias.detach().numpy() * 2**-0.5)


def test_astrocytes_on_a_slower_clock_are_refused():
    layer = AMSU(3, 4, 2, 2, 100.0, astrocyte_every=4)
    with pytest.raises(ValueError, match="at every 4th token can't be deployed"):
        trained_layers(layer)
    layer.astrocyte = False  # then they don't matter
    assert trained_layers(layer)[0].keys == 0


def test_only_layers_are_deployed():
    with pytest.raises(TypeError, match="not a Linear"):
        trained_layers(torch.nn.Linear(2, 2))
    layer = AMSU(3, 4, 2, 2, 100.0)
    with torch.no_grad():
        layer.value.bias[0] = torch.nan
    with pytest.raises(ValueError, match=r"v\.bias of a layer has a value that isn't finite"):
        trained_layers([layer])


def test_states_are_the_same_too(recall):
    layer = recall.layers[0]
    x, _ = trials(2, 60, seed=3000)
    with torch.no_grad():
        _, state = layer(x)
    deployed = to_brian2(layer, spike_source(x.numpy(), MS_PER_TOKEN), batch=2)
    deployed.network().run(deployed.duration(60))
    (group,) = deployed.groups
    units, keys = layer.units, layer.keys
    np.testing.assert_allclose(group.u, state.u.ravel(), rtol=1e-9, atol=1e-12)
    for number in range(keys):
        by_unit = state.H[..., number].reshape(2 * units)
        np.testing.assert_allclose(getattr(group, f"H_{number}"), by_unit, rtol=1e-9, atol=1e-12)
        by_head = state.r.reshape(2, layer.heads, keys)[..., number]
        shared = by_head.repeat_interleave(units // layer.heads, 1).ravel()
        np.testing.assert_allclose(getattr(group, f"r_{number}"), shared, rtol=1e-9, atol=1e-12)
