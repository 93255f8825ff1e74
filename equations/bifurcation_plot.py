"""A picture of a bifurcation diagram."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from brian2 import Quantity
from brian2.units.allunits import umolar
from brian2.units.fundamentalunits import have_same_dimensions

from astrobrian.equations.bifurcation import BifurcationDiagram
from astrobrian.equations.cycles import LimitCycle

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_bifurcations(
    diagram: BifurcationDiagram,
    state: str,
    cycles: Sequence[tuple[Quantity | float, LimitCycle]] = (),
    ax: Axes | None = None,
) -> Axes:
    """Fixed points (stable ones solid), folds, Hopf points and, if given, the extremes of limit cycles.

    Concentrations are in micromolar, everything else in its base unit.

    Parameters
    ----------
    diagram : BifurcationDiagram
        From `bifurcations`.
    state : str
        What to show on the vertical axis.
    cycles : sequence, optional
        From `cycles_along`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; the current axes unless given.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if ax is None:
        from matplotlib import pyplot

        ax = pyplot.gca()

    for branch in diagram.branches:
        x, y = _plain(branch.values), _plain(branch.states[state])
        for mask, style in ((branch.stable, "-"), (~branch.stable, "--")):
            ax.plot(x, np.where(mask, y, np.nan), style, color="black", lw=1.2)
    for fold in diagram.folds:
        ax.plot(_plain(fold.value), _plain(fold.point.values[state]), "s", color="C0", ms=5)
    for hopf in diagram.hopf_points:
        face = "C3" if hopf.supercritical else "white"
        ax.plot(
            _plain(hopf.value), _plain(hopf.point.values[state]), "o", color="C3", markerfacecolor=face, ms=5
        )
    for value, cycle in cycles:
        for extreme in (cycle.minimum, cycle.maximum):
            ax.plot(_plain(value), _plain(extreme[state]), ".", color="C2", ms=4)
    ax.set(xlabel=_label(diagram, diagram.along), ylabel=_label(diagram, state))
    return ax


def _plain(value: Quantity | float) -> np.ndarray:
    return np.asarray(value / umolar if have_same_dimensions(value, umolar) else value)


def _label(diagram: BifurcationDiagram, name: str) -> str:
    unit = diagram.model.equations[name].unit
    if have_same_dimensions(unit, umolar):
        return f"{name} (µM)"
    return name if have_same_dimensions(unit, 1) else f"{name} ({unit})"
