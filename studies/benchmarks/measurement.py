"""Repeated measurements of one number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

DIGITS = 3


@dataclass(frozen=True)
class Measurement:
    """All values of a number that was measured several times.

    Parameters
    ----------
    values : tuple of float
        In the order in which they were measured, at least one.

    Raises
    ------
    ValueError
        If there is no value.

    Examples
    --------
    >>> str(Measurement((2.31, 2.29, 2.4)))
    '2.31 (2.29 to 2.4)'
    """

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("a measurement needs at least one value")

    @classmethod
    def of(cls, values: Iterable[float]) -> Measurement:
        """A measurement of these values."""
        return cls(tuple(values))

    @property
    def median(self) -> float:
        """The value in the middle, or the mean of the two there."""
        return median(self.values)

    @property
    def least(self) -> float:
        """The smallest value."""
        return min(self.values)

    @property
    def most(self) -> float:
        """The largest value."""
        return max(self.values)

    def __str__(self) -> str:
        if self.least == self.most:
            return readable(self.median)
        return f"{readable(self.median)} ({readable(self.least)} to {readable(self.most)})"


def readable(value: float) -> str:
    """A number with three digits, or all of them where it has more before the point."""
    return f"{value:,.0f}" if abs(value) >= 10**DIGITS else f"{value:.{DIGITS}g}"
