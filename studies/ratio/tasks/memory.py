"""Linear memory: noise, and what it was before.

References
----------
Jaeger H (2001) Short term memory in echo state networks. GMD Report 152, German National Research Center for
Information Technology.
"""

from __future__ import annotations

import numpy as np

from astrobrian.studies.ratio.constants import Series
from astrobrian.studies.ratio.scores import memory_capacity
from astrobrian.studies.ratio.tasks.task import Target, Task, standardised

DELAYS = 40  #: from one step to so many

_STREAM = 14


def memory(seed: int, series: Series) -> Task:
    """Another input for each seed; the outputs are the delays, the shortest first.

    Parameters
    ----------
    seed : int
        Of the input.
    series : Series
    """
    steps = series.washin + series.train + series.test
    noise = np.random.default_rng([_STREAM, seed]).uniform(-1, 1, (DELAYS + steps, 1))
    noise = standardised(noise, DELAYS + series.washin + series.train)
    was = np.hstack([noise[DELAYS - delay : len(noise) - delay] for delay in range(1, DELAYS + 1)])
    delays = Target(was[series.washin :], series.train, score=memory_capacity)
    return Task("memory", noise[DELAYS:], series.washin, 1, {"delays": delays})
