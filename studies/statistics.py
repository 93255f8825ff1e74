"""Rates and synchrony of spike trains, and peaks of calcium traces."""

from __future__ import annotations

import numpy as np
from brian2 import Hz, Quantity, second
from numpy.typing import NDArray


def counts(
    t: Quantity, i: NDArray[np.int_], cells: int, window: tuple[Quantity, Quantity], width: Quantity
) -> NDArray[np.int_]:
    """Number of spikes of each cell in each time bin.

    Parameters
    ----------
    t : Quantity, shape (spikes,)
        Spike times.
    i : array of int, shape (spikes,)
        Which cell each spike is of.
    cells : int
        How many cells there are, silent ones included.
    window : tuple of two Quantities
        From, to; the last bin that doesn't fit whole is left out.
    width : Quantity
        Width of a bin.

    Returns
    -------
    array of int, shape (cells, bins)
    """
    start, stop = (float(edge / second) for edge in window)
    bins = int((stop - start) / float(width / second) + 1e-9)
    if bins < 1:
        raise ValueError(f"no bin of {width} fits between {window[0]} and {window[1]}")
    which = np.floor((np.asarray(t / second) - start) / float(width / second) + 1e-9).astype(int)
    inside = (which >= 0) & (which < bins)
    flat = np.bincount(np.asarray(i)[inside] * bins + which[inside], minlength=cells * bins)
    return flat.reshape(cells, bins)


def rate(t: Quantity, cells: int, window: tuple[Quantity, Quantity]) -> Quantity:
    """Mean firing rate of `cells` cells in a window of time."""
    start, stop = window
    return np.count_nonzero((t >= start) & (t < stop)) / (cells * (stop - start)) / Hz * Hz


def population_rate(
    t: Quantity, cells: int, duration: Quantity, width: Quantity
) -> tuple[Quantity, Quantity]:
    """Start of each bin of `width` and the mean firing rate of `cells` cells in it."""
    spikes = counts(t, np.zeros(len(t), int), 1, (0 * second, duration), width)[0]
    return np.arange(len(spikes)) * width, spikes / (cells * width)


def synchrony(binned: NDArray[np.int_]) -> float:
    """How synchronous the cells are: Golomb's chi of their spike counts.

    The standard deviation in time of the mean over the cells, divided by the root mean square over the cells of the
    standard deviation in time of each: 1 if all do the same at once, about ``1/sqrt(cells)`` if they are independent,
    whatever their rate. Definition of Golomb (2007), Scholarpedia 2(1):1347, with spike counts for the voltages.

    Parameters
    ----------
    binned : array of int, shape (cells, bins)
        As from `counts`. The width of the bin sets the time scale of the synchrony.

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


def up_crossings(t: Quantity, trace: NDArray[np.float64], level: float) -> Quantity:
    """Times at which a trace crosses a level upwards, interpolated between the samples."""
    trace, level = np.asarray(trace), float(level)
    before = np.flatnonzero((trace[:-1] < level) & (trace[1:] >= level))
    part = (level - trace[before]) / (trace[before + 1] - trace[before])
    return t[before] + part * (t[before + 1] - t[before])


def peaks(t: Quantity, trace: NDArray[np.float64], above: float) -> Quantity:
    """Times of the local maxima of a trace that are higher than `above`."""
    trace = np.asarray(trace)
    middle = trace[1:-1]
    return t[1:-1][(middle > trace[:-2]) & (middle >= trace[2:]) & (middle > float(above))]
