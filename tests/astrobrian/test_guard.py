"""A simulation that leaves its physical range stops, and says where it did."""

import pickle

import numpy as np
import pytest
from brian2 import Network, StateMonitor, defaultclock, ms, mV, second, set_device, umolar

from astrobrian import AstrocyteGroup, Neurons, PhysicalRangeError, use_backend
from astrobrian.equations import Input, Model, Parameter, coba_lif, gchi, gliotransmission

DRIFT = Model(
    "drift",
    "dC/dt = rate : mmolar",
    {"C_T": Parameter(2, "umolar", "total")},
    {"rate": Input("umolar/second", "how fast it changes")},
    initial={"C": "1*umolar"},
    bounds={"C": ("0*mmolar", "C_T")},
)


def drifting(**keywords):
    """Ten cells; number 7 reaches 0 at 1 s."""
    cells = AstrocyteGroup(10, DRIFT, dt=1 * ms, name="drifting", **keywords)
    cells.rate = [0, 0, 0, 0, 0, 0, 0, -1, 0, 0.5] * umolar / second
    return cells


def assert_stops(cells, network):
    with pytest.raises(PhysicalRangeError) as raised:
        network.run(3 * second)
    error = raised.value
    assert (error.variable, error.group, error.cell) == ("C", "drifting", 7)
    assert error.value / umolar == pytest.approx(-0.001, rel=1e-6)
    assert error.time == 1 * second
    assert "C of cell 7 of drifting became" in str(error) and "0*mmolar to C_T (C_T = 2. uM)" in str(error)
    assert cells.t / ms == pytest.approx(1001)
    assert cells.C[9] / umolar == pytest.approx(1.5005)


def test_names_variable_cell_value_and_time_and_keeps_what_was_simulated():
    cells = drifting()
    trace = StateMonitor(cells, "C", record=[7])
    assert_stops(cells, Network(cells, trace))
    assert trace.C.shape == (1, 1001)


def test_a_run_may_follow():
    cells = drifting()
    network = Network(cells)
    assert_stops(cells, network)
    cells.C, cells.rate = 1 * umolar, 0 * umolar / second
    network.run(100 * ms)
    cells.C[3] = 5 * umolar
    with pytest.raises(PhysicalRangeError, match=r"C of cell 3 of drifting became 5\. uM"):
        network.run(100 * ms)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_outside_of_every_range(value):
    model = Model("x", "dx/dt = 0/second : 1", bounds={"x": ("-inf", "inf")})
    cells = Neurons(4, model, method="euler")
    cells.x[2] = value
    with pytest.raises(PhysicalRangeError, match="x of cell 2 of neurons"):
        Network(cells).run(1 * ms)


def test_both_ends_belong_to_the_range_and_rounding_is_forgiven():
    model = Model("x", "dx/dt = 0/second : 1", bounds={"x": ("-1", "1")})
    cells = Neurons(3, model, method="euler")
    cells.x = [-1 - 1e-12, 1, 1 + 1e-12]
    network = Network(cells)
    network.run(2 * ms)
    cells.x[1] = 1 + 1e-6
    with pytest.raises(PhysicalRangeError, match="x of cell 1"):
        network.run(2 * ms)


def test_fast_groups_are_looked_at_once_a_millisecond():
    defaultclock.dt = 0.1 * ms
    model = Model("x", "dx/dt = 1/(10*ms) : 1", bounds={"x": ("0", "1")})
    cells = Neurons(1, model, method="euler")
    assert cells.range_guard.clock.dt == 1 * ms
    with pytest.raises(PhysicalRangeError) as raised:
        Network(cells).run(20 * ms)
    assert 10 * ms <= raised.value.time <= 11 * ms


def test_it_can_be_switched_off():
    cells = drifting(check_range=False)
    assert cells.range_guard is None
    Network(cells).run(2 * second)
    assert cells.C[7] < 0 * umolar


def test_groups_without_bounds_have_no_guard():
    assert Neurons(1, Model("v", "dv/dt = -v/(10*ms) : volt")).range_guard is None


def test_bounds_of_a_variable_per_cell():
    cells = AstrocyteGroup(3, DRIFT.per_cell("C_T"), dt=1 * ms)
    cells.C_T = [2, 0.9, 2] * umolar
    with pytest.raises(PhysicalRangeError, match=r"C of cell 1 .*C_T = 0\.9 uM") as raised:
        Network(cells).run(1 * ms)
    copy = pickle.loads(pickle.dumps(raised.value))
    assert (str(copy), copy.cell, copy.time) == (str(raised.value), 1, 0 * second)


def test_nobody_is_warned_of_names_that_the_script_uses_too(caplog):
    cells = AstrocyteGroup(1, DRIFT, dt=1 * ms)
    Network(cells).run(1 * ms, namespace={"C_T": 7 * umolar})
    assert not [
        record for record in caplog.records if record.levelname == "WARNING" and "C_T" in record.getMessage()
    ]


def test_the_library_stays_in_its_range():
    astrocytes = AstrocyteGroup(4, gchi + gliotransmission, dt=1 * ms)
    astrocytes.Y_S = [0, 0.01, 0.1, 1] * umolar
    neurons = Neurons(4, coba_lif)
    neurons.v = "E_l + rand()*10*mV"
    assert astrocytes.range_guard and neurons.range_guard
    Network(astrocytes, neurons).run(200 * ms)
    assert np.all(neurons.v < 0 * mV)


def test_on_standalone_the_program_stops_and_the_script_raises(tmp_path):
    use_backend("cpp", directory=tmp_path / "ours")
    cells = drifting()
    trace = StateMonitor(cells, "C", record=[7])
    assert_stops(cells, Network(cells, trace))
    assert trace.C.shape == (1, 1001)


def test_on_standalone_the_first_of_many_cells_is_named(tmp_path):
    use_backend("cpp", directory=tmp_path)
    model = Model(
        "two", "dx/dt = 0/second : 1\ndy/dt = 0/second : 1", bounds={"x": ("0", "1"), "y": ("-inf", "inf")}
    )
    cells = Neurons(700, model, method="euler")
    cells.x[600] = 2
    cells.y[[300, 650]] = np.nan
    with pytest.raises(PhysicalRangeError, match=r"y of cell 300 of neurons\S* became nan") as raised:
        Network(cells).run(5 * ms)
    assert raised.value.time == 0 * ms


def test_on_standalone_not_a_number_is_noticed(tmp_path):
    set_device("cpp_standalone", directory=tmp_path / "theirs")  # as chosen without use_backend
    model = Model("x", "dx/dt = sqrt(x - 1)/ms : 1", bounds={"x": ("0", "inf")})
    cells = Neurons(2, model, method="euler")
    cells.x = [2, 0.5]
    with pytest.raises(PhysicalRangeError, match=r"x of cell 1 of neurons\S* became nan"):
        Network(cells).run(5 * ms)
