"""What astrocytes are good for: liquids with them beside liquids that have something else in their place.

All comparisons are within a cell and a seed, so that the same wiring, weights and series are on both sides. Their mean
over the cells is one number a seed, and the seeds are the sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

from astrobrian.studies.ratio.best_ratio import LEVEL
from astrobrian.studies.ratio.liquids import Arm
from astrobrian.studies.ratio.table import ALL_TASKS, ASKED, MEASURES, mixed, over_tasks

ALONE = {"neurons alone": "neurons", "astrocytes alone": "astrocytes"}
"""The margins of the grid: what there is nothing of the other kind beside."""

_NUMBERS = ["cells", "seeds", "difference", "low", "high", "d", "d_low", "d_high", "p"]
_PLACE = [*ASKED, "neurons", "astrocytes"]


def arm_effects(table: pd.DataFrame) -> pd.DataFrame:
    """The mixed liquids against each other arm, and against liquids of one kind with the same number of units.

    For each target, and over all tasks with each target standardised.

    A size that a margin of the grid lacks is interpolated between its neighbours, linearly over the logarithm.

    Returns
    -------
    DataFrame
        By what was asked, `measure` and `against`: the `cells` compared, the `seeds`, the mean `difference` of the gain
        (positive where the mixed liquids are better) with its interval of 95 % (`low`, `high`; Student's t over seeds),
        the effect size `d` with its interval (`d_low`, `d_high`: the difference over the standard deviation between
        seeds within a cell), `p`, and `p_holm`, corrected for all comparisons of the single targets or, apart from them,
        of all tasks.
    """
    found = pd.DataFrame(list(_all(table)), columns=[*ASKED, "measure", "against", *_NUMBERS])
    found["p_holm"] = np.nan
    for _, family in found[found["p"].notna()].groupby(found["task"] == ALL_TASKS):
        found.loc[family.index, "p_holm"] = multipletests(family["p"], LEVEL, "holm")[1]
    return found


def _all(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for measure in MEASURES:
        gains = measure.of(table)
        for each in (over_tasks(gains), gains):
            yield from _of(measure.name, each)


def _of(name: str, gains: pd.DataFrame) -> Iterator[dict[str, Any]]:
    ours = mixed(gains)[[*_PLACE, "seed", "size", "gain"]]
    for arm in Arm:
        if arm is not Arm.MIXED:
            other = gains[gains["arm"] == arm].set_index([*_PLACE, "seed"])["gain"]
            yield from _compared(name, arm.value, ours.join(other.rename("other"), on=[*_PLACE, "seed"]))
    for against, kind in ALONE.items():
        alone = gains[(gains["arm"] == Arm.MIXED) & (gains[kind] == gains["size"])]
        yield from _compared(name, against, _beside(ours, alone))


def _beside(ours: pd.DataFrame, alone: pd.DataFrame) -> pd.DataFrame:
    """Each mixed liquid with what one kind alone would do with as many units, NaN outside of the sizes there are."""
    curves = {key: one.sort_values("size") for key, one in alone.groupby([*ASKED, "seed"])}
    parts = [ours.assign(other=np.nan).iloc[:0]]
    for key, one in ours.groupby([*ASKED, "seed"], sort=False):
        if key in curves:
            known = np.log2(curves[key]["size"].to_numpy(float)), curves[key]["gain"].to_numpy()
            other = np.interp(np.log2(one["size"].to_numpy(float)), *known, left=np.nan, right=np.nan)
            parts.append(one.assign(other=other))
    return pd.concat(parts)


def _compared(name: str, against: str, pairs: pd.DataFrame) -> Iterator[dict[str, Any]]:
    pairs = pairs.dropna(subset=["other"])
    pairs = pairs.assign(difference=pairs["gain"] - pairs["other"])
    for asked, one in pairs.groupby(ASKED, sort=False):
        by_seed = one.groupby("seed")["difference"].mean().to_numpy()
        cells = one.groupby(["neurons", "astrocytes"])
        spread = np.sqrt(cells[["gain", "other"]].var().mean().mean())
        mean, seeds = by_seed.mean(), len(by_seed)
        half = p = np.nan
        if seeds > 1:
            error = by_seed.std(ddof=1) / np.sqrt(seeds)
            half = float(stats.t.ppf(1 - LEVEL / 2, seeds - 1) * error)
            p = float(2 * stats.t.sf(abs(mean) / error, seeds - 1)) if error > 0 else float(mean == 0)
        scale = spread if spread > 0 else np.nan
        yield dict(zip(ASKED, asked, strict=True)) | {
            "measure": name,
            "against": against,
            "cells": cells.ngroups,
            "seeds": seeds,
            "difference": mean,
            "low": mean - half,
            "high": mean + half,
            "d": mean / scale,
            "d_low": (mean - half) / scale,
            "d_high": (mean + half) / scale,
            "p": p,
        }
