"""Which astrocyte ensheathes which synapse: maps of neurons or synapses to astrocytes, checked."""

from __future__ import annotations

import numpy as np
from brian2 import Function
from brian2.groups.group import Group

from astrobrian.layout import nearest, positions_of


class CoverError(ValueError):
    """Synapses that can't be covered as asked."""


def nearest_astrocytes(neurons: Group, astrocytes: Group) -> np.ndarray:
    """Index of the nearest astrocyte of each neuron; raises ValueError if either group has no positions."""
    return nearest(positions_of(neurons), positions_of(astrocytes))


def check_map(index: object, length: int, n_astrocytes: int, synapses: str, what: str) -> np.ndarray:
    """An array of astrocyte indices, -1 where there is none.

    Raises
    ------
    CoverError
        If it has another length, isn't of whole numbers, or an index is out of range.
    """
    values = np.asarray(index)
    if values.shape != (length,):
        raise CoverError(f"{synapses}: index gives {values.shape} astrocytes for {length} {what}")
    check_range(values, n_astrocytes, synapses, what)
    return values.astype(np.int32)


def check_range(values: np.ndarray, n_astrocytes: int, synapses: str, what: str) -> None:
    """Raises CoverError, naming the first of the values that isn't an astrocyte or -1."""
    wrong = ~((values >= -1) & (values < n_astrocytes) & (values == np.floor(values)))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise CoverError(
            f"{synapses}: astrocyte {values[first]} for {what} {first} is out of range; "
            f"indices go from 0 to {n_astrocytes - 1}, and -1 means not covered"
        )


def checked_territory(synapses: str, n_astrocytes: int) -> Function:
    """A function for string expressions that turns an astrocyte index into a territory, or stops the program.

    A standalone program computes indices where Python can't see them; so it checks them itself.
    """

    def territory(index: np.ndarray) -> np.ndarray:
        index = np.asarray(index)
        check_range(np.atleast_1d(index), n_astrocytes, synapses, "synapse")
        return np.where(index < 0, n_astrocytes, index)

    function = Function(
        territory, arg_units=[1], return_unit=1, arg_types=["integer"], return_type="integer", stateless=True
    )
    function.implementations.add_implementation("numpy", code=territory)
    function.implementations.add_implementation(
        "cpp",
        f"""
        static inline int _checked_territory(const int index)
        {{
            if (index < -1 || index >= {n_astrocytes})
            {{
                std::cerr << "{synapses}: astrocyte " << index << " is out of range; indices go from 0 to "
                          << "{n_astrocytes - 1}, and -1 means not covered" << std::endl;
                exit(1);
            }}
            return index < 0 ? {n_astrocytes} : index;
        }}
        """,
        name="_checked_territory",
    )
    return function
