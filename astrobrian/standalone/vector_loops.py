"""Which loops over the cells of a group may handle several cells at once, and how a compiler is told to."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Mapping, Sequence

from brian2 import TimedArray
from brian2.core.functions import DEFAULT_FUNCTIONS, Function
from brian2.core.variables import ArrayVariable, Constant, Variable

# Fewer cells gain nothing, and those left over from a vector are rounded in another way than the others: in a small
# symmetric network, such as the ring of the published figure 5, cells that mirror each other wouldn't go on doing so
FEW = 256


def flags() -> list[str]:
    """Flags of the compiler for loops marked with ``#pragma omp simd``: no threads, no library."""
    if sys.platform == "win32":
        return []
    # GCC and Clang use half of what the widest registers hold unless told otherwise
    widest = ["-mprefer-vector-width=512"] if platform.machine() in ("x86_64", "AMD64") else []
    return ["-fopenmp-simd", *widest]


def vectorisable(
    code: Sequence[str],
    variables: Mapping[str, Variable | Function],
    indices: Mapping[str, str],
    get_array_name: Callable[[ArrayVariable], str],
) -> bool:
    """Whether the passes of a loop are many, and independent of each other and of their order.

    They aren't if the code draws random numbers, or if it writes to an array that it also reaches through another index
    than that of the loop. A function that a user wrote in C++ may do anything.

    Parameters
    ----------
    code : sequence of str
        Lines of one pass, as Brian2's generator writes them.
    variables, indices : dict
        What the names in the code stand for, and through which index each is reached.
    get_array_name : function
        Name of a variable's array in the code.
    """
    number = variables.get("N")
    if isinstance(number, Constant) and number.value < FEW:
        return False
    if not all(_depends_on_arguments_only(v) for v in variables.values() if isinstance(v, Function)):
        return False
    arrays = {
        name: get_array_name(variable)
        for name, variable in variables.items()
        if isinstance(variable, ArrayVariable)
    }
    written = {array for name, array in arrays.items() if f"{array}[{indices[name]}] = {name};" in code}
    return all(indices[name] == "_idx" for name, array in arrays.items() if array in written)


def _depends_on_arguments_only(function: Function) -> bool:
    known = isinstance(function, TimedArray) or function in DEFAULT_FUNCTIONS.values()
    return known and function.stateless
