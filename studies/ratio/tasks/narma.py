"""NARMA-10: a product of inputs ten steps apart, in a feedback that remembers ten steps of itself.

References
----------
Atiya AF, Parlos AG (2000) New results on recurrent network training: unifying the algorithms and accelerating
convergence. IEEE Transactions on Neural Networks 11:697-709.
"""

from __future__ import annotations

import numpy as np

from astrobrian.studies.ratio.constants import Series
from astrobrian.studies.ratio.tasks.task import Target, Task, standardised

ORDER = 10

_STREAM = 13
_TRANSIENT = 200
_EXPLODED = 2.0


def narma(seed: int, series: Series) -> Task:
    """Another input for each seed.

    Parameters
    ----------
    seed : int
        Of the input.
    series : Series
    """
    random = np.random.default_rng([_STREAM, seed])
    steps = series.washin + series.train + series.test
    # once in a long while the series explodes; that input is left out
    answer = np.array([np.inf])
    while not np.abs(answer).max() < _EXPLODED:
        drive = random.uniform(0, 0.5, _TRANSIENT + steps)
        answer = response(drive)
    learned = series.washin + series.train
    inputs, outputs = (standardised(each[_TRANSIENT:, np.newaxis], learned) for each in (drive, answer))
    return Task("narma", inputs, series.washin, 1, {"next": Target(outputs[series.washin :], series.train)})


def response(drive: np.ndarray) -> np.ndarray:
    """What follows each input, as Atiya and Parlos (2000) have it; shape (steps,) as the input.

    Before the first input, and for ten steps of it, the series is 0.
    """
    y = np.zeros(len(drive) + 1)
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(ORDER - 1, len(drive)):
            remembered = y[t - ORDER + 1 : t + 1].sum()
            y[t + 1] = 0.3 * y[t] + 0.05 * y[t] * remembered + 1.5 * drive[t - ORDER + 1] * drive[t] + 0.1
    return y[1:]
