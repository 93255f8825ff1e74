"""One look for all plots."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

EXCITATORY, INHIBITORY, ASTROCYTE = "#c0392b", "#2e6da4", "#2a8f5c"
NEUTRAL, THRESHOLD = "#222222", "#999999"


def panels(
    heights: Sequence[float], size: tuple[float, float], sharex: bool = True
) -> tuple[Figure, list[Axes]]:
    """A figure with one panel below another.

    Parameters
    ----------
    heights : sequence of float
        Height of each panel, relative to the others.
    size : tuple of float
        Width and height of the figure in inches.
    sharex : bool, optional
        Whether all panels have the same time axis.
    """
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(heights), 1, sharex=sharex, squeeze=False, height_ratios=list(heights))[:, 0]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8)
        ax.xaxis.label.set_size(9)
        ax.yaxis.label.set_size(9)
    figure.align_ylabels(axes)
    return figure, list(axes)
