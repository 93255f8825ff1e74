"""Whether two backends agree on what they recorded of a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from astrobrian.studies.compatibility.row import Recorded, Row

STANDARD_ERRORS = 4.0
"""How far means of samples may be apart: by chance they are so once in 16,000 comparisons."""


@dataclass(frozen=True)
class Comparison:
    """The largest difference between two recordings of a row.

    Parameters
    ----------
    name : str
        Of what differs most.
    difference : float
        Relative to the largest value; of samples, that of their means in standard errors.
    bound : float
        What it may be.
    """

    name: str
    difference: float
    bound: float

    @property
    def agrees(self) -> bool:
        """Whether the difference is within its bound."""
        return bool(self.difference <= self.bound)

    def __str__(self) -> str:
        return f"{self.name} differs by {self.difference:.2g}, and may by {self.bound:.2g}"


def compare(row: Row, recorded: Recorded, reference: Recorded) -> Comparison:
    """Compare what was recorded of a row with a reference.

    Spikes and releases are pairs of time step and cell, and therefore the same or not.

    Raises
    ------
    ValueError
        If something else was recorded than for the reference.
    """
    if recorded.keys() != reference.keys():
        raise ValueError(
            f"{row.feature} recorded {', '.join(recorded)}, the reference {', '.join(reference)}"
        )
    measure, bound = (in_standard_errors, STANDARD_ERRORS) if row.statistics else (relative, row.tolerance)
    found = [Comparison(name, measure(recorded[name], reference[name]), bound) for name in reference]
    return max(found, key=lambda each: each.difference)


def relative(values: np.ndarray, reference: np.ndarray) -> float:
    """The largest difference, relative to the largest value; infinite if there are more or fewer values."""
    if values.shape != reference.shape or not np.all(np.isfinite(values)):
        return np.inf
    return float(np.max(np.abs(values - reference)) / np.max(np.abs(reference)))


def in_standard_errors(samples: np.ndarray, reference: np.ndarray) -> float:
    """How far the means of two sets of samples are apart, in standard errors of their difference."""
    if not np.all(np.isfinite(samples)):
        return np.inf
    return float(abs(samples.mean() - reference.mean()) / standard_error(samples, reference))


def standard_error(samples: np.ndarray, reference: np.ndarray) -> float:
    """Of the difference between the means of two sets of samples."""
    return float(np.sqrt(samples.var(ddof=1) / samples.size + reference.var(ddof=1) / reference.size))
