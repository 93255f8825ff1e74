"""Fixed points and their stability."""

import numpy as np
import pytest
from brian2 import DimensionMismatchError, Hz, mmolar, mV, siemens, umolar
from scipy.integrate import solve_ivp

from astrobrian.equations import (
    AM,
    Input,
    Model,
    ModelError,
    Parameter,
    chi,
    coba_lif,
    exogenous_drive,
    fixed_points,
    lavrentovich_hemkin,
    li_rinzel,
    limit_cycle,
    rhs,
)
from astrobrian.equations.dynamics import even_points, value_of

UP_TO_3_UM = (0 * umolar, 3 * umolar)


@pytest.mark.parametrize(("ip3", "number"), [(0.40, 1), (0.50, 3), (0.545, 3), (0.60, 1), (1.2, 1)])
def test_all_fixed_points_are_found(ip3, number):
    """Between its folds, at 0.4809 and 0.5506 uM of IP3, the FM set has three."""
    points = fixed_points(li_rinzel, I=ip3 * umolar)
    assert len(points) == number
    flow = rhs(li_rinzel, I=ip3 * umolar)
    for point in points:
        np.testing.assert_allclose(flow(0, point.x), 0, atol=1e-14)
        assert point.values["C"].dim == umolar.dim


def test_kinds_of_fixed_points():
    low, middle, high = fixed_points(li_rinzel, I=0.5 * umolar)
    assert (low.kind, middle.kind, high.kind) == ("stable node", "saddle", "unstable node")
    assert (low.stable, middle.stable, high.stable) == (True, False, False)
    assert [p.kind for p in fixed_points(li_rinzel, I=0.7 * umolar)] == ["unstable focus"]


def test_fixed_points_of_three_variables():
    (point,) = fixed_points(chi + exogenous_drive, within={"I": UP_TO_3_UM}, I_bias=1 * umolar)
    assert len(point.eigenvalues) == 3
    assert np.all(np.diff(point.eigenvalues.real) <= 1e-9)


def test_v5_the_am_set_comes_to_rest_slowly():
    """Its fixed point at I_bias = 0.8 uM is a focus that is stable by a hair, with the published period of 10.082 s."""
    (point,) = fixed_points(AM(chi + exogenous_drive), within={"I": UP_TO_3_UM})
    assert point.kind == "stable focus"
    assert -0.01 < point.eigenvalues[0].real < 0
    assert 2 * np.pi / point.eigenvalues[0].imag == pytest.approx(10.082, abs=1e-3)


def test_a_linear_model_has_its_one_fixed_point():
    """Conductances at zero and the potential at rest, or where the current holds it."""
    box = {"v": (-100 * mV, 0 * mV), "g_e": (-1 * siemens, 1 * siemens), "g_i": (-1 * siemens, 1 * siemens)}
    (rest,) = fixed_points(coba_lif, within=box)
    assert rest.values["v"] / mV == pytest.approx(-60)
    assert rest.kind == "stable node"


def test_a_model_without_fixed_point_gives_none():
    model = Model(
        "drift", "dx/dt = rate : 1", {"rate": Parameter(1, "Hz", "drift")}, bounds={"x": ("0", "1")}
    )
    assert fixed_points(model) == []


def test_a_model_driven_by_time_has_no_fixed_points():
    driven = Model("driven", "dx/dt = sin(t/second)/second : 1", bounds={"x": ("0", "1")})
    for analysis in (fixed_points, limit_cycle):
        with pytest.raises(ModelError, match="driven depends on the time t"):
            analysis(driven)


def test_points_outside_the_range_are_left_out():
    assert fixed_points(li_rinzel, within={"C": (1 * umolar, 2 * umolar)}, I=0.5 * umolar) == []


def test_a_state_without_a_finite_range_asks_for_one():
    with pytest.raises(ModelError, match="Ca of lavrentovich_hemkin has no finite range"):
        fixed_points(lavrentovich_hemkin)
    with pytest.raises(ModelError, match="I of chi has no finite range: say where to look"):
        fixed_points(chi)


def test_ranges_are_checked():
    with pytest.raises(ModelError, match="li_rinzel has no state X; it has C, h"):
        fixed_points(li_rinzel, within={"X": (0, 1)})
    with pytest.raises(ModelError, match="the range of C is empty"):
        fixed_points(li_rinzel, within={"C": (1 * umolar, 0 * umolar)})
    with pytest.raises(DimensionMismatchError):
        fixed_points(li_rinzel, within={"C": (0 * mV, 1 * mV)})


def test_initial_values_are_numbers_in_si_units():
    np.testing.assert_allclose(rhs(chi).initial, [1e-5, 0.9, 1e-5])
    np.testing.assert_allclose(rhs(coba_lif).initial, [-0.06, 0, 0])


def test_a_random_initial_value_is_refused():
    model = Model("m", "dx/dt = -x*Hz : 1", initial={"x": "rand()"})
    with pytest.raises(ModelError, match="random"):
        rhs(model).initial  # noqa: B018
    with pytest.raises(ModelError, match="unknown here"):
        value_of("i*mV", model)


def test_overrides_do_not_change_the_model():
    flow = rhs(li_rinzel, I=0.5 * umolar, K_P=0.1 * umolar)
    assert flow.model.parameters["K_P"].value == 0.1
    assert li_rinzel.parameters["K_P"].value == 0.05


def test_even_points_are_even():
    """Each tenth of each axis holds close to a tenth of them."""
    points = even_points(1000, 3)
    assert points.min() >= 0
    assert points.max() < 1
    for axis in points.T:
        np.testing.assert_allclose(np.histogram(axis, 10, (0, 1))[0], 100, atol=4)


def test_inputs_can_be_overridden_with_their_unit_only():
    model = Model("m", "dx/dt = J - x*Hz : mmolar", inputs={"J": Input("umolar/second", "drive")})
    (point,) = fixed_points(model, within={"x": (0 * mmolar, 1 * mmolar)}, J=2 * umolar * Hz)
    assert point.values["x"] / umolar == pytest.approx(2)


@pytest.mark.parametrize(
    ("bias", "times", "highest"), [(0.8, [2.0846], 1.0446), (1.25, [1.0589, 10.3418], 1.1869)]
)
def test_v7_calcium_crossings_of_example_3(bias, times, highest):
    """When calcium first rises through 0.5 uM in the two driven astrocytes of the chapter's Fig. 3."""
    flow = rhs(chi + exogenous_drive, I_bias=bias * umolar)
    start = [0, 0.9, 0.4e-3]  # C, h, I

    def crossing(t, x):
        return x[0] - 0.5e-3

    crossing.direction = 1
    path = solve_ivp(
        flow, (0, 17), start, method="LSODA", rtol=1e-10, atol=1e-14, events=crossing, max_step=0.01
    )
    np.testing.assert_allclose(path.t_events[0], times, atol=6e-5)
    assert path.y[0].max() * 1e3 == pytest.approx(highest, abs=6e-5)
