"""The command: every cell that can be run here, compared, and recorded."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from astrobrian.backends.features import BACKENDS, FEATURES
from astrobrian.progress import Progress
from astrobrian.studies.compatibility.cell import DEPTHS
from astrobrian.studies.compatibility.record import Record, read_records
from astrobrian.studies.compatibility.runner import environment_of, farthest, references, run_cells
from astrobrian.studies.compatibility.table import UNCHECKED, runnable


def compatibility(
    out: Path,
    backends: Iterable[str] = (),
    *,
    depth: str | None = None,
    features: Iterable[str] = (),
    progress: Progress | None = None,
) -> tuple[list[Record], dict[str, str]]:
    """Run the table.

    Parameters
    ----------
    out : path
        Folder of the records. Cells that aren't run now keep what is recorded of them.
    backends : iterable of str, optional
        All that can be used here by default.
    depth : {"run", "stand-in", "compiled", "generated"}, optional
        How far programs are taken; by default as far as this machine can.
    features : iterable of str, optional
        All by default.
    progress : Progress, optional

    Returns
    -------
    records : list of Record
    absent : dict of str to str
        The backends that can't be used here, and why.

    Raises
    ------
    ValueError
        If there is no such backend, depth or feature.
    """
    backends, features = list(backends) or list(BACKENDS), list(features) or list(FEATURES)
    _check("backend", backends, BACKENDS)
    _check("feature", features, FEATURES)
    _check("depth", [depth] if depth else [], DEPTHS)
    out.mkdir(parents=True, exist_ok=True)
    known = {(record.backend, record.depth): record for record in read_records(out)}
    tell = progress or (lambda stage, done, words: None)
    tell("reference", 0.0, "numpy")
    compared_with = references(runnable(features))
    records, absent = [], {}
    for number, backend in enumerate(backends):
        tell("table", number / len(backends), backend)
        here, obstacle = (depth, None) if depth else farthest(backend)
        if here is None:
            absent[backend] = f"{obstacle.reason}; {obstacle.fix}" if obstacle else ""
            continue
        wanted = [feature for feature in features if (feature, backend) not in UNCHECKED]
        earlier = known.get((backend, here))
        record = Record(
            backend, here, **environment_of(backend, here), cells=earlier.cells if earlier else {}
        )
        record.add(run_cells(backend, wanted, here).values(), compared_with)
        record.cells = {feature: record.cells[feature] for feature in FEATURES if feature in record.cells}
        record.write(out)
        records.append(record)
    tell("table", 1.0, "done")
    return records, absent


def _check(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    for each in given:
        if each not in known:
            raise ValueError(f"there is no {what} {each!r}, only {', '.join(known)}")
