"""Which ratio of astrocytes to neurons is best, how sure that is, and what may be said of 2 to 1.

In two stages. For each seed, the gain of its liquids is fitted by a smooth curve over the octaves of the ratio (a natural
spline, one knot in two octaves) beside a polynomial of the logarithm of the size, so that size is taken out. Then the
seeds are the sample: the curve is their mean, its maximum the best ratio, and seeds are what the bootstrap draws.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats
from scipy.interpolate import CubicSpline
from statsmodels.tools.sm_exceptions import ModelWarning

# the random numbers of the resamples are those of nothing else
_STREAM = 7
_RESAMPLES = 2000
_POINTS = 201
# a natural spline needs a knot between its ends; a polynomial of more than this degree follows noise
_LEAST_KNOTS, _MOST_DEGREES = 3, 4
LEAST_SEEDS = 5
LEVEL = 0.05


class TooLittle(ValueError):
    """The trials can't tell a best ratio; the message says what is missing."""


class Verdict(StrEnum):
    """What may be said of 2 to 1. Decided before the study was run; see `judge`."""

    HOLDS = "holds"
    CONTRADICTED = "doesn't hold"
    UNRESOLVED = "isn't resolved"
    NO_EFFECT = "no effect of the ratio"
    TOO_LITTLE = "too few trials"


@dataclass(frozen=True)
class BestRatio:
    """The best ratio of one kind of liquid on one task, size taken out.

    Parameters
    ----------
    ratio, low, high : float
        Astrocytes per neuron, and the interval of 95 %.
    near_two : float
        Part of the resamples with a best ratio in the octave around 2 to 1.
    at_edge : float
        Part of them with a best ratio at the edge of the grid, beyond which it may lie.
    p : float
        That the curve is flat: repeated measures over seeds with the correction of Greenhouse and Geisser.
    seeds : int
    octaves, curve, curve_low, curve_high : array, shape (points,)
        The gain over the octaves of the ratio, its mean taken off, with its interval.
    """

    ratio: float
    low: float
    high: float
    near_two: float
    at_edge: float
    p: float
    seeds: int
    octaves: np.ndarray
    curve: np.ndarray
    curve_low: np.ndarray
    curve_high: np.ndarray


def best_ratio(gains: pd.DataFrame, resamples: int = _RESAMPLES) -> BestRatio:
    """The best ratio of some liquids.

    Parameters
    ----------
    gains : DataFrame
        One row a liquid, with `log_ratio`, `size`, `seed` and `gain`.
    resamples : int, optional

    Raises
    ------
    TooLittle
        If there are fewer than five seeds, or the grid has too few cells to tell the ratio from the size.
    """
    design = _Design.of(gains)
    slopes = np.array([slope for _, one in gains.groupby("seed") if (slope := design.fit(one)) is not None])
    seeds = len(slopes)
    if seeds < LEAST_SEEDS:
        raise TooLittle(f"{seeds} seeds have enough cells, and {LEAST_SEEDS} are needed")
    octaves = np.linspace(design.knots[0], design.knots[-1], _POINTS)
    basis = design.ratio(octaves)
    basis = basis - basis.mean(axis=0)
    random = np.random.default_rng([_STREAM, seeds])
    drawn = random.multinomial(seeds, np.full(seeds, 1 / seeds), resamples) / seeds
    curves = drawn @ slopes @ basis.T
    optima = octaves[curves.argmax(axis=1)]
    tails = _tails(seeds)
    curve = basis @ slopes.mean(axis=0)
    curve_low, curve_high = np.quantile(curves, tails, axis=0)
    low, high = 2.0 ** np.quantile(optima, tails)
    edge = np.isin(optima, octaves[[0, -1]])
    return BestRatio(
        ratio=float(2.0 ** octaves[curve.argmax()]),
        low=float(low),
        high=float(high),
        near_two=float(np.mean(np.abs(optima - 1) <= 0.5)),
        at_edge=float(edge.mean()),
        p=_flat(slopes, design.whitening()),
        seeds=seeds,
        octaves=octaves,
        curve=curve,
        curve_low=curve_low,
        curve_high=curve_high,
    )


def mixed_model(gains: pd.DataFrame) -> tuple[float, float]:
    """The same by one mixed-effects model, with an intercept for each seed at random: a check of the two stages.

    Returns
    -------
    ratio, p : float
        The best ratio, and that the curve is flat by Wald's test, which takes all liquids for independent.

    Raises
    ------
    TooLittle
        As `best_ratio`.
    """
    design = _Design.of(gains)
    if gains["seed"].nunique() < LEAST_SEEDS:
        raise TooLittle(f"there are {gains['seed'].nunique()} seeds, and {LEAST_SEEDS} are needed")
    number = len(design.knots) - 1
    with warnings.catch_warnings():
        # seeds that don't differ put the variance of their intercepts at its bound, which is as it should be
        warnings.simplefilter("ignore", ModelWarning)
        fit = sm.MixedLM(gains["gain"].to_numpy(), design.matrix(gains), gains["seed"].to_numpy()).fit()
    octaves = np.linspace(design.knots[0], design.knots[-1], _POINTS)
    best = octaves[(design.ratio(octaves) @ fit.fe_params[:number]).argmax()]
    test = fit.wald_test(np.eye(number, len(fit.params)), scalar=True)
    return float(2.0**best), float(test.pvalue)


def judge(best: BestRatio, p: float) -> Verdict:
    """What may be said of 2 to 1.

    Nothing, if the ratio has no effect that 5 % would call one. That it holds, if the interval of the best ratio excludes 1
    and 4, and contains 2 or lies in the octave around it, since the grid is one of octaves; that it doesn't, if the
    interval excludes 2 otherwise; and else that it isn't resolved.

    Parameters
    ----------
    best : BestRatio
    p : float
        That of `best`, corrected for the number of comparisons.
    """
    if not p <= LEVEL:
        return Verdict.NO_EFFECT
    contains = best.low <= 2 <= best.high
    around = 2**0.5 <= best.low and best.high <= 2**1.5
    if (contains or around) and 1 < best.low and best.high < 4:
        return Verdict.HOLDS
    return Verdict.UNRESOLVED if contains else Verdict.CONTRADICTED


@dataclass(frozen=True)
class _Design:
    """What a gain is fitted by: as rich as the grid allows."""

    knots: np.ndarray
    degree: int
    middle: float
    spread: float
    cells: pd.DataFrame

    @classmethod
    def of(cls, gains: pd.DataFrame) -> _Design:
        cells = gains[["log_ratio", "size"]].drop_duplicates()
        levels = np.unique(cells["log_ratio"])
        if len(levels) < _LEAST_KNOTS:
            raise TooLittle(f"the grid has {len(levels)} ratios, and {_LEAST_KNOTS} are needed")
        knots = np.linspace(levels[0], levels[-1], max(_LEAST_KNOTS, round((levels[-1] - levels[0]) / 2) + 1))
        # no more than one number is fitted for two cells
        degree = min(_MOST_DEGREES, len(cells) // 2 - len(knots))
        if degree < 1:
            raise TooLittle(
                f"the grid has {len(cells)} cells with both kinds, too few to tell ratio from size"
            )
        size = np.log2(cells["size"])
        design = cls(knots, degree, size.mean(), size.std(), cells)
        if np.linalg.matrix_rank(design.matrix(cells)) < len(knots) + degree:
            raise TooLittle("in this grid the ratio can't be told from the size: give it more cells")
        return design

    def ratio(self, octaves: np.ndarray) -> np.ndarray:
        """Of shape (values, knots - 1): the constant is left out."""
        return CubicSpline(self.knots, np.eye(len(self.knots)), bc_type="natural")(octaves)[:, 1:]

    def matrix(self, cells: pd.DataFrame) -> np.ndarray:
        """The columns of the ratio come first, then the constant and the powers of the size."""
        size = (np.log2(cells["size"].to_numpy()) - self.middle) / self.spread
        powers = np.vander(size, self.degree + 1, increasing=True)
        return np.hstack([self.ratio(cells["log_ratio"].to_numpy()), powers])

    def fit(self, one: pd.DataFrame) -> np.ndarray | None:
        """The coefficients of the ratio for one seed; None if it has lost too many of its cells."""
        matrix = self.matrix(one)
        found, _, rank, _ = np.linalg.lstsq(matrix, one["gain"].to_numpy(), rcond=None)
        return found[: len(self.knots) - 1] if rank == matrix.shape[1] < len(one) else None

    def whitening(self) -> np.ndarray:
        """What makes the coefficients of a seed independent, if its liquids are."""
        matrix = self.matrix(self.cells)
        ratio, rest = matrix[:, : len(self.knots) - 1], matrix[:, len(self.knots) - 1 :]
        return np.linalg.qr(ratio - rest @ np.linalg.lstsq(rest, ratio, rcond=None)[0]).R


def _tails(seeds: int) -> tuple[float, float]:
    """Percentiles of 95 %, wider for few seeds, since a bootstrap of few is too narrow (Hesterberg 2015)."""
    tail = float(stats.norm.cdf(np.sqrt(seeds / (seeds - 1)) * stats.t.ppf(LEVEL / 2, seeds - 1)))
    return tail, 1 - tail


def _flat(slopes: np.ndarray, whitening: np.ndarray) -> float:
    """Analysis of variance of repeated measures; each of the whitened coefficients is a contrast."""
    contrasts = slopes @ whitening.T
    seeds, number = contrasts.shape
    mean = contrasts.mean(axis=0)
    covariance = np.atleast_2d(np.cov(contrasts, rowvar=False))
    spread = np.trace(covariance)
    if spread == 0:
        return float(not mean.any())
    epsilon = spread**2 / (number * np.trace(covariance @ covariance))
    freedom = epsilon * number
    return float(stats.f.sf(seeds * mean @ mean / spread, freedom, freedom * (seeds - 1)))
