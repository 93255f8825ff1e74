from pathlib import Path

import pytest

from astrobrian.studies.ratio.constants import Constants
from astrobrian.studies.ratio.constants_table import constants_table, with_constants

PAGE = Path(__file__).resolve().parents[3] / "docs/ratio.md"


def test_the_page_has_the_constants_as_they_are():
    text = PAGE.read_text(encoding="utf-8")
    assert with_constants(text) == text, "write them with: python -m astrobrian.studies.ratio.constants_table"


def test_each_constant_has_a_row_with_a_meaning():
    head, *rows = constants_table(Constants())
    assert [row[0] for row in rows] == [f"`{name}`" for name in Constants().flat()]
    assert all(len(row) == len(head) and all(row) for row in rows)


def test_a_changed_constant_is_shown_changed():
    rows = constants_table(Constants().changed({"wiring.in_degree": 5}))
    assert dict(row[:2] for row in rows)["`wiring.in_degree`"] == "5"


def test_a_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="lost its marks"):
        with_constants("# A page")
