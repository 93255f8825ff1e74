"""Every constant with its value, its meaning, and what the sensitivity run gives it instead: for the report and the docs."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from astrobrian.studies.ratio.constants import Constants
from astrobrian.studies.ratio.words import markdown_table

HEADINGS = ("constant", "value", "meaning", "in the sensitivity run")

_MARKS = "<!-- constants -->", "<!-- /constants -->"


def constants_table(constants: Constants) -> list[tuple[str, ...]]:
    """The headings first, then a row for each constant in the order of `Constants`.

    Examples
    --------
    >>> constants_table(Constants())[1]
    ('`wiring.subnetworks`', '8', 'subnetworks of tripartite motifs in a liquid', '1')
    """
    rows: list[tuple[str, ...]] = [HEADINGS]
    for room in fields(constants):
        values = getattr(constants, room.name)
        for each in fields(values):
            others = ", ".join(map(str, each.metadata["others"]))
            name, value = f"`{room.name}.{each.name}`", str(getattr(values, each.name))
            rows.append((name, value, each.metadata["meaning"], others or "-"))
    return rows


def with_constants(page: str) -> str:
    """A page in Markdown with the default constants between its marks.

    Raises
    ------
    ValueError
        If the marks are missing.
    """
    filled = "\n".join([_MARKS[0], markdown_table(constants_table(Constants())), _MARKS[1]])
    page, found = re.subn("{}.*{}".format(*_MARKS), lambda _: filled, page, flags=re.DOTALL)
    if not found:
        raise ValueError(f"the page has lost its marks {' and '.join(_MARKS)}; put them back")
    return page


if __name__ == "__main__":
    docs = Path("docs/ratio.md")
    docs.write_text(with_constants(docs.read_text(encoding="utf-8")), encoding="utf-8")
