"""Small protocols, simulated once for all tests that look at them."""

import pytest
from brian2 import get_device, set_device

from astrobrian import use_backend
from astrobrian.bridges.protocols import Ensemble, Protocol, Trains, simulate

SMALL = Protocol(
    seconds=20, quiet=2, fitted=(("steps", 2), ("bursts", 1)), held_out=(("drift", 1), ("chirp", 1))
)
GIVEN = Trains("natural", [0, 9, 5, 0, 3], [0.0, 19.999, 3.21, 4.0, 17.0])
FEW = {"astrocytes": 2, "synapses": 5, "dt_ms": 10.0, "astrocyte_dt_ms": 10.0}
POSTSYNAPTIC = {**FEW, "dt_ms": 1.0, "postsynaptic": True}


@pytest.fixture(autouse=True)
def _runtime_afterwards():
    use_backend("numpy")
    yield
    get_device().reinit()
    set_device("runtime")


@pytest.fixture(scope="session")
def recordings():
    """Recordings of `SMALL` on "numpy", by the settings of the ensemble."""
    made = {}

    def recording(**settings):
        key = tuple(sorted(settings.items()))
        if key not in made:
            use_backend("numpy")
            made[key] = simulate(SMALL, Ensemble(**{**FEW, **settings}), given=[GIVEN])
        return made[key]

    return recording
