"""The table of all trials, as the statistics read it: one row a trial."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from astrobrian.studies.ratio.liquids import Arm
from astrobrian.studies.ratio.trials import Design, Outcome, Reader

NAMES = ("units", "arm", "neurons", "astrocytes", "seed", "task", "target", "design", "reader")
"""What names a trial."""

ASKED = ["units", "task", "target", "design"]
"""What is asked of a liquid, and through which read-out: statistics are made for each of these apart."""

ALL_TASKS = "all tasks"

_NUMBERS = [
    each.name for each in fields(Outcome) if each.name not in ("error", "degenerate", "losses", "parameters")
]


def frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows of a store as a table; losses may be a list or a text in JSON.

    Returns
    -------
    DataFrame
        One row a trial, with the `NAMES`, the fields of an `Outcome`, `size` (units of the liquid), `log_ratio` (octaves
        of astrocytes over neurons, NaN where there is but one kind) and `failed` (an error, or no finite NRMSE or score).

    Raises
    ------
    ValueError
        If there is no row, or rows lack a column.
    """
    table = pd.DataFrame(list(rows))
    if table.empty:
        raise ValueError("there is no trial to report: the study has not finished a batch yet")
    missing = {*NAMES, *(each.name for each in fields(Outcome))} - set(table)
    if missing:
        raise ValueError(
            f"the trials lack {', '.join(sorted(missing))}; were they written by another version?"
        )
    table["losses"] = [json.loads(each) if isinstance(each, str) else each for each in table["losses"]]
    table[_NUMBERS] = table[_NUMBERS].astype(float)
    table["error"] = table["error"].fillna("")
    table["degenerate"] = table["degenerate"].fillna(False).astype(bool)
    table["size"] = table["neurons"] + table["astrocytes"]
    both = (table["neurons"] > 0) & (table["astrocytes"] > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        octaves = np.log2(table["astrocytes"].to_numpy(float)) - np.log2(table["neurons"].to_numpy(float))
    table["log_ratio"] = np.where(both, octaves, np.nan)
    table["failed"] = (table["error"] != "") | ~np.isfinite(table["score"].fillna(table["nrmse"]))
    return table


@dataclass(frozen=True)
class Measure:
    """How well a liquid did, as one number that is larger for the better.

    Parameters
    ----------
    name : str
    reader : Reader
    column : str
        Of the table.
    """

    name: str
    reader: Reader
    column: str

    def of(self, table: pd.DataFrame) -> pd.DataFrame:
        """The trials that have it, with its value in the column `gain`: minus a slope of the loss, minus the natural
        logarithm of an NRMSE, or a score of which more is better."""
        trials = table[(table["reader"] == self.reader) & ~table["failed"]]
        value = trials[self.column]
        if self.column == "score":
            errors = np.isclose(value, trials["nrmse"], rtol=1e-9, atol=0)
            with np.errstate(divide="ignore"):
                gain = np.where(errors, -np.log(np.where(errors, value, 1.0)), value)
        else:
            gain = -value.to_numpy()
        trials = trials.assign(gain=gain)
        return trials[np.isfinite(trials["gain"])]


LEARNING = Measure("learning rate", Reader.MLP, "learning_rate")
MEASURES = (
    LEARNING,
    Measure("relative learning rate", Reader.MLP, "relative_learning_rate"),
    Measure("score, MLP", Reader.MLP, "score"),
    Measure("score, ridge", Reader.RIDGE, "score"),
)


def mixed(table: pd.DataFrame, arm: Arm = Arm.MIXED) -> pd.DataFrame:
    """The trials of liquids with both neurons and astrocytes, or with both neurons and what an arm has instead."""
    return table[(table["arm"] == arm) & table["log_ratio"].notna()]


def over_tasks(gains: pd.DataFrame) -> pd.DataFrame:
    """One gain a liquid and design, over all that was asked of it: each target is standardised first."""
    asked = gains.groupby(ASKED)["gain"]
    spread = asked.transform("std")
    standardised = (gains["gain"] - asked.transform("mean")) / spread.where(spread > 0)
    names = ["units", "arm", "design", "neurons", "astrocytes", "log_ratio", "size", "seed"]
    liquids = gains.assign(gain=standardised).groupby(names, as_index=False, dropna=False)["gain"].mean()
    return liquids.dropna(subset=["gain"]).assign(task=ALL_TASKS, target=ALL_TASKS)


def cells(table: pd.DataFrame) -> pd.DataFrame:
    """One row for all seeds of a cell: how many trials, how many failed or degenerate, medians of what they learned."""
    names = [each for each in NAMES if each != "seed"]
    ours = table.assign(**{each: table[each].where(~table["failed"]) for each in _NUMBERS})
    return ours.groupby(names, as_index=False, observed=True).agg(
        trials=("seed", "size"),
        failed=("failed", "sum"),
        degenerate=("degenerate", "sum"),
        parameters=("parameters", "max"),
        learning_rate=("learning_rate", "median"),
        learning_rate_sd=("learning_rate", "std"),
        final_loss=("final_loss", "median"),
        epochs_to_threshold=("epochs_to_threshold", "median"),
        nrmse=("nrmse", "median"),
        score=("score", "median"),
    )


def health(table: pd.DataFrame) -> pd.DataFrame:
    """By units and arm: how many liquids were driven by a task and how many of them were degenerate; failed trials; rates."""
    liquids = [*NAMES[:5], "task"]
    driven = table.groupby(liquids, as_index=False)[["degenerate", "neuron_rate", "astrocyte_rate"]].max()
    kind = ["units", "arm"]
    found = driven.groupby(kind, as_index=False).agg(
        liquids_driven=("seed", "size"),
        degenerate=("degenerate", "sum"),
        neuron_rate=("neuron_rate", "median"),
        astrocyte_rate=("astrocyte_rate", "median"),
    )
    trials = table.groupby(kind, as_index=False).agg(trials=("seed", "size"), failed=("failed", "sum"))
    return found.merge(trials, on=kind)


def width_of_design(table: pd.DataFrame) -> pd.DataFrame:
    """For each liquid, the parameters of the read-out as wide as itself: the same column in both designs."""
    wide = table[(table["design"] == Design.WIDE) & (table["reader"] == Reader.MLP)]
    names = ["units", "task", "target", "neurons", "astrocytes", "arm"]
    wide = wide.groupby(names, as_index=False)["parameters"].max()
    return table.merge(wide.rename(columns={"parameters": "wide_parameters"}), on=names, how="left")
