"""A row of the table: a network that uses one feature, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2.core.base import BrianObject

Recorded = dict[str, np.ndarray]
"""What a row recorded, by name."""

Objects = Generator[Sequence[BrianObject], None, Recorded]

Script = Callable[[], Objects]
"""Describes a network, yields its objects, and returns what was recorded after they have been run.

One that calls `run` and `build` itself yields no objects.
"""


@dataclass(frozen=True)
class Row:
    """A network that uses one feature.

    Parameters
    ----------
    feature : str
        A key of `astrobrian.backends.features.FEATURES`.
    script : callable
        Describes the network; see `Script`.
    alone : bool
        Whether it calls `run` and `build` itself.
    statistics : bool
        Whether it depends on random numbers. What it records are then samples, one of each cell, all of the same
        distribution, and only their means are compared.
    repeated : bool
        Whether it is simulated with one seed, with this seed again, and with another one: the first two have to be the
        same, and the third has to differ.
    options : Mapping
        Of `astrobrian.use_backend`.
    tolerance : float
        Largest difference from the reference, relative to the largest value of a variable.
    needs : str, optional
        A program that has to be installed where the feature can be used.
    reference : callable, optional
        Another script for the reference, where what the row does is only done on other backends.
    """

    feature: str
    script: Script
    alone: bool = False
    statistics: bool = False
    repeated: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    tolerance: float = 1e-9
    needs: str = ""
    reference: Script | None = None

    @property
    def by_itself(self) -> bool:
        """Whether no other row can be simulated in the same network."""
        return self.alone or self.repeated or bool(self.options)


def row(**settings: Any) -> Callable[[Script], Row]:
    """Make a row of the function with the name of its feature."""
    return lambda script: Row(script.__name__, script, **settings)


def rows_of(module: Mapping[str, Any]) -> dict[str, Row]:
    """The rows in the namespace of a module."""
    return {each.feature: each for each in module.values() if isinstance(each, Row)}
