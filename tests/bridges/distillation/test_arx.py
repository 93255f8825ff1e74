"""The linear baseline, against systems that it is exact for."""

import numpy as np
import pytest
from scipy.signal import lfilter

from astrobrian.bridges.distillation.arx import arx


def test_a_linear_system_is_recovered_and_runs_freely():
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (6, 300))
    y = lfilter([0.5, -0.2], [1, -1.5, 0.7], x) + 0.4
    predicted = arx(x, y, np.array([True, True, True, False, False, False]), order=2)
    # it begins at the mean, and has forgotten that after some time
    np.testing.assert_allclose(predicted[:, 150:], y[:, 150:], rtol=1e-9, atol=1e-9)


def test_only_the_beginning_of_what_it_predicts_is_read():
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 1, (4, 100))
    y = lfilter([1.0], [1, -0.8], x)
    fitted = np.array([True, True, True, False])
    with pytest.raises(ValueError, match="order 100 needs more than 100 tokens"):
        arx(x, y, fitted, 100)
    changed = y.copy()
    changed[3] = 7.0
    np.testing.assert_array_equal(arx(x, y, fitted, 1)[3], arx(x, changed, fitted, 1)[3])
