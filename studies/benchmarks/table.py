"""The README of the results: what is generated stands between marks, the rest is written by hand and left alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from astrobrian.files import write_whole
from astrobrian.studies.benchmarks.measurement import Measurement, readable
from astrobrian.studies.benchmarks.record import Record, read_record
from astrobrian.studies.benchmarks.row import Row

NEW = """# Benchmarks

Written by `astrobrian bench`.

<!-- table -->
<!-- /table -->

## Everything that was measured

<!-- measured -->
<!-- /measured -->
"""


def write_table(folder: Path, rows: Mapping[str, Row]) -> None:
    """Bring the README of a folder of results up to date; text outside of the marks stays.

    Raises
    ------
    ValueError
        If a mark is missing in the README that is there.
    """
    path = folder / "README.md"
    text = path.read_text(encoding="utf-8") if path.exists() else NEW
    records = {name: read_record(folder, name) for name in rows}
    measured = [record for record in records.values() if record is not None and record.repetitions]
    text = _filled(text, "table", _table(rows, records))
    text = _filled(text, "measured", "\n\n".join([*_stamps(measured), *map(_section, measured)]))
    write_whole(path, text.encode())


def _filled(text: str, mark: str, content: str) -> str:
    """The text with new content between two marks."""
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    if not re.search(f"{begin}.*{end}", text, re.DOTALL):
        raise ValueError(
            f"the README of the benchmarks has lost its marks {begin} and {end}; put them back, or delete it"
        )
    before, _, rest = text.partition(begin)
    return f"{before}{begin}\n{content}\n{end}{rest.partition(end)[2]}"


def _table(rows: Mapping[str, Row], records: Mapping[str, Record | None]) -> str:
    lines = []
    for name, row in rows.items():
        record = records[name]
        if record is None or not record.results:
            lines.append((f"`{name}`: {row.what}", row.beside, "", "not measured", "", ""))
            continue
        for number, result in enumerate(record.results):
            first = (f"`{name}`: {row.what}", row.beside) if not number else ("", "")
            lines.append((*first, result["name"], spread(result), bar(result), verdict(result)))
    return _grid(("what", "beside", "number", "median (least to most)", "bar", "met"), lines)


def spread(result: Mapping[str, Any]) -> str:
    """Median and spread of a result, in words."""
    return str(Measurement.of(result["values"]))


def bar(result: Mapping[str, Any]) -> str:
    """The bar of a result, in words."""
    return "" if result["bar"] is None else f"{result['direction']} {readable(result['bar'])}"


def verdict(result: Mapping[str, Any]) -> str:
    """Whether a result meets its bar; nothing if it has none."""
    return "" if result["bar"] is None else ("yes" if result["met"] else "**no**")


def summary(row: Row, found: Record | str) -> str:
    """What was measured of a row, in a line for each of its numbers; or why nothing was."""
    if isinstance(found, str):
        return f"{row.name}: not measured: {found}"
    lines = [f"{row.name}: {row.what}, beside {row.beside}"]
    for result in found.results:
        held = f", bar {bar(result)}: {'met' if result['met'] else 'NOT MET'}" if bar(result) else ""
        lines.append(f"  {spread(result)} {result['name']}{held}")
    return "\n".join(lines)


def _stamps(records: Sequence[Record]) -> list[str]:
    """On what the rows were measured; said once if it was the same for all."""
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(json.dumps([record.stamp, record.commit]), []).append(record)
    return [_stamp(same) for same in found.values()]


def _stamp(records: Sequence[Record]) -> str:
    stamp = records[0].stamp
    machine, compiler = stamp["machine"], stamp["compiler"]
    caches = ", ".join(f"{name} {size}" for name, size in machine["caches"].items())
    lines = [
        ("rows", ", ".join(record.row for record in records)),
        ("processor", f"{machine['processor']}, {machine['cores']} cores; caches: {caches or 'unknown'}"),
        ("memory", f"{machine['memory_GiB']} GiB"),
        ("system", machine["system"]),
        ("compiler", f"{compiler['version']}, `{compiler['flags']}`"),
        ("versions", ", ".join(f"{name} {version}" for name, version in stamp["versions"].items())),
        ("source", f"commit {records[0].commit or 'unknown'}, digest {stamp['source']}"),
        ("begun", ", ".join(sorted({record.started[:10] for record in records}))),
    ]
    return _grid(("measured on", ""), lines)


def _section(record: Record) -> str:
    """Every number of a row."""
    number = len(record.repetitions)
    lines = [
        (side, name, str(measured))
        for side in record.repetitions[0]
        for name, measured in record.numbers(side).items()
    ]
    parts = [
        f"### {record.row}",
        f"`{record.command}`, {number} repetition{'s' * (number > 1)}"
        + ("" if record.complete else ", not complete")
        + ". Each line is the median (least to most).",
        _grid(("side", "number", "measured"), lines),
    ]
    for name, numbers in record.once.items():
        whole = sum(numbers.values())
        ordered = sorted(numbers.items(), key=lambda item: -item[1])
        lines = [(number, readable(value), f"{100 * value / whole:.0f} %") for number, value in ordered]
        parts += [f"Once, {name}:", _grid(("number", "measured", "share"), lines)]
    return "\n\n".join(parts)


def _grid(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)
