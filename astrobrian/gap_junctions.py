"""Gap junctions: IP3 that flows between neighbouring astrocytes."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any
from weakref import WeakSet

import numpy as np
from brian2 import Quantity, Synapses
from brian2.equations.equations import PARAMETER
from brian2.groups.group import Group
from brian2.utils.stringtools import word_substitute
from numpy.typing import ArrayLike

from astrobrian.creation import point_to_user
from astrobrian.equations import Model, gap_junction
from astrobrian.groups import as_model
from astrobrian.layout import neighbours, positions_of
from astrobrian.values import assign_values


class GapJunctions(Synapses):
    """Gap junctions between astrocytes.

    A `brian2.Synapses` with two directed links for each pair of coupled cells, whose sum over a cell's neighbours is
    the cell's input ``J_coupling``. The parameters of the coupling are its variables; one whose name the astrocytes
    use too (as do those with `exogenous_drive`) has the suffix ``_syn``.

    Parameters
    ----------
    astrocytes : AstrocyteGroup or brian2.Subgroup of one
        Their model needs the input that the coupling writes, usually ``J_coupling``.
    within : Quantity, optional
        Couple all cells that are at most so far apart; the astrocytes need a layout.
    pairs : tuple of two sequences of int, optional
        Couple these cells instead, each pair given once.
    model : Model or str, optional
        `gap_junction`, with a threshold, or `linear_gap_junction`, or equations with a summed variable of the
        postsynaptic cell.
    name : str, optional
        As in Brian2, by default ``gap_junctions``, ``gap_junctions_1``, ...
    **kwargs
        Anything else that `brian2.Synapses` takes.

    Raises
    ------
    TypeError
        Unless one of `within` and `pairs` is given, or if the model isn't one.
    ValueError
        If the model has no summed variable, the astrocytes lack the input or already have gap junctions, no cells are near enough, or a pair is given
        twice or joins a cell to itself.
    IndexError
        If a pair names a cell that doesn't exist.

    Examples
    --------
    >>> gap_junctions = GapJunctions(astrocytes, within=75*um)
    >>> ring = GapJunctions(astrocytes, pairs=(range(50), np.roll(range(50), -1)), model=gap_junction(F=0.05*uM/second))
    """

    def __init__(
        self,
        astrocytes: Group,
        within: Quantity | None = None,
        pairs: tuple[ArrayLike, ArrayLike] | None = None,
        model: Model | str = gap_junction,
        *,
        name: str = "gap_junctions*",
        **kwargs: Any,
    ) -> None:
        if (within is None) == (pairs is None):
            raise TypeError("GapJunctions needs either within=..., a distance, or pairs=(i, j)")
        model = as_model(model)
        _check_inputs(astrocytes, model)
        _check_alone(astrocytes, model)
        i, j = _near(astrocytes, within) if pairs is None else _given(astrocytes, pairs)
        #: The model of the coupling, with the names that its parameters have here.
        self.model = model = _without_clashes(model, astrocytes)
        super().__init__(astrocytes, astrocytes, model=model.equations, name=name, **kwargs)
        self.connect(i=np.concatenate([i, j]), j=np.concatenate([j, i]))
        assign_values(self, model, level=1)
        _existing.add(self)
        point_to_user(self)


_existing: WeakSet[GapJunctions] = WeakSet()


def _targets(model: Model) -> list[str]:
    """What the coupling writes: inputs of the astrocytes."""
    return [name.removesuffix("_post") for name, eq in model.equations.items() if "summed" in eq.flags]


def _check_inputs(astrocytes: Group, model: Model) -> None:
    if not _targets(model):
        raise ValueError(
            f"{model.name} couples nothing: it has no summed variable of the postsynaptic cell, such as "
            "J_coupling_post = ... : mmolar/second (summed)"
        )
    for target in _targets(model):
        known = astrocytes.equations.get(target)
        if known is None or known.type != PARAMETER:
            raise ValueError(
                f"{model.name} writes to {target}, which is {'no input' if known else 'not a variable'} of "
                f"{astrocytes.name}; its model needs the Input {target}, as chi has it"
            )


def _check_alone(astrocytes: Group, model: Model) -> None:
    """Refuse a second object on the same cells: Brian2 can't sum both up in one variable."""
    gc.collect()  # a deleted one may still wait for it
    for other in _existing:
        for target in _targets(model):
            shared = other.target.variables.get(target) is astrocytes.variables[target]
            if shared and astrocytes.start < other.target.stop and other.target.start < astrocytes.stop:
                raise ValueError(
                    f"{astrocytes.name} already has the gap junctions {other.name}, and Brian2 can't add a second sum "
                    f"to {target}; give all pairs to one GapJunctions, or delete the other first"
                )


def _near(astrocytes: Group, within: Quantity) -> tuple[np.ndarray, np.ndarray]:
    i, j = neighbours(positions_of(astrocytes), within)
    if not len(i):
        raise ValueError(f"no two cells of {astrocytes.name} are within {within} of each other")
    return i, j


def _given(astrocytes: Group, pairs: tuple[ArrayLike, ArrayLike]) -> tuple[np.ndarray, np.ndarray]:
    wrong = ValueError("pairs=(i, j) takes two sequences of cell indices of the same length, not empty")
    try:
        i, j = (np.atleast_1d(np.asarray(cells)) for cells in pairs)
    except (TypeError, ValueError):  # not two things
        raise wrong from None
    integers = all(np.issubdtype(k.dtype, np.integer) for k in (i, j))
    if i.shape != j.shape or i.ndim != 1 or not len(i) or not integers:
        raise wrong
    N = len(astrocytes)
    outside = (i < 0) | (i >= N) | (j < 0) | (j >= N)
    if np.any(outside):
        raise IndexError(
            f"the pair ({i[outside][0]}, {j[outside][0]}) is not in {astrocytes.name}, which has {N} cells"
        )
    i, j = i.astype(int), j.astype(int)
    if np.any(i == j):
        raise ValueError(f"cell {i[i == j][0]} of {astrocytes.name} is paired with itself")
    each, counts = np.unique(np.sort([i, j], axis=0), axis=1, return_counts=True)
    if np.any(counts > 1):
        twice = each[:, counts > 1][:, 0]
        raise ValueError(
            f"cells {twice[0]} and {twice[1]} of {astrocytes.name} are paired {counts.max()} times; give each pair once"
        )
    return i, j


def _without_clashes(model: Model, astrocytes: Group) -> Model:
    """The same model with the suffix _syn on parameters that the astrocytes have too: Brian2 refuses those."""
    renamed = {name: f"{name}_syn" for name in model.parameters if name in astrocytes.variables}
    parameters = {renamed.get(name, name): parameter for name, parameter in model.parameters.items()}
    return replace(model, text=word_substitute(model.text, renamed), parameters=parameters)
