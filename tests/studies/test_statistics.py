import numpy as np
import pytest
from brian2 import Hz, ms, second
from hypothesis import given
from hypothesis import strategies as st

from astrobrian.studies.statistics import Spikes, peaks, population_rate, synchrony, up_crossings


def test_counts_puts_each_spike_in_its_bin():
    spikes = Spikes([0, 1, 1, 5] * ms, np.array([0, 0, 1, 1]), 3)
    assert spikes.counts((0 * ms, 4 * ms), 1 * ms).tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]


def test_a_window_shorter_than_a_bin_is_refused():
    with pytest.raises(ValueError, match="no bin"):
        Spikes([] * ms, np.array([], int), 1).counts((0 * ms, 4 * ms), 5 * ms)


def test_populations_add_up():
    both = Spikes([3] * ms, np.array([1]), 2) + Spikes([1] * ms, np.array([0]), 4)
    assert (both.cells, both.i.tolist(), np.asarray(both.t / ms).tolist()) == (6, [1, 2], [3, 1])


@given(st.integers(1, 5), st.lists(st.floats(0, 0.999), max_size=50))
def test_rates_count_every_spike(cells, times):
    spikes = Spikes(np.array(times) * second, np.zeros(len(times), int), cells)
    _, binned = population_rate(spikes, 1 * second, 10 * ms)
    assert float(np.mean(binned / Hz)) == pytest.approx(len(times) / cells)
    assert float(spikes.rate((0 * second, 1 * second)) / Hz) == pytest.approx(len(times) / cells)


def test_synchrony_is_one_in_step_and_small_when_independent():
    rng = np.random.default_rng(0)
    together = np.tile(rng.poisson(0.5, 2000), (100, 1))
    assert synchrony(together) == pytest.approx(1)
    for mean in (0.02, 0.5):
        assert synchrony(rng.poisson(mean, (100, 20000))) == pytest.approx(0.1, rel=0.05)
    assert np.isnan(synchrony(np.zeros((3, 4), int)))


def test_crossings_are_interpolated_and_only_upwards():
    t = np.arange(5) * second
    found = up_crossings(t, np.array([0, 1, 0, 0.4, 2]), 0.5)
    assert np.asarray(found).tolist() == pytest.approx([0.5, 3.0625])


def test_peaks_ignores_what_is_low():
    t = np.arange(7) * second
    assert np.asarray(peaks(t, np.array([0, 1, 0, 0.2, 0, 3, 2]), above=0.5)).tolist() == [1, 5]
