"""Which cells were run where: a file for each backend and each way in which it was checked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from astrobrian.files import write_whole
from astrobrian.studies.compatibility.cell import DEPTHS
from astrobrian.studies.compatibility.comparison import compare
from astrobrian.studies.compatibility.rows import ROWS
from astrobrian.studies.compatibility.runner import Cell
from astrobrian.studies.results import ResultsError


@dataclass
class Record:
    """What became of the cells of a backend.

    Attributes
    ----------
    backend : str
    depth : {"run", "stand-in", "compiled", "generated"}
        How far its programs were taken.
    device : str
        Where they ran, or for what they were compiled.
    versions, machine : dict
    date : str
    cells : dict of str to dict
        For each feature its status, the reason, what differed most from the reference, by how much, and how much that may be.
    """

    backend: str
    depth: str
    device: str
    versions: dict[str, str]
    machine: dict[str, Any]
    date: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())
    cells: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, cells: Iterable[Cell], references: Mapping[str, Cell]) -> None:
        """Take in cells, in place of what is known of them."""
        for cell in cells:
            self.cells[cell.feature] = described(cell, references)

    def write(self, folder: Path) -> None:
        """Write it to ``<backend>-<depth>.json``."""
        write_whole(
            path_of(folder, self.backend, self.depth), (json.dumps(asdict(self), indent=1) + "\n").encode()
        )


def described(cell: Cell, references: Mapping[str, Cell]) -> dict[str, Any]:
    """A cell as plain data; one that differs from the reference has failed."""
    found: dict[str, Any] = {"status": cell.status, "reason": cell.reason}
    if cell.recorded:
        comparison = compare(ROWS[cell.feature], cell.recorded, references[cell.feature].recorded)
        found |= asdict(comparison)
        if not comparison.agrees:
            found |= {"status": "failed", "reason": str(comparison)}
    return found


def path_of(folder: Path, backend: str, depth: str) -> Path:
    """Where a record is."""
    return folder / f"{backend}-{depth}.json"


def read_records(folder: Path) -> Iterator[Record]:
    """All records of a folder, for each backend those first that say most.

    Raises
    ------
    ResultsError
        If a file isn't one.
    """
    for depth in DEPTHS:
        for path in sorted(folder.glob(f"*-{depth}.json")):
            try:
                yield Record(**json.loads(path.read_text()))
            except (ValueError, TypeError) as error:
                raise ResultsError(
                    f"{path} is damaged or was not written by this version ({error}); delete it"
                ) from error
