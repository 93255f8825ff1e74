"""Layers that were trained in Torch, run by GeNN."""

import numpy as np
import pytest

from astrobrian import use_backend
from astrobrian.backends import obstacle

pytest.importorskip("safetensors", reason="safetensors is not installed")

from astrobrian.deployment import deploy, load_layers, spike_source
from tests.astrobrian.deployment.test_deployment import TOKENS, TRAINED

LACKING = obstacle("genn")


@pytest.mark.skipif(LACKING is not None, reason=LACKING.reason if LACKING else "")
@pytest.mark.parametrize("numbers", [False, True])
def test_the_stored_network_answers_as_the_torch_layers_did(numbers):
    layers, held_out = load_layers(TRAINED / "layers.safetensors"), np.load(TRAINED / "held_out.npz")
    x = held_out["x"]
    use_backend("genn")
    deployed = deploy(layers, x if numbers else spike_source(x, layers[0].ms_per_token), len(x))
    deployed.network().run(deployed.duration(TOKENS))
    np.testing.assert_array_equal(deployed.spikes(TOKENS, layer=0), held_out["first"])
    np.testing.assert_array_equal(deployed.spikes(TOKENS), held_out["second"])
