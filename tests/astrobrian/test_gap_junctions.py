"""Gap junctions couple who they should, both ways, once; and say what is in the way if they can't."""

import numpy as np
import pytest
from brian2 import Network, StateMonitor, mm, ms, second, um, umolar
from numpy.testing import assert_allclose

from astrobrian import AstrocyteGroup, GapJunctions, Grid, Positions, use_backend
from astrobrian.equations import Model, chi, exogenous_drive, gap_junction, li_rinzel, linear_gap_junction


def line(N=4):
    return AstrocyteGroup(N, chi, layout=Grid(spacing=50 * um, shape=(N,)))


def test_cells_within_a_distance_are_coupled_both_ways():
    astrocytes = line()
    gap_junctions = GapJunctions(astrocytes, within=75 * um)
    links = set(zip(gap_junctions.i, gap_junctions.j, strict=True))
    assert links == {(0, 1), (1, 0), (1, 2), (2, 1), (2, 3), (3, 2)}


def test_flux_of_a_pair_is_that_of_the_equation_and_conserves_ip3():
    astrocytes = AstrocyteGroup(2, chi, dt=1 * ms)
    astrocytes.I = [0.2, 1.0] * umolar
    gap_junctions = GapJunctions(astrocytes, pairs=([0], [1]), model=gap_junction(F=0.05 * umolar / second))
    Network(astrocytes, gap_junctions).run(1 * ms)
    expected = 0.05 / 2 * (1 + np.tanh((0.8 - 0.3) / 0.05))
    assert np.allclose(astrocytes.J_coupling / (umolar / second), [expected, -expected])


def test_on_standalone_many_fluxes_add_up_to_the_same(tmp_path):
    rng = np.random.default_rng(1)
    I = rng.uniform(0, 1, 300)
    pairs = np.nonzero(np.triu(rng.random((300, 300)) < 0.05, k=1))

    def fluxes():
        astrocytes = AstrocyteGroup(300, chi, dt=1 * ms)
        astrocytes.I = I * umolar
        Network(astrocytes, GapJunctions(astrocytes, pairs=pairs)).run(1 * ms)
        return astrocytes.J_coupling_[:]

    expected = fluxes()
    use_backend("cpp", directory=tmp_path)
    assert_allclose(fluxes(), expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())


def test_linear_coupling_sums_over_neighbours():
    astrocytes = line(3)
    astrocytes.I = [1, 0, 0.5] * umolar
    gap_junctions = GapJunctions(astrocytes, within=60 * um, model=linear_gap_junction(F=2 / second))
    Network(astrocytes, gap_junctions).run(0.1 * ms)
    assert np.allclose(astrocytes.J_coupling / (umolar / second), [-2, 3, -1])


def test_parameters_that_the_astrocytes_have_too_get_a_suffix():
    astrocytes = AstrocyteGroup(2, chi + exogenous_drive(I_Theta=0.1 * umolar))
    gap_junctions = GapJunctions(astrocytes, pairs=([0], [1]), model=gap_junction(I_Theta=0.2 * umolar))
    astrocytes.I = [0.2, 1.0] * umolar
    Network(astrocytes, gap_junctions).run(0.1 * ms)
    assert gap_junctions.I_Theta_syn == 0.2 * umolar and astrocytes.I_Theta == 0.1 * umolar
    expected = 0.09 / 2 * (1 + np.tanh((0.8 - 0.2) / 0.05))
    assert np.allclose(astrocytes.J_coupling[0] / (umolar / second), expected)


def test_parameters_may_differ_between_links():
    gap_junctions = GapJunctions(line(), within=75 * um, model=gap_junction.per_cell("F"))
    gap_junctions.F["i == 0"] = 0 * umolar / second
    assert np.count_nonzero(gap_junctions.F == 0 * umolar / second) == 1


def test_parts_of_a_group_are_coupled_apart():
    astrocytes = AstrocyteGroup(6, chi)
    left = GapJunctions(astrocytes[:3], pairs=([0, 1], [1, 2]))
    right = GapJunctions(astrocytes[3:], pairs=([0], [2]))
    astrocytes.I = [1, 0, 0, 1, 0, 0] * umolar
    trace = StateMonitor(astrocytes, "J_coupling", record=True)
    Network(astrocytes, left, right, trace).run(0.2 * ms)
    flux = np.sign(np.round(trace.J_coupling[:, -1] / (umolar / second), 6))
    assert flux.tolist() == [-1, 1, 0, -1, 0, 1]


def test_two_objects_on_the_same_cells_are_refused_until_the_first_is_gone():
    astrocytes = line()
    first = GapJunctions(astrocytes, within=75 * um)
    with pytest.raises(ValueError, match=f"already has the gap junctions {first.name}"):
        GapJunctions(astrocytes[2:], pairs=([0], [1]))
    del first
    GapJunctions(astrocytes, within=75 * um)


def test_the_input_that_is_missing_is_named():
    with pytest.raises(
        ValueError, match="gap_junction writes to J_coupling, which is not a variable of astrocytes"
    ):
        GapJunctions(AstrocyteGroup(2, li_rinzel), pairs=([0], [1]))
    computed = Model("computed", "J_coupling = 1*mmolar/second : mmolar/second\nI : mmolar")
    with pytest.raises(ValueError, match="which is no input of astrocytes"):
        GapJunctions(AstrocyteGroup(2, computed), pairs=([0], [1]))


def test_astrocytes_without_a_layout_have_no_neighbours():
    with pytest.raises(ValueError, match="has no positions; give it a layout"):
        GapJunctions(AstrocyteGroup(2, chi), within=75 * um)


def test_nobody_near_enough():
    with pytest.raises(ValueError, match=r"no two cells of astrocytes\S* are within 10. um of each other"):
        GapJunctions(line(), within=10 * um)
    with pytest.raises(ValueError, match="no two cells"):
        GapJunctions(AstrocyteGroup(1, chi, layout=Positions([[0, 0]] * mm)), within=10 * um)


@pytest.mark.parametrize("arguments", [{}, {"within": 75 * um, "pairs": ([0], [1])}])
def test_either_a_distance_or_pairs(arguments):
    with pytest.raises(TypeError, match="either within"):
        GapJunctions(line(), **arguments)


@pytest.mark.parametrize(
    ("pairs", "error", "message"),
    [
        (([0, 1], [1, 4]), IndexError, r"the pair \(1, 4\) is not in astrocytes\S*, which has 4 cells"),
        (([-1], [1]), IndexError, r"the pair \(-1, 1\)"),
        (([2, 1], [3, 1]), ValueError, "cell 1 of astrocytes.* is paired with itself"),
        (([2, 1], [1, 2]), ValueError, "cells 1 and 2 of astrocytes.* are paired 2 times"),
        (([0], [1, 2]), ValueError, "of the same length"),
        (([], []), ValueError, "not empty"),
        (([0.0], [1.0]), ValueError, "cell indices"),
        (5, ValueError, r"pairs=\(i, j\)"),
        ([(0, 1), (1, 2), (2, 3)], ValueError, r"pairs=\(i, j\)"),
    ],
)
def test_pairs_that_make_no_sense(pairs, error, message):
    with pytest.raises(error, match=message):
        GapJunctions(line(), pairs=pairs)


def test_coupling_may_be_a_text():
    cells = line()
    cells.I = "i*umolar"
    text = "J_coupling_post = (I_pre - I_post)/second : mmolar/second (summed)"
    coupling = GapJunctions(cells, pairs=([0], [1]), model=text)
    Network(cells, coupling).run(1 * ms)
    assert_allclose(cells.J_coupling / (umolar / second), [1, -1, 0, 0], rtol=1e-2)


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [(chi, ValueError, "chi couples nothing"), (3, TypeError, "a model is needed")],
)
def test_models_that_couple_nothing(model, error, message):
    with pytest.raises(error, match=message):
        GapJunctions(line(), pairs=([0], [1]), model=model)
