"""Rates and synchrony of spike trains, and crossings and peaks of traces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from brian2 import Quantity, SpikeMonitor, second

Window = tuple[Quantity, Quantity]


@dataclass(frozen=True)
class Spikes:
    """The spikes of a population.

    Parameters
    ----------
    t : Quantity, shape (spikes,)
        When each was fired.
    i : array of int, shape (spikes,)
        Which cell fired it.
    cells : int
        How many cells there are, silent ones included.
    """

    t: Quantity
    i: np.ndarray
    cells: int

    @classmethod
    def of(cls, monitor: SpikeMonitor) -> Spikes:
        """A copy of what a monitor recorded: its own arrays may go with it."""
        return cls(monitor.t[:].copy(), np.array(monitor.i[:]), len(monitor.source))

    def number(self, window: Window) -> int:
        """Number of spikes from the start of a window up to, but without, its end."""
        start, stop = window
        return int(np.count_nonzero((self.t >= start) & (self.t < stop)))

    def rate(self, window: Window) -> Quantity:
        """Mean firing rate of a cell in a window."""
        start, stop = window
        return self.number(window) / (self.cells * (stop - start))

    def counts(self, window: Window, width: Quantity) -> np.ndarray:
        """Number of spikes of each cell in each time bin.

        Parameters
        ----------
        window : tuple of two Quantities
            From, to; what is left after the last whole bin isn't counted.
        width : Quantity
            Width of a bin.

        Returns
        -------
        array of int, shape (cells, bins)

        Raises
        ------
        ValueError
            If not one bin fits.
        """
        start, stop = (float(edge / second) for edge in window)
        each = float(width / second)
        bins = int((stop - start) / each + 1e-9)
        if bins < 1:
            raise ValueError(f"no bin of {width} fits between {window[0]} and {window[1]}")
        # a spike time is a multiple of dt up to rounding, and so is the edge of a bin
        which = np.floor((np.asarray(self.t / second) - start) / each + 1e-6).astype(int)
        inside = (which >= 0) & (which < bins)
        places = self.i[inside].astype(int) * bins + which[inside]
        return np.bincount(places, minlength=self.cells * bins).reshape(self.cells, bins)

    def __add__(self, other: Spikes) -> Spikes:
        """Both populations as one; the cells of the other are numbered after mine."""
        t = np.concatenate([self.t / second, other.t / second]) * second
        return Spikes(t, np.concatenate([self.i, other.i + self.cells]), self.cells + other.cells)


def population_rate(spikes: Spikes, duration: Quantity, width: Quantity) -> tuple[Quantity, Quantity]:
    """Start of each time bin and the mean firing rate in it, shapes (bins,)."""
    everyone = Spikes(spikes.t, np.zeros(len(spikes.t), dtype=int), 1)
    number = everyone.counts((0 * second, duration), width)[0]
    return np.arange(len(number)) * width, number / (spikes.cells * width)


def synchrony(binned: np.ndarray) -> float:
    """How synchronous cells are: Golomb's chi of their spike counts.

    The standard deviation in time of the mean over the cells, divided by the root mean square over the cells of the
    standard deviation in time of each: 1 if all do the same at once, about ``1/sqrt(cells)`` if they are independent,
    whatever their rate. Definition of Golomb (2007), Scholarpedia 2(1):1347, with spike counts for the voltages.

    Parameters
    ----------
    binned : array of int, shape (cells, bins)
        As from `Spikes.counts`. The width of the bin sets the time scale of the synchrony.

    Returns
    -------
    float
        NaN if no cell's count varies.

    Examples
    --------
    >>> synchrony(np.array([[1, 0, 1, 0], [1, 0, 1, 0]]))
    1.0
    """
    single = np.var(binned, axis=1).mean()
    return float(np.sqrt(np.var(binned.mean(axis=0)) / single)) if single > 0 else float("nan")


def up_crossings(t: Quantity, trace: np.ndarray, level: float | Quantity) -> Quantity:
    """Times at which a trace crosses a level upwards, interpolated between the samples."""
    trace, level = np.asarray(trace), float(level)
    before = np.flatnonzero((trace[:-1] < level) & (trace[1:] >= level))
    part = (level - trace[before]) / (trace[before + 1] - trace[before])
    return t[before] + part * (t[before + 1] - t[before])


def peaks(t: Quantity, trace: np.ndarray, above: float | Quantity) -> Quantity:
    """Times of the local maxima of a trace that are higher than `above`."""
    trace = np.asarray(trace)
    middle = trace[1:-1]
    return t[1:-1][(middle > trace[:-2]) & (middle >= trace[2:]) & (middle > float(above))]
