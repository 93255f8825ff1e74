"""Figure 5 of Stimberg et al. (2019): a calcium wave along a ring of astrocytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import Quantity, StateMonitor, ms, run, second, umolar

from astrobrian import AstrocyteGroup, GapJunctions, use_backend
from astrobrian.equations import chi, exogenous_drive
from astrobrian.progress import Progress, reporting
from astrobrian.studies.statistics import peaks

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Wave:
    """Calcium in each astrocyte of the ring.

    Attributes
    ----------
    t : Quantity, shape (times,)
    C : Quantity, shape (cells, times)
    driven : int
        The cell that IP3 is driven into.
    """

    t: Quantity
    C: Quantity
    driven: int

    def arrivals(self) -> Quantity:
        """Time of the first calcium peak of each cell, NaN where none came; shape (cells,)."""
        first = [peaks(self.t, trace, above=0.5 * umolar)[:1] for trace in self.C]
        return np.array([float(peak[0] / second) if len(peak) else np.nan for peak in first]) * second

    def figures(self) -> dict[str, Any]:
        """How far and how fast the wave went."""
        arrivals = np.asarray(self.arrivals() / second)
        return {
            "first_peak_s": arrivals[self.driven],
            "arrivals_s": arrivals,
            "cells_reached": int(np.isfinite(arrivals).sum()),
            "C_max_umolar": float(self.C.max() / umolar),
            "peaks_per_cell": [len(peaks(self.t, trace, above=0.5 * umolar)) for trace in self.C],
        }


def simulate(
    cells: int = 50,
    duration: Quantity = 4000 * second,
    backend: str = "cpp",
    progress: Progress | None = None,
) -> Wave:
    """Drive IP3 into one cell of a ring of astrocytes with gap junctions, 20 of every 50 seconds.

    Parameters
    ----------
    cells : int, optional
        How many astrocytes the ring has.
    duration : Quantity, optional
    backend : str, optional
        As in `astrobrian.use_backend`.
    progress : Progress, optional
        Is told how far it has come.
    """
    use_backend(backend)
    driven = cells // 2
    model = chi + exogenous_drive(F_ex=0.09 * umolar / second)
    astrocytes = AstrocyteGroup(cells, model, dt=50 * ms)
    astrocytes.C = astrocytes.I = 0 * umolar
    astrocytes.run_regularly(
        "I_bias = int(i == driven and t % (50*second) < 20*second)*umolar", dt=10 * second
    )
    ring = np.arange(cells)
    gap_junctions = GapJunctions(astrocytes, pairs=(ring, (ring + 1) % cells))  # noqa: F841
    calcium = StateMonitor(astrocytes, "C", record=True)
    with reporting(progress, duration) as report:
        run(duration, **report)
    return Wave(calcium.t[:], calcium.C[:], driven)


def plot(wave: Wave) -> Figure:
    """Calcium of every cell against time, one above another; the driven cell in colour."""
    from astrobrian.studies.style import ASTROCYTE, NEUTRAL, panels

    figure, (ax,) = panels([1], size=(6.3, 4.2))
    t = wave.t / second
    for cell, trace in enumerate(np.asarray(wave.C / wave.C.max())):
        colour = ASTROCYTE if cell == wave.driven else NEUTRAL
        ax.plot(t, cell + trace, color=colour, linewidth=0.5)
    ax.set(xlabel="time (s)", ylabel="$C/C_{max}$, astrocyte", xlim=(0, t[-1]), ylim=(0, len(wave.C) + 1))
    return figure
