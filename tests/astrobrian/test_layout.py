"""Positions are where a layout says, nearest is nearest, and neighbours are mutual."""

import numpy as np
import pytest
from brian2 import DimensionMismatchError, NeuronGroup, meter, mm, ms, seed, um, volt
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from astrobrian import (
    AstrocyteGroup,
    Grid,
    Layout,
    Neurons,
    Positions,
    Uniform,
    nearest,
    neighbours,
    place,
    positions_of,
    use_backend,
)
from astrobrian.equations import Model, chi

EMPTY = Model("empty", "v : 1")


def coordinates(largest=30):
    """Some positions in 1, 2 or 3 dimensions, in units of 1 um."""
    shapes = st.tuples(st.integers(1, largest), st.integers(1, 3))
    return shapes.flatmap(lambda shape: arrays(float, shape, elements=st.integers(-20, 20).map(float)))


class TestGrid:
    def test_fills_a_square_sheet_row_by_row(self):
        positions = Grid(4 * mm).positions(14) / mm
        assert np.allclose(positions[:5], [[0.5, 0.5], [1.5, 0.5], [2.5, 0.5], [3.5, 0.5], [0.5, 1.5]])
        assert np.allclose(positions[-1], [1.5, 3.5])

    def test_of_the_size_of_the_published_network(self):
        positions = Grid(3.75 * mm).positions(3200)
        assert np.isclose((positions[1, 0] - positions[0, 0]) / mm, 3.75 / 57)
        i, _ = neighbours(positions, 75 * um)
        assert 2 * len(i) / 3200 == pytest.approx(3.93, abs=0.005)

    def test_of_a_spacing(self):
        positions = Grid(spacing=50 * um, dimensions=3).positions(27) / um
        assert np.allclose(positions.max(axis=0), 125) and np.allclose(
            positions[1] - positions[0], [50, 0, 0]
        )

    def test_of_a_shape(self):
        positions = Grid([2, 1] * mm, shape=(4, 1)).positions(4) / mm
        assert np.allclose(positions, [[0.25, 0.5], [0.75, 0.5], [1.25, 0.5], [1.75, 0.5]])
        assert np.allclose(Grid(spacing=1 * mm, shape=(3,)).positions(3)[:, 0] / mm, [0.5, 1.5, 2.5])

    @given(
        N=st.integers(1, 200),
        size=st.lists(st.floats(0.1, 10), min_size=1, max_size=3),
    )
    def test_sites_are_distinct_on_the_sheet_and_tiles_could_not_be_larger(self, N, size):
        sites = np.asarray(Grid(np.array(size) * mm).positions(N) / mm)
        assert len(np.unique(sites, axis=0)) == N
        assert np.all(sites > 0) and np.all(sites < size)
        tile = 2 * sites[0].max()  # the first site is the middle of the first tile
        wider = tile * (1 + 1e-6)
        assert np.prod(np.maximum(np.floor(np.array(size) / wider), 1)) < N or N == 1

    def test_that_is_too_small_is_refused(self):
        with pytest.raises(ValueError, match="101 cells don't fit on a Grid of 10 x 10 sites"):
            Grid(1 * mm, spacing=100 * um).positions(101)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({}, "needs its size or its spacing"),
            ({"size": 0 * mm}, "the size of a layout must be positive"),
            ({"size": np.inf * mm}, "must be positive"),
            ({"spacing": -1 * um}, "the spacing of a layout must be positive"),
            ({"size": [1, 1] * mm, "dimensions": 3}, "disagree on its number of axes"),
            ({"size": [1, 1] * mm, "spacing": [1, 1, 1] * um}, "disagree on its number of axes"),
            ({"size": [1, 1, 1, 1] * mm}, "1, 2 or 3 axes, not 4"),
            ({"size": 1 * mm, "shape": (2.5, 2)}, "the shape of a Grid"),
            ({"size": 1 * mm, "shape": (0, 2)}, "the shape of a Grid"),
            ({"size": 1 * mm, "shape": 4}, "the shape of a Grid"),
            ({"size": 1 * mm, "shape": (2, 2), "spacing": 1 * um}, "two of size, spacing and shape"),
        ],
    )
    def test_contradictions_are_refused(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            Grid(**arguments)

    @pytest.mark.parametrize("size", [1, 1 * volt])
    def test_what_is_no_length_is_refused(self, size):
        with pytest.raises(DimensionMismatchError, match="the size must be given as a length"):
            Grid(size)


class TestUniform:
    def test_stays_in_its_box_and_repeats_with_its_seed(self):
        layout = Uniform([1, 2, 3] * mm, seed=5)
        positions = layout.positions(1000)
        assert np.array_equal(positions, layout.positions(1000))
        assert np.all(positions >= 0 * mm) and np.all(positions <= [1, 2, 3] * mm)
        assert np.allclose(positions.mean(axis=0) / mm, [0.5, 1, 1.5], atol=0.1)

    def test_without_a_seed_follows_the_seed_of_brian2(self):
        seed(3)
        first = Uniform(1 * mm).positions(10)
        again = Uniform(1 * mm).positions(10)
        seed(3)
        assert np.array_equal(first, Uniform(1 * mm).positions(10))
        assert not np.array_equal(first, again)


class TestPositions:
    def test_are_kept(self):
        assert np.array_equal(Positions([[0, 1], [2, 3]] * um).positions(2) / um, [[0, 1], [2, 3]])
        assert Positions([1, 2, 3] * um).positions(3).shape == (3, 1)

    def test_of_another_number_of_cells_are_refused(self):
        with pytest.raises(ValueError, match="2 positions given for 3 cells"):
            Positions([1, 2] * um).positions(3)

    @pytest.mark.parametrize(
        ("given_", "error", "message"),
        [
            ([1, 2], DimensionMismatchError, "must be given as a length"),
            ([[0, np.nan], [0, 0]] * um, ValueError, "coordinates of cell 0 are not finite"),
            (np.zeros((2, 4)) * um, ValueError, r"got \(2, 4\)"),
            (1 * um, ValueError, r"got \(\)"),
        ],
    )
    def test_that_are_none_are_refused(self, given_, error, message):
        with pytest.raises(error, match=message):
            Positions(given_)


class TestPlace:
    def test_gives_a_group_its_coordinates(self):
        cells = Neurons(4, EMPTY, layout=Grid(2 * mm))
        assert np.allclose(cells.x / mm, [0.5, 1.5, 0.5, 1.5])
        assert np.allclose(cells.y / mm, [0.5, 0.5, 1.5, 1.5])
        assert not hasattr(cells, "z")
        assert np.allclose(positions_of(cells[1:3]) / mm, [[1.5, 0.5], [0.5, 1.5]])
        assert isinstance(cells.layout, Grid) and isinstance(cells.layout, Layout)

    def test_places_existing_groups_and_parts_of_them(self):
        cells = NeuronGroup(5, "v : 1")
        place(cells[:2], Positions([[1, 2], [3, 4]] * um))
        with pytest.raises(ValueError, match=r"cell 2 of neurongroup.* has no position"):
            positions_of(cells)
        place(cells[2:], Uniform(1 * mm, seed=1))
        assert np.allclose(positions_of(cells)[:2] / um, [[1, 2], [3, 4]])

    def test_fills_the_variables_that_a_model_declares(self):
        cells = NeuronGroup(2, "x : meter (constant)\ny : meter (constant)")
        place(cells, Grid([2, 1] * mm))
        assert np.allclose(cells.x / mm, [0.5, 1.5])

    def test_positions_set_by_the_user_count(self):
        cells = NeuronGroup(2, "x : meter")
        cells.x = "i*um"
        assert np.allclose(positions_of(cells)[:, 0] / um, [0, 1])

    def test_a_layout_of_the_users_own(self):
        class Spiral:
            def positions(self, N):
                angle = np.arange(N)
                return np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=1) * um

        assert AstrocyteGroup(5, chi, layout=Spiral()).x[0] == 0 * meter

    def test_positions_are_known_before_a_standalone_program_runs(self):
        use_backend("cpp")
        astrocytes = AstrocyteGroup(4, chi, layout=Grid(2 * mm))
        place(astrocytes[2:], Positions([[5, 6], [7, 8]] * mm))
        assert np.allclose(positions_of(astrocytes) / mm, [[0.5, 0.5], [1.5, 0.5], [5, 6], [7, 8]])
        astrocytes.x = "i*um"
        with pytest.raises(ValueError, match=r"x of astrocytes\S* was set by a string expression"):
            positions_of(astrocytes)

    def test_refuses_what_cannot_be(self):
        with pytest.raises(TypeError, match="is no layout"):
            Neurons(2, EMPTY, layout=3 * mm)
        with pytest.raises(ValueError, match="uses x for something that isn't a length"):
            Neurons(2, Model("x", "dx/dt = -x/(10*ms) : 1"), layout=Grid(1 * mm))
        with pytest.raises(ValueError, match="has no positions; give it a layout"):
            positions_of(Neurons(2, EMPTY))


@given(sites=coordinates(), data=st.data())
@settings(deadline=None)
def test_nearest_is_the_nearest(sites, data):
    positions = data.draw(arrays(float, (7, sites.shape[1]), elements=st.integers(-20, 20).map(float)))
    found = nearest(positions * um, sites * um)
    distances = np.linalg.norm(positions[:, None] - sites[None], axis=2)
    assert np.allclose(distances[np.arange(7), found], distances.min(axis=1))


@given(sites=coordinates(), within=st.integers(1, 30))
@settings(deadline=None)
def test_neighbours_are_all_pairs_so_near_each_once(sites, within):
    i, j = neighbours(sites * um, (within + 0.5) * um)
    distances = np.linalg.norm(sites[:, None] - sites[None], axis=2)
    near = {(a, b) for a, b in np.argwhere(distances <= within + 0.5) if a < b}
    assert len(i) == len(near) and set(zip(i, j, strict=True)) == near
    assert np.array_equal(np.lexsort((j, i)), np.arange(len(i)))


def test_distances_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="positions have 1 axes, but the sites they are compared with 2"):
        nearest([[1]] * um, [[1, 2]] * um)
    with pytest.raises(ValueError, match="must be positive"):
        neighbours([[1], [2]] * um, 0 * um)
    with pytest.raises(DimensionMismatchError, match="the distance must be given as a length"):
        neighbours([[1], [2]] * um, 3 * ms)
