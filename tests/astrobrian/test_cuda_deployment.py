"""Layers that were trained in Torch as programs for a GPU: run on a CPU by the stand-in, and compiled; without Torch."""

import shutil

import numpy as np
import pytest
from brian2 import get_device

pytest.importorskip("brian2cuda", reason="Brian2CUDA is not installed")
pytest.importorskip("safetensors", reason="safetensors is not installed")
if shutil.which("g++") is None:
    pytest.skip("no g++", allow_module_level=True)

from stand_in import on_cpu

from astrobrian import use_backend
from astrobrian.cuda import toolkit
from astrobrian.deployment import deploy, load_layers, spike_source
from tests.astrobrian.deployment.test_deployment import TOKENS, TRAINED


@pytest.fixture
def layers():
    return load_layers(TRAINED / "layers.safetensors")


@pytest.mark.parametrize("numbers", [False, True])
def test_the_stored_network_answers_as_the_torch_layers_did(tmp_path, layers, numbers):
    held_out = np.load(TRAINED / "held_out.npz")
    x = held_out["x"]
    use_backend("cuda", directory=tmp_path, build_on_run=False, compile=False, with_output=False)
    deployed = deploy(layers, x if numbers else spike_source(x, layers[0].ms_per_token), len(x))
    deployed.network().run(deployed.duration(TOKENS))
    device = get_device()
    with on_cpu(device):
        device.build(**{**device.build_options, "compile": True, "run": True})
    np.testing.assert_array_equal(deployed.spikes(TOKENS, layer=0), held_out["first"])
    np.testing.assert_array_equal(deployed.spikes(TOKENS), held_out["second"])
    device.reinit()


@pytest.mark.skipif(
    toolkit.nvcc() is None or toolkit.curand(toolkit.nvcc()) is None, reason="nvcc or cuRAND is not installed"
)
def test_the_program_is_compiled_and_linked(tmp_path, layers):
    use_backend("cuda", directory=tmp_path, run=False)
    deployed = deploy(layers, spike_source(np.ones((1, 3, layers[0].width)), layers[0].ms_per_token))
    deployed.network().run(deployed.duration(3))
    assert (tmp_path / "main").exists()
    get_device().reinit()
