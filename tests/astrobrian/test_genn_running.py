"""Runs on GeNN: how often, how long, and what is there afterwards."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import Network, StateMonitor, ms, set_device

from astrobrian import AstrocyteGroup
from astrobrian.backends.findings import UnsupportedFeature
from astrobrian.equations import Model, Parameter
from astrobrian.genn import running
from astrobrian.genn.device import genn_device
from astrobrian.guard import PhysicalRangeError
from tests.astrobrian.test_genn_plain_refusals import neurons, on_the_stand_in  # noqa: F401 (a fixture)


def test_a_second_run_is_refused():
    network = Network(neurons())
    network.run(1 * ms)
    with pytest.raises(UnsupportedFeature, match="give the whole duration to one run"):
        network.run(1 * ms)


def test_another_network_may_run_after_one():
    Network(neurons()).run(1 * ms)
    cells = neurons()
    network = Network(cells)
    network.store()
    network.run(1.04 * ms)  # ends after 11 steps, as Brian2 does
    assert network.t == 1.04 * ms
    assert cells.t[:] == 1.1 * ms
    first = np.array(cells.v)
    network.restore()
    network.run(1.04 * ms)
    np.testing.assert_array_equal(cells.v, first)


def test_nothing_is_sent_to_genn_for_no_time(monkeypatch):
    monkeypatch.setattr(running, "run", lambda *_: pytest.fail("it was sent to GeNN"))
    network = Network(cells := neurons())
    network.run(0 * ms)
    assert cells.t[:] == 0 * ms


def test_profiling_is_refused():
    with pytest.raises(UnsupportedFeature, match="profile"):
        Network(neurons()).run(1 * ms, profile=True)


def _growing():
    """What is raised when a cell leaves its range, and the last time that was recorded."""
    rate = Parameter(1.0, "hertz", "how fast it grows")
    cells = AstrocyteGroup(
        3, Model("growing", "dx/dt = rate : 1", {"rate": rate}, bounds={"x": ("0", "0.015")})
    )
    cells.x = [0, 0.0093, 0.005]
    monitor = StateMonitor(cells, "x", record=True)
    with pytest.raises(PhysicalRangeError) as error:
        Network(cells, monitor).run(20 * ms)
    return *error.value.args, float(monitor.t[-1])


def test_a_variable_that_leaves_its_range_is_reported():
    set_device("runtime")
    expected = _growing()
    set_device(genn_device())
    assert str(_growing()) == str(expected).replace("astrocytes", "astrocytes_1")


def test_what_was_read_before_may_be_read_after():
    cells = neurons()
    network = Network(cells)
    network.run(3 * ms)
    assert network.t == 3 * ms
    assert cells.t[:] == 3 * ms
    cells.v = "v + 1"
    assert np.all(cells.v[:] > 0.9)
