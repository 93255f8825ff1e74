"""Numbers in single precision: ``1.5`` becomes ``1.5f``, and nothing else in the code changes.

Brian2CUDA 1.0b1 takes the end of names such as ``_dynamic_array_synapses_w12.size()`` for a number, and the program isn't
compiled. As long as it does, its function is replaced here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import brian2cuda.device

_NUMBER = re.compile(r"(?<![\w.])(?:(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)(?![\w.])")
_EXAMPLE = "w12.size();"


def single(code: str) -> str:
    """C++ with its floating-point numbers in single precision."""
    lines = code.split("\n")
    return "\n".join(
        line if line.lstrip().startswith("#include") else _NUMBER.sub(r"\g<0>f", line) for line in lines
    )


@contextmanager
def corrected() -> Iterator[None]:
    """Let Brian2CUDA use the function of this module, if its own is still wrong."""
    theirs = brian2cuda.device.replace_floating_point_literals
    if theirs(_EXAMPLE) != _EXAMPLE:
        brian2cuda.device.replace_floating_point_literals = single
    try:
        yield
    finally:
        brian2cuda.device.replace_floating_point_literals = theirs
