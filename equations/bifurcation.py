"""Fixed points along a parameter, with the folds and Hopf points where their stability changes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from brian2 import Quantity, second

from astrobrian.equations.continuation import STEP, Curve, distance
from astrobrian.equations.dynamics import FixedPoint, Range, fixed_points
from astrobrian.equations.lyapunov import first_lyapunov_coefficient, imaginary_pair
from astrobrian.equations.model import Model


@dataclass(frozen=True, eq=False)
class Fold:
    """Two fixed points meet and vanish (saddle-node bifurcation).

    Attributes
    ----------
    value : Quantity
        Of the parameter.
    point : FixedPoint
        Where they meet.
    """

    value: Quantity
    point: FixedPoint


@dataclass(frozen=True, eq=False)
class Hopf:
    """A focus changes stability and a limit cycle is born.

    Attributes
    ----------
    value : Quantity
        Of the parameter.
    point : FixedPoint
        The focus.
    period : Quantity
        Of infinitesimal oscillations, in seconds.
    lyapunov : float
        First Lyapunov coefficient (Kuznetsov, Elements of Applied Bifurcation Theory, chapter 5), in 1/second, with
        the states measured in units of the search box. Only its sign doesn't depend on that choice.
    """

    value: Quantity
    point: FixedPoint
    period: Quantity
    lyapunov: float

    @property
    def supercritical(self) -> bool:
        """Whether the cycle is stable at birth and grows from nothing; otherwise it is unstable, and the jump hard."""
        return self.lyapunov < 0


@dataclass(frozen=True, eq=False)
class Branch:
    """Fixed points that are connected, in order along the curve.

    Attributes
    ----------
    values : Quantity
        The parameter, of shape ``(n,)``.
    states : dict of str to Quantity
        Each state, of shape ``(n,)``.
    eigenvalues : numpy.ndarray
        Of the Jacobian, in 1/second, of shape ``(n, number of states)``.
    """

    values: Quantity
    states: dict[str, Quantity]
    eigenvalues: np.ndarray

    @cached_property
    def stable(self) -> np.ndarray:
        """Whether each point is, of shape ``(n,)``."""
        return np.all(self.eigenvalues.real < 0, axis=1)


@dataclass(frozen=True, eq=False)
class BifurcationDiagram:
    """Everything that `bifurcations` found.

    Attributes
    ----------
    model : Model
    along : str
        The parameter or input.
    branches : tuple of Branch
    folds : tuple of Fold
        In ascending order of the parameter.
    hopf_points : tuple of Hopf
        Likewise.
    """

    model: Model
    along: str
    branches: tuple[Branch, ...]
    folds: tuple[Fold, ...]
    hopf_points: tuple[Hopf, ...]

    def __str__(self) -> str:
        lines = [f"{self.model.name} along {self.along}: {len(self.branches)} branches of fixed points"]
        lines += [f"  fold at {fold.value}" for fold in self.folds]
        lines += [
            f"  {'supercritical' if hopf.supercritical else 'subcritical'} Hopf point at {hopf.value}, "
            f"period {hopf.period}"
            for hopf in self.hopf_points
        ]
        return "\n".join(lines)


def bifurcations(
    model: Model,
    along: str,
    between: Range,
    within: Mapping[str, Range] | None = None,
    **overrides: Quantity | float,
) -> BifurcationDiagram:
    """Follow all fixed points of a model along a parameter or input, and locate where their stability changes.

    Branches are followed by pseudo-arclength continuation from the fixed points at five values of the parameter, with
    exact Jacobians. Folds and Hopf points are then located to rounding on the curve itself.

    Parameters
    ----------
    model : Model
        Any deterministic model.
    along : str
        Parameter or input to vary.
    between : tuple
        Its first and last value, with units.
    within : Mapping[str, tuple], optional
        Range of each state, as in `fixed_points`.
    **overrides : Quantity or float
        Other parameters and inputs, as in `rhs`.

    Raises
    ------
    ModelError
        If the model doesn't have `along` in its differential equations, or a state has no finite range.

    Examples
    --------
    >>> print(bifurcations(li_rinzel, "I", between=(0.1*umolar, 1.2*umolar)))
    """
    curve = Curve.of(model, along, between, within, overrides)
    paths: list[np.ndarray] = []
    for value in np.linspace(0, 1, 5):
        at: dict[str, Any] = {**overrides, along: curve.parameter(value)}
        for point in fixed_points(model, within, **at):
            u = np.append((point.x - curve.low) / curve.width, value)
            if not any(distance(u, path) < STEP / 8 for path in paths):
                paths.append(curve.follow_both_ways(u))
    folds = [fold for path in paths for fold in _folds(curve, path)]
    hopf_points = [hopf for path in paths for hopf in _hopf_points(curve, path)]
    return BifurcationDiagram(
        model=curve.flow.model,
        along=along,
        branches=tuple(_branch(curve, path) for path in paths),
        folds=tuple(sorted(folds, key=lambda fold: float(fold.value))),
        hopf_points=tuple(sorted(hopf_points, key=lambda hopf: float(hopf.value))),
    )


def _determinant(curve: Curve, u: np.ndarray) -> float:
    """Zero at folds."""
    return float(np.linalg.det(curve.jacobian(u)))


def _pair_product(curve: Curve, u: np.ndarray) -> float:
    """Product of the sums of all pairs of eigenvalues: zero at Hopf points (and at neutral saddles)."""
    pairs = itertools.combinations(np.linalg.eigvals(curve.jacobian(u)), 2)
    return float(np.prod([a + b for a, b in pairs]).real)


def _folds(curve: Curve, path: np.ndarray) -> list[Fold]:
    """Where a path turns back; where two curves cross the determinant vanishes too, but nothing turns."""
    found = []
    for a, b in itertools.pairwise(path):
        before = curve.tangent(a)
        turns = before[-1] * curve.tangent_towards(b, before)[-1] < 0
        if turns and _determinant(curve, a) * _determinant(curve, b) < 0:
            u = curve.locate(partial(_determinant, curve), a, b)
            found.append(Fold(curve.parameter(u[-1]), _fixed_point(curve, u)))
    return found


def _hopf_points(curve: Curve, path: np.ndarray) -> list[Hopf]:
    found = []
    for a, b in itertools.pairwise(path):
        if _pair_product(curve, a) * _pair_product(curve, b) < 0:
            u = curve.locate(partial(_pair_product, curve), a, b)
            jacobian = curve.jacobian(u)
            eigenvalues = np.linalg.eigvals(jacobian)
            pair = eigenvalues[imaginary_pair(eigenvalues)]
            if pair.imag > 0 and abs(pair.real) < 1e-6 * pair.imag:  # otherwise it is a neutral saddle
                lyapunov = first_lyapunov_coefficient(jacobian, curve.tensor(u, 2), curve.tensor(u, 3))
                period = 2 * np.pi / pair.imag * second
                found.append(Hopf(curve.parameter(u[-1]), _fixed_point(curve, u), period, lyapunov))
    return found


def _fixed_point(curve: Curve, u: np.ndarray) -> FixedPoint:
    return FixedPoint.of(curve.flow, curve.state(u), np.linalg.eigvals(curve.jacobian(u)))


def _branch(curve: Curve, path: np.ndarray) -> Branch:
    states = curve.state(path.T)
    return Branch(
        curve.parameter(path[:, -1]),
        {name: curve.flow.quantity(name, states[k]) for k, name in enumerate(curve.flow.states)},
        np.array([np.linalg.eigvals(curve.jacobian(u)) for u in path]),
    )
