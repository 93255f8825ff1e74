"""How close trajectories and events are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from astrobrian.bridges import r_squared
from astrobrian.bridges.distillation.scores import crossings, f1, matched

times = st.lists(st.floats(0, 30, allow_subnormal=False), max_size=8).map(lambda t: np.sort(np.array(t)))


def test_r_squared_by_hand():
    target = np.array([1.0, 2.0, 3.0])
    assert r_squared(target, target) == 1
    assert r_squared(target, np.full(3, 2.0)) == 0
    assert r_squared(target, np.array([1.0, 2.0, 4.0])) == pytest.approx(0.5)


def test_crossings_are_upward_and_interpolated():
    t = (np.arange(400) + 1) * 0.05
    found = crossings(np.sin(t), 0.3, 0.05)
    expected = np.arcsin(0.3) + 2 * np.pi * np.arange(4)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert crossings(np.zeros(5), 0.3, 0.05).size == 0


@given(one=times, other=times)
def test_matching_finds_as_many_pairs_as_the_best_assignment(one, other):
    near = np.abs(one[:, None] - other[None, :]) <= 1.0
    rows, columns = linear_sum_assignment(-near.astype(float))
    assert matched(one, other) == int(near[rows, columns].sum())
    assert matched(one, other) == matched(other, one)


def test_f1_by_hand():
    simulated, predicted = [np.array([1.0, 5.0, 9.0])], [np.array([1.5, 7.0])]
    assert f1(simulated, predicted) == pytest.approx(2 / 5)
    assert f1([np.zeros(0)], [np.zeros(0)]) == 1
    assert f1(simulated, simulated) == 1
