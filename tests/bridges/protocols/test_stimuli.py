"""Stimuli: rates within bounds, and spike trains that are Poisson at these rates."""

import numpy as np
import pytest
from brian2 import second
from hypothesis import given, settings
from hypothesis import strategies as st

from astrobrian.bridges import Protocol, Trains
from astrobrian.bridges.protocols.stimuli import KINDS, RATE_BIN, poisson

SHORT = Protocol(seconds=60, quiet=5, fitted=(("steps", 3),), held_out=(("drift", 2), ("bursts", 1)))


@pytest.mark.parametrize("kind", KINDS)
def test_rates_stay_between_zero_and_the_highest(kind):
    protocol = Protocol(seconds=120, quiet=20, highest=3, fitted=((kind, 4),), held_out=((kind, 4),))
    rates = protocol.rates()
    assert rates.shape == (8, 1200)
    assert (rates[:, :200] == 0).all()
    assert (rates >= 0).all()
    assert rates.max() <= 3 + 1e-9
    assert (rates.std(axis=1) > 0).all()


@settings(deadline=None, max_examples=30)
@given(rate=st.floats(0, 50), synapses=st.integers(1, 30), seed=st.integers(0, 2**31))
def test_counts_are_those_of_a_poisson_process(rate, synapses, seed):
    rates = np.full(200, rate)
    rates[:50] = 0
    trains = poisson(np.random.default_rng(seed), rates, synapses, "constant")
    expected = rate * 150 * RATE_BIN * synapses
    assert abs(trains.t.size - expected) <= 7 * np.sqrt(expected) + 7
    assert ((trains.t >= 5) & (trains.t < 20)).all()
    assert ((trains.synapse >= 0) & (trains.synapse < synapses)).all()


def test_counts_in_bins_follow_the_rate_and_vary_as_poisson_counts_do():
    trains, rates = SHORT.trains(400), SHORT.rates()
    for spikes, rate in zip(trains, rates, strict=True):
        expected = rate.reshape(60, 10).sum(1) * RATE_BIN * 400
        counts = np.histogram(spikes.t, np.arange(61))[0]
        assert (counts[expected == 0] == 0).all()
        some = expected > 5
        chi_squared = np.sum((counts[some] - expected[some]) ** 2 / expected[some])
        freedom = np.count_nonzero(some)
        assert abs(chi_squared - freedom) < 5 * np.sqrt(2 * freedom)
    counts = np.bincount(trains[0].synapse, minlength=400)
    assert counts.var() == pytest.approx(counts.mean(), rel=5 * np.sqrt(2 / 399))


def test_trains_repeat_and_no_two_stimuli_share_them():
    one, same, other = SHORT.trains(20), SHORT.trains(20), Protocol(**{**vars(SHORT), "seed": 1}).trains(20)
    assert [trains.kind for trains in one] == SHORT.kinds == ["steps"] * 3 + ["drift"] * 2 + ["bursts"]
    for a, b in zip(one, same, strict=True):
        assert np.array_equal(a.t, b.t)
        assert np.array_equal(a.synapse, b.synapse)
    assert len({trains.t.tobytes() for trains in [*one, *other]}) == 12


def test_more_stimuli_leave_the_first_ones_as_they_are():
    more = Protocol(**{**vars(SHORT), "held_out": (*SHORT.held_out, ("chirp", 2))}).trains(20)
    for a, b in zip(SHORT.trains(20), more, strict=False):
        assert np.array_equal(a.t, b.t)


def test_spikes_of_a_synapse_within_a_time_step_are_one():
    trains = Trains("by hand", [1, 0, 0, 0, 1], [0.004, 0.010, 0.0149, 0.015, 0.010])
    synapse, step = trains.in_steps(0.005)
    assert [*zip(step.tolist(), synapse.tolist(), strict=True)] == [(0, 1), (2, 0), (2, 1), (3, 0)]


@given(step=st.integers(0, 10**6), dt_ms=st.sampled_from([0.1, 0.5, 1.0, 3.0, 5.0, 10.0]))
def test_a_spike_at_the_beginning_of_a_time_step_is_in_it(step, dt_ms):
    assert Trains("edge", [0], [step * (dt_ms / 1000)]).in_steps(dt_ms / 1000)[1] == step


@pytest.mark.parametrize(
    ("synapse", "t", "message"),
    [
        ([0, 1], [0.0], "a synapse and a time for each spike"),
        ([[0]], [[0.0]], "a synapse and a time for each spike"),
        ([-1], [0.0], "numbered 0, 1, 2"),
        ([0.5], [0.0], "numbered 0, 1, 2"),
        ([0], [-1.0], "finite and not negative"),
        ([0], [np.nan], "finite and not negative"),
    ],
)
def test_impossible_trains_are_refused(synapse, t, message):
    with pytest.raises(ValueError, match=message):
        Trains("natural", synapse, t)


def test_the_kind_of_trains_is_a_word():
    with pytest.raises(TypeError, match="the kind of trains is a word, not 3"):
        Trains(3, [0], [1.0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seconds": 0.05, "quiet": 0}, "by 0.1 s or more"),
        ({"seconds": 10, "quiet": 10}, "by 0.1 s or more"),
        ({"quiet": -1}, "quiet"),
        ({"seconds": float("inf")}, "seconds should be positive and finite"),
        ({"highest": float("nan")}, "highest rate"),
        ({"fitted": (("steps", 0),)}, "0 stimuli"),
        ({"held_out": (("noise", 1),)}, "'noise'"),
        ({"held_out": ()}, "no stimuli are held out"),
    ],
)
def test_impossible_protocols_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Protocol(**settings)


def test_seconds_with_a_unit_are_refused():
    with pytest.raises(TypeError, match="seconds is a number without a unit"):
        Protocol(seconds=60 * second)


def test_trains_that_do_not_fit_are_refused():
    trains = Trains("natural", [3, 11], [1.0, 30.0])
    trains.check(synapses=12, seconds=31)
    with pytest.raises(ValueError, match="reach synapse 11, but a population has 11"):
        trains.check(synapses=11, seconds=31)
    with pytest.raises(ValueError, match="last until 30 s, but stimuli only 30 s"):
        trains.check(synapses=12, seconds=30)


def test_a_stimulus_may_be_silent():
    silent = Trains("silence", [], [])
    silent.check(synapses=1, seconds=1)
    assert silent.in_steps(0.005)[0].size == 0
