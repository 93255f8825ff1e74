"""Astrocyte indices that a program computes, and that nobody can check before: a thread can't end a program.

On a GPU an index that no astrocyte has becomes a number that is no territory, and the host looks for these.
"""

from __future__ import annotations

from brian2 import Synapses
from brian2.core.functions import Function

from astrobrian.covering import CHECKED_TERRITORY


def add_implementation(function: Function, n_astrocytes: int) -> None:
    """Let the function that turns an index into a territory run on a GPU."""
    code = f"""
    __host__ __device__ static inline int {CHECKED_TERRITORY}(const int index)
    {{
        // the null cell, or what is outside of them all on the same side as the index
        return index == -1 ? {n_astrocytes} : index < {n_astrocytes} ? index : index + 1;
    }}
    """
    function.implementations.add_implementation("cuda", code, name=CHECKED_TERRITORY)


def check(synapses: Synapses, array: str, n_astrocytes: int) -> str:
    """C++ that ends the program if an array of territories, on the host, holds anything else."""
    return f"""
    for (size_t k = 0; k < {array}.size(); k++)
    {{
        const int cell = {array}[k];
        if (cell < 0 || cell > {n_astrocytes})
        {{
            std::cerr << "{synapses.name}: astrocyte " << (cell < 0 ? cell : cell - 1) << " is out of range; indices go "
                      << "from 0 to {n_astrocytes - 1}, and -1 means not covered" << std::endl;
            exit(1);
        }}
    }}
    """
