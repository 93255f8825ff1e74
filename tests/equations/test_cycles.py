"""Limit cycles against independently computed minima, maxima and periods (V1, V3, V5, V14)."""

import numpy as np
import pytest
from brian2 import second, umolar
from scipy.integrate import solve_ivp

from astrobrian.equations import (
    AM,
    FM,
    NADKARNI_JUNG,
    Input,
    Model,
    ModelError,
    chi,
    cycles_along,
    exogenous_drive,
    lavrentovich_hemkin,
    li_rinzel,
    limit_cycle,
    rhs,
)

NEST = NADKARNI_JUNG(li_rinzel)


@pytest.mark.parametrize(
    ("ip3", "low", "high", "period"),
    [(0.40, 0.1050, 0.3130, 12.766), (0.50, 0.1077, 0.4446, 11.491), (0.60, 0.1357, 0.5000, 10.962)],
)
def test_v1_cycles_of_the_nest_set(ip3, low, high, period):
    cycle = limit_cycle(NEST, I=ip3 * umolar)
    assert cycle.minimum["C"] / umolar == pytest.approx(low, abs=1e-4)
    assert cycle.maximum["C"] / umolar == pytest.approx(high, abs=1e-4)
    assert cycle.period / second == pytest.approx(period, abs=1.5e-3)


@pytest.mark.parametrize(("ip3", "calcium"), [(0.30, 0.1231), (0.70, 0.3515)])
def test_v1_the_nest_set_is_silent_outside_its_range(ip3, calcium):
    assert limit_cycle(NEST, I=ip3 * umolar) is None
    flow = rhs(NEST, I=ip3 * umolar)
    rest = solve_ivp(flow, (0, 2000), flow.initial, method="LSODA", rtol=1e-9, atol=1e-12).y[0, -1]
    assert rest * 1e3 == pytest.approx(calcium, abs=1e-4)


@pytest.mark.parametrize(
    ("ip3", "high", "period"),
    [
        (0.55, 1.0353, 38.26),
        (0.60, 1.0502, 29.38),
        (0.70, 1.0694, 23.15),
        (0.80, 1.0834, 20.29),
        (1.0, 1.1038, 17.69),
    ],
)
def test_v3_cycles_of_the_chapter_s_set(ip3, high, period):
    cycle = limit_cycle(li_rinzel, I=ip3 * umolar)
    assert cycle.maximum["C"] / umolar == pytest.approx(high, abs=1e-4)
    assert cycle.period / second == pytest.approx(period, abs=0.006)
    if ip3 == 0.55:
        assert cycle.minimum["C"] / umolar == pytest.approx(0.0285, abs=1e-4)


def test_v3_the_large_cycle_outlives_the_subcritical_hopf_point():
    """Sweeping up it survives to about 1.14 uM, far beyond 0.864 uM."""
    found = cycles_along(li_rinzel, "I", np.append(np.arange(1.0, 1.131, 0.02), 1.2) * umolar)
    assert [round(value / umolar, 2) for value, _ in found] == [1.0, 1.02, 1.04, 1.06, 1.08, 1.1, 1.12]


def test_am_changes_amplitude_and_fm_changes_period():
    am = [limit_cycle(NEST, I=i * umolar) for i in (0.4, 0.6)]
    fm = [limit_cycle(li_rinzel, I=i * umolar) for i in (0.55, 0.8)]

    def ratio(cycles, what):
        return what(cycles[1]) / what(cycles[0])

    def amplitude(cycle):
        return cycle.maximum["C"] - cycle.minimum["C"]

    def period(cycle):
        return cycle.period / second

    assert ratio(am, amplitude) > 1.7
    assert ratio(am, period) > 0.85
    assert ratio(fm, amplitude) < 1.06
    assert ratio(fm, period) < 0.54


def test_v5_fm_set_of_de_pitta_and_brunel():
    cycle = limit_cycle(FM(chi + exogenous_drive))
    assert cycle.minimum["C"] / umolar == pytest.approx(0.0292, abs=1e-4)
    assert cycle.maximum["C"] / umolar == pytest.approx(1.0359, abs=1e-4)
    assert cycle.minimum["I"] / umolar == pytest.approx(0.654, abs=1e-3)
    assert cycle.maximum["I"] / umolar == pytest.approx(0.780, abs=1e-3)
    assert cycle.period / second == pytest.approx(20.439, abs=1e-3)


def test_v5_am_set_of_de_pitta_and_brunel_rings_and_comes_to_rest():
    """0.2599 to 0.3001 uM are its swing after about 255 s, on the way to rest; at 0.78 uM of drive it goes on."""
    model = AM(chi + exogenous_drive)
    flow = rhs(model)
    path = solve_ivp(flow, (0, 262), flow.initial, method="LSODA", rtol=1e-10, atol=1e-14, dense_output=True)
    swing = path.sol(np.linspace(249, 260, 5000))[0] * 1e3
    assert swing.min() == pytest.approx(0.2599, abs=1e-4)
    assert swing.max() == pytest.approx(0.3001, abs=1e-4)
    assert limit_cycle(model) is None
    assert limit_cycle(model, I_bias=0.78 * umolar, longest=6000).period / second == pytest.approx(
        10.305, abs=1e-3
    )


def test_v14_spontaneous_spikes_of_lavrentovich_and_hemkin():
    cycle = limit_cycle(lavrentovich_hemkin, longest=8000)
    assert cycle.maximum["Ca"] / umolar == pytest.approx(0.650, abs=1e-3)
    assert cycle.period / second == pytest.approx(183.4, abs=0.05)


def test_v14_times_of_the_first_spikes():
    flow = rhs(lavrentovich_hemkin)
    path = solve_ivp(flow, (0, 600), flow.initial, method="LSODA", rtol=1e-9, atol=1e-12, dense_output=True)
    t = np.linspace(0, 600, 60001)
    calcium = path.sol(t)[0]
    peaks = 1 + np.flatnonzero(
        (calcium[1:-1] > calcium[:-2]) & (calcium[1:-1] >= calcium[2:]) & (calcium[1:-1] > 5e-4)
    )
    np.testing.assert_allclose(t[peaks], [169.3, 352.7, 536.1], atol=0.06)


def circle(pull):
    """A cycle of radius 1 and period 2 s, reached at the rate `pull`."""
    return Model(
        "circle",
        """
        dx/dt = (-pi*y + pull*x*(1 - x**2 - y**2))/second : 1
        dy/dt = (pi*x + pull*y*(1 - x**2 - y**2))/second : 1
        """,
        inputs={"pull": Input("1", "attraction", default=pull, signed=True)},
        initial={"x": "0.1"},
    )


def test_a_circle_is_measured_exactly():
    cycle = limit_cycle(circle(1))
    assert cycle.period / second == pytest.approx(2, rel=1e-7)
    for name in "xy":
        assert float(cycle.maximum[name]) == pytest.approx(1, abs=1e-6)
        assert float(cycle.minimum[name]) == pytest.approx(-1, abs=1e-6)
    assert np.hypot(*cycle.x) == pytest.approx(1, abs=1e-6)


def test_another_state_can_mark_the_periods():
    assert limit_cycle(circle(1), by="y").period / second == pytest.approx(2, rel=1e-7)


def test_what_never_settles_is_an_error():
    grows = Model("grows", "dx/dt = x/second : 1", initial={"x": "1"})
    with pytest.raises(ModelError, match="grows neither rests nor repeats itself within 40 s"):
        limit_cycle(grows, longest=40)
