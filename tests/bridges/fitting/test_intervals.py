"""Least squares and intervals of models whose answer SciPy, or algebra, knows."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import curve_fit

from astrobrian.bridges import FitError
from astrobrian.bridges.fitting.bounds import Bounds
from astrobrian.bridges.fitting.fit import from_the_best
from astrobrian.bridges.fitting.intervals import Estimate, hessian_intervals, profiles
from astrobrian.bridges.fitting.least_squares import LeastSquares, levenberg_marquardt, starting_points
from astrobrian.bridges.fitting.observation import Affine, Direct

TIMES = np.linspace(0, 5, 40)
T = torch.from_numpy(TIMES)
DECAY = {"a": (0.1, 10.0), "tau": (0.1, 20.0)}


def decay(values):
    return values[:, :1] * torch.exp(-T / values[:, 1:2])


def noisy(seed, noise=0.05, a=2.0, tau=1.3):
    return a * np.exp(-TIMES / tau) + noise * np.random.default_rng(seed).standard_normal(len(TIMES))


def problem(predict, samples, bounds, observation=None):
    return LeastSquares(predict, torch.as_tensor(samples), Bounds(bounds), observation or Direct())


def estimated(of, count=4):
    z, costs = levenberg_marquardt(of, starting_points(of, count, seed=0))
    return Estimate(of, z[costs.argmin()], float(costs.min()))


def bounded(low, high):
    return Bounds({"x": (low, high)})


@given(
    st.floats(-1e3, 1e3).flatmap(lambda low: st.tuples(st.just(low), st.floats(low + 1e-3, low + 1e3))),
    st.floats(0.001, 0.999),
)
def test_a_parameter_stays_within_its_bounds_and_comes_back(ends, way):
    low, high = ends
    bounds = bounded(low, high)
    value = torch.tensor([low + way * (high - low)])
    z = bounds.free(value.double())
    assert float(bounds.values(z)[0]) == pytest.approx(float(value[0]), rel=1e-5, abs=1e-5 * (high - low))
    for extreme in (-50.0, 50.0):
        reached = float(bounds.values(torch.tensor([extreme]).double())[0])
        assert low - 1e-9 * (high - low) <= reached <= high + 1e-9 * (high - low)


@given(st.sampled_from([(0.1, 10.0), (-3.0, 2.0), (0.0, 5.0)]), st.floats(-4, 4))
def test_slopes_of_the_bounds_are_their_derivatives(ends, z):
    bounds = bounded(*ends)
    at = torch.tensor([z], dtype=torch.float64)
    with torch.enable_grad():
        (expected,) = torch.autograd.functional.jacobian(bounds.values, at)
    assert float(bounds.slopes(at)[0]) == pytest.approx(float(expected[0]), rel=1e-9)


@pytest.mark.parametrize("ends", [(1.0, 1.0), (2.0, 1.0), (0.0, np.inf), (np.nan, 1.0)])
def test_bounds_that_bound_nothing_are_refused(ends):
    with pytest.raises(ValueError, match="bounds of x should be finite"):
        bounded(*ends)


def test_no_parameters_are_refused():
    with pytest.raises(ValueError, match="no parameter to fit"):
        Bounds({})


@pytest.mark.parametrize("seed", range(5))
def test_values_and_covariance_are_those_of_scipy(seed):
    samples = noisy(seed)
    found = estimated(problem(decay, samples, DECAY))
    values, covariance = curve_fit(lambda t, a, tau: a * np.exp(-t / tau), TIMES, samples, p0=[1, 1])
    np.testing.assert_allclose(found.values.numpy(), values, rtol=1e-5)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-4)
    width = stats.t.ppf(0.975, len(TIMES) - 2) * np.sqrt(covariance[1, 1])
    interval = hessian_intervals(found, 0.95)["tau"]
    assert (interval.low, interval.high) == pytest.approx((values[1] - width, values[1] + width), rel=1e-4)


def test_scale_and_offset_that_are_left_out_count_as_fitted():
    samples = 3 * noisy(1) + 7
    cell = torch.zeros(len(T), dtype=torch.long)
    found = estimated(problem(lambda v: torch.exp(-T / v), samples, {"tau": (0.1, 20.0)}, Affine(cell)))
    values, covariance = curve_fit(
        lambda t, tau, a, b: a * np.exp(-t / tau) + b, TIMES, samples, p0=[1, 6, 7]
    )
    assert float(found.values[0]) == pytest.approx(values[0], rel=1e-5)
    assert found.covariance[0, 0] == pytest.approx(covariance[0, 0], rel=1e-4)
    scale, offset = Affine(cell).constants_of(torch.exp(-T / found.values), torch.from_numpy(samples))
    assert (float(scale[0]), float(offset[0])) == pytest.approx(values[1:], rel=1e-4)


def test_each_cell_has_a_scale_and_an_offset_of_its_own():
    one, other = noisy(2), noisy(3)
    cell = torch.arange(2).repeat_interleave(len(T))
    both = problem(
        lambda v: torch.exp(-T / v).repeat(1, 2),
        np.concatenate([one, 5 - 2 * other]),
        {"tau": (0.1, 20.0)},
        Affine(cell),
    )
    found = estimated(both)
    scales, offsets = both.observation.constants_of(torch.exp(-T / found.values).repeat(2), both.samples)
    assert both.observation.constants == 4
    assert scales.tolist() == pytest.approx([2, -4], rel=0.1)
    assert offsets.tolist() == pytest.approx([0, 5], abs=0.1)


def test_the_derivatives_with_a_scale_give_the_gradient_of_the_cost():
    samples = torch.from_numpy(noisy(4))
    of = problem(decay, samples, DECAY, Affine(torch.arange(len(T)) % 3))
    z = torch.tensor([[0.3, -0.7]], dtype=torch.float64)
    residuals, derivatives = of.linearised(z)
    step = 1e-6 * torch.eye(2, dtype=torch.float64)
    numeric = (of.costs(z + step) - of.costs(z - step)) / 2e-6
    torch.testing.assert_close(2 * (derivatives[0].T @ residuals[0]), numeric, rtol=1e-5, atol=1e-7)


def test_of_a_linear_model_the_profile_is_the_hessian():
    samples = 1 + 2 * TIMES + np.random.default_rng(0).standard_normal(len(TIMES))
    line = problem(lambda v: v[:, :1] + v[:, 1:] * T, samples, {"a": (-20.0, 20.0), "b": (-10.0, 10.0)})
    found = estimated(line)
    by_hessian = hessian_intervals(found, 0.9)
    by_profile, best = profiles(found, 0.9)
    assert best is found
    for name, one in by_hessian.items():
        width = one.high - one.low
        assert by_profile[name].interval.low == pytest.approx(one.low, abs=0.01 * width)
        assert by_profile[name].interval.high == pytest.approx(one.high, abs=0.01 * width)
        assert (np.diff(by_profile[name].values) > 0).all()
        assert (np.diff(by_profile[name].distance) > 0).all()


def test_the_ends_of_a_profile_are_as_much_worse_as_the_level_says():
    """Held at an end of the interval, the refit by SciPy is worse by Student's quantile."""
    samples = noisy(6, noise=0.3)
    found = estimated(problem(decay, samples, DECAY))
    interval = profiles(found, 0.95)[0]["tau"].interval
    goal = stats.t.ppf(0.975, len(TIMES) - 2)
    for tau in (interval.low, interval.high):
        shape = np.exp(-TIMES / tau)
        rest = samples - shape * (shape @ samples) / (shape @ shape)
        assert np.sqrt(rest @ rest - found.cost) / found.noise == pytest.approx(goal, rel=0.02)


@pytest.mark.parametrize("by", ["hessian", "profile"])
def test_intervals_cover_the_truth_as_often_as_they_say(by):
    hits, repeats, level = 0, 200, 0.95
    for seed in range(repeats):
        found = estimated(problem(decay, noisy(seed, noise=0.1), DECAY), count=1)
        if by == "hessian":
            interval = hessian_intervals(found, level)["tau"]
        else:
            interval = profiles(found, level)[0]["tau"].interval
        hits += interval.low <= 1.3 <= interval.high
    low, high = stats.binom.interval(0.999, repeats, level)
    assert low <= hits <= high


def test_parameters_that_make_up_for_each_other_are_named():
    of = problem(
        lambda v: v[:, :1] * v[:, 1:2] * torch.exp(-T / v[:, 2:3]) + 0 * v[:, 3:],
        noisy(0),
        {"a": (0.1, 10.0), "b": (0.1, 10.0), "tau": (0.1, 20.0), "idle": (1.0, 2.0)},
    )
    found = estimated(of)
    assert found.unidentified.keys() == {"a", "b", "idle"}
    assert found.unidentified["a"] == "a change of a can be made up for by one of b"
    assert "no effect" in found.unidentified["idle"]
    intervals = {name: profile.interval for name, profile in profiles(found, 0.95)[0].items()}
    assert intervals["a"].high_is_bound and intervals["b"].high_is_bound
    assert (intervals["idle"].low, intervals["idle"].high) == (1.0, 2.0)
    assert not intervals["tau"].low_is_bound and not intervals["tau"].high_is_bound
    alone = profiles(estimated(problem(decay, noisy(0), DECAY)), 0.95)[0]["tau"].interval
    assert (intervals["tau"].low, intervals["tau"].high) == pytest.approx((alone.low, alone.high), rel=0.01)


def test_an_interval_ends_at_the_bound():
    found = estimated(problem(decay, noisy(0), {"a": (0.1, 10.0), "tau": (1.4, 20.0)}))
    assert float(found.values[1]) == pytest.approx(1.4, rel=1e-3)
    for interval in (hessian_intervals(found, 0.95)["tau"], profiles(found, 0.95)[0]["tau"].interval):
        assert interval.low_is_bound and not interval.high_is_bound
        assert interval.low == 1.4


def test_a_profile_that_comes_across_a_better_fit_tells_it():
    of = problem(decay, noisy(0), DECAY)
    best = estimated(of)
    beside = Estimate(of, best.z + 0.02, float(of.costs(best.z[None] + 0.02)))
    _, better = profiles(beside, 0.95)
    assert better.cost < beside.cost
    curves, found = from_the_best(beside, 0.95, None)
    assert found.cost == pytest.approx(best.cost)
    assert curves["tau"].interval.low < float(best.values[1]) < curves["tau"].interval.high


def test_starts_are_repeatable_and_the_best_of_many():
    of = problem(decay, noisy(0), DECAY)
    first = starting_points(of, 3, seed=1)
    assert torch.equal(first, starting_points(of, 3, seed=1))
    assert not torch.equal(first, starting_points(of, 3, seed=2))
    costs = of.costs(first)
    assert (costs.diff() >= 0).all()
    anywhere = torch.logit(torch.rand(48, 2, dtype=torch.float64, generator=torch.manual_seed(0)))
    assert costs.max() < of.costs(anywhere).median()


def test_a_prediction_that_is_never_finite_is_an_error():
    with pytest.raises(FitError, match=r"diverges wherever it was tried between the bounds of a, tau"):
        starting_points(problem(lambda v: decay(v) / 0, noisy(0), DECAY), 2, seed=0)


def test_a_prediction_that_is_finite_in_part_is_fitted_there():
    def sometimes(values):
        return torch.where(values[:, 1:] > 3, torch.nan, decay(values))

    assert float(estimated(problem(sometimes, noisy(0), DECAY)).values[1]) == pytest.approx(1.3, rel=0.1)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.3, 5), st.floats(0.3, 8))
def test_without_noise_the_truth_is_found(a, tau):
    found = estimated(problem(decay, noisy(0, 0.0, a, tau), DECAY))
    np.testing.assert_allclose(found.values.numpy(), [a, tau], rtol=1e-5)
