"""Fixed points along a parameter, with the folds and Hopf points where their stability changes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from brian2 import Quantity, second
from scipy import optimize

from astrobrian.equations.dynamics import (
    FixedPoint,
    Range,
    RightHandSide,
    fixed_point_at,
    fixed_points,
    rhs,
    search_box,
)
from astrobrian.equations.model import Model, ModelError

_STEP = 0.004  # largest step along a branch, as a fraction of the search box
_SMALLEST = 1e-9


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
    curve = _Curve.of(model, along, between, within, overrides)
    paths: list[np.ndarray] = []
    for value in np.linspace(0, 1, 5):
        at = {**overrides, along: curve.parameter_quantity(value)}
        for point in fixed_points(model, within, **at):
            u = np.append((point.x - curve.low) / curve.width, value)
            if not any(_distance(u, path) < _STEP / 8 for path in paths):
                paths.append(curve.follow_both_ways(u))
    folds, hopf_points = [], []
    for path in paths:
        for a, b in itertools.pairwise(path):
            if curve.is_fold(a, b):
                folds.append(curve.fold(curve.locate(curve.determinant, a, b)))
            if curve.pair_product(a) * curve.pair_product(b) < 0:
                hopf_points += curve.hopf(curve.locate(curve.pair_product, a, b))
    return BifurcationDiagram(
        model=curve.flow.model,
        along=along,
        branches=tuple(curve.branch(path) for path in paths),
        folds=tuple(sorted(folds, key=lambda found: float(found.value))),
        hopf_points=tuple(sorted(hopf_points, key=lambda found: float(found.value))),
    )


@dataclass(frozen=True, eq=False)
class _Curve:
    """The curve f(x, p) = 0 in coordinates u = (x, p) that run from 0 to 1 over the search box."""

    flow: RightHandSide
    along: str
    low: np.ndarray
    width: np.ndarray
    start: float
    length: float

    @classmethod
    def of(
        cls,
        model: Model,
        along: str,
        between: Range,
        within: Mapping[str, Range] | None,
        overrides: Mapping[str, Any],
    ) -> _Curve:
        flow = rhs(model, **{**overrides, along: between[0]})
        if along not in flow.system.constants:
            raise ModelError(f"the differential equations of {model.name} don't read {along}")
        box = search_box(flow, within)
        start, end = (float(np.asarray(value)) for value in between)
        if start == end:
            raise ModelError(f"the range of {along} is empty: both ends are {between[0]}")
        return cls(flow, along, box[:, 0], box[:, 1] - box[:, 0], start, end - start)

    @property
    def along_axis(self) -> np.ndarray:
        return np.append(np.zeros(len(self.low)), 1.0)

    def parameter(self, u: float) -> float:
        return self.start + self.length * u

    def parameter_quantity(self, u: float | np.ndarray) -> Quantity:
        return self.flow.quantity(self.along, self.start + self.length * u)

    def arguments(self, u: np.ndarray) -> tuple[float, ...]:
        constants = dict(zip(self.flow.system.constants, self.flow.constants, strict=True))
        constants[self.along] = self.parameter(u[-1])
        return (*(self.low + self.width * u[:-1]), *constants.values())

    def residual(self, u: np.ndarray) -> np.ndarray:
        return self.flow.system.function()(*self.arguments(u)) / self.width

    def slope(self, u: np.ndarray) -> np.ndarray:
        """d(residual)/du, of shape ``(n, n + 1)``."""
        by = (*self.flow.states, self.along)
        raw = self.flow.system.function(1, by)(*self.arguments(u))
        return raw * np.append(self.width, self.length) / self.width[:, None]

    def jacobian(self, u: np.ndarray) -> np.ndarray:
        return self.slope(u)[:, :-1]

    def tensor(self, u: np.ndarray, order: int) -> np.ndarray:
        """Derivatives of the residual by the states."""
        raw = self.flow.system.function(order)(*self.arguments(u))
        for axis in range(1, order + 1):
            raw = raw * self.width.reshape([-1 if k == axis else 1 for k in range(order + 1)])
        return raw / self.width.reshape([-1] + [1] * order)

    def determinant(self, u: np.ndarray) -> float:
        """Zero at folds."""
        return float(np.linalg.det(self.jacobian(u)))

    def pair_product(self, u: np.ndarray) -> float:
        """Product of the sums of all pairs of eigenvalues: zero at Hopf points (and at neutral saddles)."""
        eigenvalues = np.linalg.eigvals(self.jacobian(u))
        return float(np.prod([a + b for a, b in itertools.combinations(eigenvalues, 2)]).real)

    def tangent(self, u: np.ndarray) -> np.ndarray:
        return np.linalg.svd(self.slope(u))[2][-1]

    def corrected(self, guess: np.ndarray, normal: np.ndarray) -> np.ndarray | None:
        """The point of the curve in the plane through `guess` across `normal`, or None if Newton doesn't converge."""
        u = guess
        for _ in range(8):
            f = np.append(self.residual(u), normal @ (u - guess))
            if not np.all(np.isfinite(f)):
                return None
            try:
                step = np.linalg.solve(np.vstack([self.slope(u), normal]), f)
            except np.linalg.LinAlgError:
                return None
            u = u - step
            if np.max(np.abs(step)) < 1e-13:
                return u
        return u if np.max(np.abs(step)) < 1e-10 else None

    def follow(self, u: np.ndarray, direction: np.ndarray) -> tuple[list[np.ndarray], bool]:
        """Points of the curve from u until it leaves the range of the parameter or the box, or closes; and if it does."""
        path, ahead, size = [u], direction, _STEP / 8
        while len(path) < 20 / _STEP:
            new = self.corrected(path[-1] + size * ahead, ahead)
            if new is not None:
                turned = self.tangent(new)
                turned = turned if turned @ ahead > 0 else -turned
            if new is None or turned @ ahead < 0.98:
                size /= 2
                if size < _SMALLEST:
                    raise ModelError(
                        f"lost the fixed points of {self.flow.model.name} near {self.along} = "
                        f"{self.parameter_quantity(path[-1][-1])}"
                    )
                continue
            if not 0 <= new[-1] <= 1:
                return [*path, self.end(path[-1], new)], False
            path.append(new)
            if np.any((new[:-1] < -0.1) | (new[:-1] > 1.1)):
                return path, False
            if len(path) > 10 and np.linalg.norm(new - u) < size and ahead @ direction > 0:
                return path, True
            ahead, size = turned, min(1.5 * size, _STEP)
        return path, False

    def end(self, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
        """Where the curve leaves the range of the parameter."""
        edge = np.clip(outside[-1], 0, 1)
        fraction = (edge - inside[-1]) / (outside[-1] - inside[-1])
        guess = inside + fraction * (outside - inside)
        found = self.corrected(guess, self.along_axis)
        return inside if found is None else found

    def follow_both_ways(self, u: np.ndarray) -> np.ndarray:
        tangent = self.tangent(u)
        ahead, closed = self.follow(u, tangent)
        behind = [] if closed else self.follow(u, -tangent)[0]
        return np.array(behind[:0:-1] + ahead)

    def is_fold(self, a: np.ndarray, b: np.ndarray) -> bool:
        """Whether the curve turns back between two points; at a crossing of two curves it wouldn't."""
        before, after = self.tangent(a), self.tangent(b)
        turns = before[-1] * after[-1] * np.sign(before @ after) < 0
        return bool(turns and self.determinant(a) * self.determinant(b) < 0)

    def locate(self, test: Callable[[np.ndarray], float], a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Where a test function vanishes on the curve between two neighbouring points."""
        chord = b - a

        def at(fraction: float) -> np.ndarray:
            u = self.corrected(a + fraction * chord, chord / np.linalg.norm(chord))
            if u is None:
                raise ModelError(
                    f"lost the fixed points of {self.flow.model.name} near {self.along} = {self.parameter_quantity(a[-1])}"
                )
            return u

        return at(optimize.brentq(lambda fraction: test(at(fraction)), 0, 1, xtol=1e-14, rtol=1e-14))

    def fixed_point(self, u: np.ndarray) -> FixedPoint:
        here = rhs(self.flow.model, **{self.along: self.parameter_quantity(u[-1])})
        return fixed_point_at(here, self.low + self.width * u[:-1])

    def fold(self, u: np.ndarray) -> Fold:
        return Fold(self.parameter_quantity(u[-1]), self.fixed_point(u))

    def hopf(self, u: np.ndarray) -> list[Hopf]:
        """The Hopf point at u, or nothing if it is a neutral saddle."""
        jacobian = self.jacobian(u)
        eigenvalues = np.linalg.eigvals(jacobian)
        pair = eigenvalues[_imaginary(eigenvalues)]
        if not (pair.imag > 0 and abs(pair.real) < 1e-6 * pair.imag):
            return []
        lyapunov = first_lyapunov_coefficient(jacobian, self.tensor(u, 2), self.tensor(u, 3))
        period = 2 * np.pi / pair.imag * second
        return [Hopf(self.parameter_quantity(u[-1]), self.fixed_point(u), period, lyapunov)]

    def branch(self, path: np.ndarray) -> Branch:
        states = {
            name: self.flow.quantity(name, self.low[k] + self.width[k] * path[:, k])
            for k, name in enumerate(self.flow.states)
        }
        eigenvalues = np.array([np.linalg.eigvals(self.jacobian(u)) for u in path])
        return Branch(self.parameter_quantity(path[:, -1]), states, eigenvalues)


def _distance(u: np.ndarray, path: np.ndarray) -> float:
    """From a point to the closest segment of a path."""
    start, chord = path[:-1], np.diff(path, axis=0)
    along = np.einsum("ij,ij->i", u - start, chord) / np.maximum(np.einsum("ij,ij->i", chord, chord), 1e-300)
    return float(np.min(np.linalg.norm(start + np.clip(along, 0, 1)[:, None] * chord - u, axis=1)))


def first_lyapunov_coefficient(jacobian: np.ndarray, second: np.ndarray, third: np.ndarray) -> float:
    """Kuznetsov's l_1 from the derivatives of a flow at a Hopf point; negative where the cycle is born stable.

    Parameters
    ----------
    jacobian : numpy.ndarray
        Of shape ``(n, n)``, with one pair of imaginary eigenvalues.
    second, third : numpy.ndarray
        Derivatives of shape ``(n, n, n)`` and ``(n, n, n, n)``.
    """
    values, right = np.linalg.eig(jacobian)
    k = _imaginary(values)
    omega, q = values[k].imag, right[:, k]
    left_values, left = np.linalg.eig(jacobian.T)
    p = left[:, np.argmin(np.abs(left_values + 1j * omega))]
    q = q / np.linalg.norm(q)
    p = p / np.conj(np.vdot(p, q))

    def b(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.einsum("ijk,j,k->i", second, x, y)

    cubic = np.einsum("ijkl,j,k,l->i", third, q, q, q.conj())
    shift = b(q, np.linalg.solve(jacobian, b(q, q.conj())))
    double = np.linalg.solve(2j * omega * np.eye(len(jacobian)) - jacobian, b(q, q))
    return float(
        (np.vdot(p, cubic) - 2 * np.vdot(p, shift) + np.vdot(p, b(q.conj(), double))).real / (2 * omega)
    )


def _imaginary(eigenvalues: np.ndarray) -> int:
    """Index of the eigenvalue with a positive imaginary part that is closest to the imaginary axis."""
    distance = np.where(eigenvalues.imag > 0, np.abs(eigenvalues.real), np.inf)
    return int(np.argmin(distance))
