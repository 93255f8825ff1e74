"""Limit cycles: what a model's oscillation looks like once it has settled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity, second
from scipy import optimize
from scipy.integrate import solve_ivp

from astrobrian.equations.dynamics import RightHandSide, autonomous
from astrobrian.equations.model import Model, ModelError


@dataclass(frozen=True, eq=False)
class LimitCycle:
    """A stable oscillation.

    Attributes
    ----------
    minimum, maximum : dict of str to Quantity
        Of each state over a period.
    period : Quantity
        In seconds.
    x : numpy.ndarray
        A point on the cycle, in SI units and the order of the model's states.
    """

    minimum: dict[str, Quantity]
    maximum: dict[str, Quantity]
    period: Quantity
    x: np.ndarray


def limit_cycle(
    model: Model,
    by: str | None = None,
    start: np.ndarray | None = None,
    longest: float = 2000.0,
    **overrides: Quantity | float,
) -> LimitCycle | None:
    """The oscillation that a model settles to, or None if it comes to rest.

    Integrated with LSODA (relative tolerance 1e-10) until the last three periods agree to 1e-5 of themselves and the
    states at their beginnings to 1e-5 of the swing: a decaying oscillation isn't taken for a cycle.

    Parameters
    ----------
    model : Model
        Any deterministic model.
    by : str, optional
        State whose upward crossings of its own middle mark the periods; the first state unless given.
    start : numpy.ndarray, optional
        Where to start, in SI units; the model's initial values unless given.
    longest : float, optional
        Seconds of the model's time after which it must have settled.
    **overrides : Quantity or float
        As in `rhs`.

    Raises
    ------
    ModelError
        If it hasn't settled after `longest`.

    Examples
    --------
    >>> limit_cycle(li_rinzel, I=0.7*umolar).period
    """
    flow = autonomous(model, **overrides)
    marked = flow.states.index(by) if by else 0
    x = flow.initial if start is None else start
    elapsed, window, periods = 0.0, longest / 16, np.empty(0)
    while elapsed < longest:
        path = _integrate(flow, x, window)
        x, elapsed = path.y[:, -1], elapsed + window
        late = path.y[:, path.t >= window / 2]
        low, high = late.min(axis=1), late.max(axis=1)
        if np.all(high - low <= 1e-6 * np.maximum(np.abs(high), np.abs(low))):
            return None
        times = _upward_crossings(path, marked, (low + high)[marked] / 2)
        periods = np.diff(times)
        if _repeats(path, times[-4:]):
            return _measure(flow, path.sol(times[-1]), periods[-1])
        if len(periods) < 6:
            window *= 2
    raise ModelError(
        f"{model.name} neither rests nor repeats itself within {longest:g} s; last periods {periods[-3:]} s"
    )


def cycles_along(
    model: Model,
    along: str,
    values: Iterable[Quantity | float],
    longest: float = 2000.0,
    **overrides: Quantity | float,
) -> list[tuple[Quantity | float, LimitCycle]]:
    """The oscillations of a model along a parameter, each followed from the one before it.

    Parameters
    ----------
    model : Model
        Any deterministic model.
    along : str
        Parameter or input to vary.
    values : iterable of Quantity or float
        Its values, in the order in which to visit them.
    longest, **overrides
        As in `limit_cycle`.

    Returns
    -------
    list of tuple
        Value and cycle, where there is one.

    Examples
    --------
    >>> plot_bifurcations(diagram, "C", cycles_along(li_rinzel, "I", np.arange(0.4, 1.2, 0.05)*umolar))
    """
    found: list[tuple[Quantity | float, LimitCycle]] = []
    for value in values:
        given: dict[str, Any] = {**overrides, along: value}
        cycle = limit_cycle(model, start=found[-1][1].x if found else None, longest=longest, **given)
        found += [] if cycle is None else [(value, cycle)]
    return found


def _integrate(flow: RightHandSide, x: np.ndarray, duration: float) -> optimize.OptimizeResult:
    tiny = 1e-12 * np.maximum(np.abs(x), 1e-3)
    return solve_ivp(
        flow, (0, duration), x, method="LSODA", jac=flow.jacobian, rtol=1e-10, atol=tiny, dense_output=True
    )


def _upward_crossings(path: optimize.OptimizeResult, marked: int, level: float) -> list[float]:
    """Times at which a state rises through a level."""
    above = path.y[marked] > level
    rising = np.flatnonzero(~above[:-1] & above[1:])

    def distance(t: float) -> float:
        return path.sol(t)[marked] - level

    return [optimize.brentq(distance, path.t[k], path.t[k + 1], xtol=1e-12) for k in rising]


def _repeats(path: optimize.OptimizeResult, times: list[float]) -> bool:
    """Whether the three periods that start at these times are one and the same."""
    if len(times) < 4:
        return False
    periods, starts = np.diff(times), path.sol(times)
    swing = np.ptp(path.sol(np.linspace(times[-2], times[-1], 200)), axis=1)
    same_length = np.ptp(periods) < 1e-5 * periods[-1]
    return bool(same_length and np.all(np.ptp(starts, axis=1) <= 1e-5 * swing))


def _measure(flow: RightHandSide, x: np.ndarray, period: float) -> LimitCycle:
    path = _integrate(flow, x, period)

    def extreme(row: int, pick: Callable[[np.ndarray], int], sign: int) -> float:
        k = pick(path.y[row])
        low, high = path.t[max(k - 1, 0)], path.t[min(k + 1, len(path.t) - 1)]
        best = optimize.minimize_scalar(
            lambda t: sign * path.sol(t)[row], bounds=(low, high), method="bounded"
        )
        return sign * best.fun

    return LimitCycle(
        minimum={n: flow.quantity(n, extreme(k, np.argmin, 1)) for k, n in enumerate(flow.states)},
        maximum={n: flow.quantity(n, extreme(k, np.argmax, -1)) for k, n in enumerate(flow.states)},
        period=period * second,
        x=x,
    )
