"""The curve of a model's fixed points as one parameter varies, followed by pseudo-arclength continuation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity
from scipy import optimize

from astrobrian.equations.dynamics import Range, RightHandSide, autonomous, search_box
from astrobrian.equations.model import Model, ModelError

STEP = 0.004  # largest step along the curve, as a fraction of the search box
SMALLEST = 1e-9


@dataclass(frozen=True, eq=False)
class Curve:
    """The curve f(x, p) = 0 in coordinates u = (x, p) that run from 0 to 1 over the search box.

    Attributes
    ----------
    flow : RightHandSide
    along : str
        The parameter p.
    low, width : numpy.ndarray
        Of the search box of the states, in SI units.
    start, length : float
        Of the range of the parameter, in SI units.
    """

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
    ) -> Curve:
        flow = autonomous(model, **{**overrides, along: between[0]})
        if along not in flow.system.constants:
            raise ModelError(f"the differential equations of {model.name} don't read {along}")
        box = search_box(flow, within)
        start, end = (float(np.asarray(flow.quantity(along, 0) + value)) for value in between)
        if start == end:
            raise ModelError(f"the range of {along} is empty: both ends are {between[0]}")
        return cls(flow, along, box[:, 0], box[:, 1] - box[:, 0], start, end - start)

    @property
    def along_axis(self) -> np.ndarray:
        return np.append(np.zeros(len(self.low)), 1.0)

    def parameter(self, u: float | np.ndarray) -> Quantity | np.ndarray:
        """The varied parameter with its unit."""
        return self.flow.quantity(self.along, self.start + self.length * u)

    def state(self, u: np.ndarray) -> np.ndarray:
        """The states in SI units, of shape ``(n,)`` or, for many u, ``(n, m)``."""
        return (self.low + self.width * u[:-1].T).T

    def arguments(self, u: np.ndarray) -> tuple[float, ...]:
        constants = dict(zip(self.flow.system.constants, self.flow.constants, strict=True))
        constants[self.along] = self.start + self.length * u[-1]
        return (*self.state(u), *constants.values())

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

    def tangent(self, u: np.ndarray) -> np.ndarray:
        return np.linalg.svd(self.slope(u))[2][-1]

    def tangent_towards(self, u: np.ndarray, direction: np.ndarray) -> np.ndarray:
        tangent = self.tangent(u)
        return tangent if tangent @ direction > 0 else -tangent

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
        """Points of the curve from u until it leaves the range of the parameter or the box, or closes; and if so."""
        path, ahead, size = [u], direction, STEP / 8
        while len(path) < 20 / STEP:
            guess = path[-1] + size * ahead
            new = self.corrected(guess, ahead) if 0 <= guess[-1] <= 1 else guess
            if new is not None and not 0 <= new[-1] <= 1:
                return path + self.end(path[-1], new), False
            if new is None or self.tangent_towards(new, ahead) @ ahead < 0.98:
                size /= 2
                if size < SMALLEST:
                    raise self.lost(path[-1])
                continue
            path.append(new)
            if np.any((new[:-1] < -0.1) | (new[:-1] > 1.1)):
                return path, False
            if len(path) > 10 and np.linalg.norm(new - u) < size and ahead @ direction > 0:
                return path, True
            ahead, size = self.tangent_towards(new, ahead), min(1.5 * size, STEP)
        return path, False

    def end(self, inside: np.ndarray, outside: np.ndarray) -> list[np.ndarray]:
        """Where the curve leaves the range of the parameter, unless `inside` is there already."""
        edge = np.clip(outside[-1], 0, 1)
        if inside[-1] == edge:
            return []
        fraction = (edge - inside[-1]) / (outside[-1] - inside[-1])
        found = self.corrected(inside + fraction * (outside - inside), self.along_axis)
        return [] if found is None else [found]

    def lost(self, u: np.ndarray) -> ModelError:
        return ModelError(
            f"lost the fixed points of {self.flow.model.name} near {self.along} = {self.parameter(u[-1])}"
        )

    def follow_both_ways(self, u: np.ndarray) -> np.ndarray:
        tangent = self.tangent(u)
        ahead, closed = self.follow(u, tangent)
        behind = [] if closed else self.follow(u, -tangent)[0]
        return np.array(behind[:0:-1] + ahead)

    def locate(self, test: Callable[[np.ndarray], float], a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Where a test function vanishes on the curve between two neighbouring points."""
        chord = b - a

        def at(fraction: float) -> np.ndarray:
            u = self.corrected(a + fraction * chord, chord / np.linalg.norm(chord))
            if u is None:
                raise self.lost(a)
            return u

        return at(optimize.brentq(lambda fraction: test(at(fraction)), 0, 1, xtol=1e-14, rtol=1e-14))


def distance(u: np.ndarray, path: np.ndarray) -> float:
    """From a point to the closest segment of a path."""
    start, chord = path[:-1], np.diff(path, axis=0)
    along = np.einsum("ij,ij->i", u - start, chord) / np.maximum(np.einsum("ij,ij->i", chord, chord), 1e-300)
    return float(np.min(np.linalg.norm(start + np.clip(along, 0, 1)[:, None] * chord - u, axis=1)))
