"""Where cells are: layouts in 1-D, 2-D and 3-D, and who is near whom."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from brian2 import Quantity, Subgroup, meter
from brian2.groups.group import Group
from brian2.units.fundamentalunits import fail_for_dimension_mismatch

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

AXES = ("x", "y", "z")


@runtime_checkable
class Layout(Protocol):
    """Anything that gives positions to N cells."""

    def positions(self, N: int) -> Quantity:
        """Positions of N cells: a length of shape (N, 1), (N, 2) or (N, 3)."""


class Grid:
    """A regular grid, filled row by row: x runs fastest, then y, then z.

    Sites are the middles of tiles, and the corner of the sheet is the origin.

    Parameters
    ----------
    size : Quantity, optional
        Side of a square sheet, or one length for each axis. Its tiles are squares (cubes), the largest of which N fit.
    spacing : Quantity, optional
        Distance between neighbours, one length or one for each axis. With `size`, the sheet holds what fits on it.
    shape : sequence of int, optional
        Number of sites along x, y, z. With `size` it determines the spacing.
    dimensions : int, optional
        Number of axes where the other arguments don't say; 2.

    Raises
    ------
    DimensionMismatchError, ValueError
        If a length isn't one or isn't positive, or the arguments contradict each other.

    Examples
    --------
    >>> AstrocyteGroup(3200, gchi, layout=Grid(3.75*mm))
    >>> Grid(spacing=50*um, dimensions=3)
    >>> Grid([2, 1]*mm, shape=(40, 20))
    """

    def __init__(
        self,
        size: Quantity | None = None,
        *,
        spacing: Quantity | None = None,
        shape: Sequence[int] | None = None,
        dimensions: int | None = None,
    ) -> None:
        if size is None and spacing is None:
            raise ValueError("a Grid needs its size or its spacing: Grid(1*mm) or Grid(spacing=50*um)")
        if size is not None and spacing is not None and shape is not None:
            raise ValueError("a Grid takes two of size, spacing and shape, not all three")
        self.dimensions = _dimensions(dimensions, size, spacing, shape)
        self.size = None if size is None else _lengths(size, "size", self.dimensions)
        self.spacing = None if spacing is None else _lengths(spacing, "spacing", self.dimensions)
        if shape is not None and (np.ndim(shape) != 1 or any(n < 1 or n != int(n) for n in shape)):
            raise ValueError(f"the shape of a Grid is a number of sites for each axis, got {shape!r}")
        self.shape = None if shape is None else np.array(shape, dtype=int)

    def positions(self, N: int) -> Quantity:
        """Positions of N cells, shape (N, dimensions).

        Raises
        ------
        ValueError
            If the grid has fewer than N sites.
        """
        shape, spacing = self._tiles(N)
        if N > np.prod(shape):
            raise ValueError(f"{N} cells don't fit on a Grid of {' x '.join(map(str, shape))} sites")
        # unravel_index lets the last axis run fastest, a Grid the first
        sites = np.unravel_index(np.arange(N), shape[::-1])[::-1]
        return (np.stack(sites, axis=1) + 0.5) * spacing * meter

    def _tiles(self, N: int) -> tuple[np.ndarray, np.ndarray]:
        """Number of sites along each axis, and their spacing in metres."""
        size, spacing, shape = self.size, self.spacing, self.shape
        if spacing is not None:
            if shape is None and size is not None:
                shape = _how_many(size, spacing)
            elif shape is None:
                shape = np.full(self.dimensions, int(np.ceil(round(N ** (1 / self.dimensions), 9))))
            return shape, spacing
        assert size is not None  # __init__ saw to it
        if shape is not None:
            return shape, size / shape
        side = _largest_tile(size, N)
        return np.maximum(_how_many(size, side), 1), np.minimum(side, size)


class Uniform:
    """Positions drawn independently and uniformly from a box whose corner is the origin.

    Parameters
    ----------
    size : Quantity
        Side of a square, or one length for each axis.
    dimensions : int, optional
        Number of axes where `size` is one length; 2.
    seed : int, optional
        Makes the positions the same each time; otherwise they follow `brian2.seed` (on "cpp", which has its
        own random numbers, they don't).

    Raises
    ------
    DimensionMismatchError, ValueError
        If the size isn't a positive length.

    Examples
    --------
    >>> AstrocyteGroup(100, gchi, layout=Uniform([100, 100, 50]*um))
    """

    def __init__(self, size: Quantity, *, dimensions: int | None = None, seed: int | None = None) -> None:
        self.dimensions = _dimensions(dimensions, size)
        self.size = _lengths(size, "size", self.dimensions)
        self.seed = seed

    def positions(self, N: int) -> Quantity:
        """Positions of N cells, shape (N, dimensions)."""
        random = np.random if self.seed is None else np.random.default_rng(self.seed)
        return random.uniform(size=(N, self.dimensions)) * self.size * meter


class Positions:
    """Given positions, for instance measured ones.

    Parameters
    ----------
    coordinates : Quantity
        Lengths of shape (N, 1), (N, 2) or (N, 3), or of shape (N,) for cells on a line.

    Raises
    ------
    DimensionMismatchError, ValueError
        If they aren't finite lengths of such a shape.

    Examples
    --------
    >>> AstrocyteGroup(3, chi, layout=Positions([[0, 0], [40, 10], [80, 0]]*um))
    """

    def __init__(self, coordinates: Quantity) -> None:
        _check_length(coordinates, "coordinates")
        values = np.array(coordinates, dtype=float)
        values = values[:, np.newaxis] if values.ndim == 1 else values
        if values.ndim != 2 or values.shape[1] not in (1, 2, 3):
            raise ValueError(
                f"coordinates have the shape (N, 1), (N, 2) or (N, 3), got {np.shape(coordinates)}"
            )
        if not np.all(np.isfinite(values)):
            raise ValueError(f"the coordinates of cell {_first_unknown(values)} are not finite")
        self.coordinates = values * meter

    def positions(self, N: int) -> Quantity:
        """The given coordinates; raises ValueError if they aren't N."""
        if len(self.coordinates) != N:
            raise ValueError(f"{len(self.coordinates)} positions given for {N} cells")
        return self.coordinates


def place(group: Group, layout: Layout) -> None:
    """Give a group positions: variables x, y, z (as many as the layout has axes), in metres.

    Variables of that name that the model declares are used. A subgroup may be placed on its own; cells that never
    are have no position (NaN).

    Parameters
    ----------
    group : brian2.NeuronGroup or brian2.Subgroup
    layout : Layout
        A `Grid`, `Uniform`, `Positions`, or anything with a method ``positions(N)``.

    Raises
    ------
    TypeError, ValueError
        If the layout isn't one or doesn't suit the group, or the model uses x, y or z for something else.

    Examples
    --------
    >>> place(neurons[:3200], Grid(3.75*mm))
    >>> place(neurons[3200:], Uniform(3.75*mm))
    """
    if not isinstance(layout, Layout):
        raise TypeError(
            f"{layout!r} is no layout: give a Grid, Uniform or Positions, or an object with positions(N)"
        )
    whole, cells = _whole(group)
    positions = Positions(layout.positions(len(group))).positions(len(group))
    axes = AXES[: positions.shape[1]]
    for axis in axes:
        if axis in whole.variables and whole.variables[axis].dim != meter.dim:
            raise ValueError(
                f"{whole.name} uses {axis} for something that isn't a length; it can't be placed"
            )
    for axis, column in zip(axes, np.asarray(positions).T, strict=True):
        if axis not in whole.variables:
            nowhere = np.full(len(whole), np.nan)
            # 64 bits with any precision: who is the nearest of two that are as near must not depend on it
            whole.variables.add_array(
                axis, len(whole), dimensions=meter.dim, values=nowhere, constant=True, dtype=float
            )
        coordinates = _coordinates(whole, axis).copy()
        coordinates[cells] = column
        # all of them at once: a standalone device remembers the values of whole arrays only
        getattr(whole, axis)[:] = coordinates * meter


def positions_of(group: Group) -> Quantity:
    """Positions of the cells of a group or subgroup.

    Parameters
    ----------
    group : brian2.NeuronGroup or brian2.Subgroup

    Returns
    -------
    Quantity
        Shape (N, 1), (N, 2) or (N, 3).

    Raises
    ------
    ValueError
        If the group, or one of its cells, has no position.
    """
    whole, cells = _whole(group)
    axes = [axis for axis in AXES if axis in whole.variables and whole.variables[axis].dim == meter.dim]
    way_out = f"give it a layout, or place({group.name}, Grid(...))"
    if not axes:
        raise ValueError(f"{group.name} has no positions; {way_out}")
    values = np.stack([_coordinates(whole, axis)[cells] for axis in axes], axis=1)
    if not np.all(np.isfinite(values)):
        raise ValueError(f"cell {_first_unknown(values)} of {group.name} has no position; {way_out}")
    return values * meter


def nearest(positions: Quantity, sites: Quantity) -> np.ndarray:
    """Index of the site that is nearest to each position.

    Parameters
    ----------
    positions, sites : Quantity
        Shapes (M, d) and (N, d).

    Returns
    -------
    numpy.ndarray
        M indices into `sites`. Of equally near sites, any.

    Raises
    ------
    ValueError
        If the positions have another number of axes than the sites.

    Examples
    --------
    >>> astrocyte_of_neuron = nearest(positions_of(neurons), positions_of(astrocytes))
    """
    positions, sites = np.asarray(positions, dtype=float), np.asarray(sites, dtype=float)
    if positions.shape[1] != sites.shape[1]:
        raise ValueError(
            f"positions have {positions.shape[1]} axes, but the sites they are compared with {sites.shape[1]}"
        )
    return _tree(sites).query(positions)[1]


def neighbours(positions: Quantity, within: Quantity) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of cells that are at most a distance apart, each pair once, in O(N log N + pairs).

    Parameters
    ----------
    positions : Quantity
        Shape (N, d).
    within : Quantity
        A length.

    Returns
    -------
    tuple of numpy.ndarray
        Indices i < j of both cells of each pair, sorted.

    Raises
    ------
    DimensionMismatchError, ValueError
        If the distance isn't a positive length.
    """
    _check_length(within, "distance")
    if np.ndim(within) or not 0 < float(within) < np.inf:
        raise ValueError(f"the distance of neighbours must be positive, got {within}")
    pairs = _tree(np.asarray(positions)).query_pairs(float(within), output_type="ndarray")
    pairs = pairs[np.lexsort(pairs.T[::-1])]
    return pairs[:, 0], pairs[:, 1]


def _tree(points: np.ndarray) -> cKDTree:
    from scipy.spatial import (
        cKDTree,
    )  # here, because it would be half of the time that `import astrobrian` takes

    return cKDTree(points)


def _whole(group: Group) -> tuple[Group, slice]:
    """The group that holds the variables, and which of its cells are meant."""
    if isinstance(group, Subgroup):
        return group.source, slice(group.start, group.stop)
    return group, slice(0, len(group))


def _coordinates(whole: Group, axis: str) -> np.ndarray:
    """One coordinate of all cells in metres."""
    try:
        return np.asarray(getattr(whole, axis)[:])
    except NotImplementedError as error:
        raise ValueError(
            f"{axis} of {whole.name} was set by a string expression, which a standalone device computes only when it "
            f"runs; give its values, or place({whole.name}, Grid(...))"
        ) from error


def _first_unknown(values: np.ndarray) -> int:
    return int(np.argmin(np.isfinite(values).all(axis=1)))


def _check_length(value: object, what: str) -> None:
    fail_for_dimension_mismatch(value, meter, f"the {what} must be given as a length")


def _lengths(value: object, what: str, dimensions: int) -> np.ndarray:
    """One positive length in metres for each axis."""
    _check_length(value, what)
    lengths = np.broadcast_to(np.asarray(value, dtype=float), dimensions)
    if not np.all(np.isfinite(lengths) & (lengths > 0)):
        raise ValueError(f"the {what} of a layout must be positive, got {value}")
    return lengths


def _dimensions(given: int | None, *extents: Any) -> int:
    """Number of axes: as many as the extents have entries, two if they don't say."""
    told = {len(extent) for extent in extents if np.ndim(extent)}
    if given is not None:
        told.add(given)
    if len(told) > 1:
        raise ValueError(f"the arguments of a layout disagree on its number of axes: {sorted(told)}")
    dimensions = told.pop() if told else 2
    if dimensions not in (1, 2, 3):
        raise ValueError(f"a layout has 1, 2 or 3 axes, not {dimensions}")
    return dimensions


def _how_many(size: np.ndarray, spacing: np.ndarray | float) -> np.ndarray:
    """Number of tiles along each side; one that fits but for rounding does."""
    return np.floor(size / spacing * (1 + 1e-9)).astype(int)


def _largest_tile(size: np.ndarray, N: int) -> float:
    """Side of the largest square (cubic) tile of which N fit; a side shorter than a tile still holds one."""
    certainly_fits = (np.prod(size) / N) ** (1 / len(size)) / 2
    # it divides one of the sides exactly, or it could grow
    sides = np.unique(np.concatenate([side / np.arange(1, side // certainly_fits + 2) for side in size]))
    too_large = bisect_left(sides, True, key=lambda side: np.prod(np.maximum(_how_many(size, side), 1)) < N)
    return float(sides[too_large - 1])
