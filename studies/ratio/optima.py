"""The best ratio of everything that was asked of the liquids, each with a verdict on 2 to 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from astrobrian.studies.ratio.best_ratio import (
    LEVEL,
    TooLittle,
    Verdict,
    best_ratio,
    judge,
    mixed_model,
)
from astrobrian.studies.ratio.liquids import Arm
from astrobrian.studies.ratio.table import ALL_TASKS, ASKED, MEASURES, mixed, over_tasks

_UNKNOWN = {
    "ratio": np.nan,
    "low": np.nan,
    "high": np.nan,
    "near_two": np.nan,
    "at_edge": np.nan,
    "p": np.nan,
    "seeds": 0,
    "mixed_ratio": np.nan,
    "mixed_p": np.nan,
    "curve": None,
}


def optima(table: pd.DataFrame, targets: bool = True, arm: Arm = Arm.MIXED) -> pd.DataFrame:
    """Best ratios by units, task, target, design and measure; and over all tasks, each standardised.

    Parameters
    ----------
    table : DataFrame
        As `table.frame`.
    targets : bool, optional
        False leaves those of single targets out.
    arm : Arm, optional
        In others than the mixed one, the ratio is that of what is in the place of astrocytes.

    Returns
    -------
    DataFrame
        With the fields of `BestRatio`, itself in the column `curve`; `p_holm`, corrected for all comparisons of the single
        targets or, apart from them, of all tasks; `mixed_ratio` and `mixed_p` by a mixed-effects model; the `verdict`,
        and in `why` what there was too little of.
    """
    found = pd.DataFrame(
        list(_estimated(mixed(table, arm), targets)), columns=[*ASKED, "measure", *_UNKNOWN, "why"]
    )
    found["p_holm"] = np.nan
    for _, family in found[found["p"].notna()].groupby(found["task"] == ALL_TASKS):
        found.loc[family.index, "p_holm"] = multipletests(family["p"], LEVEL, "holm")[1]
    found["verdict"] = [
        Verdict.TOO_LITTLE if each.curve is None else judge(each.curve, each.p_holm)
        for each in found.itertuples()
    ]
    return found


def _estimated(ours: pd.DataFrame, targets: bool) -> Iterator[dict[str, Any]]:
    for measure in MEASURES:
        gains = measure.of(ours)
        for each in (over_tasks(gains), gains) if targets else (over_tasks(gains),):
            for asked, one in each.groupby(ASKED, sort=False):
                yield dict(zip(ASKED, asked, strict=True)) | {"measure": measure.name} | _one(one)


def _one(gains: pd.DataFrame) -> dict[str, Any]:
    try:
        best = best_ratio(gains)
        ratio, p = mixed_model(gains)
    except TooLittle as error:
        return _UNKNOWN | {"why": str(error)}
    known = {name: getattr(best, name) for name in _UNKNOWN if hasattr(best, name) and name != "curve"}
    return known | {"curve": best, "mixed_ratio": ratio, "mixed_p": p, "why": ""}
