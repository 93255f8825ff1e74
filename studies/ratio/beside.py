"""Our liquids beside echo state networks on the same tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from astrobrian.studies.ratio.table import mixed
from astrobrian.studies.ratio.trials import Design, Reader


def beside(table: pd.DataFrame, echo_rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Medians over seeds of the score (NRMSE, or what the task is judged by), a row for each target.

    Parameters
    ----------
    table : DataFrame
        As `table.frame`.
    echo_rows : sequence of mapping
        The fields of `echo_state.EchoRow`; the table is empty if there are none.

    Returns
    -------
    DataFrame
        `task`, `target`, a column for each size of echo state network, and for each kind of units the largest mixed liquid
        and the best cell, both with a linear read-out as wide as they are; in `*_cell` the best cell.
    """
    if not echo_rows:
        return pd.DataFrame()
    echo = pd.DataFrame(list(echo_rows)).pivot_table(
        index=["task", "target"], columns="units", values="score", aggfunc="median", sort=False
    )
    found = echo.rename(columns=lambda size: f"echo state, {size}")
    ours = mixed(table)
    ours = ours[(ours["design"] == Design.WIDE) & (ours["reader"] == Reader.RIDGE) & ~ours["failed"]]
    medians = ours.groupby(["units", "task", "target", "neurons", "astrocytes"], as_index=False)[
        ["score", "nrmse"]
    ].median()
    for units, some in medians.groupby("units", sort=False):
        for (task, target), one in some.groupby(["task", "target"], sort=False):
            size = one["neurons"] + one["astrocytes"]
            errors = (one["score"] == one["nrmse"]).all()
            best = one.loc[one["score"].idxmin() if errors else one["score"].idxmax()]
            found.loc[(task, target), f"{units}, largest"] = one.loc[size.idxmax(), "score"]
            found.loc[(task, target), f"{units}, best"] = best["score"]
            found.loc[(task, target), f"{units}, best_cell"] = (
                f"{best['neurons']:.0f}+{best['astrocytes']:.0f}"
            )
    return found.reset_index()
