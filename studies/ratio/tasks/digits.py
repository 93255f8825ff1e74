"""Handwritten digits, read row by row: which digit is it?

The 1,797 pictures of 8 x 8 pixels that ship with scikit-learn, a part of the UCI data set.

References
----------
Alpaydin E, Kaynak C (1998) Optical recognition of handwritten digits. UCI Machine Learning Repository,
doi:10.24432/C50P49.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from astrobrian.studies.ratio.constants import Series
from astrobrian.studies.ratio.scores import accuracy
from astrobrian.studies.ratio.tasks.task import Target, Task

ROWS = 8  #: of a picture, each a step
TRAIN = 1300  #: pictures at most; all others are for the test
CLASSES = 10

_STREAM = 15


def digits(seed: int, series: Series) -> Task:
    """All pictures in another order for each seed, and other ones to learn from.

    In the wash-in are pictures that are learned from too. Pixels have one mean and deviation for all columns, since
    those at the edge are almost always empty.

    Parameters
    ----------
    seed : int
        Of the order.
    series : Series
        A sample is a picture; there are no more than the data set has.
    """
    pictures, classes = _data()
    random = np.random.default_rng([_STREAM, seed])
    train = min(series.train, TRAIN)
    chosen = random.permutation(len(pictures))
    chosen = np.append(chosen[:train], chosen[TRAIN:][: series.test])
    washin = -(-series.washin // ROWS)
    before = random.choice(chosen[:train], washin)
    known = pictures[chosen[:train]]
    shown = (pictures[np.append(before, chosen)] - known.mean()) / known.std()
    target = Target(classes[chosen], train, CLASSES, accuracy)
    return Task("digits", shown.reshape(-1, ROWS), ROWS * washin, ROWS, {"digit": target})


@cache
def _data() -> tuple[np.ndarray, np.ndarray]:
    """Pictures and what they show."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return found.images, found.target
