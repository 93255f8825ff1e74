"""Simulate liquids, whatever their units are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType

import numpy as np

from astrobrian.progress import Progress
from astrobrian.studies.ratio import biophysical, formal
from astrobrian.studies.ratio.constants import Constants
from astrobrian.studies.ratio.liquids import Liquid, Units
from astrobrian.studies.ratio.states import States
from astrobrian.studies.ratio.tasks.task import Task

_OF_UNITS = {Units.FORMAL: formal, Units.BIOPHYSICAL: biophysical}


def simulate(
    liquids: Sequence[Liquid],
    tasks: Mapping[int, Task],
    constants: Constants,
    *,
    backend: str = "cpp",
    progress: Progress | None = None,
) -> States:
    """See `astrobrian.studies.ratio.formal.simulate`; all liquids are of the same units."""
    return _simulator(liquids).simulate(liquids, tasks, constants, backend=backend, progress=progress)


def run_free(
    liquids: Sequence[Liquid],
    tasks: Mapping[int, Task],
    constants: Constants,
    bias: Mapping[Liquid, np.ndarray],
    weights: Mapping[Liquid, np.ndarray],
    *,
    backend: str = "cpp",
    progress: Progress | None = None,
) -> Mapping[Liquid, np.ndarray]:
    """See `astrobrian.studies.ratio.formal.run_free`; all liquids are of the same units."""
    run_free = _simulator(liquids).run_free
    return run_free(liquids, tasks, constants, bias, weights, backend=backend, progress=progress)


def _simulator(liquids: Sequence[Liquid]) -> ModuleType:
    units = sorted({liquid.units for liquid in liquids})
    if len(units) > 1:
        raise ValueError(
            f"liquids of one batch have the same units, got {' and '.join(units)}; simulate them apart"
        )
    if not units:
        raise ValueError("there are no liquids to simulate; give at least one")
    return _OF_UNITS[units[0]]
