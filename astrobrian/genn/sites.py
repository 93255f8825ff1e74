"""Sites: the pairs of a postsynaptic neuron and an astrocyte that covers some of its synapses.

A synapse of GeNN can read variables of its neurons, not those of a third cell. So what the synapses read of their
territory is kept in the neuron, once for each of its sites, and the synapses are divided by the number of their site:
all synapses of one object then read a variable of the same name.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: More astrocytes at one neuron would need more synapse objects and variables than is reasonable.
MOST_SITES = 8


@dataclass(frozen=True)
class Sites:
    """Sites of synapses, numbered within each neuron.

    Parameters
    ----------
    of_synapse : ndarray of int
        For each synapse, the number of its site.
    territory : ndarray of int, shape (sites, neurons)
        For each number and neuron, the territory; the null cell's where a neuron has fewer sites.
    """

    of_synapse: np.ndarray
    territory: np.ndarray

    @classmethod
    def of(cls, neuron: np.ndarray, territory: np.ndarray, neurons: int, null: int) -> Sites:
        """The sites of synapses with these neurons and territories."""
        pairs, which = np.unique(np.stack([neuron, territory]), axis=1, return_inverse=True)
        each, first = np.unique(pairs[0], return_index=True)
        number = np.arange(pairs.shape[1]) - first[np.searchsorted(each, pairs[0])]
        table = np.full((number.max(initial=-1) + 1, neurons), null)
        table[number, pairs[0]] = pairs[1]
        return cls(number[which.ravel()], table)


def same_rows(columns: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows that agree in all columns, as one: their first index, how many there are, and the row of each."""
    codes = [np.unique(column, return_inverse=True)[1].ravel() for column in columns]
    _, first, which, count = np.unique(
        np.stack(codes), axis=1, return_index=True, return_inverse=True, return_counts=True
    )
    return first, count, which.ravel()


def occurrence(*columns: np.ndarray) -> np.ndarray:
    """For each row, how many rows before it agree with it in all columns."""
    _, which = np.unique(np.stack(columns), axis=1, return_inverse=True)
    which = which.ravel()
    order = np.argsort(which, kind="stable")
    ranks = np.arange(len(which)) - np.searchsorted(which[order], which[order])
    return ranks[np.argsort(order, kind="stable")]


def parts(i: np.ndarray, j: np.ndarray, *keys: np.ndarray) -> list[np.ndarray]:
    """Rows that agree in all keys and in which each pair (i, j) occurs once, sorted by (i, j)."""
    columns = np.stack([*keys, occurrence(i, j, *keys)])
    _, which = np.unique(columns, axis=1, return_inverse=True)
    which = which.ravel()
    found = (np.flatnonzero(which == part) for part in range(which.max(initial=-1) + 1))
    return [rows[np.lexsort((j[rows], i[rows]))] for rows in found]
