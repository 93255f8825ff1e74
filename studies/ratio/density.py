"""Where the fastest learners lie over the ratio, beside where all liquids lie: an octave grid has most near 1 to 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import gaussian_kde

from astrobrian.studies.ratio.table import ASKED, LEARNING, mixed

BEST = 0.1
"""Part of the liquids that are called the fastest: those with the most negative slopes."""

_DEGREES = 4


@dataclass(frozen=True)
class Density:
    """Of one kind of units in one design; the fastest are chosen for each target apart.

    Parameters
    ----------
    all, fastest, fastest_for_size : array
        Octaves of the ratio: of all liquids, of the fastest, and of those that are fastest for their size.
    """

    all: np.ndarray
    fastest: np.ndarray
    fastest_for_size: np.ndarray

    def table(self) -> pd.DataFrame:
        """By octave of the ratio: the share of all and of the fastest, and how many times more these are."""
        octaves = np.unique(np.round(self.all))
        shares = {
            name: np.array([np.mean(np.round(values) == octave) for octave in octaves])
            for name, values in vars(self).items()
        }
        return pd.DataFrame(
            {"octave": octaves}
            | shares
            | {f"{name}_over_all": shares[name] / shares["all"] for name in ("fastest", "fastest_for_size")}
        )


def densities(table: pd.DataFrame) -> dict[tuple[str, str], Density]:
    """By units and design."""
    gains = LEARNING.of(mixed(table))
    if gains.empty:
        return {}
    gains = gains.assign(for_size=gains["gain"] - _by_size(gains))
    found = {}
    for key, one in gains.groupby(["units", "design"], sort=False):
        best, best_for_size = (
            one[one.groupby(["task", "target"])[name].rank(pct=True, method="first") > 1 - BEST]
            for name in ("gain", "for_size")
        )
        found[key] = Density(*(each["log_ratio"].to_numpy() for each in (one, best, best_for_size)))
    return found


def _by_size(gains: pd.DataFrame) -> pd.Series:
    """What the size alone says of the gain, for each target: a polynomial of its logarithm."""
    said = pd.Series(0.0, index=gains.index)
    for _, one in gains.groupby(ASKED, sort=False):
        size = np.log2(one["size"].to_numpy(float))
        degree = min(_DEGREES, len(np.unique(size)) - 1)
        said[one.index] = (
            np.polynomial.Polynomial.fit(size, one["gain"], degree)(size) if degree else one["gain"].mean()
        )
    return said


def smooth(values: np.ndarray, at: np.ndarray) -> np.ndarray | None:
    """A density by Gaussian kernels of half an octave; None where all values are the same."""
    spread = values.std(ddof=1) if len(values) > 1 else 0.0
    return gaussian_kde(values, bw_method=0.5 / spread)(at) if spread > 0 else None
