"""Measure rows, one repetition after the other, and keep each at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

from astrobrian.progress import Progress
from astrobrian.studies.benchmarks import machine
from astrobrian.studies.benchmarks.record import Record, read_record
from astrobrian.studies.benchmarks.row import Row, nothing
from astrobrian.studies.benchmarks.rows import ROWS
from astrobrian.studies.benchmarks.table import write_table

# one thread everywhere, whatever library counts the cores
THREADS = {
    name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
}


def bench(
    names: Sequence[str] = (),
    repetitions: int = 5,
    out: str | Path = "benchmarks",
    progress: Progress | None = None,
    ended: Callable[[Row, Record | str], None] = nothing,
    rows: Mapping[str, Row] = ROWS,
) -> None:
    """Measure rows of the table, and write it.

    Every repetition is kept as it ends. What was measured of the same source on the same machine isn't measured
    again: delete the file of a row to do so.

    Parameters
    ----------
    names : sequence of str, optional
        Which rows; all by default.
    repetitions : int, optional
        How often each side is measured.
    out : str or Path, optional
        Folder of the results.
    progress : Progress, optional
        Is told how far each row has come.
    ended : callable, optional
        Is given each row as it ends, and what was measured of it; or in words, why nothing was.
    rows : Mapping[str, Row], optional
        The rows there are.

    Raises
    ------
    ValueError
        If there is no such row, or no repetition is asked for.
    ResultsError
        If the folder has a file that isn't what it should be.
    OSError
        If the folder can't be written.
    """
    if unknown := [name for name in names if name not in rows]:
        raise ValueError(f"there is no benchmark {unknown[0]!r}; there are {', '.join(rows)}")
    if repetitions < 1:
        raise ValueError(f"at least one repetition is needed, got {repetitions}")
    out = Path(out)
    write_table(out, rows)
    commit = machine.commit()
    for name in names or rows:
        row = rows[name]
        if why := row.missing():
            ended(row, why)
            continue
        record, stamp = read_record(out, name), machine.stamp(row.rooms, row.packages)
        if record is None or record.stamp != stamp:
            record = Record.begin(row, stamp, commit)
        if not record.complete or len(record.repetitions) < repetitions:
            measure(row, record, repetitions, out, progress)
        write_table(out, rows)
        ended(row, record)


def measure(row: Row, record: Record, repetitions: int, out: Path, progress: Progress | None = None) -> None:
    """Measure what a record still lacks."""
    parts = repetitions + 2  # with what is built before, and what is measured once

    def tell(words: str, part: int = 0) -> None:
        if progress is not None:
            progress(row.name, part / parts, words)

    with ExitStack() as stack, patch.dict(os.environ, THREADS):
        prepared = row.prepare(stack, tell)
        for number in range(len(record.repetitions) + 1, repetitions + 1):
            repetition: dict = {}
            for name, side in prepared.sides.items():
                tell(f"{number} of {repetitions}: {name}", number)
                repetition[name] = dict(side())
            row.check(repetition)
            record.add(repetition, row)
            record.write(out)
        for name, side in prepared.once.items():
            if name not in record.once:
                tell(name, parts - 1)
                record.once[name] = dict(side())
    record.complete = True
    record.write(out)
    tell("done", parts)
