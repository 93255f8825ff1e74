"""Declaring, composing and overriding models."""

import pytest
from brian2 import DimensionMismatchError, Equations, mmolar, ms, mV, pA, umolar
from hypothesis import given, settings
from hypothesis import strategies as st

from astrobrian.equations import (
    Input,
    Model,
    ModelError,
    Parameter,
    chi,
    coba_lif,
    exogenous_drive,
    gchi,
    gliotransmission,
    glutamate_receptors,
    ip3_metabolism,
    li_rinzel,
    models,
    slow_inward_current,
    tsodyks_markram,
)

LEAK = Model(
    "leak",
    "dv/dt = (J - v)/tau : 1",
    {"tau": Parameter(10, "ms", "time constant")},
    {"J": Input("1", "drive")},
)

# any two of these can be added: they share inputs only
PARTS = (
    li_rinzel,
    ip3_metabolism,
    glutamate_receptors,
    exogenous_drive,
    gliotransmission,
    slow_inward_current,
)


def same(one: Model, other: Model) -> bool:
    """Whether Brian2 gets the same from both."""
    return (
        set(map(str, one.equations.values())) == set(map(str, other.equations.values()))
        and dict(one.parameters) == dict(other.parameters)
        and dict(one.inputs) == dict(other.inputs)
        and (one.threshold, one.refractory, one.reset, one.on_pre)
        == (other.threshold, other.refractory, other.reset, other.on_pre)
        and dict(one.initial) == dict(other.initial)
        and dict(one.bounds) == dict(other.bounds)
        and one.references == other.references
    )


@settings(deadline=None)
@given(st.permutations(PARTS).flatmap(lambda p: st.integers(3, 6).map(lambda n: p[:n])))
def test_composition_is_associative(parts):
    first, second, *rest = parts
    third, *_ = rest
    assert same((first + second) + third, first + (second + third))


@settings(deadline=None)
@given(st.permutations(PARTS))
def test_the_order_of_composition_changes_no_equation(parts):
    forward, backward = parts[0], parts[-1]
    for part in parts[1:]:
        forward = forward + part
    for part in parts[-2::-1]:
        backward = backward + part
    assert set(map(str, forward.equations.values())) == set(map(str, backward.equations.values()))


def test_joining_is_the_same_as_parsing_what_was_joined():
    joined = gchi + gliotransmission
    assert set(map(str, Equations(joined.text).values())) <= set(map(str, joined.equations.values()))


def test_an_equation_provides_the_input_of_its_name():
    assert "I" in li_rinzel.inputs
    assert "I" not in chi.inputs
    assert "J_beta" in chi.inputs
    assert "J_beta" not in gchi.inputs
    assert "J_beta" in gchi.subexpressions


def test_a_parameter_provides_the_input_of_its_name():
    constant = Model("constant", parameters={"J": Parameter(3, "1", "constant drive")})
    both = constant + LEAK
    assert both.inputs == {}
    assert both.parameters["J"].value == 3


def test_states_keep_the_order_of_the_declaration():
    assert chi.states == ("C", "h", "I")
    assert (chi + gliotransmission).states == ("C", "h", "I", "x_A", "G_A")


def test_events_are_composed_in_order():
    first = Model("first", on_pre="a_post += 1")
    second = Model("second", on_pre="b_post += 1")
    assert (first + second).on_pre == "a_post += 1\nb_post += 1"


@settings(deadline=None)
@given(st.floats(0.01, 100))
def test_overriding_back_and_forth_changes_nothing(value):
    there = chi(K_P=value * umolar)
    assert there.parameters["K_P"].quantity / umolar == pytest.approx(value, rel=1e-14)
    assert chi.parameters["K_P"].value == 0.05
    assert there(K_P=0.05 * umolar).parameters["K_P"].quantity == chi.parameters["K_P"].quantity


def test_a_changed_value_loses_its_source_and_an_unchanged_one_keeps_it():
    assert "parameter table" in str(chi(C_T=2 * umolar).parameters["C_T"])
    assert "parameter table" not in str(chi(C_T=3 * umolar).parameters["C_T"])


def test_the_default_of_an_input_can_be_overridden():
    assert tsodyks_markram(U_0=0.3).inputs["U_0"].default == 0.3


def test_an_unknown_parameter_names_the_likely_one():
    with pytest.raises(ModelError, match=r"gchi has no parameter o_beta; did you mean O_beta"):
        gchi(o_beta=1)
    with pytest.raises(ModelError, match="leak has no parameter zzz; it has tau, J"):
        LEAK(zzz=1)


def test_a_wrong_unit_names_parameter_and_model():
    with pytest.raises(DimensionMismatchError, match="K_P of chi"):
        chi(K_P=1 * mV)
    with pytest.raises(DimensionMismatchError, match="K_P of chi"):
        chi(K_P=0.05)


def test_a_negative_concentration_is_refused():
    with pytest.raises(ModelError, match=r"C_T of chi.*can't be negative.*-2 umolar"):
        chi(C_T=-2 * umolar)
    with pytest.raises(ValueError, match="can't be negative"):
        Parameter(-1, "ms", "a duration")


def test_potentials_may_be_negative():
    assert models()["coba_lif"](E_l=-70 * mV).parameters["E_l"].value == -70


def test_two_declarations_of_one_name_clash_and_name_both():
    other = Model("other", "dC/dt = -C/tau : mmolar", {"tau": Parameter(1, "second", "decay")})
    with pytest.raises(ModelError, match="li_rinzel and other both declare C"):
        li_rinzel + other


def test_a_clash_of_units_names_both():
    wrong = Model("wrong", "dI/dt = -I/tau : volt", {"tau": Parameter(1, "second", "decay")})
    with pytest.raises(ModelError, match=r"li_rinzel and wrong both use I, with different units"):
        li_rinzel + wrong


def test_two_values_of_one_parameter_clash():
    with pytest.raises(ModelError, match=r"both declare C_T.*2 umolar.*3 umolar"):
        li_rinzel + Model("other", parameters={"C_T": li_rinzel.parameters["C_T"].set(3 * umolar)})


def test_two_defaults_of_one_input_clash():
    with pytest.raises(ModelError, match="leak and other give the input J different defaults"):
        LEAK + Model("other", inputs={"J": Input("1", "drive", default=1)})


def test_two_thresholds_clash():
    with pytest.raises(ModelError, match="both have a threshold"):
        Model("one", "v : 1", threshold="v > 1") + Model("two", "w : 1", threshold="w > 1")


def test_two_initial_values_clash():
    one = Model("one", inputs={"v": Input("1", "v")}, initial={"v": "1"})
    two = Model("two", "v : 1", initial={"v": "2"})
    with pytest.raises(ModelError, match="both start v"):
        one + two


@pytest.mark.parametrize(
    "text", ["dv/dt = -v/tau", "dv/dt = : volt", "v : furlong", "dv/dt = -v : 1\ndv/dt = v : 1"]
)
def test_equations_that_do_not_parse_are_refused_at_once(text):
    with pytest.raises(ModelError, match="equations of broken are not valid"):
        Model("broken", text)


def test_a_name_declared_twice_is_refused():
    with pytest.raises(ModelError, match="broken declares v twice"):
        Model("broken", "v : 1", {"v": Parameter(1, "1", "v")})


def test_initial_values_and_bounds_must_be_of_declared_variables():
    with pytest.raises(ModelError, match="initial value for w"):
        Model("broken", "v : 1", initial={"w": "1"})
    with pytest.raises(ModelError, match="bounds for w"):
        Model("broken", "v : 1", bounds={"w": ("0", "1")})


def test_only_models_can_be_added():
    with pytest.raises(TypeError):
        LEAK + 1


def test_printing_shows_what_brian2_gets():
    text = str(LEAK(tau=20 * ms) + Model("out", "w = 2*v : 1", inputs={"v": Input("1", "v")}))
    assert "dv/dt = (J - v)/tau : 1" in text
    assert "w = 2*v : 1" in text
    assert "tau : second (shared, constant)  # 20 ms: time constant" in text
    assert "J : 1  # 0 unless provided: drive" in text
    shown = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    assert set(map(str, Equations(shown).values())) == set(
        map(str, (LEAK + Model("out", "w = 2*v : 1")).equations.values())
    )


def test_per_cell_parameters_lose_the_shared_flag():
    flags = gchi.per_cell("O_delta").equations["O_delta"].flags
    assert flags == ["constant"]
    assert gchi.equations["O_delta"].flags == ["shared", "constant"]
    with pytest.raises(ModelError, match="no parameter nothing"):
        gchi.per_cell("nothing")


def test_latex_has_equations_and_constants():
    text = gchi._repr_latex_()
    assert r"\frac{\mathrm{d}C}{\mathrm{d}t}" in text
    assert r"\Omega_{C} & = & \text{6 1/second" in text


def test_the_citation_is_bibtex_of_all_sources_once():
    text = (gchi + gliotransmission).citation()
    assert text.count("@incollection{Stimberg2019") == 1
    assert "doi = {10.1007/s10867-009-9155-y}" in text


def test_the_name_of_a_composition_is_that_of_its_parts():
    assert (gchi + gliotransmission).name == "gchi + gliotransmission"
    assert repr(LEAK) == "<Model leak: v>"


def test_values_that_a_declaration_does_not_allow_are_refused():
    with pytest.raises(ModelError, match=r"Y_S of gchi: .* can't be negative"):
        gchi(Y_S=-1 * mmolar)
    with pytest.raises(ModelError, match=r"U_A of gliotransmission: .* can't exceed 1, got 1\.5"):
        gliotransmission(U_A=1.5)
    with pytest.raises(ModelError, match=r"U_0 of tsodyks_markram: .* can't exceed 1"):
        tsodyks_markram(U_0=2)
    with pytest.raises(ModelError, match="O_beta of gchi"):
        gchi(O_beta="3*umolar/second")
    assert coba_lif(I_ex=-50 * pA).inputs["I_ex"].default == -50


def test_inputs_can_be_heterogeneous_too():
    assert "shared" in coba_lif.equations["I_ex"].flags
    assert "shared" not in coba_lif.per_cell("I_ex").equations["I_ex"].flags


def test_bounds_are_of_states():
    with pytest.raises(ModelError, match="bounds for y, which has no differential equation"):
        Model("m", "dx/dt = -x/second : 1\ny = 2*x : 1", bounds={"y": ("0", "1")})


def test_a_model_has_the_same_solution_under_other_names():
    other = LEAK.renamed(v="v_2", tau="tau_2")
    assert other.states == ("v_2",) and set(other.parameters) == {"tau_2"} and set(other.inputs) == {"J"}
    assert same(other.renamed(v_2="v", tau_2="tau"), LEAK)
    assert other.equations["v_2"].expr.code == "(J - v_2)/tau_2"


@pytest.mark.parametrize("model", models().values(), ids=lambda m: m.name)
def test_renaming_there_and_back_changes_nothing(model):
    there = {name: f"{name}_there" for name in model.equations.names}
    renamed = model.renamed(**there)
    assert set(renamed.equations.names) == set(there.values())
    assert same(renamed.renamed(**{new: name for name, new in there.items()}), model)


def test_only_what_is_there_gets_another_name():
    with pytest.raises(ModelError, match="leak has no variable w; it has J, tau, v"):
        LEAK.renamed(w="x")
    with pytest.raises(ModelError, match="declares tau twice"):
        LEAK.renamed(v="tau")
