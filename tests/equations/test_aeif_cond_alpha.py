"""The adaptive exponential integrate-and-fire neuron with its alpha-shaped conductances, and its depressing synapses."""

import numpy as np
import pytest
import sympy as sp
from brian2 import Network, ms, mV, pA
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from astrobrian import Neurons
from astrobrian.equations import (
    aeif_cond_alpha,
    excitatory_alpha,
    inhibitory_alpha,
    jump,
    mean_field,
    rhs,
    vesicle_cycle,
)
from astrobrian.equations.symbolic import symbol


@pytest.mark.parametrize(("synapse", "which"), [(excitatory_alpha, "e"), (inhibitory_alpha, "i")])
def test_the_conductance_of_a_full_release_peaks_at_the_weight_one_time_constant_later(synapse, which):
    full = {symbol(f"s_{which}_post"): 0, symbol("r_S"): 1, symbol(f"w_{which}"): 1}
    step = float(jump(synapse)[f"s_{which}_post"].subs(full))
    tau = float(aeif_cond_alpha.parameters[f"tau_{which}"].quantity)
    flow = rhs(aeif_cond_alpha)
    start = flow.initial
    start[flow.states.index(f"s_{which}")] = step * 1e-9
    t = np.linspace(0, 3 * tau, 301)
    path = solve_ivp(flow, (0, 3 * tau), start, t_eval=t, rtol=1e-10, atol=1e-18, method="LSODA")
    conductance = path.y[flow.states.index(f"g_{which}")]
    assert t[conductance.argmax()] == pytest.approx(tau)
    assert conductance.max() == pytest.approx(1e-9, rel=1e-8)


def test_above_the_peak_the_potential_counts_as_the_peak():
    """A step that lands far above the peak drives neither adaptation nor the upswing any further."""
    flow = rhs(aeif_cond_alpha)
    at_peak, far_above = flow.initial, flow.initial
    at_peak[flow.states.index("v")], far_above[flow.states.index("v")] = 0, 1e6
    np.testing.assert_array_equal(flow(0, far_above), flow(0, at_peak))


def test_a_spike_resets_the_potential_and_adds_to_adaptation():
    neuron = Neurons(1, aeif_cond_alpha, method="rk2", dt=0.1 * ms)
    neuron.v, neuron.w = 1 * mV, 10 * pA
    Network(neuron).run(0.1 * ms)
    assert neuron.v[0] / mV == pytest.approx(-60)
    assert neuron.w[0] / pA == pytest.approx(90.5, abs=0.5)


def test_the_steady_release_is_that_of_the_mean_field():
    """U/(1 + U nu (tau_rec + tau_psc)): a resource is away for both times."""
    system = mean_field(vesicle_cycle, "nu")
    (steady,) = sp.solve(system.derivatives, [symbol(name) for name in system.states], dict=True)
    U, nu, recovery, active = map(symbol, ("U_S", "nu", "tau_rec", "tau_psc"))
    release = jump(vesicle_cycle)["r_S"].subs(steady)
    assert sp.simplify(release - U / (1 + U * nu * (recovery + active))) == 0


@given(st.lists(st.floats(0, 5), max_size=30))
def test_resources_are_never_more_than_all_and_never_less_than_none(intervals):
    """Whatever the intervals between spikes are, in seconds."""
    flow = rhs(vesicle_cycle)
    resources, rested = flow.initial, np.array([1.0, 0.0])
    linear = flow.jacobian(0, rested)
    states = [symbol(name) for name in flow.states]
    spike = sp.lambdify([*states, symbol("U_S")], [jump(vesicle_cycle)[name] for name in flow.states])
    for interval in intervals:
        resources = rested + expm(linear * interval) @ (resources - rested)
        resources = np.array(spike(*resources, vesicle_cycle.parameters["U_S"].value))
        assert np.all(resources >= -1e-12)
        assert resources.sum() <= 1 + 1e-12
