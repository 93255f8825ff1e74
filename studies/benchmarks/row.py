"""A row of the table of benchmarks: what is measured beside what, and the bar that it is held to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Literal

Numbers = Mapping[str, float]
"""What one side measured, by name; the unit is in the name."""

Side = Callable[[], Numbers]
"""Measures once, in a process of its own."""

Repetition = Mapping[str, Numbers]
"""What each side measured, one after the other."""

Tell = Callable[[str], None]
"""Is told in words what is being prepared."""


@dataclass(frozen=True)
class Ratio:
    """What is read off each repetition.

    Parameters
    ----------
    name : str
        What it is, as the table prints it.
    of : callable
        Gets a repetition, returns the number.
    bar : float, optional
        What its median is held to; without one it is only reported.
    direction : {"at least", "at most"}, optional
        On which side of the bar it should be.
    """

    name: str
    of: Callable[[Repetition], float]
    bar: float | None = None
    direction: Literal["at least", "at most"] = "at most"


@dataclass(frozen=True)
class Prepared:
    """What a row measures, ready to be measured.

    Parameters
    ----------
    sides : Mapping[str, Side]
        Measured in turn, again and again.
    once : Mapping[str, Side], optional
        Measured a single time, after the others, to explain them.
    """

    sides: Mapping[str, Side]
    once: Mapping[str, Side] = field(default_factory=dict)


def beside(one: str, other: str, number: str) -> Callable[[Repetition], float]:
    """How many times a number of `other` is in that of `one`."""
    return lambda repetition: repetition[one][number] / repetition[other][number]


def nothing(*_: object) -> None:
    """Nothing is missing, or wrong."""


def same_counts(*sides: str) -> Callable[[Repetition], None]:
    """A check that these sides counted the same spikes, wherever they count the same cells: else their work differs."""

    def check(repetition: Repetition) -> None:
        first, *others = (
            {name: value for name, value in repetition[side].items() if name.endswith("_spikes")}
            for side in sides
        )
        for side, other in zip(sides[1:], others, strict=True):
            for name in first.keys() & other.keys():
                if first[name] != other[name]:
                    raise ArithmeticError(
                        f"{sides[0]} and {side} differ: {name} is {first[name]} and {other[name]}"
                    )

    return check


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Parameters
    ----------
    name : str
        Name on the command line, and of its file.
    what, beside : str
        What is measured, and beside what.
    ratios : tuple of Ratio
        What the table shows.
    prepare : callable
        Builds what is measured, which may take long. Gets a stack for what has to be closed afterwards, and a
        function to tell how far it has come.
    missing : callable, optional
        Says what isn't there that the row needs, and what to do about it; None if all is.
    check : callable, optional
        Gets a repetition; raises ArithmeticError if the sides didn't do the same.
    rooms, packages : tuple of str, optional
        What else is measured than what every row measures: another source or version of it is measured anew.
    """

    name: str
    what: str
    beside: str
    ratios: tuple[Ratio, ...]
    prepare: Callable[[ExitStack, Tell], Prepared]
    missing: Callable[[], str | None] = nothing
    check: Callable[[Repetition], None] = nothing
    rooms: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
