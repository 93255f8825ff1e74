"""Units of first and second order are linear filters between spikes; what is read and controlled follows their spikes."""

import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, StateMonitor, TimedArray, defaultclock, ms
from scipy.signal import lfilter

from astrobrian import Neurons
from astrobrian.equations import first_order_unit, rate_control, second_order_unit, spike_trace

STEPS = 300
INPUT = np.random.default_rng(0).normal(0.08, 0.2, STEPS)


@pytest.fixture(autouse=True)
def one_millisecond():
    before = defaultclock.dt
    defaultclock.dt = 1 * ms
    yield
    defaultclock.dt = before


def driven(model, values):
    """One unit with this input in each step."""
    unit = Neurons(1, model, method="exponential_euler", namespace={"series": TimedArray(values, dt=1 * ms)})
    unit.run_regularly("I = series(t)", dt=1 * ms)
    return unit


def recorded(unit, name):
    """The values of a variable at the end of each step."""
    monitor = StateMonitor(unit, name, record=True, when="end")
    Network(unit, monitor).run(STEPS * ms)
    return getattr(monitor, name)[0]


@pytest.mark.parametrize("tau", [5, 20])
def test_a_unit_of_first_order_filters_its_input(tau):
    beta = np.exp(-1 / tau)
    unit = driven(first_order_unit(tau_u=tau * ms, g_u=1 / (1 - beta), theta_u=1e9), INPUT)
    assert np.allclose(recorded(unit, "u"), lfilter([1], [1, -beta], INPUT))


@pytest.mark.parametrize(("tau_u", "tau_c"), [(10, 20), (5, 50)])
def test_a_unit_of_second_order_filters_its_input_twice(tau_u, tau_c):
    alpha, beta = np.exp(-1 / tau_c), np.exp(-1 / tau_u)
    unit = driven(
        second_order_unit(tau_u=tau_u * ms, tau_c=tau_c * ms, g_u=1 / (1 - beta), theta_u=1e9), INPUT
    )
    current = lfilter([1 - alpha], [1, -alpha], INPUT)
    assert np.allclose(recorded(unit, "u"), lfilter([1], [1, -beta], current))


@pytest.mark.parametrize(
    "model",
    [first_order_unit, first_order_unit(tau_u=20 * ms), second_order_unit, second_order_unit(tau_c=5 * ms)],
)
def test_the_gain_is_the_potential_under_a_constant_input_whatever_the_time_constants(model):
    unit = driven(model(theta_u=1e9), np.full(STEPS, 0.5))
    assert recorded(unit, "u")[-1] == pytest.approx(0.5 * model.parameters["g_u"].value)


def test_the_default_gain_makes_an_input_act_as_it_is():
    unit = driven(first_order_unit, np.array([0.7] + [0] * (STEPS - 1)))
    assert recorded(unit, "u")[0] == pytest.approx(0.7, rel=1e-4)


@pytest.mark.parametrize("model", [first_order_unit, second_order_unit])
def test_a_spike_is_subtracted_traced_and_counted_against_the_bias(model):
    unit = driven(model + spike_trace + rate_control, 2 * INPUT)
    spikes = SpikeMonitor(unit)
    states = StateMonitor(unit, ["x", "b"], record=True, when="end")
    Network(unit, spikes, states).run(STEPS * ms)
    fired = np.bincount(np.round(spikes.t / ms).astype(int), minlength=STEPS)
    assert 10 < fired.sum() < 100
    keep = np.exp(-1 / 10)
    assert np.allclose(states.x[0], lfilter([1 - keep], [1, -keep], fired))
    assert np.allclose(states.b[0], 0.01 * np.cumsum(0.1 - fired))
