"""What a user of a module relies on: shapes, pieces, noise, parameters between bounds, and errors that help."""

from shutil import which

import numpy as np
import pytest
import torch
from brian2 import DimensionMismatchError, ms, mV, nS, pA, second, umolar
from hypothesis import given, settings
from hypothesis import strategies as st

from astrobrian.bridges import Differentiable
from astrobrian.equations import (
    Model,
    ModelError,
    Parameter,
    chi_stochastic,
    cleft_glutamate,
    coba_lif,
    excitatory_conductance,
    exogenous_drive,
    gap_junction,
    gchi,
    gliotransmission,
    li_rinzel,
    presynaptic_receptors,
    release_record,
    tsodyks_markram,
)

DOUBLE = torch.float64
RATE = umolar / second
RELEASING = gchi + gliotransmission
LOOP = tsodyks_markram + presynaptic_receptors + release_record + excitatory_conductance


def releasing(**options):
    return Differentiable(RELEASING, 20 * ms, "rk2", dtype=DOUBLE, **options)


def close(one, other):
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-18)


# shapes and pieces


@settings(deadline=None, max_examples=15)
@given(
    st.lists(st.integers(1, 3), max_size=2),
    st.lists(st.integers(1, 3), max_size=2),
    st.integers(1, 8),
    st.integers(0, 100),
)
def test_a_batch_is_each_of_its_cells_alone(cells, stimuli, steps, number):
    random = torch.Generator().manual_seed(number)
    glutamate = torch.rand(*stimuli, *[1] * len(cells), steps, generator=random, dtype=DOUBLE) * 2e-3
    strength = torch.rand(*cells, 1, generator=random, dtype=DOUBLE) * 5e-3
    cell = releasing()
    together, last = cell({"Y_S": glutamate, "O_beta": strength}, record=["C", "x_A", "spikes", "J_beta"])
    shape = (*stimuli, *cells)
    assert all(x.shape == (*shape, steps) for x in together.values())
    assert all(x.shape == shape for x in last)
    for place in np.ndindex(*shape):
        alone, _ = cell(
            {
                "Y_S": glutamate.expand(*shape, steps)[place],
                "O_beta": strength.expand(*shape, 1)[place],
            },
            steps=steps,
            record=list(together),
        )
        for name, x in together.items():
            close(x[place], alone[name])


@settings(deadline=None, max_examples=10)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_pieces_make_the_whole(lengths):
    random = torch.Generator().manual_seed(1)
    for model, names in ((LOOP, ["Gamma_S", "g_e_post", "u_S"]), (coba_lif, ["v", "spikes"])):
        cell = Differentiable(model, 2 * ms, dtype=DOUBLE)
        steps = sum(lengths)
        given = {"I_ex": torch.rand(3, steps, generator=random, dtype=DOUBLE) * 2e-9}
        if model is LOOP:
            given = {
                "spikes_pre": (torch.rand(3, steps, generator=random) < 0.3).to(DOUBLE),
                "G_A_astro": torch.full((3, steps), 0.02, dtype=DOUBLE),
            }
        whole, end = cell(given, record=names)
        state, found, at = cell.initial_state(3), [], 0
        for length in lengths:
            piece = {name: x[..., at : at + length] for name, x in given.items()}
            part, state = cell(piece, state, record=names)
            found.append(part)
            at += length
        for name in names:
            assert torch.equal(torch.cat([part[name] for part in found], -1), whole[name])
        assert all(torch.equal(a, b) for a, b in zip(state, end, strict=True))


def test_single_steps_are_the_sequence():
    cell = Differentiable(coba_lif, 1 * ms, dtype=DOUBLE)
    current = torch.linspace(0, 6e-10, 4, dtype=DOUBLE)
    recorded, last = cell({"I_ex": current[:, None]}, steps=40)
    state = cell.initial_state(4)
    for i in range(40):
        state, spikes = cell.step(state, {"I_ex": current})
        assert torch.equal(spikes, recorded["spikes"][:, i])
        assert torch.equal(state.v, recorded["v"][:, i])
    assert recorded["spikes"].any()
    assert all(torch.equal(a, b) for a, b in zip(state, last, strict=True))
    assert (
        Differentiable(li_rinzel, ms, "euler").step(Differentiable(li_rinzel, ms, "euler").initial_state())[1]
        is None
    )


def test_a_model_without_states_gives_its_subexpressions():
    flux = Differentiable(gap_junction, 1 * ms, dtype=DOUBLE)
    recorded, state = flux({"I_pre": [[5e-4]], "I_post": [[1e-4], [9e-4]]}, record=["J_coupling_post"])
    assert tuple(state) == ()
    assert recorded["J_coupling_post"].shape == (2, 1)
    assert recorded["J_coupling_post"][0] > 0 > recorded["J_coupling_post"][1]


def test_quantities_and_defaults():
    cell = Differentiable(exogenous_drive, ms, dtype=DOUBLE)
    in_units, _ = cell({"I_bias": [1.0, 2.0] * umolar, "I": 0.5 * umolar}, record=["J_ex"])
    in_numbers, _ = cell({"I_bias": [1e-3, 2e-3], "I": 5e-4}, record=["J_ex"])
    assert torch.equal(in_units["J_ex"], in_numbers["J_ex"])
    assert cell.values()["F_ex"].item() == float(2 * RATE)
    assert torch.equal(Differentiable(coba_lif, ms).initial_state(2).v, torch.full((2,), -0.06))


def test_precision_is_the_default_or_the_chosen_one():
    single, _ = Differentiable(LOOP, ms)({"spikes_pre": torch.ones(2, 3), "G_A_astro": 0.1})
    assert {x.dtype for x in single.values()} == {torch.float32}
    double, state = Differentiable(coba_lif, ms, dtype=DOUBLE)({"I_ex": torch.ones(2, 3)})
    assert {x.dtype for x in double.values()} == {DOUBLE}
    single, state = Differentiable(coba_lif, ms)({"I_ex": torch.ones(2, 3)})
    assert {x.dtype for x in single.values()} == {torch.float32}
    assert state.lastspike.dtype == DOUBLE  # a difference of times, after hours


# noise


def test_noise_repeats_with_its_generator_and_when_given():
    cell = Differentiable(chi_stochastic, 10 * ms, "heun", dtype=DOUBLE)
    one, two, other = (
        cell({"I_bias": 0.0} if False else {"J_ex": torch.zeros(4, 1)}, steps=5, record=["h"], generator=g)[
            0
        ]["h"]
        for g in (torch.Generator().manual_seed(s) for s in (1, 1, 2))
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    xi = torch.randn(4, 5, generator=torch.Generator().manual_seed(1), dtype=DOUBLE)
    assert torch.equal(cell({"xi": xi}, record=["h"])[0]["h"], one)
    assert len(one.unique()) == one.numel()  # each cell and step has its own


def test_a_number_is_recorded_in_the_precision_of_the_module():
    cell = Differentiable(Model("one", "level = 3 : 1"), ms, dtype=DOUBLE)
    assert torch.equal(cell(steps=2, record=["level"])[0]["level"], torch.full((2,), 3.0, dtype=DOUBLE))


# parameters


@settings(deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(0.001, 0.999), st.sampled_from([torch.float32, DOUBLE]))
def test_a_trained_value_stays_between_its_bounds(free, fraction, dtype):
    model = li_rinzel(d_5=(0.02 + 0.3 * fraction) * umolar)
    cell = Differentiable(model, ms, "euler", {"d_5": (0.02 * umolar, 0.32 * umolar)}, dtype=dtype)
    exact = torch.tensor(float(model.parameters["d_5"].quantity), dtype=dtype)
    assert torch.equal(cell.values()["d_5"], exact)
    with torch.no_grad():
        cell.constants.free["d_5"].fill_(free)
    assert (
        float(torch.tensor(2e-5, dtype=dtype))
        <= cell.values()["d_5"]
        <= float(torch.tensor(3.2e-4, dtype=dtype))
    )


@given(st.floats(-8, 8), st.floats(-8, 8))
def test_a_trained_value_grows_with_its_parameter(one, other):
    cell = Differentiable(gchi, ms, "euler", {"O_beta": (0 * RATE, 5 * RATE)}, dtype=DOUBLE)
    values = []
    for free in sorted((one, other)):
        with torch.no_grad():
            cell.constants.free["O_beta"].fill_(free)
        values.append(float(cell.values()["O_beta"].detach()))
    assert values == sorted(values)
    assert abs(one - other) < 1e-9 or values[0] < values[1]


def test_values_travel_in_a_state_dict():
    bounds = {"O_beta": (0 * RATE, 5 * RATE)}
    cell = Differentiable(gchi, ms, "euler", bounds)
    assert [name for name, _ in cell.named_parameters()] == ["constants.free.O_beta"]
    with torch.no_grad():
        cell.constants.free["O_beta"].fill_(1.5)
    other = Differentiable(gchi(O_beta=2 * RATE, K_P=0.1 * umolar), ms, "euler", bounds)
    other.load_state_dict(cell.state_dict())
    assert all(torch.equal(x, cell.values()[name]) for name, x in other.values().items())


def test_training_finds_a_parameter():
    glutamate = {"Y_S": torch.linspace(5e-4, 2e-3, 3, dtype=DOUBLE)[:, None]}
    target, _ = Differentiable(gchi(O_beta=1.2 * RATE), 50 * ms, "euler", dtype=DOUBLE)(
        glutamate, steps=60, record=["I"]
    )
    cell = Differentiable(gchi, 50 * ms, "euler", {"O_beta": (0 * RATE, 3 * RATE)}, dtype=DOUBLE)
    optimiser = torch.optim.LBFGS(cell.parameters(), line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        found = ((cell(glutamate, steps=60, record=["I"])[0]["I"] - target["I"]) * 1e4).pow(2).mean()
        found.backward()
        return found

    optimiser.step(loss)
    assert cell.values()["O_beta"].item() == pytest.approx(1.2e-3, rel=1e-4)


def test_equations_are_derived_once_for_all_values():
    one, other = (Differentiable(gchi(O_beta=x * RATE), ms, "euler") for x in (0.1, 0.2))
    assert one._alike is other._alike
    assert one.values()["O_beta"] < other.values()["O_beta"]


# errors


def test_a_method_that_does_not_apply_names_those_that_do():
    with pytest.raises(
        ModelError, match=r"exponential_euler can't integrate the equations of gchi.*euler or rk2 or rk4"
    ):
        Differentiable(gchi, ms)
    with pytest.raises(
        ModelError, match=r"rk4 can't integrate the equations of chi_stochastic.*heun or milstein can"
    ):
        Differentiable(chi_stochastic, ms, "rk4")
    with pytest.raises(ValueError, match=r"method should be one of exact, .*, not 'gsl'"):
        Differentiable(gchi, ms, "gsl")


def test_unknown_names_are_told_with_what_was_meant():
    with pytest.raises(ModelError, match="gchi has no parameter O_bet; did you mean O_beta"):
        Differentiable(gchi, ms, "euler", {"O_bet": (0 * RATE, RATE)})
    cell = Differentiable(gchi, ms, "euler")
    with pytest.raises(ModelError, match="gchi has no input Y_A; did you mean Y_S"):
        cell({"Y_A": torch.zeros(3)})
    with pytest.raises(ModelError, match="gchi has no J_bet to record; did you mean J_beta"):
        cell(steps=1, record=["J_bet"])


def test_units_are_checked():
    with pytest.raises(DimensionMismatchError, match=r"bounds of O_beta of gchi.*umolar/second"):
        Differentiable(gchi, ms, "euler", {"O_beta": (0 * umolar, 1 * umolar)})
    with pytest.raises(DimensionMismatchError, match="dt should be a time"):
        Differentiable(gchi, 0.1, "euler")
    with pytest.raises(DimensionMismatchError, match="I_ex of coba_lif should be in A"):
        Differentiable(coba_lif, ms)({"I_ex": [1, 2] * mV})
    with pytest.raises(DimensionMismatchError, match="width of the threshold of coba_lif should be in V"):
        Differentiable(coba_lif, ms, width=10 * pA)
    assert Differentiable(coba_lif, ms, width=5 * mV)._widths == {"_width_0": 0.005}


@pytest.mark.parametrize("ends", [(1 * RATE, 2 * RATE), (0.5 * RATE, 2 * RATE), (2 * RATE, 0 * RATE)])
def test_bounds_hold_the_value(ends):
    with pytest.raises(
        ModelError, match=r"O_beta of gchi is 0.5 umolar/second, which isn't between.*gchi\(O_beta="
    ):
        Differentiable(gchi, ms, "euler", {"O_beta": ends})


def test_bounds_are_two_finite_quantities():
    for ends in ((0 * RATE, np.inf * RATE), (1 * RATE,), (0 * RATE, [1, 2] * RATE)):
        with pytest.raises(ModelError, match="bounds of O_beta of gchi should be two"):
            Differentiable(gchi, ms, "euler", {"O_beta": ends})


def test_what_a_model_reads_of_others_must_be_given():
    with pytest.raises(ModelError, match="presynaptic_receptors reads G_A_astro, which it doesn't declare"):
        Differentiable(presynaptic_receptors, ms)(steps=2)
    with pytest.raises(ModelError, match="cleft_glutamate reads r_S, spikes_pre"):
        Differentiable(cleft_glutamate, ms)(steps=2)
    junction = Differentiable(gap_junction, ms)
    with pytest.raises(ModelError, match="gap_junction reads I_post"):
        junction({"I_pre": 0.1}, record=["J_coupling_post"])
    assert junction({"I_pre": 0.1}, record=[])[0] == {}


def test_shapes_and_lengths_must_fit():
    cell = Differentiable(gchi, ms, "euler")
    with pytest.raises(ValueError, match=r"the shapes of gchi don't broadcast: Y_S \(2,\), J_ex \(3,\)"):
        cell({"Y_S": torch.zeros(2, 5), "J_ex": torch.zeros(3, 5)})
    with pytest.raises(ValueError, match=r"don't broadcast: Y_S \(2,\), the state's C \(3,\)"):
        cell({"Y_S": torch.zeros(2, 5)}, cell.initial_state(3))
    with pytest.raises(ValueError, match="as many steps, 1 or more; they have Y_S 4, J_ex 5"):
        cell({"Y_S": torch.zeros(4), "J_ex": torch.zeros(5)})
    with pytest.raises(ValueError, match="they have steps 3, Y_S 4"):
        cell({"Y_S": torch.zeros(4)}, steps=3)
    with pytest.raises(ValueError, match="they have steps 0"):
        cell(steps=0)
    with pytest.raises(ValueError, match="how many steps gchi takes isn't known"):
        cell()
    with pytest.raises(ValueError, match="a state of gchi has C, h, I, Gamma_A, not"):
        cell(state=(1, 2), steps=3)


def test_spikes_are_zeros_and_ones():
    with pytest.raises(ModelError, match="spikes_pre of tsodyks_markram should be 1 where there is a spike"):
        Differentiable(tsodyks_markram, ms)({"spikes_pre": torch.full((3,), 0.5)})


def test_options_are_checked():
    with pytest.raises(
        ValueError, match="spike should be one of surrogate, straight_through, none, not 'soft'"
    ):
        Differentiable(coba_lif, ms, spike="soft")
    with pytest.raises(ValueError, match="checkpoint_every should be a number of steps, not 0"):
        Differentiable(coba_lif, ms, checkpoint_every=0)
    with pytest.raises(ValueError, match="dt should be positive"):
        Differentiable(coba_lif, -1 * ms)
    with pytest.raises(ValueError, match="width should be positive"):
        Differentiable(coba_lif, ms, width=0 * mV)


def one(text="dx/dt = -x/second : 1", **more):
    return Model("one", text, {"top": Parameter(1, "1", "threshold")}, **more)


def test_a_start_at_the_threshold_needs_a_width():
    with pytest.raises(ModelError, match="the initial state of one is at its threshold: give a width"):
        Differentiable(one(threshold="x > top", initial={"x": "top"}), ms)
    with pytest.raises(
        ModelError, match="the threshold of one reads z_pre, which it doesn't declare: give a width"
    ):
        Differentiable(one(threshold="x > z_pre"), ms)
    Differentiable(one(threshold="x > z_pre"), ms, width=1)
    Differentiable(one(threshold="x > z_pre"), ms, spike="none")


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (one("dx/dt = rand()/second : 1"), r"rand\(\) in .* has no form in Torch"),
        (one("dx/dt = stimulus(t)/second : 1"), r"stimulus\(\) in .* declare its value as an Input"),
        (one("dx/dt = -x/second : 1\ny = x : 1 (constant over dt)"), r"y is \(constant over dt\)"),
        (one(threshold="x == top"), "should be made of comparisons"),
        (one(on_pre="y_post = 1"), "one can only add to y_post"),
        (one(on_pre="y_post += x*y_post"), "on_pre of one both reads y_post and adds to it"),
        (one("dx/dt = -x**2/second : 1 (event-driven)", on_pre="x += 1"), "exact can't integrate"),
    ],
)
def test_what_cannot_be_done_is_told_at_once(model, told):
    with pytest.raises(ModelError, match=told):
        Differentiable(model, ms, "euler", width=1)


def test_an_initial_value_from_elsewhere_needs_a_state():
    cell = Differentiable(one(initial={"x": "z_post"}), ms)
    with pytest.raises(ModelError, match="initial values of one depend on z_post"):
        cell(steps=1)
    assert cell(state=cell.State(torch.ones(())), steps=1)[1].x < 1


def test_nanosiemens_are_added_to_a_conductance():
    cell = Differentiable(coba_lif, ms, dtype=DOUBLE)
    recorded, _ = cell({"g_e": [0, 1, 0] * nS}, record=["g_e"])
    decay = np.exp(-1 / 5)
    np.testing.assert_allclose(recorded["g_e"], [0, 1e-9, 1e-9 * decay])


# what makes it quick


@pytest.mark.slow
@pytest.mark.parametrize("model", [RELEASING, coba_lif, LOOP], ids=lambda m: m.name)
def test_a_compiled_step_is_the_same(model):
    if which("c++") is None:
        pytest.skip("torch.compile needs a C++ compiler")
    random = torch.Generator().manual_seed(2)
    inputs = {"Y_S": 2e-3, "I_ex": 6e-10, "G_A_astro": 0.05, "spikes_pre": 1.0}
    given = {
        name: (top * torch.rand(4, 40, generator=random, dtype=DOUBLE))
        for name, top in inputs.items()
        if name in model.inputs or name in Differentiable(model, ms, "rk2").inputs.required
    }
    if "spikes_pre" in given:
        given["spikes_pre"] = given["spikes_pre"].round()
    name = "C_Theta" if model is RELEASING else "V_th" if model is coba_lif else "U_0_star"
    item = model.parameters[name]
    bounds = sorted((item.quantity * 0.9, item.quantity * 1.1))
    found = []
    for compiled in (False, True):
        cell = Differentiable(model, 2 * ms, "rk2", {name: bounds}, compiled=compiled, dtype=DOUBLE)
        recorded, _ = cell(given)
        sum(x.mean() for x in recorded.values()).backward()
        found.append((*recorded.values(), cell.constants.free[name].grad))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-18)
