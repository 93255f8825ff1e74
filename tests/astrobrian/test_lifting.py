"""Which variables may live once per territory: the decisions and their reasons."""

import gc
from weakref import ref

import pytest
from brian2 import TimedArray, ms

from astrobrian.equations import (
    Input,
    Model,
    Parameter,
    cleft_glutamate,
    presynaptic_receptors,
    tsodyks_markram,
)
from astrobrian.lifting import ACCUMULATED, SYNAPSE, UNIFORM, Lifting

full = tsodyks_markram + cleft_glutamate + presynaptic_receptors
neurons = {"v_post", "v", "g_e_post", "i", "j", "x_pre"}


def decide(model, on_pre="", gathered=("Y_S",), **kwargs):
    gathered = [name for name in gathered if name in model.equations]
    pathways = {"pre": f"{model.on_pre}\n{on_pre}"}
    return Lifting(model.equations, pathways, model.initial, gathered, neurons, **kwargs).decisions()


def place(model, variable, **kwargs):
    return decide(model, **kwargs)[variable].place


def test_published_synapse():
    places = {name: decision.place for name, decision in decide(full, "g_e_post += w_e*r_S").items()}
    assert places == {"u_S": SYNAPSE, "x_S": SYNAPSE, "Y_S": ACCUMULATED, "Gamma_S": UNIFORM}


def test_every_decision_says_why():
    for name, decision in decide(full).items():
        assert str(decision).startswith(f"{name}: {decision.place}, because ")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda: presynaptic_receptors.per_cell("O_G"), "it reads O_G"),
        (lambda: uniform("O_G*G_A_astro*(1 - Gamma) - Gamma*v_post/volt/second"), "it reads v_post"),
        (lambda: uniform("O_G*G_A_astro - Gamma/second", on_pre="Gamma += 0.1"), "a spike changes it"),
        (lambda: uniform("O_G*G_A_astro - Gamma/second", initial={"Gamma": "rand()"}), "its initial value"),
        (lambda: uniform("O_G*G_A_astro - Gamma/second", initial={"Gamma": "0.1*i"}), "its initial value"),
        (lambda: uniform("O_G*G_A_astro - Gamma/second + xi*second**-0.5"), "it reads xi"),
        (lambda: uniform("O_G*G_A_astro - rand()*Gamma/second"), "it reads rand"),
        (lambda: uniform("O_G*G_A_astro - Gamma/second", flag="event-driven"), "event-driven"),
        (lambda: uniform("O_G*G_A_astro - own*Gamma/second", more="own : 1"), "it reads own"),
        (
            lambda: uniform(
                "O_G*G_A_astro - Gamma/second",
                more="dw/dt = (Gamma - w)/second : 1 (clock-driven)",
                on_pre="w += 1",
            ),
            "w reads it",
        ),
        (
            lambda: uniform(
                "noisy*G_A_astro", more="noisy = O_G*randn() : 1/mmolar/second (constant over dt)"
            ),
            "it reads noisy",
        ),
    ],
)
def test_not_uniform(change, reason):
    model = change()
    decision = decide(model)[model.states[0]]
    assert decision.place == SYNAPSE
    assert reason in decision.reason


def uniform(rate, more="", on_pre="", initial=None, flag="clock-driven"):
    return Model(
        "test",
        f"dGamma/dt = {rate} : 1 ({flag})\n{more}",
        {"O_G": Parameter(1.5, "1/umolar/second", "rate")},
        on_pre=on_pre,
        initial=initial or {},
    )


def test_uniform_variables_may_read_each_other():
    model = uniform("O_G*G_A_astro - B/second", more="dB/dt = (Gamma - B)/second : 1 (clock-driven)")
    assert {decision.place for decision in decide(model).values()} == {UNIFORM}


def test_shared_inputs_and_external_constants_are_uniform():
    model = Model(
        "test",
        "dGamma/dt = rate*drive*stimulus(t)*G_A_astro/mmolar - Gamma*rate : 1 (clock-driven)",
        inputs={"drive": Input("1", "shared", shared=True)},
    )
    stimulus = TimedArray([1, 2], dt=1 * ms)
    assert place(model, "Gamma", namespace={"stimulus": stimulus}) == UNIFORM


@pytest.mark.parametrize("known", [{}, {"drift": lambda t: 1}])
def test_functions_that_may_keep_a_state_are_called_for_each_synapse(known):
    model = uniform("O_G*G_A_astro*drift(t) - Gamma/second")
    decision = decide(model, namespace=known)["Gamma"]
    assert decision.place == SYNAPSE
    assert "drift(), which is not known to give the same value" in decision.reason


def test_what_the_user_has_and_deletes_is_not_kept_alive():
    stimulus = TimedArray([1, 2], dt=1 * ms)
    there = ref(stimulus)
    lifting = Lifting(full.equations, {}, {}, [], neurons, namespace={"stimulus": stimulus})
    del stimulus
    gc.collect()
    assert there() is None
    assert lifting.decisions()


@pytest.mark.parametrize("method", ["gsl_rkf45", ("exact", "euler")])
def test_steps_that_depend_on_the_other_equations(method):
    decided = decide(full, method=method)
    assert {decision.place for decision in decided.values()} == {SYNAPSE}
    assert "other steps" in decided["Y_S"].reason


def test_accumulated_at_the_rate_of_a_uniform_variable():
    model = Model(
        "test",
        """dGamma/dt = O_G*G_A_astro - Gamma/second : 1 (clock-driven)
        dY_S/dt = -Gamma*Y_S/second : mmolar (clock-driven)""",
        {"O_G": Parameter(1.5, "1/umolar/second", "rate")},
        on_pre="Y_S += 1*mmolar",
    )
    assert [decision.place for decision in decide(model).values()] == [UNIFORM, ACCUMULATED]
    # what keeps one of them keeps both
    assert {decision.place for decision in decide(model, "Y_S *= 2").values()} == {SYNAPSE}


def test_what_is_asked_for_stays_with_all_that_it_meets():
    model = uniform("O_G*G_A_astro - B/second", more="dB/dt = -B/second : 1 (clock-driven)")
    lifting = Lifting(model.equations, {}, {}, [], neurons)
    lifting.asked["Gamma"] = "it was asked for"
    reasons = {name: decision.reason for name, decision in lifting.decisions().items()}
    assert reasons == {
        "Gamma": "it was asked for",
        "B": "Gamma reads it at every time step and stays on the synapse",
    }


@pytest.mark.parametrize(
    ("text", "on_pre", "reason"),
    [
        ("dY_S/dt = -Omega*Y_S**2/mmolar", "Y_S += 1*mmolar", "not proportional"),
        ("dY_S/dt = -Omega*(Y_S - 1*mmolar)", "Y_S += 1*mmolar", "not proportional"),
        ("dY_S/dt = -Omega*Y_S*own", "Y_S += 1*mmolar", "it reads own|its rate reads own"),
        ("dY_S/dt = 0*Omega*Y_S", "Y_S += 1*mmolar", "does not change between spikes"),
        ("dY_S/dt = -Omega*Y_S", "Y_S = 1*mmolar", "more than add"),
        ("dY_S/dt = -Omega*Y_S", "Y_S *= 2", "more than add"),
        ("dY_S/dt = -Omega*Y_S", "Y_S += 0.1*(1*mmolar - Y_S)", "a spike reads it"),
        ("dY_S/dt = -Omega*Y_S", "Y_S += 1*mmolar\ng_e_post += nS*Y_S/mmolar", "a spike reads it"),
        ("dY_S/dt = -Omega*Y_S : mmolar (clock-driven)\nlevel = 2*Y_S", "Y_S += 1*mmolar", "level reads it"),
    ],
)
def test_not_accumulated(text, on_pre, reason):
    first, *rest = text.split("\n")
    first = first if ":" in first else f"{first} : mmolar (clock-driven)"
    lines = [first, *(f"{line} : mmolar" for line in rest), "own : 1"]
    model = Model("test", "\n".join(lines), {"Omega": Parameter(40, "1/second", "rate")}, on_pre=on_pre)
    decision = decide(model)["Y_S"]
    assert decision.place == SYNAPSE
    assert any(part in decision.reason for part in reason.split("|"))


def test_starts_above_zero():
    model = Model("test", cleft_glutamate.text, cleft_glutamate.parameters, initial={"Y_S": "1*mmolar"})
    assert "not at zero" in decide(model)["Y_S"].reason


def test_accumulated_at_a_rate_that_the_astrocyte_sets():
    model = Model("test", "dY_S/dt = -uptake_astro*Y_S : mmolar (clock-driven)", on_pre="Y_S -= 1*mmolar")
    assert place(model, "Y_S") == ACCUMULATED


def test_nobody_gathers_it():
    assert place(full, "Y_S", gathered=()) == SYNAPSE


def test_gathered_subexpression():
    model = Model("test", "load = 2*own : mmolar\nown : mmolar")
    assert "no differential equation" in decide(model, gathered=["load"])["load"].reason
