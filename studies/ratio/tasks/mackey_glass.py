"""The series of Mackey and Glass, chaotic for a delay of 17: to be predicted.

References
----------
Mackey MC, Glass L (1977) Oscillation and chaos in physiological control systems. Science 197:287-289.
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import cumulative_simpson

from astrobrian.studies.ratio.constants import Series
from astrobrian.studies.ratio.tasks.task import Target, Task, standardised

DELAY = 17
HORIZONS = {"one step": 1, "84 steps": 84}  #: in steps of a unit of time

_STREAM = 12
_TRANSIENT = 1000
_FINE = 50  # parts of a unit of time


def mackey_glass(seed: int, series: Series) -> Task:
    """One trajectory for each seed.

    Parameters
    ----------
    seed : int
        Of the level that the series had before it began; what comes before the attractor is left out.
    series : Series
    """
    read = series.train + series.test
    steps = series.washin + read
    level = np.random.default_rng([_STREAM, seed]).uniform(0.5, 1.3)
    all_of_it = standardised(
        trajectory(level, _TRANSIENT + steps + max(HORIZONS.values()))[_TRANSIENT:, np.newaxis],
        series.washin + series.train,
    )
    targets = {
        name: Target(all_of_it[series.washin + ahead :][:read], series.train)
        for name, ahead in HORIZONS.items()
    }
    return Task("mackey_glass", all_of_it[:steps], series.washin, 1, targets)


def trajectory(level: float, steps: int) -> np.ndarray:
    """A unit of time from step to step, after it had been at one level; shape (steps,).

    As Mackey and Glass (1977), with the constants that are customary: 0.2, 0.1 and the power 10. The slope is linear
    in what the series is now, so that from one delay to the next it is an integral over what it was.
    """
    since = np.arange(_FINE * DELAY + 1) / _FINE
    grown = np.exp(0.1 * since)
    before = np.full(len(since), level)
    parts = [before[-1:]]
    for _ in range(-(-steps // DELAY)):
        produced = 0.2 * before / (1 + before**10)
        before = (before[-1] + cumulative_simpson(grown * produced, x=since, initial=0)) / grown
        parts.append(before[_FINE::_FINE])
    return np.concatenate(parts)[:steps]
