"""Liquids on "cuda" do what they do on "cpp": their programs for a GPU, run on a CPU by the stand-in."""

import shutil
from functools import partial

import numpy as np
import pytest
from brian2 import get_device, set_device
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("brian2cuda", reason="Brian2CUDA is not installed")
if shutil.which("g++") is None:
    pytest.skip("no g++", allow_module_level=True)

from stand_in import on_cpu

import astrobrian
from astrobrian.studies.ratio import biophysical, formal, project
from astrobrian.studies.ratio.constants import Constants, Series
from astrobrian.studies.ratio.liquids import Arm, Liquid, Units
from astrobrian.studies.ratio.tasks import TASKS

CONSTANTS = Constants(series=Series(washin=60, train=30, test=20, free=1))
TASK = {0: TASKS["lorenz"](0, CONSTANTS.series)}
KINDS = {Units.FORMAL: formal, Units.BIOPHYSICAL: biophysical}


def build_for_cpu():
    device = get_device()
    with on_cpu(device):
        device.build(**{**device.build_options, "compile": True, "run": True})


@pytest.fixture
def without_gpu(monkeypatch):
    """What would ask for a GPU is generated, and given to the stand-in."""
    for kind in KINDS.values():
        monkeypatch.setattr(kind, "build", build_for_cpu)
    generate = partial(astrobrian.use_backend, compile=False, with_output=False)
    monkeypatch.setattr(project, "use_backend", generate)
    yield
    set_device("runtime")


@pytest.fixture(scope="module", params=Units)
def on_cpp(request):
    """Liquids of all arms, what they did, and how they went on with some weights."""
    units = request.param
    liquids = [Liquid(units, arm, 8, 16, 0) for arm in Arm] + [Liquid(units, Arm.MIXED, 0, 8, 0)]
    states = KINDS[units].simulate(liquids, TASK, CONSTANTS)
    random = np.random.default_rng(0)
    weights = {each: random.normal(0, 0.1, (each.size + 1, 3)) for each in liquids}
    free = KINDS[units].run_free(liquids, TASK, CONSTANTS, states.bias, weights)
    return units, states, weights, free


def test_states_are_the_same(on_cpp, without_gpu):
    units, expected, _, _ = on_cpp
    states = KINDS[units].simulate(list(expected.of), TASK, CONSTANTS, backend="cuda")
    for liquid in expected.of:
        assert_array_equal(states.of[liquid], expected.of[liquid])
        assert_array_equal(states.rates[liquid], expected.rates[liquid])
        assert_array_equal(states.bias[liquid], expected.bias[liquid])


def test_free_runs_are_the_same(on_cpp, without_gpu):
    units, states, weights, expected = on_cpp
    free = KINDS[units].run_free(list(weights), TASK, CONSTANTS, states.bias, weights, backend="cuda")
    for liquid in weights:
        # the order of sums of synapses is another one
        assert_allclose(free[liquid], expected[liquid], rtol=0, atol=1e-12)
