"""How far a parameter is known: by the Hessian, and by the profile of the likelihood.

The noise of the samples is taken to be independent, normal and of one unknown size, which is estimated from the residuals;
the least squares are then the likeliest parameters, and Student's distribution takes the place of the normal one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from scipy import stats

from astrobrian.bridges.fitting.bounds import Bounds
from astrobrian.bridges.fitting.least_squares import LeastSquares, Report, levenberg_marquardt

# an eigenvalue of the information, each parameter scaled to 1, below which a direction isn't identified (chosen here)
SINGULAR = 1e-6
# how near the search for the end of an interval comes, in units of the half-width, and after how many steps it gives up
_NEAR, _STEPS = 0.01, 25
# by how many squares of the noise a fit must be better to be another one
_BETTER = 1e-3


@dataclass(frozen=True)
class Interval:
    """A confidence interval in SI units; an end that is the parameter's own bound tells nothing."""

    low: float
    high: float
    low_is_bound: bool = False
    high_is_bound: bool = False


@dataclass(frozen=True, eq=False)
class Estimate:
    """Least squares that were found, and their curvature.

    Attributes
    ----------
    problem : LeastSquares
    z : Tensor, shape (parameters,)
    cost : float
        Sum of squared residuals.
    """

    problem: LeastSquares
    z: torch.Tensor
    cost: float

    @property
    def values(self) -> torch.Tensor:
        """The parameters in SI units."""
        return self.problem.bounds.values(self.z)

    @property
    def noise(self) -> float:
        """Standard deviation of the noise, from the residuals; no less than rounding makes."""
        rounding = torch.finfo(torch.float64).eps * float(self.problem.samples.abs().max())
        return max(math.sqrt(self.cost / self.problem.degrees_of_freedom), rounding)

    def half_width(self, level: float) -> float:
        """Of an interval of this level, in standard errors."""
        return float(stats.t.ppf((1 + level) / 2, self.problem.degrees_of_freedom))

    @cached_property
    def information(self) -> np.ndarray:
        """Expected (Fisher) information about the parameters: the Hessian of minus the log-likelihood without the second
        derivatives of the prediction, which the noise multiplies and averages out.
        """
        _, derivatives = self.problem.linearised(self.z[None])
        jacobian = (derivatives[0] / self.problem.bounds.slopes(self.z)).numpy()
        return jacobian.T @ jacobian / self.noise**2

    @cached_property
    def covariance(self) -> np.ndarray:
        """Inverse of the information; infinite for a parameter that it doesn't identify."""
        scale = np.sqrt(np.diag(self.information))
        some = np.where(scale > 0, scale, 1.0)
        scaled = self.information / np.outer(some, some) + np.diag(np.where(scale > 0, 0.0, 1.0))
        covariance = np.linalg.pinv(scaled, rcond=1e-15, hermitian=True) / np.outer(some, some)
        lost = [i for i, name in enumerate(self.problem.bounds.names) if name in self.unidentified]
        covariance[lost, lost] = np.inf
        return covariance

    @cached_property
    def unidentified(self) -> dict[str, str]:
        """Why, by name, for each parameter about which the information is (nearly) singular."""
        names = self.problem.bounds.names
        scale = np.sqrt(np.diag(self.information))
        reasons = {
            name: f"{name} has no effect on what was recorded"
            for name, one in zip(names, scale, strict=True)
            if not one > 0
        }
        felt = [i for i, one in enumerate(scale) if one > 0]
        scaled = self.information[np.ix_(felt, felt)] / np.outer(scale[felt], scale[felt])
        for size, direction in zip(*(each.T for each in np.linalg.eigh(scaled)), strict=True):
            if size < SINGULAR:
                together = [names[felt[i]] for i in np.flatnonzero(np.abs(direction) > 0.1)]
                for name in together:
                    others = " and ".join(other for other in together if other != name)
                    reasons[name] = f"a change of {name} can be made up for by one of {others}"
        return reasons


def hessian_intervals(estimate: Estimate, level: float) -> dict[str, Interval]:
    """Symmetric intervals by the expected information, cut off at the bounds of the parameters.

    Parameters
    ----------
    estimate : Estimate
    level : float
        Such as 0.95.

    Examples
    --------
    >>> hessian_intervals(estimate, 0.95)["O_beta"].high
    """
    widths = estimate.half_width(level) * np.sqrt(np.diag(estimate.covariance))
    ranges = estimate.problem.bounds.ranges
    intervals = {}
    for name, value, width in zip(ranges, estimate.values.tolist(), widths.tolist(), strict=True):
        (low, high), (least, most) = ranges[name], (value - width, value + width)
        intervals[name] = Interval(max(low, least), min(high, most), least <= low, most >= high)
    return intervals


@dataclass(frozen=True, eq=False)
class Profile:
    """How much worse the fit becomes when one parameter is held away from its estimate and all others follow.

    Attributes
    ----------
    values : ndarray
        Of the parameter, increasing, in SI units.
    distance : ndarray
        Signed root of how much the squared residuals grow, in units of the noise: a straight line where the model is
        linear, with the standard error as its inverse slope (Bates and Watts, 1988, call it tau).
    interval : Interval
        Where the distance stays within Student's quantile.
    """

    values: np.ndarray
    distance: np.ndarray
    interval: Interval


@dataclass
class _Side:
    """The search for one end of one profile, outwards."""

    parameter: int
    sign: float
    goal: float
    limit: float
    following: torch.Tensor
    points: list[tuple[float, float, torch.Tensor]] = field(default_factory=list)
    step: float = 0.1

    @property
    def inside(self) -> tuple[float, float, torch.Tensor]:
        return max((p for p in self.points if p[1] < self.goal), key=lambda p: self.sign * p[0])

    @property
    def outside(self) -> tuple[float, float, torch.Tensor] | None:
        beyond = [p for p in self.points if p[1] >= self.goal]
        return min(beyond, key=lambda p: self.sign * p[0]) if beyond else None

    @property
    def at_bound(self) -> bool:
        return self.outside is None and self.sign * self.inside[0] >= self.limit

    @property
    def over(self) -> bool:
        near = any(abs(p[1] - self.goal) < _NEAR * self.goal for p in self.points)
        return self.at_bound or (self.outside is not None and near) or len(self.points) > _STEPS

    def next(self) -> float:
        """Where to look next: on towards the goal, or, once it was passed, between both sides of it."""
        position, distance, _ = self.inside
        if self.outside is not None:
            return self.crossing()
        earlier = [p for p in self.points if p[1] < distance]
        if earlier:
            before, less, _ = max(earlier, key=lambda p: p[1])
            slope = abs(distance - less) / abs(position - before)
            wanted = (min(distance + self.goal / 2, 1.05 * self.goal) - distance) / max(slope, 1e-12)
            self.step = min(wanted, 2.5 * abs(position - before))
        return self.sign * min(self.sign * position + self.step, self.limit)

    def begin(self) -> torch.Tensor:
        """All parameters there, the others on the line through the nearest points."""
        position = self.next()
        near, *further = sorted(self.points, key=lambda p: abs(p[0] - position))
        if further:
            line = (further[0][2] - near[2]) / (further[0][0] - near[0])
        else:
            line = self.following
        z = (near[2] + (position - near[0]) * line).clamp(-self.limit, self.limit)
        z[self.parameter] = position
        return z

    def crossing(self) -> float:
        """Where the goal is reached, between the nearest points on both sides of it."""
        assert self.outside is not None
        (a, low, _), (b, high, _) = self.inside, self.outside
        return a + (b - a) * (self.goal - low) / (high - low)


def profiles(
    estimate: Estimate, level: float, report: Report | None = None
) -> tuple[dict[str, Profile], Estimate]:
    """Profile of every parameter, out to the ends of its interval or to its bounds.

    All ends are searched for at once, each by a row of its own.

    Parameters
    ----------
    estimate : Estimate
    level : float
        Such as 0.95.
    report : callable, optional
        Called with the part that is done and the same in words.

    Returns
    -------
    profiles : dict of str to Profile
    best : Estimate
        A better fit, if the search came across one: everything should then be begun again from it.
    """
    problem, goal = estimate.problem, estimate.half_width(level)
    sides = _sides(estimate, goal)
    best = estimate
    while searching := [side for side in sides if not side.over]:
        z = torch.stack([side.begin() for side in searching])
        held = torch.tensor([side.parameter for side in searching])
        free = torch.ones_like(z, dtype=torch.bool).scatter(1, held[:, None], False)
        z, costs = levenberg_marquardt(problem, z, free)
        for side, row, cost in zip(searching, z, costs.tolist(), strict=True):
            if cost < best.cost - _BETTER * estimate.noise**2:
                best = Estimate(problem, row, cost)
            distance = math.sqrt(max(cost - estimate.cost, 0.0)) / estimate.noise
            side.points.append((float(row[side.parameter]), distance, row))
        if best is not estimate:
            break
        if report is not None:
            found = sum(side.over for side in sides)
            report(found / len(sides), f"{found} of {len(sides)} ends found")
    pairs = zip(problem.bounds.names, sides[::2], sides[1::2], strict=True)
    return {name: _profile(problem.bounds, i, low, high) for i, (name, low, high) in enumerate(pairs)}, best


def _sides(estimate: Estimate, goal: float) -> list[_Side]:
    """Both searches of each parameter, with a first step of half the width that the Hessian tells."""
    slopes = np.maximum(estimate.problem.bounds.slopes(estimate.z).numpy(), np.finfo(float).tiny)
    covariance = estimate.covariance / np.outer(slopes, slopes)
    sides = []
    for i, variance in enumerate(np.diag(covariance)):
        # along the regression of the others on this one, if the Hessian knows it
        following = np.nan_to_num(covariance[:, i] / variance, posinf=0.0, neginf=0.0)
        following[i] = 1.0
        first = float(np.clip(goal * np.sqrt(variance) / 2, 1e-6, 1.0))
        begin = (float(estimate.z[i]), 0.0, estimate.z)
        sides += [
            _Side(i, sign, goal, estimate.problem.bounds.limit, torch.from_numpy(following), [begin], first)
            for sign in (-1.0, 1.0)
        ]
    return sides


def _profile(bounds: Bounds, parameter: int, low: _Side, high: _Side) -> Profile:
    def value(z: float) -> float:
        return float(bounds.values(torch.full((len(bounds.names),), z, dtype=torch.float64))[parameter])

    points = sorted({(p[0], side.sign * p[1]) for side in (low, high) for p in side.points})
    first, last = bounds.ranges[bounds.names[parameter]]
    interval = Interval(
        first if low.outside is None else value(low.crossing()),
        last if high.outside is None else value(high.crossing()),
        low.outside is None,
        high.outside is None,
    )
    return Profile(np.array([value(z) for z, _ in points]), np.array([tau for _, tau in points]), interval)


def autocorrelation(residuals: Sequence[np.ndarray]) -> float:
    """Of the residuals with their successors, over all traces; near zero where the noise is independent."""
    products = sum(float((r[1:] * r[:-1]).sum()) for r in residuals)
    return products / max(sum(float(np.square(r).sum()) for r in residuals), np.finfo(float).tiny)
