"""The command: every cell that can be run here, compared, and recorded."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from astrobrian.backends.features import BACKENDS, FEATURES
from astrobrian.progress import Progress
from astrobrian.studies.compatibility.cell import DEPTHS, RECORDING
from astrobrian.studies.compatibility.record import Record, read_records
from astrobrian.studies.compatibility.runner import (
    environment_of,
    farthest,
    lacking,
    references,
    run_cells,
)


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
    here = {backend: (depth, None) if depth else farthest(backend) for backend in backends}
    absent = {
        backend: f"{found.reason}; {found.fix}"
        for backend, (reached, found) in here.items()
        if reached is None and found
    }
    compared_with = {}
    if any(reached in RECORDING for reached, _ in here.values()):
        tell("reference", 0.0, "numpy")
        compared_with = references(features)
    records = []
    for number, (backend, (reached, _)) in enumerate(here.items()):
        tell("table", number / len(here), backend)
        if reached is None:
            continue
        wanted = [feature for feature in features if not lacking(feature, backend)]
        earlier = known.get((backend, reached))
        record = Record(
            backend, reached, **environment_of(backend, reached), cells=earlier.cells if earlier else {}
        )
        record.add(run_cells(backend, wanted, reached).values(), compared_with)
        record.cells = {feature: record.cells[feature] for feature in FEATURES if feature in record.cells}
        record.write(out)
        records.append(record)
    tell("table", 1.0, "done")
    return records, absent


def _check(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    for each in given:
        if each not in known:
            raise ValueError(f"there is no {what} {each!r}, only {', '.join(known)}")
