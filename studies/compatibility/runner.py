"""Runs cells of the table in processes of their own, and says of each whether it works, is lowered or is refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from astrobrian.backends import Obstacle, obstacle
from astrobrian.backends.features import FEATURES, Status
from astrobrian.studies.compatibility.cell import DEPTHS, REFERENCE
from astrobrian.studies.compatibility.row import Recorded
from astrobrian.studies.compatibility.rows import ROWS

#: Where rows are simulated one by one. On "genn", what a part of a network needs decides how all of it is lowered; on
#: "cython", the objects of the next row get the same names, and much of its code has been compiled already.
ONE_BY_ONE = ("cython", "genn")
#: How many rows are parts of one network. nvcc makes one source of all of it, and what its compiler of the host's code takes
#: grows much faster than the source.
MOST = {"cuda": 10}


@dataclass(frozen=True)
class Cell:
    """What became of a feature on a backend.

    Parameters
    ----------
    feature, backend : str
    status : {"works", "lowered", "refused", "failed"}
    reason : str
        How it is lowered, why it is refused, or in what error it ended.
    recorded : dict
        What the row recorded, if it was run.
    """

    feature: str
    backend: str
    status: Status | str
    reason: str
    recorded: Recorded


def run_cells(
    backend: str, features: Iterable[str], depth: str = "run", interpreter: str = sys.executable
) -> dict[str, Cell]:
    """Simulate rows on a backend.

    Those that are expected to run are parts of one network, so that only one program is made of them; if that doesn't
    run, each is tried by itself.

    Parameters
    ----------
    backend : str
        One of `astrobrian.backends.BACKENDS`, or "reference".
    features : iterable of str
        Keys of FEATURES.
    depth : {"run", "stand-in", "compiled", "generated"}
        How far each of them is taken.
    interpreter : path, optional
        Of another Python, for a backend that isn't in this environment.
    """
    groups = grouped(backend, features)
    cells = _run(backend, groups, depth, interpreter)
    failed = [
        [feature]
        for group in groups
        if len(group) > 1 and any(cells[feature].status in ("failed", "refused") for feature in group)
        for feature in group
    ]
    return cells | _run(backend, failed, depth, interpreter) if failed else cells


def grouped(backend: str, features: Iterable[str]) -> list[list[str]]:
    """Which rows are parts of one network."""
    together, apart = [], []
    for feature in features:
        if (
            (backend != REFERENCE and _expected(feature, backend) == "refused")
            or ROWS[feature].by_itself
            or backend in ONE_BY_ONE
        ):
            apart.append([feature])
        else:
            together.append(feature)
    most = MOST.get(backend, len(FEATURES))
    return [*(together[first : first + most] for first in range(0, len(together), most)), *apart]


def _run(backend: str, groups: Sequence[list[str]], depth: str, interpreter: str) -> dict[str, Cell]:
    with tempfile.TemporaryDirectory() as folder:
        command = [interpreter, "-P", "-m", "astrobrian.studies.compatibility.cell", backend, depth, folder]
        _in_its_own_session([*command, *(",".join(group) for group in groups)])
        outcomes = json.loads(Path(folder, "outcomes.json").read_text())
        with np.load(Path(folder, "recorded.npz")) as arrays:
            recorded: dict[str, Recorded] = {feature: {} for group in groups for feature in group}
            for path in arrays.files:
                feature, name = path.split("/", maxsplit=1)
                recorded[feature][name] = arrays[path]
    return {
        feature: Cell(feature, backend, *_status(feature, backend, found, len(group) == 1), recorded[feature])
        for group, found in zip(groups, outcomes, strict=True)
        for feature in group
    }


def environment_of(backend: str, depth: str, interpreter: str = sys.executable) -> dict[str, Any]:
    """See `astrobrian.studies.compatibility.environment`; of another Python."""
    module = "astrobrian.studies.compatibility.environment"
    return json.loads(_in_its_own_session([interpreter, "-P", "-m", module, backend, depth]))


def _in_its_own_session(command: Sequence[str]) -> str:
    """What is printed by a process that may interrupt itself and what it starts, and nobody else."""
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    process = subprocess.Popen(
        command,
        env=environment,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        said, errors = process.communicate()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    if process.returncode:
        raise RuntimeError(f"the process of the table ended with {process.returncode}: {errors[-2000:]}")
    return said


def _status(feature: str, backend: str, found: dict[str, Any], alone: bool) -> tuple[str, str]:
    """What a process found of a feature: in a network with others, only what was said of this feature counts.

    What is said of others counts if the row was alone, and is lowered only where that is declared: a closed loop may be
    lowered in a row that is about subgroups. What isn't refused by preflight but by an error of another kind, such as one of Brian2, counts as refused where that is
    declared, and as failed anywhere else.
    """
    match found:
        case {"failed": error}:
            return "failed", error
        case {"objection": error}:
            return ("refused" if _expected(feature, backend) == "refused" else "failed"), error
        case {"refused": said} if not (alone or feature in said):
            return "failed", str(said)
    for status, said in found.items():
        if feature in said:
            return status, said[feature]
        if said and alone and status in ("refused", _expected(feature, backend)):
            return status, "; ".join(said.values())
    return "works", ""


def _expected(feature: str, backend: str) -> Status:
    return FEATURES[feature].status("numpy" if backend == REFERENCE else backend)


def references(features: Iterable[str]) -> dict[str, Cell]:
    """What NumPy records of rows: as its own cells, where these can be run.

    Raises
    ------
    RuntimeError
        If one of them fails.
    """
    features = list(features)
    elsewhere = [feature for feature in features if ROWS[feature].options or ROWS[feature].reference]
    own = [feature for feature in features if feature not in elsewhere]
    cells = run_cells("numpy", own) | run_cells(REFERENCE, elsewhere)
    for cell in cells.values():
        if cell.status == "failed":
            raise RuntimeError(f"the reference of {cell.feature} can't be simulated: {cell.reason}")
    return cells


def lacking(feature: str, backend: str) -> str:
    """The program that a row needs to be simulated on a backend and that isn't here; empty if nothing is missing."""
    needs = ROWS[feature].needs
    return needs if _expected(feature, backend) != "refused" and needs and not shutil.which(needs) else ""


def farthest(backend: str) -> tuple[str | None, Obstacle | None]:
    """How far a backend's cells can be taken here, and what stands in the way of more."""
    in_the_way = None
    for depth in "run", "compiled", "generated":
        if found := obstacle(backend, **DEPTHS[depth]):
            in_the_way = in_the_way or found
        else:
            return depth, in_the_way
    return None, in_the_way
