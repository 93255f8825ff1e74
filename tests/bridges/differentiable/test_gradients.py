"""Derivatives are those of the trajectory; those of spikes are the ones that were chosen."""

import math

import pytest
import torch
from brian2 import ms, mV, nS, second, umolar

from astrobrian.bridges import Differentiable
from astrobrian.equations import (
    Model,
    Parameter,
    coba_lif,
    first_order_unit,
    gchi,
    gliotransmission,
    models,
    tsodyks_markram,
)

DOUBLE = torch.float64


def a_method(model):
    return "heun" if model.equations.stochastic_variables else "rk2"


@pytest.mark.parametrize("model", models().values(), ids=lambda m: m.name)
def test_gradcheck(model, drive):
    """Of everything that is recorded, by parameters, inputs and initial states."""
    cell = Differentiable(model, 0.5 * ms, a_method(model), spike="none", dtype=DOUBLE)
    driven = drive(model, 3, each=1)
    fixed = {name: torch.randn(3, 3, dtype=DOUBLE) for name in model.equations.stochastic_variables}
    if model.on_pre:
        fixed["spikes_pre"] = torch.tensor([0.0, 1.0, 0.0], dtype=DOUBLE)
    constants = {name: value[None] for name, value in cell.values().items()}
    given = constants | {name: torch.from_numpy(x) for name, x in driven.inputs.items()}
    first = {name: torch.from_numpy(x) for name, x in driven.state.items()}
    at = [*given.values(), *first.values()]
    # moved by fractions of their size, so that one step of differences does for all units
    sizes = [float(x.abs().max()) or 1e-2 for x in at]

    def trajectory(*fractions):
        now = [x + size * fraction for x, size, fraction in zip(at, sizes, fractions, strict=True)]
        inputs = dict(zip(given, now[: len(given)], strict=True))
        state = cell.initial_state(3)._replace(**dict(zip(first, now[len(given) :], strict=True)))
        record = [name for name in cell.recordable if name not in UNSMOOTH]
        recorded, _ = cell(inputs | fixed, state, steps=3, record=record)
        return torch.cat([x.broadcast_to(3, 3) for x in recorded.values()] or [torch.zeros(3, 3)])

    nowhere = [torch.zeros((), dtype=DOUBLE) for _ in at]
    scale = trajectory(*nowhere).abs().amax(-1, keepdim=True).clamp(min=1e-14)
    fractions = [x.requires_grad_() for x in nowhere]
    assert not fractions or torch.autograd.gradcheck(
        lambda *by: trajectory(*by) / scale, fractions, atol=1e-6, rtol=1e-5, fast_mode=True
    )


def one_step(model, spike, **options):
    """The derivative of a spike by the variable that is thresholded, and where it is taken."""
    cell = Differentiable(model, ms, "euler", spike=spike, dtype=DOUBLE, **options)
    name = model.threshold.split()[0]
    start = cell.initial_state(5)
    moved = torch.linspace(-1, 1, 5, dtype=DOUBLE)
    top = cell.values()[model.threshold.split()[-1]]
    at = (top + moved * (top - getattr(start, name))).requires_grad_()
    _, spikes = cell.step(start._replace(**{name: at}), STILL)
    return torch.autograd.grad(spikes.sum(), at)[0], moved, spikes


STILL = {"I": 0.0, "b": 0.0}
UNSMOOTH = {"not_refractory", "lastspike", "spikes"}


def test_a_surrogate_is_an_arctangent_as_wide_as_the_way_from_rest_to_threshold():
    unit = first_order_unit(theta_u=2)
    slope, z, spikes = one_step(unit, "surrogate")
    keep = 1 - 1 / 10  # of what it starts with, in a step of euler
    z = (keep * (2 + 2 * z) - 2) / 2
    torch.testing.assert_close(slope, keep / 2 / (1 + (math.pi * z) ** 2))
    torch.testing.assert_close(spikes, (z > 0).to(DOUBLE))
    straight, _, same = one_step(unit, "straight_through")
    torch.testing.assert_close(straight, torch.full((5,), keep / 2, dtype=DOUBLE))
    torch.testing.assert_close(same, spikes)


def test_a_width_can_be_chosen():
    narrow, _, _ = one_step(first_order_unit, "straight_through", width=0.1)
    torch.testing.assert_close(narrow, torch.full((5,), 9.0, dtype=DOUBLE))


def in_unit(name, one, unit, text):
    values = {"tau": Parameter(10, "ms", "time"), "top": Parameter(10 * one, text, "threshold")}
    return Model(
        name,
        f"dv/dt = (drive - v)/tau : {unit}\ndrive = 25*{one}*{text} : {unit}",
        values,
        threshold="v > top",
        reset="v = 0*volt" if unit == "volt" else "v = 0*mmolar",
    )


@pytest.mark.parametrize("spike", ["surrogate", "straight_through"])
def test_derivatives_of_spikes_are_the_same_in_any_unit(spike):
    """By the time constant, of which all else has the same effect."""
    found = []
    for model in (in_unit("potential", 1, "volt", "mV"), in_unit("calcium", 0.05, "mmolar", "umolar")):
        bounds = {"tau": (1 * ms, 100 * ms)}
        cell = Differentiable(model, ms, "exponential_euler", bounds, spike, dtype=DOUBLE)
        recorded, _ = cell(steps=60, record=["spikes"])
        assert recorded["spikes"].sum() > 3
        recorded["spikes"].sum().backward()
        found.append(cell.constants.free["tau"].grad)
    torch.testing.assert_close(*found)
    assert found[0] < 0  # a slower membrane spikes less


@pytest.mark.parametrize("method", ["exponential_euler", "euler", "rk2"])
def test_gradients_pass_resets_and_refractoriness(method):
    bounds = {
        "tau_r": (1 * ms, 9 * ms),
        "V_th": (-55 * mV, -45 * mV),
        "V_r": (-70 * mV, -55 * mV),
        "g_l": (1 * nS, 90 * nS),
    }
    cell = Differentiable(coba_lif, 0.5 * ms, method, trainable=bounds, dtype=DOUBLE)
    recorded, state = cell({"I_ex": torch.full((1,), 4e-10)}, steps=200)
    assert recorded["spikes"].sum() > 2
    assert not state.lastspike.requires_grad
    (recorded["v"].sum() + recorded["spikes"].sum()).backward()
    gradients = {name: free.grad for name, free in cell.constants.free.items()}
    assert gradients.pop("tau_r") is None  # a number of steps has no derivative
    assert all(g.isfinite() and g != 0 for g in gradients.values())


def test_spikes_given_to_a_synapse_pass_their_gradient_on():
    neuron = Differentiable(coba_lif, 0.5 * ms, trainable={"V_th": (-55 * mV, -45 * mV)}, dtype=DOUBLE)
    spikes = neuron({"I_ex": torch.full((1,), 4e-10)}, steps=200)[0]["spikes"]
    synapse = Differentiable(tsodyks_markram, 0.5 * ms, dtype=DOUBLE)
    recorded, _ = synapse({"spikes_pre": spikes})
    recorded["x_S"].sum().backward()
    assert torch.isfinite(neuron.constants.free["V_th"].grad)
    assert neuron.constants.free["V_th"].grad > 0  # fewer spikes leave more to release


def test_checkpoints_change_no_gradient():
    gradients = []
    for every in (None, 1, 7, 1000):
        cell = Differentiable(
            gchi + gliotransmission,
            20 * ms,
            "rk2",
            {"O_beta": (0 * umolar / second, 5 * umolar / second), "C_Theta": (0.1 * umolar, umolar)},
            checkpoint_every=every,
            dtype=DOUBLE,
        )
        recorded, _ = cell(
            {"Y_S": torch.tensor([[1e-3], [2e-3]])}, steps=60, record=["C", "J_beta", "spikes"]
        )
        sum((1 + x).pow(2).sum() for x in recorded.values()).backward()
        gradients.append([p.grad for p in cell.parameters()])
    for other in gradients[1:]:
        torch.testing.assert_close(other, gradients[0], rtol=1e-12, atol=0)
    assert all(g != 0 for g in gradients[0])


def test_checkpoints_have_first_derivatives_only():
    cell = Differentiable(
        gchi, 20 * ms, "euler", {"O_beta": (0 * umolar / second, umolar / second)}, checkpoint_every=2
    )
    recorded, _ = cell({"Y_S": 1e-3}, steps=4, record=["I"])
    with pytest.raises(RuntimeError, match="give no checkpoint_every"):
        torch.autograd.grad(recorded["I"].sum(), list(cell.parameters()), create_graph=True)


def test_checkpoints_pass_on_what_needs_no_gradient():
    cell = Differentiable(
        gchi + gliotransmission, 20 * ms, "euler", {"Omega_e": (1 / second, 99 / second)}, checkpoint_every=3
    )
    recorded, state = cell({"Y_S": 1e-3}, steps=7, record=["C", "G_A", "spikes"])
    recorded["C"].sum().backward()
    assert not float(cell.constants.free["Omega_e"].grad or 0)
    assert state.not_refractory.dtype == torch.bool
