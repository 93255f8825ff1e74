"""The chaotic series of Lorenz, all three coordinates: to be predicted, and to be gone on with.

References
----------
Lorenz EN (1963) Deterministic nonperiodic flow. Journal of the Atmospheric Sciences 20:130-141.
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp

from astrobrian.studies.ratio.constants import Series
from astrobrian.studies.ratio.tasks.task import Target, Task, standardised

STEP = 0.02  #: of time, from sample to sample
LYAPUNOV_EXPONENT = 0.9056  #: the largest, a unit of time
LYAPUNOV_TIMES = STEP * LYAPUNOV_EXPONENT  #: in a step
HORIZONS = {"one step": 1, "0.5 Lyapunov": 28, "1 Lyapunov": 55}  #: in steps

# the free runs, in steps: how long the input is given before the first, how long they are, and what is between them
_WASHIN = 500
_FREE = round(15 / LYAPUNOV_TIMES)  # longer than echo state networks stay with the series
_BETWEEN = 100
_STREAM = 11
_TRANSIENT = 1000
_CENTRE = np.array([0.0, 0.0, 25.0])


def lorenz(seed: int, series: Series) -> Task:
    """One trajectory for each seed.

    Parameters
    ----------
    seed : int
        Of the initial condition; what comes before the attractor is left out.
    series : Series
    """
    read = series.train + series.test
    steps = series.washin + read
    segments = [
        (start, start + _FREE)
        for start in range(_WASHIN, _WASHIN + series.free * (_FREE + _BETWEEN), _FREE + _BETWEEN)
    ]
    further = segments[-1][1] + _BETWEEN if segments else 0
    after = steps + max(HORIZONS.values())
    start = _CENTRE + 5 * np.random.default_rng([_STREAM, seed]).normal(size=3)
    all_of_it = standardised(
        trajectory(start, _TRANSIENT + after + further)[_TRANSIENT:], series.washin + series.train
    )
    targets = {
        name: Target(all_of_it[series.washin + ahead :][:read], series.train)
        for name, ahead in HORIZONS.items()
    }
    continuation = all_of_it[after:] if segments else None
    return Task("lorenz", all_of_it[:steps], series.washin, 1, targets, continuation, segments)


def trajectory(start: np.ndarray, steps: int) -> np.ndarray:
    """From a start, which is its first row; shape (steps, 3). As Lorenz (1963): sigma 10, rho 28, beta 8/3."""

    def slope(_: float, state: np.ndarray) -> tuple[float, float, float]:
        x, y, z = state
        return 10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z

    times = STEP * np.arange(steps)
    return solve_ivp(slope, times[[0, -1]], start, "DOP853", times, rtol=1e-10, atol=1e-10).y.T
