"""What was measured of one row: a file that is complete and readable after every repetition."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from astrobrian.files import write_whole
from astrobrian.studies.benchmarks.measurement import Measurement
from astrobrian.studies.benchmarks.row import Numbers, Repetition, Row
from astrobrian.studies.results import ResultsError


@dataclass
class Record:
    """The measurements of a row.

    Attributes
    ----------
    row, what, beside : str
        Of the row.
    command : str
        What reproduces it.
    started : str
        When it was begun, in UTC.
    commit : str or None
        Of the source.
    stamp : dict
        See `astrobrian.studies.benchmarks.machine.stamp`.
    repetitions : list
        What each side measured, in each repetition.
    once : dict
        What was measured a single time.
    results : list of dict
        Each ratio of the row with all its values, median, spread, bar, and whether that is met.
    complete : bool
    """

    row: str
    what: str
    beside: str
    command: str
    started: str
    commit: str | None
    stamp: dict[str, Any]
    repetitions: list[Repetition] = field(default_factory=list)
    once: dict[str, Numbers] = field(default_factory=dict)
    results: list[dict[str, Any]] = field(default_factory=list)
    complete: bool = False

    @classmethod
    def begin(cls, row: Row, stamp: dict[str, Any], commit: str | None) -> Record:
        """An empty record."""
        started = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(row.name, row.what, row.beside, f"astrobrian bench {row.name}", started, commit, stamp)

    def add(self, repetition: Repetition, row: Row) -> None:
        """Take in one more repetition."""
        self.repetitions.append(repetition)
        self.results = [evaluate(self.repetitions, row, index) for index in range(len(row.ratios))]

    def numbers(self, side: str) -> dict[str, Measurement]:
        """Everything that a side measured, by name."""
        measured = [repetition[side] for repetition in self.repetitions]
        return {name: Measurement.of(each[name] for each in measured) for name in measured[0]}

    def write(self, folder: Path) -> None:
        """Write it to ``<row>.json``."""
        write_whole(path_of(folder, self.row), (json.dumps(asdict(self), indent=1) + "\n").encode())


def evaluate(repetitions: list[Repetition], row: Row, index: int) -> dict[str, Any]:
    """One ratio of a row over all repetitions."""
    ratio = row.ratios[index]
    measured = Measurement.of(ratio.of(repetition) for repetition in repetitions)
    found = {
        "name": ratio.name,
        "median": measured.median,
        "least": measured.least,
        "most": measured.most,
        "values": list(measured.values),
        "bar": ratio.bar,
        "direction": ratio.direction,
    }
    if ratio.bar is not None:
        reached = measured.median >= ratio.bar, measured.median <= ratio.bar
        found["met"] = reached[ratio.direction == "at most"]
    return found


def path_of(folder: Path, name: str) -> Path:
    """Where the record of a row is."""
    return folder / f"{name}.json"


def read_record(folder: Path, name: str) -> Record | None:
    """The record of a row; None if there is none.

    Raises
    ------
    ResultsError
        If the file isn't one.
    """
    path = path_of(folder, name)
    try:
        return Record(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise ResultsError(
            f"{path} is damaged or was not written by this version ({error}); delete it"
        ) from error
