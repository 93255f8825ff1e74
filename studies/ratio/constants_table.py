"""Every constant with its value, its meaning, and what the sensitivity run gives it instead, as rows of texts."""

from __future__ import annotations

from dataclasses import fields

from astrobrian.studies.ratio.constants import Constants

HEADINGS = ("constant", "value", "meaning", "in the sensitivity run")


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
