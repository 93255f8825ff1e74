"""What the numbers say, in words: no sentence of the findings claims more than its rule allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from astrobrian.studies.ratio.best_ratio import LEVEL, BestRatio, Verdict
from astrobrian.studies.ratio.density import Density
from astrobrian.studies.ratio.table import ALL_TASKS
from astrobrian.studies.ratio.trials import Design

DESIGNS = {
    Design.WIDE: "read-out as wide as the liquid (the published design)",
    Design.FIXED: "read-out of fixed width (the controlled design)",
}


def percent(share: float) -> str:
    """A share in whole percents; what isn't all or none doesn't become it by rounding."""
    if not np.isfinite(share):
        return "-"
    if 0 < share < 0.01:
        return "< 1 %"
    return "> 99 %" if 0.99 < share < 1 else f"{share:.0%}".replace("%", " %")


def probability(p: float) -> str:
    """Of a test."""
    if not np.isfinite(p):
        return "-"
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def ratio(value: float) -> str:
    """Astrocytes to neurons."""
    if not np.isfinite(value):
        return "-"
    return f"{value:.3g}:1" if value >= 1 else f"1:{1 / value:.3g}"


def _best(best: BestRatio) -> str:
    """At the edge of the grid it is a bound."""
    octave, first, last = np.log2(best.ratio), best.octaves[0], best.octaves[-1]
    beyond = " or fewer" if octave == first else " or more" if octave == last else ""
    return f"{ratio(best.ratio)}{beyond}"


def verdict(found: pd.DataFrame, measure: str, units: str, design: str) -> str:
    """What may be said of 2 to 1, over all tasks and of each target by itself.

    Parameters
    ----------
    found : DataFrame
        As `optima.optima`.
    measure, units, design : str
    """
    ours = found[(found["measure"] == measure) & (found["units"] == units) & (found["design"] == design)]
    pooled = ours[ours["task"] == ALL_TASKS]
    if pooled.empty:
        return "No trial has this measure."
    single = ours[ours["task"] != ALL_TASKS]
    counts = single["verdict"].value_counts()
    parts = ", ".join(f"{counts[each]} '{each}'" for each in Verdict if each in counts)
    return f"{_pooled(pooled.iloc[0])} Of {len(single)} targets, each by itself: {parts}."


def _pooled(row: pd.Series) -> str:
    best: BestRatio | None = row["curve"]
    if best is None:
        return f"**Nothing can be said of 2:1**, since {row['why']}."
    about = (
        f"The best ratio is {_best(best)}, 95 % interval {ratio(best.low)} to {ratio(best.high)}; "
        f"{percent(best.near_two)} of the resamples lie in the octave around 2:1, {percent(best.at_edge)} at the edge of "
        f"the grid."
    )
    match row["verdict"]:
        case Verdict.NO_EFFECT:
            return (
                f"**No best ratio is claimed**: with size taken out, the ratio makes no difference beyond chance "
                f"({probability(row['p_holm'])})."
            )
        case Verdict.HOLDS:
            return f"**2:1 holds.** {about}"
        case Verdict.CONTRADICTED:
            return f"**2:1 doesn't hold.** {about}"
    others = " and ".join(name for name, value in (("1:1", 1), ("4:1", 4)) if best.low <= value <= best.high)
    return f"**2:1 isn't resolved**: it can't be told from {others}. {about}"


def comparison(effects: pd.DataFrame, measure: str, units: str, design: str) -> str:
    """What mixed liquids are better and worse than, over all tasks."""
    ours = effects[
        (effects["task"] == ALL_TASKS)
        & (effects["measure"] == measure)
        & (effects["units"] == units)
        & (effects["design"] == design)
    ]
    told = ours["p_holm"] <= LEVEL
    groups = (
        ("better than", ours[told & (ours["difference"] > 0)]),
        ("worse than", ours[told & (ours["difference"] < 0)]),
        ("not told from", ours[~told]),
    )
    parts = [f"{words} {_listed(some)}" for words, some in groups if len(some)]
    return f"mixed liquids are {'; '.join(parts)}." if parts else "there is no arm to compare with."


def _listed(some: pd.DataFrame) -> str:
    return ", ".join(f"*{row.against}* (d = {row.d:.2f})" for row in some.itertuples())


def enrichment(density: Density) -> str:
    """How much more of the fastest there are at 2:1 than of all liquids, and where there are most."""
    shares = density.table()
    two = shares[shares["octave"] == 1]
    if two.empty:
        return "The grid has no liquid near 2:1."
    row = two.iloc[0]
    most, most_for_size = (
        _octave(shares.loc[shares[name].idxmax(), "octave"])
        for name in ("fastest_over_all", "fastest_for_size_over_all")
    )
    return (
        f"{percent(row['fastest'])} of the fastest tenth lie in the octave of 2:1, and {percent(row['all'])} of all liquids: "
        f"{row['fastest_over_all']:.2f} times as many (most at {most}). Of those that are fastest for their size: "
        f"{row['fastest_for_size_over_all']:.2f} times (most at {most_for_size})."
    )


def _octave(octave: float) -> str:
    return f"{2**octave:.0f}:1" if octave >= 0 else f"1:{2**-octave:.0f}"


def width(shares: pd.DataFrame, units: str) -> str:
    """How much of the learning rate the width of the read-out says alone."""
    ours = shares[shares["units"] == units]
    wide, fixed = (ours.loc[ours["design"] == each, "share"].median() for each in (Design.WIDE, Design.FIXED))
    return (
        f"The number of parameters of a read-out as wide as the liquid accounts for {percent(wide)} of the variance of the learning "
        f"rate in the published design (median over targets). In the design of fixed width, where all read-outs have as "
        f"many, the same number, now only a name for the size of the liquid, accounts for {percent(fixed)}."
    )


def counts(table: pd.DataFrame) -> str:
    """How many trials there are, and how many are no good."""
    liquids = table[["units", "arm", "neurons", "astrocytes", "seed"]].drop_duplicates()
    return (
        f"{len(table)} trials of {len(liquids)} liquids with {liquids['seed'].nunique()} seeds; {table['failed'].sum()} "
        f"trials failed, {table['degenerate'].sum()} are of degenerate liquids."
    )


def markdown_table(texts: Iterable[Sequence[str]]) -> str:
    """Rows of texts, the headings first, as Markdown; of none it says so."""
    lines = [list(row) for row in texts]
    if not lines:
        return "There is none."
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def rows(table: pd.DataFrame, headings: dict[str, str]) -> Iterator[Sequence[str]]:
    """A table as texts, the headings first; numbers with three digits."""
    yield list(headings.values())
    for record in table[list(headings)].itertuples(index=False):
        yield [_cell(value) for value in record]


def _cell(value: object) -> str:
    match value:
        case bool() | int() | np.integer():
            return str(value)
        case float() if np.isnan(value):
            return "-"
        case float() if np.isinf(value):
            return "∞"
        case float() if value == 0:
            return "0"
        case float() if abs(value) < 1e-4:
            return f"{value:.1e}"
        case float():
            return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return str(value).replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
