"""What tasks are judged by, against results that can be worked out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobrian.studies.ratio.scores import accuracy, free_run, memory_capacity, nrmse, valid_prediction_time

TIMES = np.arange(10_000) / 10_000
NOISE = np.random.default_rng(0).normal(size=(20_000, 1))


def delayed(delays):
    """Noise as it was some steps before."""
    return np.hstack([np.roll(NOISE, delay, axis=0) for delay in range(1, delays + 1)])


def sine(phase=0.0):
    """One period, shape (10,000, 1)."""
    return np.sin(2 * np.pi * TIMES + phase)[:, np.newaxis]


@given(st.floats(0, np.pi))
def test_error_of_a_sine_out_of_phase(phase):
    assert nrmse(sine(phase), sine()) == pytest.approx(2 * np.sin(phase / 2), abs=1e-9)


def test_the_mean_has_an_error_of_one():
    assert nrmse(np.zeros((10_000, 1)), sine()) == pytest.approx(1)


@given(st.floats(0.01, 100), st.floats(-100, 100))
def test_error_depends_on_neither_unit_nor_level(unit, level):
    true, predicted = np.hstack([sine(), sine(0.3)]), np.hstack([sine(0.1), sine()])
    scaled = nrmse(unit * predicted + level, unit * true + level)
    assert scaled == pytest.approx(nrmse(predicted, true), rel=1e-6)


def test_outputs_count_by_their_variance():
    true = np.hstack([sine(), 3 * sine()])
    assert nrmse(true * [0, 1], true) == pytest.approx(np.sqrt(1 / 10))


def test_a_delay_line_remembers_all_it_has():
    assert memory_capacity(delayed(12), delayed(12)) == pytest.approx(12)


def test_a_shorter_delay_line_remembers_as_much_as_it_has():
    states = delayed(5)
    weights = np.linalg.lstsq(states, delayed(12), rcond=None)[0]
    assert memory_capacity(states @ weights, delayed(12)) == pytest.approx(5, abs=0.02)


@given(st.floats(0.1, 3))
def test_noise_takes_its_part_of_what_is_remembered(deviation):
    blurred = delayed(3) + deviation * np.random.default_rng(1).normal(size=(len(NOISE), 3))
    assert memory_capacity(blurred, delayed(3)) == pytest.approx(3 / (1 + deviation**2), rel=0.1)


@given(st.floats(0.01, 100), st.floats(-100, 100))
def test_memory_depends_on_neither_sign_nor_level(unit, level):
    assert memory_capacity(level - unit * delayed(2), delayed(2)) == pytest.approx(2)


def test_a_constant_remembers_nothing():
    assert memory_capacity(np.full((len(NOISE), 4), 0.25), delayed(4)) == 0


def test_accuracy_is_the_part_that_is_right():
    outputs = np.array([[0.1, 0.9], [0.8, 0.2], [0.4, 0.6], [-1.0, -2.0]])
    assert accuracy(outputs, np.array([1, 0, 0, 0])) == 0.75


@given(st.floats(1e-6, 0.1))
def test_a_deviation_that_grows_by_e_is_lost_after_the_logarithm(deviation):
    step = 0.001
    grown = deviation * np.exp(step * np.arange(20_000))[:, np.newaxis]
    lost = np.log(np.sqrt(0.4) / deviation)
    assert valid_prediction_time(grown, 0 * grown, step) == pytest.approx(lost, abs=2 * step)


def test_a_run_that_is_never_lost_lasts_to_its_end():
    assert valid_prediction_time(sine(), sine(), 0.01) == pytest.approx(100)


@pytest.mark.parametrize("nowhere", [np.nan, np.inf, 1e200])
def test_a_run_that_left_the_numbers_is_lost(nowhere):
    predicted = sine()
    predicted[70:] = nowhere
    assert valid_prediction_time(predicted, sine(), 0.01) == pytest.approx(0.7)


def test_coming_back_does_not_count():
    predicted = sine()
    predicted[70] += 1
    assert valid_prediction_time(predicted, sine(), 0.01) == pytest.approx(0.7)


def test_many_predictions_are_judged_at_once():
    true = np.hstack([sine(), sine(1)])
    several = np.stack([true, true + 0.5, 0 * true])
    classes = np.arange(len(true)) % 2
    for score, values in ((nrmse, true), (memory_capacity, true), (accuracy, classes)):
        assert score(several, values) == pytest.approx([score(each, values) for each in several])
    each = [valid_prediction_time(one, true, 0.1) for one in several]
    assert valid_prediction_time(several, true, 0.1) == pytest.approx(each)


def test_a_free_run_is_judged_by_the_median_and_by_its_first_lyapunov_time():
    true = np.stack([sine(), sine(1), sine(2)])
    predicted = true.copy()
    predicted[0, 2000:] = np.nan
    predicted[1, 4000:] = 1e300
    error, time = free_run(predicted, true, 0.001)
    assert (error, time) == (0, pytest.approx(4))
    predicted[2, 999] += 2
    assert free_run(predicted, true, 0.001)[0] > 0
