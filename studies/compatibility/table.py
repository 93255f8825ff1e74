"""The table of the documentation, made from what is declared of each feature and from the records of what was run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from astrobrian.backends.features import BACKENDS, FEATURES, THEMES
from astrobrian.files import write_whole
from astrobrian.studies.compatibility.record import Record, read_records

#: How far a cell was checked, and its mark.
MARKS = {"run": "●", "stand-in": "◑", "compiled": "◔", "generated": "○"}


def depth_of(feature: str, backend: str, records: Iterable[Record]) -> str | None:
    """How far a cell was checked with the declared outcome; None if it wasn't."""
    declared = FEATURES[feature].status(backend)
    for record in records:  # those first that say most
        if record.backend == backend and record.cells.get(feature, {}).get("status") == declared:
            return record.depth
    return None


def tables(records: Sequence[Record]) -> dict[str, str]:
    """Each generated part of the page, by its mark."""
    return {
        "table": "\n\n".join(
            f"## {theme}\n\n{_theme(features, records)}" for theme, features in THEMES.items()
        ),
        "reasons": _grid(("feature", "backends", "", "how or why"), _reasons()),
        "records": _grid(("backend", "cells", "on", "versions", "date"), map(_record, records)),
    }


def _theme(features: Iterable[str], records: Sequence[Record]) -> str:
    lines = []
    for feature in features:
        cells = [_cell(feature, backend, records) for backend in BACKENDS]
        lines.append((FEATURES[feature].title, *cells))
    return _grid(("", *(f"`{backend}`" for backend in BACKENDS)), lines)


def _cell(feature: str, backend: str, records: Sequence[Record]) -> str:
    status = FEATURES[feature].status(backend)
    depth = depth_of(feature, backend, records)
    if depth is None:
        return f"{status} ?"
    return status if status == "refused" else f"{status} {MARKS[depth]}"


def _reasons() -> Iterator[tuple[str, ...]]:
    """How each feature is lowered, or why it is refused; backends with the same reason together."""
    for feature in FEATURES.values():
        together: dict[tuple[str, str], list[str]] = {}
        for backend, said in feature.other.items():
            together.setdefault(said, []).append(f"`{backend}`")
        for (status, reason), backends in together.items():
            yield feature.title, ", ".join(backends), status, reason


def _record(record: Record) -> tuple[str, ...]:
    numbers = Counter(cell["status"] for cell in record.cells.values())
    counted = ", ".join(f"{number} {status}" for status, number in sorted(numbers.items()))
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    return f"`{record.backend}`", counted, f"{MARKS[record.depth]} {record.device}", versions, record.date


def write_page(page: Path, folder: Path) -> None:
    """Bring the generated parts of the page up to date.

    Raises
    ------
    ValueError
        If the page has lost one of its marks.
    """
    write_whole(page, filled(page.read_text(encoding="utf-8"), list(read_records(folder))).encode())


def filled(text: str, records: Sequence[Record]) -> str:
    """The text of the page with its generated parts made anew."""
    for mark, content in tables(records).items():
        begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
        before, found, rest = text.partition(begin)
        _, ended, after = rest.partition(end)
        if not found or not ended:
            raise ValueError(f"the page of the table has lost its marks {begin} and {end}; put them back")
        text = f"{before}{begin}\n{content}\n{end}{after}"
    return text


def _grid(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)


if __name__ == "__main__":
    write_page(Path("docs/compatibility.md"), Path("benchmarks/compatibility"))
