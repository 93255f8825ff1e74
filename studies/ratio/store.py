"""Where the trials of a study are kept: one SQLite file, a row for each, written a batch at a time."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from astrobrian.studies.ratio.liquids import Liquid, Units
from astrobrian.studies.ratio.plan import Batch
from astrobrian.studies.ratio.settings import Settings
from astrobrian.studies.ratio.trials import Outcome, Trial
from astrobrian.studies.results import plain

FILE = "trials.sqlite"

# of what the numbers depend on
_VERSIONS = ("astrobrian", "brian2", "numpy", "scipy", "scikit-learn", "torch")

_LIQUID = [each.name for each in fields(Liquid)]
_IDENTITY = [*_LIQUID, *Trial._fields[1:]]
_OUTCOME = [each.name for each in fields(Outcome)]
_COLUMNS = ", ".join(_IDENTITY + _OUTCOME)
_TABLES = f"""
    CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS batches (
        name TEXT PRIMARY KEY, units TEXT NOT NULL, task TEXT NOT NULL, liquids INTEGER NOT NULL, seconds REAL NOT NULL
    );
    CREATE TABLE IF NOT EXISTS trials ({_COLUMNS}, PRIMARY KEY ({", ".join(_IDENTITY)})) WITHOUT ROWID;
"""


class StoreError(RuntimeError):
    """A store that can't be used, or not for this study."""


class Store:
    """The trials of one study; use it as a context manager.

    The rows of a batch are written in one transaction, together with the note that it is done: whatever ends the process,
    even a power cut, all of them are there afterwards or none.

    Parameters
    ----------
    folder : str or Path
        Made if it is missing; the file in it is `FILE`.
    settings : Settings
        Of the study.

    Raises
    ------
    StoreError
        If another process has it open, it is of a study with other settings or versions, or isn't a store.
    OSError
        If the folder can't be made.

    Examples
    --------
    >>> with Store("results/ratio", settings) as store:
    ...     store.add(batch, rows, seconds=12.3)
    """

    def __init__(self, folder: str | Path, settings: Settings) -> None:
        self.folder = Path(folder)
        self.settings = settings

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            opened.enter_context(closing(self._locked()))
            self._file = opened.enter_context(closing(self._opened()))
            self._check()
            self._open = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def add(self, batch: Batch, rows: Sequence[tuple[Trial, Outcome]], seconds: float) -> None:
        """Keep what a batch has given.

        Raises
        ------
        sqlite3.IntegrityError
            If one of its trials is there already; nothing is kept then.
        """
        values = [_row(trial, outcome) for trial, outcome in rows]
        liquids = len({trial.liquid for trial, _ in rows})
        with self._file:
            self._file.execute(
                "INSERT INTO batches VALUES (?, ?, ?, ?, ?)",
                (batch.name, str(batch.units), batch.task, liquids, seconds),
            )
            marks = ", ".join("?" * len(_IDENTITY + _OUTCOME))
            self._file.executemany(f"INSERT INTO trials ({_COLUMNS}) VALUES ({marks})", values)

    def done(self) -> set[str]:
        """Names of the batches whose trials are there."""
        return {name for (name,) in self._file.execute("SELECT name FROM batches")}

    def seconds(self) -> dict[tuple[Units, str], float]:
        """How long a batch took, by its kind; those that didn't come back are left out."""
        found = self._file.execute(
            "SELECT units, task, avg(seconds) FROM batches WHERE seconds > 0 GROUP BY units, task"
        )
        return {(Units(units), task): seconds for units, task, seconds in found}

    def worker_seconds(self) -> float:
        """How long all batches took, one after the other."""
        return float(next(self._file.execute("SELECT total(seconds) FROM batches"))[0])

    def counts(self) -> dict[str, int]:
        """Trials, those that failed, and those of degenerate liquids; networks that were simulated."""
        found = self._file.execute("SELECT count(*), total(error != ''), total(degenerate) FROM trials")
        trials, failed, degenerate = map(int, next(found))
        (networks,) = next(self._file.execute("SELECT total(liquids) FROM batches"))
        return {"trials": trials, "failed": failed, "degenerate": degenerate, "networks": int(networks)}

    def trials(self) -> list[dict[str, Any]]:
        """All rows in the order of what names them, by column: the fields of `Liquid`, `Trial` and `Outcome`.

        `losses` is a text in JSON.
        """
        return _trials(self._file)

    def _locked(self) -> sqlite3.Connection:
        """A lock that the system frees when the process ends, however it does; the trials can be read meanwhile."""
        lock = sqlite3.connect(self.folder / f"{FILE}.lock", timeout=0, isolation_level=None)
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            lock.close()
            raise StoreError(
                f"another process is at work on the study in {self.folder}; wait for it, or name another folder"
            ) from error
        return lock

    def _opened(self) -> sqlite3.Connection:
        file = sqlite3.connect(self.folder / FILE, timeout=60)
        try:
            file.execute("PRAGMA synchronous = FULL")
            file.executescript(_TABLES)
        except sqlite3.DatabaseError as error:
            file.close()
            raise StoreError(f"{self.folder / FILE} can't be used: {error}; name another folder") from error
        return file

    def _check(self) -> None:
        """Whether it is of this study; a new one is from now on."""
        wanted = self._described()
        there = dict(self._file.execute("SELECT name, value FROM meta"))
        if not there:
            with self._file:
                self._file.executemany("INSERT INTO meta VALUES (?, ?)", wanted.items())
            return
        for name in sorted(wanted.keys() | there.keys()):
            if wanted.get(name) != there.get(name):
                raise StoreError(
                    f"{self.folder} has a study with other settings: {name} is {there.get(name)} there and "
                    f"{wanted.get(name)} here; name another folder, or go on with the same"
                )

    def _described(self) -> dict[str, str]:
        described: Mapping[str, Any] = self.settings.described() | {
            f"version of {name}": version(name) for name in _VERSIONS
        }
        return {name: json.dumps(plain(value)) for name, value in described.items()}


def read_trials(folder: str | Path) -> list[dict[str, Any]]:
    """The trials in a results folder, as `Store.trials`; also while a study is at work there.

    Raises
    ------
    StoreError
        If there are none.
    """
    path = Path(folder) / FILE
    if not path.exists():
        raise StoreError(f"{folder} has no {FILE}: it isn't the folder of a study")
    with closing(sqlite3.connect(path)) as file:
        return _trials(file)


def _trials(file: sqlite3.Connection) -> list[dict[str, Any]]:
    columns = [*_IDENTITY, *_OUTCOME]
    found = file.execute(f"SELECT {_COLUMNS} FROM trials ORDER BY {', '.join(_IDENTITY)}")
    return [dict(zip(columns, row, strict=True)) for row in found]


def _row(trial: Trial, outcome: Outcome) -> list[Any]:
    identity = [getattr(trial.liquid, name) for name in _LIQUID] + list(trial[1:])
    found = [getattr(outcome, name) for name in _OUTCOME]
    return identity + [json.dumps(value) if isinstance(value, tuple) else value for value in found]
