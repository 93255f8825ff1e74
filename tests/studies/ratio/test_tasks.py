"""The tasks: what drives the liquids, and what is asked of them, against solvers and analytic results."""

from functools import partial
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from astrobrian.studies.ratio.constants import Series
from astrobrian.studies.ratio.scores import nrmse
from astrobrian.studies.ratio.tasks import TASKS
from astrobrian.studies.ratio.tasks.lorenz import HORIZONS, LYAPUNOV_EXPONENT, LYAPUNOV_TIMES, STEP
from astrobrian.studies.ratio.tasks.lorenz import trajectory as lorenz_trajectory
from astrobrian.studies.ratio.tasks.mackey_glass import trajectory as mackey_glass_trajectory
from astrobrian.studies.ratio.tasks.narma import response
from astrobrian.studies.ratio.tasks.task import Task

SHORT = Series(washin=100, train=200, test=50, free=2)

# the module, which its function hides in the package
narma = import_module("astrobrian.studies.ratio.tasks.narma")


@pytest.fixture(scope="module")
def usual():
    """Each task as long as it is by default."""
    return {name: make(0, Series()) for name, make in TASKS.items()}


def shapes(task):
    """What must not depend on the seed."""
    return (
        task.inputs.shape,
        task.washin,
        task.every,
        task.samples,
        {name: (each.values.shape, each.train, each.outputs) for name, each in task.targets.items()},
        None if task.continuation is None else task.continuation.shape,
        list(task.free_segments),
    )


@pytest.mark.parametrize("name", TASKS)
def test_every_seed_has_the_same_shapes_and_data_of_its_own(name):
    first, again, other = (TASKS[name](seed, SHORT) for seed in (0, 0, 1))
    assert shapes(first) == shapes(again) == shapes(other)
    assert first.name == name
    assert np.array_equal(first.inputs, again.inputs)
    assert not np.array_equal(first.inputs, other.inputs)
    for target, same in zip(first.targets.values(), again.targets.values(), strict=True):
        assert np.array_equal(target.values, same.values)


@pytest.mark.parametrize("name", TASKS)
def test_there_is_a_value_for_every_sample_and_some_are_for_the_test(usual, name):
    task = usual[name]
    assert np.isfinite(task.inputs).all()
    assert task.washin >= Series().washin
    for target in task.targets.values():
        assert len(target.values) == task.samples
        assert 0 < target.train < task.samples
        assert np.isfinite(target.values).all()


@pytest.mark.parametrize("name", ["lorenz", "mackey_glass", "narma", "memory"])
def test_series_are_as_long_as_asked_and_standardised_with_what_is_known_before_the_test(usual, name):
    task, series = usual[name], Series()
    assert task.samples == series.train + series.test
    known = task.inputs[: series.washin + series.train]
    # the first inputs of the memory task are outputs only
    assert known.mean(axis=0) == pytest.approx(0, abs=0.02)
    assert known.std(axis=0) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("name", ["lorenz", "mackey_glass"])
def test_targets_are_the_inputs_to_come(usual, name):
    task = usual[name]
    horizons = import_module(f"astrobrian.studies.ratio.tasks.{name}").HORIZONS
    assert task.targets.keys() == horizons.keys()
    for target, ahead in horizons.items():
        to_come = task.inputs[task.washin + ahead :]
        assert np.array_equal(task.targets[target].values[: len(to_come)], to_come)


def test_horizons_of_lorenz_are_parts_of_a_lyapunov_time():
    assert HORIZONS["0.5 Lyapunov"] * LYAPUNOV_TIMES == pytest.approx(0.5, abs=0.01)
    assert HORIZONS["1 Lyapunov"] * LYAPUNOV_TIMES == pytest.approx(1, abs=0.01)


def test_what_goes_on_follows_everything_that_was_asked(usual):
    task = usual["lorenz"]
    last = task.targets["1 Lyapunov"].values
    assert np.abs(task.continuation[0] - last[-1]).max() < 0.5  # a step
    assert not (task.continuation[:, np.newaxis, 0] == last[np.newaxis, :, 0]).any()


def test_free_runs_have_a_wash_in_fifteen_lyapunov_times_and_a_hundred_steps_between(usual):
    task = usual["lorenz"]
    starts, stops = np.array(task.free_segments).T
    assert len(starts) == Series().free
    assert starts[0] == 500
    assert (stops - starts) * LYAPUNOV_TIMES == pytest.approx(15, abs=0.02)
    assert (starts[1:] - stops[:-1] == 100).all()
    assert len(task.continuation) == stops[-1] + 100


def test_without_free_runs_nothing_goes_on():
    task = TASKS["lorenz"](0, Series(washin=10, train=20, test=10, free=0))
    assert task.continuation is None
    assert not task.free_segments


def test_lorenz_has_the_largest_lyapunov_exponent_that_is_known():
    x, y, z = lorenz_trajectory(np.array([1.0, 1.0, 25.0]), 40_000)[1000:].T
    one = np.ones_like(x)
    slopes = np.array([[-10 * one, 10 * one, 0 * one], [28 - z, -one, -x], [y, x, -8 / 3 * one]])
    slopes = slopes.transpose(2, 0, 1)
    direction, grown = np.array([1.0, 0.0, 0.0]), 0.0
    for step in expm(STEP * (slopes[1:] + slopes[:-1]) / 2):
        direction = step @ direction
        length = np.linalg.norm(direction)
        direction, grown = direction / length, grown + np.log(length)
    assert grown / (STEP * (len(x) - 1)) == pytest.approx(LYAPUNOV_EXPONENT, rel=0.03)


def test_lorenz_is_that_of_reservoirpy():
    datasets = pytest.importorskip("reservoirpy.datasets")
    steps, start = 300, np.array([1.0, 2.0, 20.0])
    # theirs ends at the last step, and has one fewer than it is asked for
    theirs = datasets.lorenz(
        steps, x0=start, h=STEP * (steps - 1) / steps, method="DOP853", rtol=1e-10, atol=1e-10
    )
    assert lorenz_trajectory(start, steps) == pytest.approx(theirs, abs=1e-5)


def test_persistence_on_lorenz_is_as_published(usual):
    target = usual["lorenz"].targets["one step"].values
    assert nrmse(target[:-1], target[1:]) == pytest.approx(0.146, abs=0.01)


def test_mackey_glass_is_that_of_a_general_solver():
    def calculated(solution, t):
        return solution(t)[0]

    level, delay, delays = 0.9, 17, 12
    ends, past = [level], lambda _: level
    for number in range(delays):

        def slope(t, x, past=past):
            return 0.2 * past(t - delay) / (1 + past(t - delay) ** 10) - 0.1 * x

        times = delay * number, delay * (number + 1)
        solved = solve_ivp(
            slope, times, ends[-1:], "DOP853", rtol=1e-9, atol=1e-11, dense_output=True, max_step=1
        )
        ends.append(solved.y[0, -1])
        past = partial(calculated, solved.sol)
    assert mackey_glass_trajectory(level, delay * delays + 1)[::delay] == pytest.approx(ends, abs=1e-7)


def test_mackey_glass_stays_where_what_is_produced_decays():
    assert mackey_glass_trajectory(1.0, 50) == pytest.approx(1, abs=1e-9)  # unstable: rounding grows


@pytest.mark.parametrize("steps", [1, 17, 18, 100])
def test_mackey_glass_is_as_long_as_asked(steps):
    assert mackey_glass_trajectory(0.9, steps) == pytest.approx(mackey_glass_trajectory(0.9, 200)[:steps])


@settings(max_examples=20)
@given(st.floats(0, 0.3))
def test_narma_settles_where_its_equation_is_fulfilled(drive):
    settled = 0.7 - np.sqrt(0.49 - 2 * (0.1 + 1.5 * drive**2))
    assert response(np.full(2000, drive))[-1] == pytest.approx(settled)


def test_narma_answers_an_input_at_once_and_nine_steps_later():
    pair = np.zeros(40)
    pair[[20, 29]] = 0.4
    lone = np.where(np.arange(40) == 20, 0.4, 0)
    difference = response(pair) - response(lone)
    assert not difference[:29].any()
    assert difference[29] == pytest.approx(1.5 * 0.4**2)


def test_narma_leaves_out_an_input_that_makes_it_explode(monkeypatch):
    assert not np.isfinite(response(np.full(200, 0.5))).all()
    tried = []

    def explode_once(drive):
        tried.append(drive)
        return response(drive) if len(tried) > 1 else np.full(len(drive), np.nan)

    monkeypatch.setattr(narma, "response", explode_once)
    task = TASKS["narma"](0, SHORT)
    assert len(tried) == 2
    assert np.isfinite(task.targets["next"].values).all()


def test_memory_asks_for_the_inputs_that_were(usual):
    task = usual["memory"]
    values = task.targets["delays"].values
    assert values.shape[1] == 40
    for delay in range(1, 41):
        was = task.inputs[task.washin - delay : len(task.inputs) - delay, 0]
        assert np.array_equal(values[:, delay - 1], was)


def test_every_digit_is_shown_once_row_by_row(usual):
    sklearn = pytest.importorskip("sklearn.datasets")
    known = sklearn.load_digits()
    task, target = usual["digits"], usual["digits"].targets["digit"]
    shown = task.inputs[task.washin :].reshape(-1, 8, 8)
    scale = 16 / (shown.max() - shown.min())
    pictures = np.round(scale * (shown - shown.min())).astype(int)

    def sorted_rows(images, classes):
        return sorted((*image.ravel(), number) for image, number in zip(images, classes, strict=True))

    assert sorted_rows(pictures, target.values) == sorted_rows(known.images.astype(int), known.target)
    assert (len(target.values), target.train, target.outputs) == (1797, 1300, 10)


def test_digits_of_the_test_are_in_no_wash_in(usual):
    task, target = usual["digits"], usual["digits"].targets["digit"]
    pictures = [picture.tobytes() for picture in task.inputs.reshape(-1, 64)]
    before = task.washin // task.every
    assert set(pictures[:before]) <= set(pictures[before : before + target.train])
    assert set(pictures[:before]).isdisjoint(pictures[before + target.train :])


def test_digits_are_fewer_if_less_is_asked():
    task = TASKS["digits"](0, SHORT)
    assert (task.samples, task.targets["digit"].train) == (250, 200)
    assert task.washin == 104  # whole pictures


@pytest.mark.parametrize(("washin", "every"), [(20, 7), (40, 1), (36, 12)])
def test_a_task_has_a_sample_after_a_wash_in_of_whole_samples(washin, every):
    with pytest.raises(ValueError, match=f"wash-in of {washin} of its 40 steps, and is read every {every}"):
        Task("series", np.zeros((40, 1)), washin, every, {})
