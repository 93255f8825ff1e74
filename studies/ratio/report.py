"""What a study leaves behind: its figures, tables, findings in words, and one page with all of it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt

from astrobrian.studies.ratio import example, plots, words
from astrobrian.studies.ratio.arm_effects import arm_effects
from astrobrian.studies.ratio.beside import beside
from astrobrian.studies.ratio.best_ratio import LEVEL
from astrobrian.studies.ratio.constants_table import constants_table
from astrobrian.studies.ratio.density import densities
from astrobrian.studies.ratio.liquids import Arm, Units
from astrobrian.studies.ratio.optima import optima
from astrobrian.studies.ratio.regression import TERMS, collinearity, regressions, width_alone
from astrobrian.studies.ratio.settings import Settings
from astrobrian.studies.ratio.table import ALL_TASKS, ASKED, LEARNING, MEASURES, cells, health
from astrobrian.studies.ratio.trials import Design
from astrobrian.studies.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Astrocytes per neuron"
FINDINGS, PAGE, TABLE = "findings.md", "report.html", "table.csv"

_SCORE = MEASURES[-1]
_SHOWN = (LEARNING, _SCORE)
_DPI = 100

_OPTIMA = {
    "units": "units",
    "task": "task",
    "target": "target",
    "design": "read-out",
    "measure": "measure",
    "ratio": "best ratio",
    "low": "from",
    "high": "to",
    "near_two": "near 2:1",
    "at_edge": "at the edge",
    "mixed_ratio": "mixed model",
    "p_holm": "p (Holm)",
    "seeds": "seeds",
    "verdict": "2:1",
}
_ARMS = {
    "units": "units",
    "task": "task",
    "target": "target",
    "design": "read-out",
    "measure": "measure",
    "against": "against",
    "cells": "cells",
    "seeds": "seeds",
    "d": "d",
    "d_low": "from",
    "d_high": "to",
    "p_holm": "p (Holm)",
}
_ASKED = {"units": "units", "task": "task", "target": "target", "design": "read-out"}


def write_report(
    results: Results, table: pd.DataFrame, echo_rows: Sequence[Mapping[str, Any]], settings: Settings
) -> None:
    """Write the figures, `table.csv`, `findings.md` and `report.html`; the main numbers go to the summary.

    Parameters
    ----------
    results : Results
    table : DataFrame
        As `table.frame`.
    echo_rows : sequence of mapping
        The fields of `echo_state.EchoRow`.
    settings : Settings

    Raises
    ------
    ResultsError
        If the folder can't be written.

    Examples
    --------
    >>> write_report(results, frame(store.trials()), echo_rows, settings)
    """
    by_cell, best, effects = cells(table), optima(table), arm_effects(table)
    images: dict[str, str] = {}
    for name, caption, figure in _figures(table, by_cell, best, effects, settings):
        results.save_plot(figure, name, _DPI)
        images[name] = caption
    results.save_text(by_cell.to_csv(index=False, float_format="%.4g"), TABLE)
    results.figures |= _figures_of(best)
    known = _known(table, best, effects, echo_rows, settings, results, images)
    findings = _templates().get_template("findings.md.jinja").render(known)
    results.save_text(findings, FINDINGS)
    results.save_text(page(findings, results.folder), PAGE)


def page(findings: str, folder: Path) -> str:
    """Findings in Markdown as one page of HTML that needs no other file: its images, in `folder`, are part of it."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = markdown.parse(findings)
    for token in tokens:
        for child in token.children or ():
            if child.type == "image":
                image = base64.b64encode((folder / str(child.attrs["src"])).read_bytes()).decode()
                child.attrs["src"] = f"data:image/png;base64,{image}"
    body = markdown.renderer.render(tokens, markdown.options, {})
    return _templates().get_template("report.html.jinja").render(title=TITLE, body=body)


def _templates() -> Environment:
    """Markdown is what is filled in; what needs escaping has been by `words.rows`."""
    templates = Environment(
        loader=PackageLoader("astrobrian.studies.ratio"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    templates.globals["table"] = words.markdown_table
    return templates


def _figures(
    table: pd.DataFrame, by_cell: pd.DataFrame, best: pd.DataFrame, effects: pd.DataFrame, settings: Settings
) -> Iterator[tuple[str, str, Figure]]:
    """Name, caption and figure; none of what no trial has come through."""
    known = best[best["curve"].notna()]
    if (known["task"] == ALL_TASKS).any():
        yield "curves", "What liquids gain over the ratio, all tasks together", plots.curves(known, _SHOWN)
    for measure in _SHOWN:
        if (known["measure"] == measure.name).any():
            name = "best_ratio_" + measure.name.replace(", ", "_").replace(" ", "_")
            yield name, f"Best ratio of every target by the {measure.name}", plots.optima(best, measure.name)
    if found := densities(table):
        yield "density", "Density of the fastest learners over the ratio", plots.densities(found)
    if len(effects):
        yield "arms", "Effect sizes of the mixed arm against the others", plots.arms(effects, _SHOWN)
    if (learned := LEARNING.of(table)).size:
        yield "losses", "Loss over the epochs, by arm", plots.losses(learned)
    for units, task in by_cell[["units", "task"]].drop_duplicates().itertuples(index=False):
        yield f"map_{units}_{task}", f"{units} units, {task}", plots.maps(by_cell, units, task)
    for units in settings.units:
        shown = example.example(Units(units), settings.constants, settings.seed)
        yield f"liquid_{units}", f"What one {units} liquid does", example.plot(shown)


def _figures_of(best: pd.DataFrame) -> dict[str, Any]:
    """For the summary: the best ratios over all tasks, by the learning rate."""
    found: dict[str, Any] = {}
    pooled = best[(best["task"] == ALL_TASKS) & (best["measure"] == LEARNING.name)]
    for row in pooled.itertuples():
        name = f"{row.units}_{row.design}"
        found |= {
            f"best_ratio_{name}": [row.low, row.ratio, row.high],
            f"near_2_to_1_{name}": row.near_two,
            f"2_to_1_{name}": str(row.verdict),
        }
    return found


def _known(
    table: pd.DataFrame,
    best: pd.DataFrame,
    effects: pd.DataFrame,
    echo_rows: Sequence[Mapping[str, Any]],
    settings: Settings,
    results: Results,
    images: Mapping[str, str],
) -> dict[str, Any]:
    """What the findings are filled in with."""
    pairs = [(units, Design(design)) for units, design in product(settings.units, settings.designs)]
    found, widths, fits = densities(table), width_alone(table), regressions(table)
    healthy = optima(table[~table["degenerate"]], targets=False)
    pooled = best["task"] == ALL_TASKS
    together = effects["task"] == ALL_TASKS
    return {
        "answers": [
            {
                "units": units,
                "design": words.DESIGNS[design],
                "learning": words.verdict(best, LEARNING.name, units, design),
                "score": words.verdict(best, _SCORE.name, units, design),
                "arms_learning": words.comparison(effects, LEARNING.name, units, design),
                "arms_score": words.comparison(effects, _SCORE.name, units, design),
            }
            for units, design in pairs
        ],
        "enrichments": [
            {"units": units, "design": words.DESIGNS[design], "words": words.enrichment(found[units, design])}
            for units, design in pairs
            if (units, design) in found
        ],
        "widths": [{"units": units, "words": words.width(widths, units)} for units in settings.units],
        "images": images,
        "counts": words.counts(table),
        "pooled": _table(_in_words(best[pooled]), _OPTIMA, without=("task", "target")),
        "healthy": _table(_in_words(healthy), _OPTIMA, without=("task", "target")),
        "instead": _table(_in_words(_instead(table)), {"arm": "arm"} | _OPTIMA, without=("task", "target")),
        "single": _table(_in_words(best[~pooled]), _OPTIMA),
        "octaves": _table(_octaves(found)),
        "collinearity": _table(collinearity(table)),
        "regressions": _table(
            fits, _ASKED | {name: name.replace("_", " ") for name in fits if _least_squares(name)}
        ),
        "lasso": _table(fits, _ASKED | {f"lasso_{name}": name for name in TERMS}),
        "arms": _table(effects[together], _ARMS, without=("task", "target")),
        "arms_single": _table(effects[~together & (effects["p_holm"] <= LEVEL)], _ARMS),
        "echo": _table(beside(table, echo_rows)),
        "health": _table(health(table)),
        "errors": _table(table.loc[table["error"] != "", "error"].value_counts().reset_index()),
        "settings": [("setting", "value"), *_pairs(settings.described(), settings.constants.flat())],
        "constants": constants_table(settings.constants),
        "run": [("what", "value"), *_run(results)],
    }


def _instead(table: pd.DataFrame) -> pd.DataFrame:
    """Best ratios in the arms that have something else in the place of astrocytes."""
    others = [arm for arm in Arm if arm is not Arm.MIXED]
    return pd.concat([optima(table, targets=False, arm=arm).assign(arm=arm.value) for arm in others])


def _in_words(best: pd.DataFrame) -> pd.DataFrame:
    """With ratios as such."""
    return best.assign(
        **{name: best[name].map(words.ratio) for name in ("ratio", "low", "high", "mixed_ratio")}
    )


def _least_squares(name: str) -> bool:
    return name not in ASKED and not name.startswith("lasso")


def _octaves(found: Mapping[tuple[str, str], Any]) -> pd.DataFrame:
    tables = [each.table().assign(units=units, design=design) for (units, design), each in found.items()]
    if not tables:
        return pd.DataFrame()
    shares = pd.concat(tables)
    return shares[["units", "design", *(name for name in shares if name not in ("units", "design"))]]


def _table(
    table: pd.DataFrame, headings: Mapping[str, str] | None = None, without: Sequence[str] = ()
) -> list[Sequence[str]]:
    """Texts of a table; its own names, readable, where there are no headings. Empty if it is."""
    if table.empty:
        return []
    named = headings or {name: str(name).replace("_", " ") for name in table}
    return list(words.rows(table, {name: named[name] for name in named if name not in without}))


def _pairs(described: Mapping[str, Any], but: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in described.items():
        if name not in but:
            several = isinstance(value, tuple | list)
            yield name, ", ".join(map(str, value)) if several else str(value)


def _run(results: Results) -> Iterator[tuple[str, str]]:
    summary = results.summary()
    for name, seconds in summary["wall_times_s"].items():
        yield f"wall time, {name}", f"{seconds / 60:.1f} minutes"
    for kind in ("versions", "machine"):
        for name, value in summary[kind].items():
            yield name, str(value)
