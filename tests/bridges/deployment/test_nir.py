"""Layers as NIR graphs, read by others."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.signal import cont2discrete
from torch import nn

from astrobrian.bridges import AMSU, to_nir
from astrobrian.bridges.deployment import nir_graph
from astrobrian.bridges.scan import eager_scan
from astrobrian.bridges.torch_codegen import token_step
from astrobrian.equations import amsu_linear_membrane, amsu_membrane
from tests.bridges.deployment.conftest import answers

nir = pytest.importorskip("nir", reason="nir is not installed")

WIDTH, MS_PER_TOKEN, TOKENS = 6, 10.0, 200


def stack(reset=True):
    """Two layers that NIR can express, the units of each with time constants and thresholds of their own."""
    torch.manual_seed(0)
    layers = []
    for width, units in ((WIDTH, 10), (10, 8)):
        layer = AMSU(
            width,
            units,
            1,
            1,
            MS_PER_TOKEN,
            tau_u=torch.linspace(15, 60, units),
            theta=torch.linspace(0.2, 0.6, units),
            astrocyte=False,
            sigma="identity",
            reset=reset,
        ).double()
        with torch.no_grad():
            layer.signal.weight.mul_(4)
        layers.append(layer)
    return layers


@pytest.fixture(scope="module")
def x():
    return (torch.rand(3, TOKENS, WIDTH, generator=torch.Generator().manual_seed(1)) < 0.3).double()


@pytest.fixture
def through_file(tmp_path):
    """A graph that was written and read again."""

    def there_and_back(graph):
        nir.write(tmp_path / "graph.nir", graph)
        return nir.read(tmp_path / "graph.nir")

    return there_and_back


class HeldInput(nn.Module):
    """NIR's leaky integrator, whose input is held for a token: discretised by SciPy."""

    def __init__(self, node, seconds):
        super().__init__()
        systems = [
            cont2discrete([np.array([[number]]) for number in (-1 / tau, r / tau, 1.0, 0.0)], seconds)
            for tau, r in zip(node.tau, node.r, strict=True)
        ]
        self.decay, self.gain = (torch.tensor(np.array([s[n].item() for s in systems])) for n in (0, 1))

    def forward(self, x, state=None):
        potential = self.gain * x + (0 if state is None else self.decay * state)
        return potential, potential


class Elementwise(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def affine(node):
    module = nn.Linear(*reversed(node.weight.shape))
    module.weight.data, module.bias.data = torch.from_numpy(node.weight), torch.from_numpy(node.bias)
    return module


def run(module, x):
    """Token by token; what a module returns beside its output is its state."""
    state, spikes = None, []
    with torch.no_grad():
        for token in x.unbind(1):
            now, state = (
                returned if isinstance(returned := module(token, state), tuple) else (returned, state)
            )
            spikes.append(now)
    return torch.stack(spikes, 1).numpy() > 0


@pytest.mark.parametrize("reset", [True, False])
def test_nirtorch_runs_the_exact_graph_with_the_same_spikes(x, through_file, reset):
    nirtorch = pytest.importorskip("nirtorch", reason="nirtorch is not installed")
    layers = stack(reset)
    graph = through_file(to_nir(layers))
    seconds = float(graph.metadata["seconds_per_token"])
    assert seconds == MS_PER_TOKEN / 1000
    module = nirtorch.nir_to_torch(
        graph,
        {
            nir.Affine: affine,
            nir.LI: lambda node: HeldInput(node, seconds),
            nir.Threshold: lambda node: Elementwise(lambda v: (v > torch.from_numpy(node.threshold)).to(v)),
            nir.Scale: lambda node: Elementwise(lambda s: s * torch.from_numpy(node.scale)),
        },
        dtype=torch.float64,
    )
    _, expected = answers(layers, x)
    assert 0.02 < expected.mean() < 0.9
    np.testing.assert_array_equal(run(module, x), expected)


def hard_reset(layers, x):
    """The spikes of the declared unit with another reset."""
    step = token_step(replace(amsu_linear_membrane, reset="u = 0")).without("o")
    with torch.no_grad():
        for layer in layers:
            zero = torch.zeros(len(x), layer.units, dtype=torch.float64)
            x, _ = eager_scan(step, {"u": zero}, {"x": layer.signal(x)}, layer.constants, layer.ms_per_token)
    return x.numpy() > 0


def test_snntorch_reads_neurons_that_reset_to_zero(x, through_file, capsys):
    """In single precision, which is all that snnTorch reads."""
    pytest.importorskip("nirtorch", reason="nirtorch is not installed")
    import_nir = pytest.importorskip("snntorch.import_nir", reason="snntorch is not installed")
    layers = stack()
    module = import_nir.import_from_nir(through_file(to_nir(layers, "LIF", euler_step=1e-4)))
    assert "warning" not in capsys.readouterr().out.lower()  # of weights that it had to scale
    expected = hard_reset(layers, x)
    read = run(module, x.float())
    assert (read != expected).mean() < 1e-3
    subtracted = answers(layers, x)[1]
    assert 0.01 < (expected != subtracted).mean() < 0.2  # what the other reset changes


def test_time_constants_are_the_layers(x):
    layer = stack()[0]
    node = to_nir(layer).nodes["membrane_0"]
    np.testing.assert_allclose(node.tau, np.linspace(0.015, 0.06, 10))
    np.testing.assert_allclose(node.r, 1)
    # a step of forward Euler leaves what a token leaves
    node = to_nir(layer, euler_step=1e-3).nodes["membrane_0"]
    np.testing.assert_allclose(1 - 1e-3 / node.tau, np.exp(-10 / np.linspace(15, 60, 10)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"astrocyte": True}, "layer 0 computes: products of two signals .* set astrocyte=False$"),
        ({"sigma": "tanh"}, "layer 0 computes: tanh .* train with sigma='identity'$"),
        ({"astrocyte": True, "sigma": "tanh"}, "products of two signals .*; tanh"),
    ],
)
def test_what_nir_has_no_node_for_is_named(options, message):
    layer = AMSU(3, 4, 2, 2, 1.0, **{"astrocyte": False, "sigma": "identity", **options})
    with pytest.raises(ValueError, match=message):
        to_nir(layer)


def test_a_neuron_without_reset_is_no_lif():
    with pytest.raises(ValueError, match="choose membrane='LI'"):
        to_nir(stack(reset=False), "LIF")


@pytest.mark.parametrize(
    ("layers", "options", "message"),
    [
        ([], {}, "no layer"),
        (stack()[::-1], {}, "width 6 can't follow one with 8 units"),
        (stack(), {"membrane": "IF"}, "'LI' or 'LIF', not 'IF'"),
        (stack(), {"euler_step": 0.0}, "euler_step"),
    ],
)
def test_what_does_not_fit_is_refused(layers, options, message):
    with pytest.raises(ValueError, match=message):
        to_nir(layers, **options)


def test_a_membrane_declared_otherwise_is_not_taken_for_an_integrator(monkeypatch):
    monkeypatch.setattr(nir_graph, "amsu_linear_membrane", amsu_membrane)
    with pytest.raises(ValueError, match=r"needs the law u' = a u \+ \(1 - a\) x, not"):
        to_nir(stack())
