"""Trials that were never run, with an effect of the ratio that is known."""

import json
from itertools import product

import numpy as np
import pytest

OCTAVES = (8, 16, 32, 64, 128, 256)
TARGETS = {"lorenz": ("one step", "1 Lyapunov"), "digits": ("class",)}


def planted(
    optimum=1.0,
    effect=1.0,
    noise=0.3,
    seeds=10,
    sizes=OCTAVES,
    units=("formal", "biophysical"),
    targets=TARGETS,
    designs=("wide", "fixed"),
    readers=("mlp", "ridge"),
    arm_effect=0.5,
    random_seed=0,
):
    """Rows as a store gives them; gains peak at `optimum` octaves of astrocytes over neurons, by `effect`."""
    random = np.random.default_rng(random_seed)
    grid = [pair for pair in product((0, *sizes), repeat=2) if any(pair)]
    liquids = [("mixed", *pair) for pair in grid]
    liquids += [(arm, *pair) for arm in ("unconnected", "slow", "matched") for pair in grid if all(pair)]
    asked = [(task, target) for task, names in targets.items() for target in names]
    own = random.normal(0, 0.5, (len(units), len(asked), seeds))
    rows = []
    for (u, unit), (arm, neurons, astrocytes), seed in product(enumerate(units), liquids, range(seeds)):
        both = neurons and astrocytes
        octaves = np.log2(astrocytes / neurons) if both else np.nan
        for (k, (task, target)), design, reader in product(enumerate(asked), designs, readers):
            gain = np.log2(neurons + astrocytes) / 4 + own[u, k, seed] + random.normal(0, noise)
            gain += effect * np.exp(-(((octaves - optimum) / 2) ** 2)) if both else 0.0
            gain -= arm_effect if arm != "mixed" else 0.0
            rows.append(_row(unit, arm, neurons, astrocytes, seed, task, target, design, reader, gain))
    return rows


def _row(units, arm, neurons, astrocytes, seed, task, target, design, reader, gain):
    learns, classes = reader == "mlp", task == "digits"
    slope = -np.exp(gain / 4) / 100
    nrmse = None if classes else np.exp(-gain)
    losses = [float(np.exp(slope * 10 * epoch)) for epoch in range(11)] if learns else []
    return {
        "units": units,
        "arm": arm,
        "neurons": neurons,
        "astrocytes": astrocytes,
        "seed": seed,
        "task": task,
        "target": target,
        "design": design,
        "reader": reader,
        "error": "",
        "learning_rate": -gain if learns else None,
        "relative_learning_rate": slope if learns else None,
        "initial_loss": 1.0 if learns else None,
        "final_loss": losses[-1] if learns else None,
        "epochs_to_threshold": 5.0 if learns else None,
        "nrmse": nrmse,
        "score": 1 / (1 + np.exp(-gain)) if classes else nrmse,
        "parameters": 64 * (neurons + astrocytes if design == "wide" else 64) + 2000,
        "neuron_rate": 0.1 if neurons else None,
        "astrocyte_rate": 0.1 if astrocytes else None,
        "dead": 0.0,
        "saturated": 0.0,
        "degenerate": False,
        "losses": json.dumps(losses),
    }


@pytest.fixture(scope="session")
def plant():
    """A function that gives rows: see `planted`."""
    return planted
