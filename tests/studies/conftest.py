import brian2
import pytest


@pytest.fixture(autouse=True)
def same_clock_afterwards():
    """The studies set the time step that they need."""
    dt = brian2.defaultclock.dt
    yield
    brian2.defaultclock.dt = dt
