"""From CUDA's C++ to C++: what no header can change."""

from __future__ import annotations

import re
from pathlib import Path

_LAUNCH = re.compile(r"\b([\w:]+)\s*<<<(.+?)>>>\s*\(", re.DOTALL)
# Before a run, every thread writes the same value to the same place, which is right and a data race
_SAME_VALUE = re.compile(r"(\w+\.no_or_const_delay_mode = scalar_delay;)")
_DYNAMIC_SHARED = re.compile(r"extern\s+__shared__\s+(\w+)\s+(\w+)\s*\[\s*\]\s*;")


def rewritten(source: str) -> str:
    """A source file of a CUDA program, for a C++ compiler and the headers in ``include``.

    nvcc compiles each file twice, for the device and for the host, and ``__CUDA_ARCH__`` tells it which. Here a file is
    compiled once: for the device if it has a kernel.
    """
    architecture = "900" if "__global__" in source else "0"
    source = source.replace("defined(__CUDA_ARCH__)", "1").replace("__CUDA_ARCH__", architecture)
    source = _LAUNCH.sub(r'stand_in::launcher("\1", \1, \2)(', source)
    source = _SAME_VALUE.sub(r"if (tid == 0) \1", source)
    return _DYNAMIC_SHARED.sub(r"\1* const \2 = static_cast<\1*>(stand_in::shared_memory());", source)


def rewrite(project: Path, copy: Path) -> None:
    """Write the sources and headers of a project, rewritten, into a folder in a folder of it."""
    for path in [*project.rglob("*.cu"), *project.rglob("*.cpp"), *project.rglob("*.h")]:
        if path.is_relative_to(copy.parent):
            continue
        target = copy / path.relative_to(project)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(rewritten(path.read_text()))
