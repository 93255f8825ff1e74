"""Units as text."""

import numpy as np
import pytest
from brian2 import DimensionMismatchError, get_dimensions, mmolar, ms, mV, nmolar, pA, second, umolar
from hypothesis import given
from hypothesis import strategies as st

from astrobrian.equations.quantity import base_unit, in_unit, unit, written


def test_a_unit_is_read_as_brian2_writes_it():
    assert unit("umolar/second") == umolar / second
    assert unit("1/umolar/second") == 1 / umolar / second
    assert unit("second**-2") == second**-2
    assert unit("1") == 1


@pytest.mark.parametrize(
    "text", ["", "apple", "1 + second", "umolar +", "second**umolar", "1/0", "open('x')", "True"]
)
def test_what_is_not_a_unit_is_refused_by_name(text):
    with pytest.raises(ValueError, match="unit") as caught:
        unit(text)
    assert repr(text) in str(caught.value)


def test_the_base_unit_has_the_same_dimension_without_the_scale():
    assert base_unit("umolar") == "mmolar"
    assert base_unit("1/umolar/second") == "1/mmolar/second"
    for text in ("umolar/second", "pA", "1/ms", "mV*nS"):
        assert get_dimensions(unit(base_unit(text))) is get_dimensions(unit(text))


@given(st.floats(1e-6, 1e6))
def test_in_unit_inverts_multiplying_by_the_unit(number):
    assert in_unit(number * umolar, "umolar") == pytest.approx(number, rel=1e-15)


def test_scales_are_converted_and_read_as_written():
    assert in_unit(50 * nmolar, "umolar") == 0.05
    assert in_unit(2 * mmolar, "umolar") == 2000


def test_another_dimension_is_refused():
    with pytest.raises(DimensionMismatchError, match="umolar"):
        in_unit(1 * mV, "umolar")
    with pytest.raises(DimensionMismatchError):
        in_unit(1, "ms")


@pytest.mark.parametrize("value", [[1, 2] * ms, np.nan * ms, np.inf * ms])
def test_only_one_finite_number_is_a_value(value):
    with pytest.raises(ValueError, match="one finite number"):
        in_unit(value, "ms")


def test_numbers_without_a_unit_are_written_without_one():
    assert written(0.6, "1") == "0.6"
    assert written(198, "pF") == "198 pF"
    assert in_unit(100 * pA, "pA") == 100
