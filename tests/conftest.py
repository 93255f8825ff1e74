"""What one test leaves is gone before the next, and compiled programs are kept in a folder of the test session."""

import pytest
from brian2 import ms
from brian2.devices.device import all_devices


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASTROBRIAN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _same_time_step_afterwards():
    """Each device has a default clock of its own, and `use_backend` takes the time step along."""
    yield
    for device in all_devices.values():
        if device.defaultclock is not None:
            device.defaultclock.dt = 0.1 * ms
