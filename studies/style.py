"""One look for all plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from brian2 import second
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from astrobrian.studies.statistics import Spikes

EXCITATORY, INHIBITORY, ASTROCYTE = "#c0392b", "#2e6da4", "#2a8f5c"
NEUTRAL, THRESHOLD = "#222222", "#999999"


def grid(
    rows: int,
    columns: int,
    size: tuple[float, float],
    heights: Sequence[float] | None = None,
    sharex: bool | Literal["none", "all", "row", "col"] = "col",
) -> tuple[Figure, np.ndarray]:
    """A figure and its panels.

    Parameters
    ----------
    rows, columns : int
        How many panels there are.
    size : tuple of float
        Width and height of the figure in inches.
    heights : sequence of float, optional
        Height of each row, relative to the others.
    sharex : bool or {"none", "all", "row", "col"}, optional
        Which panels have the same horizontal axis.

    Returns
    -------
    Figure and array of Axes, shape (rows, columns)
    """
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, sharex=sharex, squeeze=False, height_ratios=heights)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8)
        ax.xaxis.label.set_size(9)
        ax.yaxis.label.set_size(9)
    figure.align_ylabels(axes[:, 0])
    return figure, axes


def panels(
    heights: Sequence[float], size: tuple[float, float], sharex: bool = True
) -> tuple[Figure, list[Axes]]:
    """A figure with one panel below another, of these relative heights; see `grid`."""
    figure, axes = grid(len(heights), 1, size, heights, sharex)
    return figure, list(axes[:, 0])


def raster(ax: Axes, populations: Mapping[str, tuple[Spikes, str]], fraction: float = 0.25) -> None:
    """Spikes of a fraction of each population, one population above another.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    populations : Mapping
        Name to spikes and colour, from below.
    fraction : float, optional
    """
    bottom, middles = 0, []
    for spikes, colour in populations.values():
        shown = int(spikes.cells * fraction)
        some = spikes.i < shown
        t, cell = spikes.t[some] / second, spikes.i[some] + bottom
        ax.plot(t, cell, "|", color=colour, markersize=1.6, markeredgewidth=0.5, rasterized=True)
        middles.append(bottom + shown / 2)
        bottom += shown
    ax.set(ylim=(0, bottom), yticks=middles, yticklabels=populations)
    ax.tick_params(axis="y", length=0)
    for label, (_, colour) in zip(ax.get_yticklabels(), populations.values(), strict=True):
        label.set(color=colour, rotation=90, va="center")
