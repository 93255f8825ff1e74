import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("statsmodels")

from astrobrian.studies.ratio import words
from astrobrian.studies.ratio.density import Density


@given(st.floats(0, 1))
def test_a_share_isn_t_rounded_to_none_or_all(share):
    told = words.percent(share)
    assert (told == "0 %") == (share == 0)
    assert (told == "100 %") == (share == 1)


@given(st.floats(1 / 64, 64))
def test_a_ratio_is_told_from_either_side(value):
    assert words.ratio(1 / value) == ":".join(reversed(words.ratio(value).split(":"))) or value == 1


@pytest.mark.parametrize(
    ("value", "told"), [(2.0, "2:1"), (1.0, "1:1"), (1 / 32, "1:32"), (2.0703, "2.07:1"), (float("nan"), "-")]
)
def test_ratios(value, told):
    assert words.ratio(value) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (3, "3"),
        (np.int64(3), "3"),
        (-0.0, "0"),
        (0.12345, "0.123"),
        (-0.00001, "-1.0e-05"),
        (1234.5, "1234"),
        (float("nan"), "-"),
        (float("inf"), "∞"),
        ("a | b\nc <d>", "a \\| b c &lt;d>"),
    ],
)
def test_what_is_in_a_table(value, told):
    table = pd.DataFrame({"x": pd.Series([value], dtype=object)})
    assert list(words.rows(table, {"x": "heading"})) == [["heading"], [told]]


def test_a_table_in_markdown():
    assert words.markdown_table([("a", "b"), ("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert words.markdown_table([]) == "There is none."


def test_an_excess_is_told_beside_what_there_is():
    everything = np.repeat([0.0, 1.0, 2.0], [50, 25, 25])
    told = words.enrichment(
        Density(everything, np.array([1.0, 1.0, 0.0, 2.0]), np.array([1.0, 2.0, 2.0, 2.0]))
    )
    assert (
        "50 % of the fastest tenth lie in the octave of 2:1, and 25 % of all liquids: 2.00 times as many"
        in told
    )
    assert "(most at 2:1)" in told
    assert "1.00 times (most at 4:1)" in told


def test_a_grid_without_two_to_one_says_so():
    assert words.enrichment(Density(*[np.array([0.0, 2.0])] * 3)) == "The grid has no liquid near 2:1."
