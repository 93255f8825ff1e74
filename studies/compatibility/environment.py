"""What a backend's cells were run with: versions, compilers, machine."""

from __future__ import annotations

import json
import sys
from typing import Any

from astrobrian.backends import genn_installation
from astrobrian.cuda import toolkit
from astrobrian.studies import results
from astrobrian.studies.benchmarks.machine import compiler_version, machine

PACKAGES = ("python", "astrobrian", "brian2", "brian2cuda", "numpy", "sympy")


def environment(backend: str, depth: str) -> dict[str, Any]:
    """Versions, device and machine of a backend in this Python."""
    known = results.versions()
    versions = {name: known[name] for name in PACKAGES if name in known}
    if backend in ("cython", "cpp", "genn") or depth == "stand-in":
        versions["C++ compiler"] = compiler_version() or "none"
    if backend == "cuda" and depth in ("run", "compiled"):
        versions["CUDA"] = str(toolkit.version(toolkit.nvcc()))
    if backend == "genn":
        folder = genn_installation.genn_folder()
        found = genn_installation.versions_in(genn_installation.genn_python()) or {}
        versions |= {f"{name} of GeNN's environment": each for name, each in found.items() if each}
        if folder and (number := genn_installation.genn_version(folder)):
            versions["GeNN"] = ".".join(map(str, number))
    here = machine()
    return {
        "versions": versions,
        "device": device(backend, depth),
        "machine": {name: here[name] for name in ("processor", "cores", "system")},
    }


def device(backend: str, depth: str) -> str:
    """What the programs ran on."""
    if backend == "cuda" and depth == "run":
        return toolkit.gpus()[0].name
    return {
        "run": "CPU",
        "stand-in": "CPU, in the place of a GPU",
        "compiled": "compiled for a GPU, not run",
        "generated": "code generated, not compiled",
    }[depth]


if __name__ == "__main__":
    json.dump(environment(*sys.argv[1:]), sys.stdout)
