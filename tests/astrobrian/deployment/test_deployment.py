"""Trained layers in Brian2, without Torch: the stored network answers as its Torch layers did, and files are checked."""

from pathlib import Path

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, StateMonitor, ms, set_device

from astrobrian import use_backend
from astrobrian.backends import obstacle
from astrobrian.genn import running
from astrobrian.genn.device import genn_device
from astrobrian.genn.rehearsal import rehearse

pytest.importorskip("safetensors", reason="safetensors is not installed")

from astrobrian.deployment import (
    DeploymentError,
    TrainedLayer,
    deploy,
    load_layers,
    save_layers,
    spike_source,
)
from astrobrian.sealed import seal

TRAINED = Path(__file__).parent / "trained"
TOKENS = 200


@pytest.fixture(scope="module")
def layers():
    return load_layers(TRAINED / "layers.safetensors")


@pytest.fixture(scope="module")
def held_out():
    """What the layers were given, and what the Torch layers answered."""
    return np.load(TRAINED / "held_out.npz")


@pytest.fixture
def backend(request):
    """The backend of the parameter, skipped where it is missing."""
    if (lacking := obstacle(request.param)) is not None:
        pytest.skip(lacking.reason)
    use_backend(request.param)
    yield request.param
    set_device("runtime")


def tiny(**values):
    """A layer of one unit with one key, whose numbers may be replaced."""
    numbers = {
        f"{side}.{part}": np.ones((1, 1) if part == "weight" else 1)
        for side in ("x", "x_k", "v", "q")
        for part in ("weight", "bias")
    }
    constants = {name: np.ones(1) for name in ("tau_r", "tau_H", "tau_u", "g_H", "theta")}
    return TrainedLayer(numbers | constants | values, 1.0)


def without(layer, *names):
    return TrainedLayer({n: v for n, v in layer.values.items() if n not in names}, layer.ms_per_token)


def simulated(layers, source, batch, tokens=TOKENS):
    deployed = deploy(layers, source, batch)
    deployed.network().run(deployed.duration(tokens))
    return deployed


@pytest.mark.parametrize(
    "backend",
    ["numpy", "cpp", pytest.param("cython", marks=pytest.mark.slow)],
    indirect=True,
)
def test_the_stored_network_answers_as_the_torch_layers_did(backend, layers, held_out):
    x = held_out["x"]
    deployed = simulated(layers, spike_source(x, layers[0].ms_per_token), len(x))
    assert 0.1 < held_out["first"].mean() < 0.9
    np.testing.assert_array_equal(deployed.spikes(TOKENS, layer=0), held_out["first"])
    np.testing.assert_array_equal(deployed.spikes(TOKENS), held_out["second"])


def test_in_the_order_of_genn_too(monkeypatch, layers, held_out):
    monkeypatch.setattr(running, "run", lambda program, *_: rehearse(program))
    set_device(genn_device())
    x = held_out["x"][:1, :60]
    deployed = simulated(layers, spike_source(x, layers[0].ms_per_token), 1, tokens=60)
    np.testing.assert_array_equal(deployed.spikes(60, layer=0), held_out["first"][:1, :60])
    np.testing.assert_array_equal(deployed.spikes(60), held_out["second"][:1, :60])


def test_spikes_or_numbers_make_no_difference(layers, held_out):
    deployed = simulated(layers, held_out["x"], None)
    assert deployed.source is None
    np.testing.assert_array_equal(deployed.spikes(TOKENS), held_out["second"])


def test_each_spike_of_a_fast_source_counts():
    """Three spikes during a token are an input of three: the same as numbers, a token later."""
    layer = tiny(theta=np.array([1e9]))
    times = np.array([0.0, 0.3, 0.7, 2.1])
    source = SpikeGeneratorGroup(1, np.zeros(4, int), times * ms, dt=0.1 * ms)
    by_spikes = deploy(layer, source)
    by_numbers = deploy(layer, np.array([[[3.0], [0.0], [1.0], [0.0]]]))
    seen = []
    for deployed in (by_spikes, by_numbers):
        states = StateMonitor(deployed.groups[0], ["u", "H_0", "r_0"], record=True, when="end")
        deployed.network(states).run(deployed.duration(4))
        seen.append(states)
    for name in ("u", "H_0", "r_0"):
        np.testing.assert_allclose(getattr(seen[0], name)[0, 1:], getattr(seen[1], name)[0], rtol=1e-12)
        assert getattr(seen[0], name)[0, 0] == 0


def test_a_group_of_neurons_can_be_the_source():
    """A neuron that fires at every token is an input of one."""
    layer = tiny(theta=np.array([0.1]))
    always = NeuronGroup(1, "v : 1", threshold="True", reset="", dt=1 * ms)
    deployed = simulated(layer, always, 1, tokens=20)
    expected = simulated(layer, np.ones((1, 20, 1)), None, tokens=20)
    assert expected.spikes(20).any()
    np.testing.assert_array_equal(deployed.spikes(20), expected.spikes(20))


def test_a_layer_without_astrocyte_is_a_leaky_integrator():
    """Against the recurrence u' = a u + (1 - a) tanh(x), in a loop."""
    cut = without(
        tiny(tau_u=np.array([3.0])),
        "tau_r",
        "tau_H",
        "g_H",
        *(f"{s}.{p}" for s in ("x_k", "v", "q") for p in ("weight", "bias")),
    )
    assert cut.keys == cut.heads == 0
    values = np.random.default_rng(0).normal(0, 2, (1, 50, 1))
    fired = simulated(cut, values, None, tokens=50).spikes(50)
    u, a, expected = 0.0, np.exp(-1 / 3), []
    for (x,) in values[0]:
        u = a * u + (1 - a) * np.tanh(x + 1)
        expected.append(u > 1)
        u -= u > 1
    np.testing.assert_array_equal(fired.ravel(), expected)


def test_tokens_that_were_not_simulated_have_no_spikes(layers, held_out):
    deployed = deploy(layers, held_out["x"])
    deployed.network().run(deployed.duration(3))
    with pytest.raises(ValueError, match="has answered 3 tokens, not 4: run the network for"):
        deployed.spikes(4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda n: n.pop("x.weight"), "needs x.weight"),
        (lambda n: n.pop("tau_H"), "needs tau_H"),
        (lambda n: n.pop("q.bias"), "missing or too much: q.bias"),
        (lambda n: n.update(odd=np.ones(1)), "odd"),
        (lambda n: n.update({"x.weight": np.ones(3)}), r"\(units, width\), not \(3,\)"),
        (lambda n: n.update(theta=np.ones(2)), r"theta .* \(1,\), not float64 \(2,\)"),
        (lambda n: n.update(theta=np.ones(1, "f4")), "not float32"),
        (lambda n: n.update(theta=np.zeros(1)), "theta .* not positive"),
        (lambda n: n.update(g_H=np.array([np.nan])), "g_H .* isn't finite"),
        (lambda n: n.update(tau_H=np.ones(2), g_H=np.ones(2)), "don't divide among 2 heads"),
    ],
)
def test_an_impossible_layer_is_refused(change, message):
    numbers = dict(tiny().values)
    change(numbers)
    with pytest.raises(DeploymentError, match=message):
        TrainedLayer(numbers, 1.0)


@pytest.mark.parametrize("ms_per_token", [0.0, np.inf, -1.0, 1])
def test_a_token_takes_time(ms_per_token):
    with pytest.raises(DeploymentError, match="ms_per_token"):
        TrainedLayer(tiny().values, ms_per_token)


def test_sigma_has_a_name():
    with pytest.raises(DeploymentError, match="tanh, identity, not 'relu'"):
        TrainedLayer(tiny().values, 1.0, sigma="relu")


@pytest.mark.parametrize(
    ("stack", "source", "batch", "message"),
    [
        ([], np.ones((1, 1, 1)), 1, "no layer"),
        ([tiny(), TrainedLayer(tiny().values, 2.0)], np.ones((1, 1, 1)), 1, "1 ms in one layer and 2 ms"),
        (tiny(), np.ones((2, 3)), 1, r"\(batch, tokens, 1\), not \(2, 3\)"),
        (tiny(), np.ones((2, 3, 2)), 1, r"not \(2, 3, 2\)"),
        (tiny(), np.full((1, 1, 1), np.nan), 1, "isn't finite"),
    ],
)
def test_what_does_not_fit_is_refused(stack, source, batch, message):
    with pytest.raises(ValueError, match=message):
        deploy(stack, source, batch)


def test_a_source_of_another_size_is_refused(layers):
    with pytest.raises(ValueError, match="8 features of 3 sequences, which is 24, not 8"):
        deploy(layers, spike_source(np.zeros((1, 5, 8)), 100.0), batch=3)
    with pytest.raises(ValueError, match="0 sequences"):
        deploy(layers, spike_source(np.zeros((1, 5, 8)), 100.0), batch=0)
    with pytest.raises(ValueError, match="width 12 can't follow one with 8 units"):
        deploy([layers[1], layers[1]], np.zeros((1, 1, 12)))


def test_other_things_are_not_layers():
    with pytest.raises(TypeError, match="not a str: load_layers"):
        deploy("layers.safetensors", np.ones((1, 1, 1)))


def test_a_source_is_made_of_spikes():
    with pytest.raises(ValueError, match="0 or 1"):
        spike_source(np.full((1, 2, 3), 2), 100.0)


def test_layers_come_back_from_their_file(tmp_path, layers):
    stack = [TrainedLayer(layers[0].values, 100.0, "identity", False), layers[1]]
    save_layers(stack, tmp_path / "stack.safetensors")
    for one, other in zip(stack, load_layers(tmp_path / "stack.safetensors"), strict=True):
        assert (one.ms_per_token, one.sigma, one.reset) == (other.ms_per_token, other.sigma, other.reset)
        assert one.values.keys() == other.values.keys()
        assert all(np.array_equal(one.values[name], other.values[name]) for name in one.values)


def test_every_flipped_byte_is_noticed(tmp_path):
    content = (TRAINED / "layers.safetensors").read_bytes()
    for place in range(0, len(content), 41):
        changed = bytearray(content)
        changed[place] ^= 1
        (tmp_path / "changed").write_bytes(changed)
        with pytest.raises(DeploymentError):
            load_layers(tmp_path / "changed")


@pytest.mark.parametrize(
    ("about", "message"),
    [
        (None, "has no layers"),
        ([], "has no layers"),
        ([{"sigma": "tanh"}], "doesn't say what its layers are"),
        (["tanh"], "doesn't say what its layers are"),
        ([{"ms_per_token": 1.0, "sigma": ["tanh"], "reset": True}], "doesn't say what its layers are"),
        ([{"ms_per_token": 1.0, "sigma": "tanh", "reset": 1}], "true or false, not 1"),
        ([{"ms_per_token": 1.0, "sigma": "tanh", "reset": True}], "a layer needs x.weight"),
    ],
)
def test_a_file_that_does_not_say_what_it_holds_is_refused(tmp_path, about, message):
    (tmp_path / "file").write_bytes(seal("layers", {"0.theta": np.ones(1)}, {"layers": about}))
    with pytest.raises(DeploymentError, match=message):
        load_layers(tmp_path / "file")


def test_more_layers_or_keys_than_can_be_deployed_are_refused(tmp_path):
    one = {"ms_per_token": 1.0, "sigma": "tanh", "reset": True}
    wide = {"0.x.weight": np.ones((1, 1)), "0.tau_H": np.ones(1), "0.tau_r": np.ones(257)}
    for arrays, about, message in (
        ({}, [one] * 257, "may have 256 layers, not 257"),
        (wide, [one], "may have 256 keys, .* this one has 257"),
    ):
        (tmp_path / "file").write_bytes(seal("layers", arrays, {"layers": about}))
        with pytest.raises(DeploymentError, match=message):
            load_layers(tmp_path / "file")
    with pytest.raises(ValueError, match="256 layers, not 300"):
        save_layers([tiny()] * 300, tmp_path / "stack")


def test_numbers_that_belong_to_no_layer_are_refused(tmp_path):
    about = [{"ms_per_token": 1.0, "sigma": "tanh", "reset": True}]
    numbers = {f"0.{name}": value for name, value in tiny().values.items()} | {"1.theta": np.ones(1)}
    (tmp_path / "file").write_bytes(seal("layers", numbers, {"layers": about}))
    with pytest.raises(DeploymentError, match="doesn't say what its layers are: KeyError"):
        load_layers(tmp_path / "file")


def test_layers_are_ordinary_brian2_objects(layers, held_out):
    """They can be monitored, and live in a network with others."""
    deployed = deploy(layers, held_out["x"][:1, :5])
    first, second = deployed.groups
    watched = StateMonitor(first, ["u", "o", "H_2"], record=[0])
    network = Network(*deployed.objects, watched)
    network.run(deployed.duration(5))
    assert watched.u.shape == (1, 6) and np.abs(watched.H_2).max() > 0
    assert deployed.synapses[0].source is first and deployed.synapses[0].target is second
