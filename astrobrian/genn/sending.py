"""A program on its way to another interpreter, and its results on their way back: one file of text, one of arrays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from astrobrian.genn.program import Program


def write(program: Program, folder: Path, gpu: int | None, build: bool) -> None:
    """Write ``program.json`` and ``arrays.npz``.

    Parameters
    ----------
    program : Program
    folder : Path
        An existing folder.
    gpu : int or None
        Which GPU GeNN generates CUDA code for; C++ if None.
    build : bool
        Whether it is compiled and run too.
    """
    described = {
        "dt": program.dt,
        "steps": program.steps,
        "single": program.single,
        "seed": program.seed,
        "gpu": gpu,
        "build": build,
        "spikes": {name: sorted(program.at_spikes.get(name, ())) for name in sorted(program.spikes)},
        "populations": {
            name: {"N": each.N, "code": each.code(), "threshold": each.threshold, "reset": each.reset}
            for name, each in program.populations.items()
        },
        "generators": {name: {"N": each.N} for name, each in program.generators.items()},
        "projections": {
            name: {
                key: getattr(each, key)
                for key in ("source", "target", "on_pre", "on_post", "update", "delay", "sums", "sum")
            }
            for name, each in program.projections.items()
        },
        "functions": {name: each.kind for name, each in program.functions.items()},
        "recordings": [
            {"name": each.name, "object": each.object, "variable": each.variable, "every": each.every}
            for each in program.recordings
        ],
    }
    Path(folder, "program.json").write_text(json.dumps(described, indent=1))
    np.savez(Path(folder, "arrays.npz"), **dict(_arrays(program)))  # type: ignore[arg-type]


def _arrays(program: Program) -> Iterator[tuple[str, np.ndarray]]:
    for name, population in program.populations.items():
        for variable, values in population.initial().items():
            yield f"variables/{name}/{variable}", values
    for name, projection in program.projections.items():
        yield f"projections/{name}/i", projection.i
        yield f"projections/{name}/j", projection.j
        for variable, values in projection.variables.items():
            yield f"variables/{name}/{variable}", values
    for name, generator in program.generators.items():
        yield f"generators/{name}/cells", generator.cells
        yield f"generators/{name}/steps", generator.steps
    for name, function in program.functions.items():
        for key, values in function.numbers.items():
            yield f"functions/{name}/{key}", np.asarray(values)
    for recording in program.recordings:
        yield f"recordings/{recording.name}/cells", recording.cells


@dataclass
class Results:
    """What GeNN computed.

    Parameters
    ----------
    arrays : dict of str to ndarray
        As the worker names them.
    """

    arrays: dict[str, np.ndarray]

    @classmethod
    def read(cls, folder: Path) -> Results:
        """Read ``results.npz``."""
        with np.load(Path(folder, "results.npz")) as stored:
            return cls(dict(stored))

    def spikes(self, population: str) -> tuple[np.ndarray, np.ndarray]:
        """Cells and time steps of the spikes, sorted by time step and cell."""
        return self.at_spikes(population, "cells"), self.at_spikes(population, "steps")

    def at_spikes(self, population: str, variable: str) -> np.ndarray:
        """Values that were recorded with the spikes, sorted as these are."""
        order = np.lexsort([self.arrays[f"spikes/{population}/{key}"] for key in ("cells", "steps")])
        return self.arrays[f"spikes/{population}/{variable}"][order]

    def recording(self, name: str) -> np.ndarray:
        """Recorded values, of shape (cells, times)."""
        return self.arrays[f"recordings/{name}"]

    def final(self, name: str, variable: str) -> np.ndarray:
        """The last values of a variable of a population or projection."""
        return self.arrays[f"final/{name}/{variable}"]
