"""The figures of the ratio study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

from astrobrian.studies.ratio.best_ratio import LEVEL
from astrobrian.studies.ratio.density import Density, smooth
from astrobrian.studies.ratio.liquids import Arm
from astrobrian.studies.ratio.table import ALL_TASKS, Measure
from astrobrian.studies.ratio.trials import Design, Reader
from astrobrian.studies.style import ASTROCYTE, EXCITATORY, INHIBITORY, NEUTRAL, THRESHOLD, grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {Design.WIDE: EXCITATORY, Design.FIXED: INHIBITORY}
_ARMS = {
    Arm.MIXED: ASTROCYTE,
    Arm.UNCONNECTED: "#c98a1b",
    Arm.SLOW: "#7b4ea3",
    Arm.MATCHED: INHIBITORY,
}
TWO = 1.0  # octaves: two astrocytes for a neuron


def maps(cells: pd.DataFrame, units: str, task: str) -> Figure:
    """The mixed arm over neurons and astrocytes: the learning rate and the score, both designs side by side.

    Parameters
    ----------
    cells : DataFrame
        As `table.cells`.
    units, task : str
    """
    ours = cells[(cells["arm"] == Arm.MIXED) & (cells["units"] == units) & (cells["task"] == task)]
    targets = list(dict.fromkeys(ours["target"]))
    columns = [
        ("slope of the loss", "learning_rate", Reader.MLP),
        ("score, MLP", "score", Reader.MLP),
        ("score, ridge", "score", Reader.RIDGE),
    ]
    figure, axes = grid(len(targets), 2 * len(columns), (12, 0.6 + 1.85 * len(targets)), sharex=False)
    sizes = [sorted(ours[kind].unique()) for kind in ("astrocytes", "neurons")]
    for row, target in zip(axes, targets, strict=True):
        for k, (name, column, reader) in enumerate(columns):
            some = ours[(ours["target"] == target) & (ours["reader"] == reader)]
            limits = _limits(some[column])
            for ax, design in zip(row[2 * k : 2 * k + 2], Design, strict=True):
                one = some[some["design"] == design].pivot(
                    index="astrocytes", columns="neurons", values=column
                )
                # darker is always better
                better_low = column == "learning_rate" or np.allclose(
                    some["score"], some["nrmse"], equal_nan=True
                )
                _map(ax, one.reindex(index=sizes[0], columns=sizes[1]), limits, better_low)
                if ax.axison:
                    ax.set_title(f"{target}\n{name}, {design}", fontsize=7)
        row[0].set_ylabel("astrocytes")
    for ax in axes[-1]:
        ax.set_xlabel("neurons")
    figure.suptitle(f"{units} units, {task}; darker is better; dots: two astrocytes for a neuron", fontsize=9)
    return figure


def _limits(values: pd.Series) -> tuple[float, float]:
    """What is seen of a colour scale: outliers don't take the colours from the others."""
    finite = values[np.isfinite(values)]
    return tuple(np.quantile(finite, [0.02, 0.98])) if len(finite) else (0.0, 1.0)


def _map(ax: Axes, values: pd.DataFrame, limits: tuple[float, float], better_low: bool) -> None:
    if not np.isfinite(values.to_numpy(float)).any():
        ax.set_axis_off()
        return
    image = ax.imshow(
        values.to_numpy(float),
        origin="lower",
        aspect="auto",
        cmap="viridis" if better_low else "viridis_r",
        vmin=limits[0],
        vmax=limits[1],
    )
    for y, astrocytes in enumerate(values.index):
        for x, neurons in enumerate(values.columns):
            if neurons and astrocytes == 2 * neurons:
                ax.plot(x, y, "o", color="white", markeredgecolor=NEUTRAL, markersize=3, markeredgewidth=0.5)
    ax.set_xticks(range(values.shape[1]), values.columns, fontsize=6, rotation=90)
    ax.set_yticks(range(values.shape[0]), values.index, fontsize=6)
    bar = ax.figure.colorbar(image, ax=ax, pad=0.02)
    bar.ax.tick_params(labelsize=6)
    bar.outline.set_visible(False)


def optima(found: pd.DataFrame, measure: str) -> Figure:
    """The best ratio of everything that was asked, with its interval; a column for each kind of units.

    Parameters
    ----------
    found : DataFrame
        As `optima.optima`.
    measure : str
        Name of a `Measure`.
    """
    ours = found[found["measure"] == measure]
    kinds, reach = list(dict.fromkeys(ours["units"])), _reach(ours)
    asked = list(dict.fromkeys(zip(ours["task"], ours["target"], strict=True)))
    figure, axes = grid(1, len(kinds), (4.6 * len(kinds) + 1.5, 1.1 + 0.36 * len(asked)), sharex=True)
    place = {each: len(asked) - k for k, each in enumerate(asked)}
    for ax, units in zip(axes[0], kinds, strict=True):
        _ratios(ax, reach)
        for shift, design in ((0.14, Design.WIDE), (-0.14, Design.FIXED)):
            some = ours[(ours["units"] == units) & (ours["design"] == design) & ours["ratio"].notna()]
            y = [place[each] + shift for each in zip(some["task"], some["target"], strict=True)]
            low, best, high = (np.log2(some[name].to_numpy(float)) for name in ("low", "ratio", "high"))
            sure = (some["p_holm"] <= LEVEL).to_numpy()
            lines = [to_rgba(COLOURS[design], 1 if each else 0.35) for each in sure]
            ax.hlines(y, low, high, colors=lines, linewidth=1.6)
            faces = np.where(sure, COLOURS[design], "white")
            ax.scatter(best, y, s=26, c=faces, edgecolors=COLOURS[design], zorder=3)
        ax.set(ylim=(0.4, len(asked) + 0.6), title=f"{units} units", yticks=[])
        ax.title.set_size(9)
    axes[0, 0].set_yticks(list(place.values()), [" ".join(dict.fromkeys(each)) for each in place])
    for design, colour in COLOURS.items():
        axes[0, 0].plot([], [], "o", color=colour, label=f"read-out {design}")
    axes[0, 0].plot([], [], "o", color=NEUTRAL, markerfacecolor="white", label="no effect beyond chance")
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=3)
    figure.suptitle(f"best ratio by the {measure}, size taken out: 95 % over seeds", fontsize=9)
    return figure


def _reach(found: pd.DataFrame) -> int:
    """Octaves on either side of 1 to 1 that the grid has."""
    ends = [np.abs(best.octaves).max() for best in found["curve"] if best is not None]
    return int(np.ceil(max(ends, default=1)))


def _ratios(ax: Axes, reach: int) -> None:
    """An axis of octaves, labelled with ratios, with 2 to 1 marked."""
    marks = np.arange(-reach, reach + 1)
    labels = [f"{2**k}:1" if k >= 0 else f"1:{2**-k}" for k in marks.tolist()]
    ax.set_xticks(marks, labels, fontsize=7)
    ax.axvline(TWO, color=NEUTRAL, linestyle="--", linewidth=0.9)
    ax.set(xlabel="astrocytes : neurons", xlim=(-reach - 0.3, reach + 0.3))


def curves(found: pd.DataFrame, measures: Sequence[Measure]) -> Figure:
    """The gain over the ratio, size taken out, over all tasks; a row for each measure, a column for each kind of units."""
    ours = found[found["task"] == ALL_TASKS]
    kinds, reach = list(dict.fromkeys(ours["units"])), _reach(ours)
    figure, axes = grid(len(measures), len(kinds), (4.2 * len(kinds), 0.5 + 2.3 * len(measures)))
    for row, measure in zip(axes, measures, strict=True):
        for ax, units in zip(row, kinds, strict=True):
            _ratios(ax, reach)
            ax.set_xlabel("")
            some = ours[(ours["units"] == units) & (ours["measure"] == measure.name)]
            for one in some[some["curve"].notna()].itertuples():
                colour, best = COLOURS[one.design], one.curve
                ax.fill_between(
                    best.octaves, best.curve_low, best.curve_high, color=colour, alpha=0.2, linewidth=0
                )
                ax.plot(best.octaves, best.curve, color=colour, linewidth=1.4, label=one.design)
            ax.set_title(f"{measure.name}, {units} units", fontsize=9)
        row[0].set_ylabel("gain (SD of liquids)")
    for ax in axes[-1]:
        ax.set_xlabel("astrocytes : neurons")
    axes[0, 0].legend(fontsize=7, frameon=False)
    return figure


def densities(found: dict[tuple[str, str], Density]) -> Figure:
    """Where the fastest learners lie over the ratio, beside where all liquids lie."""
    kinds = list(dict.fromkeys(units for units, _ in found))
    figure, axes = grid(len(kinds), 2, (8.4, 0.5 + 2.5 * len(kinds)))
    reach = max(int(np.ceil(np.abs(each.all).max())) for each in found.values())
    octaves = np.linspace(-reach - 1, reach + 1, 241)
    for row, units in zip(axes, kinds, strict=True):
        for ax, design in zip(row, Design, strict=True):
            _ratios(ax, reach)
            if (density := found.get((units, design))) is None:
                continue
            for values, style in (
                (density.all, {"color": THRESHOLD, "label": "all liquids"}),
                (density.fastest, {"color": COLOURS[design], "label": "fastest tenth"}),
                (
                    density.fastest_for_size,
                    {"color": COLOURS[design], "linestyle": ":", "label": "fastest tenth for their size"},
                ),
            ):
                if (curve := smooth(values, octaves)) is not None:
                    ax.plot(octaves, curve, **style)
                    if values is density.all:
                        ax.fill_between(octaves, curve, color=THRESHOLD, alpha=0.25, linewidth=0)
            ax.set(title=f"{units} units, read-out {design}", ylim=(0, None))
            ax.title.set_size(9)
            ax.legend(fontsize=7, frameon=False)
        row[0].set_ylabel("density")
    return figure


def losses(learned: pd.DataFrame) -> Figure:
    """Loss of the MLP over the epochs, as a part of that before the first: the mean over targets, cells and seeds.

    A row for each kind of units, a column for each task; the wide design is drawn through, the fixed one dashed.

    Parameters
    ----------
    learned : DataFrame
        As `LEARNING.of`.
    """
    ours = learned[learned["log_ratio"].notna() & (learned["initial_loss"] > 0)]
    kinds, tasks = (list(dict.fromkeys(ours[name])) for name in ("units", "task"))
    figure, axes = grid(len(kinds), len(tasks), (2.5 * len(tasks) + 1, 0.8 + 2.1 * len(kinds)))
    for row, units in zip(axes, kinds, strict=True):
        for ax, task in zip(row, tasks, strict=True):
            some = ours[(ours["units"] == units) & (ours["task"] == task)]
            for (arm, design), one in some.groupby(["arm", "design"], sort=False):
                curves = np.array(one["losses"].tolist())
                dashed = "--" if design == Design.FIXED else "-"
                mean = np.mean(curves / curves[:, :1], axis=0)
                ax.plot(mean, dashed, color=_ARMS[arm], linewidth=1.1)
            ax.set_title(f"{task}, {units}", fontsize=8)
            ax.set(ylim=(0, 1.05))
        row[0].set_ylabel("loss / initial loss")
    for ax in axes[-1]:
        ax.set_xlabel("epoch")
    for arm, colour in _ARMS.items():
        axes[0, 0].plot([], [], color=colour, label=arm.value)
    axes[0, 0].plot([], [], "--", color=NEUTRAL, label="read-out fixed")
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=len(_ARMS) + 1)
    return figure


def arms(effects: pd.DataFrame, measures: Sequence[Measure]) -> Figure:
    """By how much mixed liquids are better than the others, over all tasks."""
    ours = effects[effects["task"] == ALL_TASKS]
    kinds, against = (list(dict.fromkeys(ours[name])) for name in ("units", "against"))
    figure, axes = grid(len(measures), len(kinds), (4.4 * len(kinds), 0.6 + 1.7 * len(measures)))
    for row, measure in zip(axes, measures, strict=True):
        for ax, units in zip(row, kinds, strict=True):
            ax.axvline(0, color=NEUTRAL, linewidth=0.8)
            for shift, design in ((0.12, Design.WIDE), (-0.12, Design.FIXED)):
                some = ours[
                    (ours["units"] == units) & (ours["measure"] == measure.name) & (ours["design"] == design)
                ]
                y = [len(against) - against.index(each) + shift for each in some["against"]]
                ax.hlines(y, some["d_low"], some["d_high"], color=COLOURS[design], linewidth=1.6)
                ax.plot(some["d"], y, "o", color=COLOURS[design], markersize=4, label=design.value)
            ax.set_yticks(range(len(against), 0, -1), against, fontsize=7)
            ax.set_title(f"{measure.name}, {units} units", fontsize=9)
    for ax in axes[-1]:
        ax.set_xlabel("mixed is better by (Cohen's d)")
    axes[0, 0].legend(fontsize=7, frameon=False)
    return figure
