import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from astrobrian.studies.ratio.liquids import Arm, Liquid, Units
from astrobrian.studies.ratio.read_outs.projection import project


def liquid(neurons, astrocytes, seed=0, arm=Arm.MIXED):
    return Liquid(Units.FORMAL, arm, neurons, astrocytes, seed)


def states(units, seed=0, samples=200):
    random = np.random.default_rng(seed)
    return torch.tensor(random.normal(1, random.uniform(0.1, 2, units), (samples, units)))


@settings(deadline=None, max_examples=25)
@given(neurons=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 100))
def test_inputs_are_standardised_whatever_the_size(neurons, width, seed):
    known = states(neurons, seed)
    inputs = project(known, liquid(neurons, 0, seed), width)(known)
    assert inputs.shape == (200, width)
    assert inputs.mean(dim=0).numpy() == pytest.approx(0, abs=1e-9)
    assert inputs.std(dim=0, correction=0).numpy() == pytest.approx(1)


@settings(deadline=None, max_examples=25)
@given(scale=st.floats(1e-3, 1e3), shift=st.floats(-10, 10))
def test_the_unit_in_which_a_state_is_measured_doesnt_matter(scale, shift):
    known = states(2)
    measured = known.clone()
    measured[:, 0] = known[:, 0] * scale + shift
    here, there = (project(each, liquid(2, 0), 5)(each) for each in (known, measured))
    still = 1e-3 * max(known[:, 1].std(), scale * known[:, 0].std())
    if min(known[:, 1].std(), scale * known[:, 0].std()) > 2 * still:
        assert here.numpy() == pytest.approx(there.numpy(), abs=1e-6)


def test_units_that_never_change_add_nothing():
    known = states(3)
    known[:, 1] = 0.7
    projection = project(known, liquid(3, 0), 4)
    changed = known.clone()
    changed[:, 1] = 0.7
    assert torch.equal(projection(known), projection(changed))
    assert projection(known).std(dim=0, correction=0).numpy() == pytest.approx(1)


def test_a_liquid_without_any_change_gives_zeros():
    known = torch.zeros(50, 3)
    assert not project(known, liquid(3, 0), 4)(known).any()


def test_a_unit_that_hardly_changes_isnt_blown_up():
    known = states(2)
    known[:, 1] = 0
    known[0, 1] = 1e-9
    inputs = project(known, liquid(2, 0), 4)(known)
    assert inputs[0].abs().max() < 5


def test_arms_of_a_cell_are_projected_alike_and_other_cells_arent():
    known = states(12)
    mixed, slow, other = (
        project(known, each, 4).matrix for each in (liquid(8, 4), liquid(8, 4, arm=Arm.SLOW), liquid(4, 8))
    )
    assert torch.equal(mixed, slow)
    assert not torch.allclose(mixed, other)


def test_a_map_of_the_inputs_is_one_of_the_states():
    known = states(7)
    projection = project(known, liquid(3, 4), 5)
    linear = torch.tensor(np.random.default_rng(1).normal(size=(6, 2)))
    folded = projection.then(linear)
    expected = projection(known) @ linear[:-1] + linear[-1]
    assert (known @ folded[:-1] + folded[-1]).numpy() == pytest.approx(expected.numpy())
