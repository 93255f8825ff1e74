"""Which liquids there are: a cell of the grid, an arm, a seed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Units(StrEnum):
    """What a liquid is made of."""

    FORMAL = "formal"  #: of first order, and 'astrocyte-like' ones of second order
    BIOPHYSICAL = (
        "biophysical"  #: integrate-and-fire neurons, and astrocytes with calcium and gliotransmission
    )


class Arm(StrEnum):
    """What is in the place of the astrocytes; all arms have the same neurons, wiring and input."""

    MIXED = "mixed"  #: astrocytes; without neurons or without astrocytes it is the arm of one kind alone
    UNCONNECTED = "unconnected"  #: astrocytes that get the input and are read, and touch nothing else
    SLOW = "slow"  #: neurons with the time constant of the astrocytes
    MATCHED = "matched"  #: neurons like the others: a network of neurons of the same size


@dataclass(frozen=True, order=True)
class Liquid:
    """One network of the study.

    Parameters
    ----------
    units : Units
    arm : Arm
    neurons, astrocytes : int
        How many there are; in some arms something else is in the place of the astrocytes.
    seed : int
        Of its wiring, its weights and the series that drive it. Two arms of one cell and seed differ in nothing else.
    """

    units: Units
    arm: Arm
    neurons: int
    astrocytes: int
    seed: int

    @property
    def size(self) -> int:
        """How many units can be read."""
        return self.neurons + self.astrocytes
