"""What NEST is asked about single cells and small networks, so that tests can compare without it.

``NEST_PYTHON=nest/bin/python python -m astrobrian.studies.benchmarks.nest_reference FILE.json`` asks it again, which takes
minutes.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Quantity, ms, nS, pA, second, umolar

from astrobrian.equations import vesicle_cycle
from astrobrian.studies.benchmarks import brunel_astrocytes as brunel
from astrobrian.studies.benchmarks import nest

CURRENTS = (700 * pA, 1000 * pA)
CURRENT_DURATION = 300 * ms
WEIGHT = 1.5 * nS
TRAIN_DURATION = 500 * ms
DEPRESSING = vesicle_cycle(tau_psc=2 * ms)
BURST = np.array([5, 10, 15, 20, 60, 61, 62, 150, 151.5, 400, 1200, 1210]) * ms
BURST_DURATION = 1250 * ms
PULSE_DURATION = 10 * second
PULSE_WEIGHT = 30.0
PULSED_IP3 = 0.4 * umolar
SCALE = 0.1
NETWORK_DURATION = 1 * second
SEEDS = range(1, 7)


def ask() -> dict[str, Any]:
    """Everything, anew."""
    rng = np.random.default_rng(0)
    excitatory, inhibitory = (spike_times(rng, number, TRAIN_DURATION) for number in (1000, 50))
    pulses = spike_times(rng, 500, PULSE_DURATION)
    return {
        "nest": nest.ask("version")["nest"],
        "currents": [nest.neuron(brunel.neuron, CURRENT_DURATION, current=current) for current in CURRENTS],
        "excitatory": listed(excitatory),
        "inhibitory": listed(inhibitory),
        "trains": nest.neuron(
            brunel.neuron, TRAIN_DURATION, excitatory=excitatory, inhibitory=inhibitory, weight=WEIGHT
        ),
        "releases": nest.synapse(DEPRESSING, BURST_DURATION, BURST),
        "pulses": listed(pulses),
        "astrocyte": nest.astrocyte(brunel.astrocyte, PULSE_DURATION, pulses, PULSE_WEIGHT, PULSED_IP3),
        "networks": [network(seed) for seed in SEEDS],
    }


def network(seed: int) -> dict[str, Any]:
    """What a network did, without the times that NEST took."""
    answer = nest.network(NETWORK_DURATION, SCALE, seed)
    return {name: value for name, value in answer.items() if name != "seconds"}


def spike_times(rng: np.random.Generator, number: int, duration: Quantity) -> Quantity:
    """Random times on the grid of the neurons, none of them twice."""
    return np.unique(np.round(rng.uniform(1, duration / ms - 1, number), 1)) * ms


def listed(times: Quantity) -> list[float]:
    """In ms."""
    return [round(float(t), 1) for t in times / ms]


def rounded(item: Any) -> Any:
    """The same with seven digits."""
    if isinstance(item, dict):
        return {name: rounded(value) for name, value in item.items()}
    if isinstance(item, list):
        return [rounded(value) for value in item]
    return float(f"{item:.7g}") if isinstance(item, float) else item


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(rounded(ask())) + "\n")
