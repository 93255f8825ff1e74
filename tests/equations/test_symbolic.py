"""What SymPy derives from a declaration agrees with what Brian2 integrates."""

import numpy as np
import pytest
import sympy as sp
from brian2 import Equations, Network, NeuronGroup, Quantity, ms, umolar
from brian2.equations.equations import SingleEquation
from hypothesis import given, settings
from hypothesis import strategies as st

from astrobrian.equations import (
    Model,
    ModelError,
    Parameter,
    chi,
    chi_stochastic,
    derive,
    exogenous_drive,
    gchi,
    gliotransmission,
    li_rinzel,
    models,
    presynaptic_receptors,
    rhs,
)
from astrobrian.equations.symbolic import symbol

DETERMINISTIC = [m for m in models().values() if m.states and not m.equations.stochastic_variables]
MORE = [chi + exogenous_drive, gchi + gliotransmission]


def as_neuron_equations(model, extra):
    """A model's equations without the flags that only synapses or neurons with a threshold can have."""
    kept = [
        SingleEquation(
            eq.type,
            eq.varname,
            eq.dim,
            expr=eq.expr,
            flags=[f for f in eq.flags if f in ("shared", "constant")],
        )
        for eq in model.equations.values()
    ]
    return Equations([*kept, *(Equations(f"{name} : mmolar")[name] for name in extra)])


def somewhere(model, seed):
    """A state inside the bounds, in SI units; potentials are in the tens of millivolts."""
    random = np.random.default_rng(seed)
    scale = {"v": -0.06, "u": 1.0}
    x = []
    for name in model.states:
        dim = model.equations[name].dim
        is_concentration = dim is umolar.dim
        x.append(random.uniform(0.1, 0.9) * scale.get(name, 1e-3 if is_concentration else 1.0))
    return np.array(x)


@pytest.mark.parametrize("model", DETERMINISTIC + MORE, ids=lambda m: m.name)
def test_one_euler_step_is_the_same_in_brian2(model, fill):
    undeclared = set(derive(model).constants) - model.equations.names - {"dt"}
    x, dt = somewhere(model, seed=1), 1e-4
    step = {"dt": dt} if "dt" in derive(model).constants else {}  # a unit in discrete time reads it
    flow = rhs(model, **{name: 3e-4 for name in undeclared}, **step)
    group = NeuronGroup(1, as_neuron_equations(model, undeclared), method="euler", dt=dt * 1000 * ms)
    fill(group, model)
    for name in undeclared:
        setattr(group, name, Quantity(3e-4, dim=umolar.dim))
    for name, value in zip(model.states, x, strict=True):
        setattr(group, name, Quantity(value, dim=model.equations[name].dim))
    Network(group).run(dt * 1000 * ms)
    after = np.array([np.asarray(getattr(group, name)[:])[0] for name in model.states])
    np.testing.assert_allclose(after, x + dt * flow(0, x), rtol=1e-12, atol=1e-18)


@pytest.mark.parametrize("model", DETERMINISTIC + MORE, ids=lambda m: m.name)
def test_the_jacobian_is_the_derivative(model):
    flow = rhs(model, **{name: 3e-4 for name in set(derive(model).constants) - model.equations.names})
    x = somewhere(model, seed=2)
    jacobian = flow.jacobian(0, x)
    assert jacobian.shape == (len(x), len(x))
    for k in range(len(x)):
        step = np.zeros(len(x))
        step[k] = 1e-5 * abs(x[k])
        column = (flow(0, x + step) - flow(0, x - step)) / (2 * step[k])
        np.testing.assert_allclose(jacobian[:, k], column, rtol=2e-6, atol=1e-7 * np.abs(jacobian).max())


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_second_and_third_derivatives_are_symmetric(seed):
    flow = rhs(li_rinzel, I=0.5 * umolar)
    at = (*somewhere(li_rinzel, seed), *flow.constants)
    second, third = (flow.system.function(order)(*at) for order in (2, 3))
    assert second.shape == (2, 2, 2)
    assert third.shape == (2, 2, 2, 2)
    np.testing.assert_array_equal(second, second.transpose(0, 2, 1))
    np.testing.assert_array_equal(third, third.transpose(0, 3, 2, 1))


def test_many_states_at_once():
    flow = rhs(chi)
    x = np.array([somewhere(chi, seed) for seed in range(5)]).T
    together = flow(0, x)
    assert together.shape == (3, 5)
    for k in range(5):
        np.testing.assert_array_equal(together[:, k], flow(0, x[:, k]))


def test_constants_are_named_and_subexpressions_gone():
    system = derive(li_rinzel)
    assert system.states == ("C", "h")
    assert set(system.constants) == {"I", *li_rinzel.parameters}
    assert system.outputs["J_l"] == symbol("Omega_L") * (symbol("C_T") - (1 + symbol("rho_A")) * symbol("C"))
    assert system.jacobian.shape == (2, 2)


def right_hand_side(code):
    return derive(Model("one", f"dx/dt = ({code})/tau : 1", {"tau": Parameter(1, "second", "time")}))


@pytest.mark.parametrize(
    ("code", "at", "value", "slope"),
    [
        ("clip(x, 0, 1)", 0.3, 0.3, 1),
        ("clip(x, 0, 1)", 1.7, 1, 0),
        ("clip(x, 0, inf)", -2, 0, 0),
        ("abs(x)", -0.5, 0.5, -1),
        ("sign(x)", -0.5, -1, 0),
        ("tanh(x)", 0.2, np.tanh(0.2), 1 - np.tanh(0.2) ** 2),
        ("int(x > 1)", 1.5, 1, 0),
        ("int(x > 1)*x", 1.5, 1.5, 1),
        ("int(x > 1 and x < 2)", 2.5, 0, 0),
        ("int(x)", -1.7, -1, 0),
        ("x % 2", 3.5, 1.5, 1),
        ("sqrt(x)", 4, 2, 0.25),
        ("exprel(x)", 1, np.e - 1, 1),
        ("x**2*pi", 1, np.pi, 2 * np.pi),
    ],
)
def test_functions_of_brian2_and_their_slopes(code, at, value, slope):
    system = right_hand_side(code)
    arguments = [1.0 if name == "tau" else 0.0 for name in system.constants]
    assert system.function()(at, *arguments)[0] == pytest.approx(value)
    assert system.function(1)(at, *arguments)[0, 0] == pytest.approx(slope)


def test_time_is_an_argument():
    model = Model("wave", "dx/dt = sin(omega*t)/second : 1", {"omega": Parameter(2, "1/second", "frequency")})
    assert rhs(model)(0.5, np.array([0.0]))[0] == pytest.approx(np.sin(1))


def test_units_in_equations_have_their_value():
    model = Model("scaled", "dx/dt = (x - 3*ms)/(2*umolar)*umolar/second : second")
    assert rhs(model)(0, np.array([0.0]))[0] == pytest.approx(-1.5e-3)


def test_a_stochastic_model_is_refused():
    with pytest.raises(ModelError, match=r"chi_stochastic is stochastic \(it reads xi\)"):
        derive(chi_stochastic)


@pytest.mark.parametrize(("call", "why"), [("rand()", "is random"), ("stimulus(t)", "has no closed form")])
def test_what_has_no_closed_form_is_refused(call, why):
    with pytest.raises(ModelError, match=f"one: .*{why}"):
        right_hand_side(call)


def test_a_model_without_differential_equation_is_refused():
    with pytest.raises(ModelError, match="exogenous_drive has no differential equation"):
        rhs(exogenous_drive)


def test_what_nothing_declares_needs_a_value():
    with pytest.raises(ModelError, match=r"presynaptic_receptors reads G_A_astro.*give rhs a value"):
        rhs(presynaptic_receptors)
    flow = rhs(presynaptic_receptors, G_A_astro=0.078)
    rate = 1.5e3 * 0.078 * 0.9 - 0.5 / 60 * 0.1
    assert flow(0, np.array([0.1]))[0] == pytest.approx(rate)


def test_an_unknown_override_is_refused():
    with pytest.raises(ModelError, match="chi has no parameter K_p; did you mean"):
        rhs(chi, K_p=1)


def test_the_symbolic_form_is_sympy():
    assert sp.diff(derive(gliotransmission).derivatives[1], symbol("G_A")) == -symbol("Omega_e")
