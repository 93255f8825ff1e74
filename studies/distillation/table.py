"""What all parts of the study found, as a table, and which bars they meet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from astrobrian.studies.distillation.part import Part

BARS = (("AM", "modulation", 0.95), ("AM", "C", 0.85), ("FM", "F1", 0.8))
"""What is asked of a unit on kinds of stimuli that were never fitted, by regime: R2 of release and of calcium, F1 of events."""


def table(folder: Path, parts: Sequence[Part]) -> pd.DataFrame:
    """A row for each part, model, kind of stimuli and score.

    The kind is ``"fitted"``, ``"held_out"`` (all of them), or one of the held-out kinds; `never_fitted` says which these
    are.
    """
    rows = []
    for part in parts:
        figures = json.loads((folder / part.name / "summary.json").read_text())["figures"]
        never = figures["kinds_never_fitted"]
        for model, scores in figures["scores"].items():
            groups = {"fitted": scores["fitted"], "held_out": scores["held_out"], **scores["by_kind"]}
            rows += [
                (part.regime, part.loop, model, kind, kind in never, name, value)
                for kind, by_name in groups.items()
                for name, value in by_name.items()
            ]
    return pd.DataFrame(rows, columns=["regime", "loop", "model", "kind", "never_fitted", "score", "value"])


def bars(found: pd.DataFrame) -> dict[str, dict]:
    """For each bar, what the unit reaches on each kind that was never fitted, and whether the least of it is enough."""
    told = {}
    for (loop,), rows in found[found.never_fitted & (found.model == "unit")].groupby(["loop"]):
        for regime, score, bar in BARS:
            here = rows[(rows.regime == regime) & (rows.score == score)]
            reached = dict(zip(here.kind, here.value, strict=True))
            told[f"{regime} {loop}: {score} >= {bar}"] = {
                **reached,
                "met": bool(reached) and min(reached.values()) >= bar,
            }
    return told
