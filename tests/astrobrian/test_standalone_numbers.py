"""Numbers leave the code, and nothing of them is lost on the way."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from astrobrian.standalone import numbers


def values(*steps, names=None):
    code, found = numbers.apart(steps, names or {})
    return [line for _, line in code[1:]], list(found)


@given(st.floats(allow_nan=False))
def test_every_float_is_kept(number):
    text = repr(number).replace("-", "- ", 1) if number < 0 else repr(number)  # as Brian2 writes it
    text = text.replace("inf", "INFINITY")
    lines, found = values(("set_by_single_value", ("_array_x", 2, text)))
    assert lines == ["_array_x[2] = _numbers[0];"]
    assert found == [number]


def test_truth_and_whole_numbers():
    lines, found = values(
        ("set_by_single_value", ("a", 0, "true")),
        ("set_by_single_value", ("b", 0, "- 3")),
        ("set_by_constant", ("c", False, False)),
        ("set_by_constant", ("d", 2**60 + 1, True)),
    )
    assert found == [1, -3, 0]
    assert lines[2] == "std::fill(c, c + _num_c, _numbers[2]);"
    assert lines[3] == f"std::fill(d.begin(), d.end(), {2**60 + 1});"  # a float would round it


def test_seeds_and_durations():
    (seeded, (_, lines)), found = values(
        ("seed", np.int64(7)),
        ("run_network", ("net", ["net.clear();", "net.run(0.5, NULL, 10.0);"])),
    )
    assert seeded == "seed_generators(_numbers[0]);"
    assert lines == ["net.clear();", "net.run(_numbers[1], NULL, _numbers[2]);"]
    assert found == [7, 0.5, 10]
    code, _ = numbers.apart([("seed", None)], {})
    assert code[-1] == ("seed", None)  # another one each time


def test_values_may_be_given_until_the_first_run():
    names = {"_array_v": "cells.v"}
    lines, _ = values(
        ("set_by_array", ("_array_v", "_static_v", False)),
        ("set_by_single_value", ("_array_w", 0, "1")),
        ("run_network", ("net", [])),
        ("set_by_single_value", ("_array_v", 0, "1")),
        names=names,
    )
    assert lines[:2] == ["std::copy_n(_static_v, _num__array_v, _array_v);", 'set_if_given("cells.v");']
    assert sum(line == 'set_if_given("cells.v");' for line in lines) == 1
