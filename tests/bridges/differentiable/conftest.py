"""Drives that make events, and what a module makes of them."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from brian2 import prefs, second, umolar

from astrobrian.bridges import Differentiable

CELLS = 3

# what inputs are drawn from, in SI units, by their unit
BY_UNIT = {
    "umolar": (0.0, 1e-3),
    "mmolar": (0.0, 2e-3),
    "umolar/second": (0.0, 5e-4),
    "1": (0.0, 1.0),
    "pA": (0.0, 1e-9),
    "mV": (0.0, 8e-3),
    "nS": (1e-9, 2e-8),
}
# by name, where that wouldn't make events, and for what isn't declared
BY_NAME = {
    "x": (0.0, 2.0),
    "b": (0.0, 0.2),
    "drive": (-1.0, 1.0),
    "r_S": (0.0, 1.0),
    "G_A_astro": (0.0, 0.05),
    "I_pre": (0.0, 1e-3),
    "I_post": (0.0, 1e-3),
}
FIRST = {"v": (-0.06, -0.055), "u": (0.0, 0.4), "w": (0.0, 1e-10), "I": (3e-4, 6e-4), "W": (0.2, 0.8)}
FIRST |= {name: (0.0, 1e-8) for name in ("g_e", "g_i", "s_e", "s_i")}


@pytest.fixture(autouse=True)
def _numpy_target():
    before = prefs.codegen.target
    prefs.codegen.target = "numpy"
    yield
    prefs.codegen.target = before


@dataclass
class Drive:
    """Inputs and presynaptic spikes, (cells, steps), and a first state, (cells,)."""

    steps: int
    inputs: dict
    spikes: np.ndarray
    state: dict

    def tensors(self, model):
        """What a module of this model is given."""
        given = self.inputs | ({"spikes_pre": self.spikes} if model.on_pre else {})
        return {name: torch.from_numpy(values) for name, values in given.items()}


@pytest.fixture
def drive():
    def make(model, steps, number=0, each=20):
        """Inputs that change after `each` steps, spikes at random, a state that isn't one of rest."""
        random = np.random.default_rng(number)
        ranges = {n: BY_NAME.get(n, BY_UNIT[item.unit]) for n, item in model.inputs.items()}
        ranges |= {n: BY_NAME[n] for n in undeclared(model)}
        levels = {n: random.uniform(*ends, (CELLS, -(-steps // each))) for n, ends in ranges.items()}
        state = {}
        for name in model.states:
            concentration = model.equations[name].dim is umolar.dim
            ends = FIRST.get(name, (2e-4, 6e-4) if concentration else (0.3, 0.7))
            state[name] = random.uniform(*ends, CELLS)
        inputs = {name: np.repeat(values, each, axis=1)[:, :steps] for name, values in levels.items()}
        return Drive(steps, inputs, (random.random((CELLS, steps)) < 0.1).astype(float), state)

    return make


def undeclared(model):
    """What a model reads of others, noise excepted."""
    method = "heun" if model.equations.stochastic_variables else "euler"
    possible = Differentiable(model, 1 * second, method).inputs.possible
    return sorted(possible - model.equations.names - model.equations.stochastic_variables - {"spikes_pre"})


@pytest.fixture
def in_torch():
    def run(model, driven, dt, method, record, more=None, **options):
        """What is recorded, as arrays (cells, steps)."""
        cell = Differentiable(model, dt, method, dtype=torch.float64, **options)
        state = cell.initial_state(CELLS)
        state = state._replace(**{name: torch.from_numpy(values) for name, values in driven.state.items()})
        recorded, _ = cell(driven.tensors(model) | (more or {}), state, steps=driven.steps, record=record)
        return {name: values.detach().numpy() for name, values in recorded.items()}

    return run
