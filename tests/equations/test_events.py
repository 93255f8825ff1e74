"""Mean fields of synapse and astrocyte, and the thresholds of release that follow from them (V11)."""

import pytest
import sympy as sp
from brian2 import second, umolar

from astrobrian.equations import (
    DEPRESSING,
    FACILITATING,
    Model,
    ModelError,
    coba_lif,
    excitatory_conductance,
    gliotransmission,
    jump,
    li_rinzel,
    mean_field,
    presynaptic_receptors,
    tsodyks_markram,
)
from astrobrian.equations.symbolic import derive, symbol

NU, NU_A, U_0 = symbol("nu"), symbol("nu_A"), symbol("U_0")


def steady(system):
    """The one steady state of a system that is solved variable by variable."""
    states = [symbol(name) for name in system.states]
    (solution,) = sp.solve(system.derivatives, states, dict=True)
    return solution


def values(model):
    return {symbol(name): sp.Float(float(p.quantity)) for name, p in model.parameters.items()}


def threshold(synapse):
    """The release probability at which the mean release neither rises nor falls with a low presynaptic rate."""
    release = jump(synapse)["r_S"].subs(steady(mean_field(synapse, "nu")))
    slope = sp.limit(sp.diff(release, NU), NU, 0)
    (found,) = [u for u in sp.solve(slope, U_0) if u != 0]
    return found


def release_probability(receptors, astrocyte):
    """The mean release probability of a synapse whose astrocyte releases at the rate nu_A."""
    glio = steady(mean_field(astrocyte, "nu_A"))[symbol("G_A")]
    bound = steady(derive(receptors))[symbol("Gamma_S")].subs(symbol("G_A_astro"), glio)
    return derive(receptors).outputs["U_0"].subs(symbol("Gamma_S"), bound)


def test_the_threshold_is_that_of_the_paper():
    u_thr = threshold(tsodyks_markram)
    assert sp.simplify(u_thr - symbol("Omega_d") / (symbol("Omega_d") + symbol("Omega_f"))) == 0


@pytest.mark.parametrize(("kind", "expected"), [(DEPRESSING, 0.375235), (FACILITATING, 0.5)])
def test_v11_threshold_of_release(kind, expected):
    synapse = kind(tsodyks_markram)
    assert float(threshold(synapse).subs(values(synapse))) == pytest.approx(expected, abs=5e-7)


def test_the_mean_release_probability_is_the_published_one():
    """Closed form of De Pittà & Brunel (2016), typed here as the independent reference."""
    Omega_G, Omega_A, U_s, alpha, U_A, O_G, rho_e, G_T, Omega_e = map(
        symbol, ["Omega_G", "Omega_A", "U_0_star", "alpha", "U_A", "O_G", "rho_e", "G_T", "Omega_e"]
    )
    J = rho_e * O_G * G_T / Omega_e
    published = (Omega_G * Omega_A * U_s + (Omega_G * U_s + alpha * J * Omega_A) * U_A * NU_A) / (
        Omega_G * Omega_A + (J * Omega_A + Omega_G) * U_A * NU_A
    )
    assert sp.simplify(release_probability(presynaptic_receptors, gliotransmission) - published) == 0


FIGURES = {"rho_e": 1e-4, "Omega_e": 5 / second, "Omega_G": 1 / (15 * second), "O_G": 1.5 / umolar / second}


@pytest.mark.parametrize(
    ("kind", "overrides", "expected"),
    [(DEPRESSING, FIGURES, 0.011217), (FACILITATING, FIGURES, 0.013133), (DEPRESSING, {}, 0.002566)],
    ids=["depressing", "facilitating", "chapter"],
)
def test_v11_rate_of_gliotransmission_at_which_a_synapse_switches(kind, overrides, expected):
    def given(model):
        return model(**{name: value for name, value in overrides.items() if name in model.parameters})

    synapse, receptors, astrocyte = (
        kind(tsodyks_markram),
        given(kind(presynaptic_receptors)),
        given(gliotransmission),
    )
    known = values(synapse) | values(receptors) | values(astrocyte)
    probability = release_probability(receptors, astrocyte).subs(known)
    (rate,) = sp.solve(probability - threshold(synapse).subs(known), NU_A)
    assert float(rate) == pytest.approx(expected, abs=6e-7)


def test_a_jump_follows_its_statements_in_order():
    model = tsodyks_markram + excitatory_conductance
    after = jump(model)
    u = symbol("u_S") + U_0 * (1 - symbol("u_S"))
    assert sp.expand(after["r_S"] - u * symbol("x_S")) == 0
    assert sp.expand(after["x_S"] - symbol("x_S") * (1 - u)) == 0
    assert sp.expand(after["g_e_post"] - symbol("g_e_post") - symbol("w_e") * u * symbol("x_S")) == 0


def test_every_assignment_operator():
    model = Model("all", "a : 1\nb : 1\nc : 1\nd : 1", on_pre="a = 2\nb += a\nb *= 3\nc -= b\nd /= 2")
    after = {name: e.subs({symbol(n): 1 for n in "abcd"}) for name, e in jump(model).items()}
    assert after == {"a": 2, "b": 9, "c": -8, "d": sp.Rational(1, 2)}


def test_a_model_without_an_event_or_with_two_is_refused():
    with pytest.raises(ModelError, match="li_rinzel has no event"):
        jump(li_rinzel)
    with pytest.raises(ModelError, match="both on_pre and a reset"):
        mean_field(coba_lif + Model("pulse", on_pre="v += 1*mV"), "nu")
