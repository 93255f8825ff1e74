"""Natural spike trains: those of the network, piece by piece, thinned as it is said."""

import numpy as np
import pytest
from brian2 import get_device, set_device

from astrobrian.bridges import Ensemble, Protocol
from astrobrian.studies.distillation.natural import drifting_current, natural_trains, received

SHORT = Protocol(seconds=4, quiet=1, highest=2.0)


@pytest.fixture(autouse=True)
def _runtime_afterwards():
    yield
    get_device().reinit()
    set_device("runtime")


def test_a_synapse_receives_the_spikes_of_its_neuron():
    t, neuron = np.array([0.1, 0.2, 0.3, 0.4, 0.5]), np.array([3, 0, 3, 1, 7])
    trains = received(np.random.default_rng(0), t, neuron, np.array([3, 5, 0, 3]), kept=1.0)
    assert trains.kind == "natural"
    assert [trains.t[trains.synapse == s].tolist() for s in range(4)] == [[0.1, 0.3], [], [0.2], [0.1, 0.3]]


def test_each_spike_passes_with_the_same_probability():
    t = np.linspace(0, 100, 20_000)
    trains = received(np.random.default_rng(0), t, np.arange(20_000) % 10, np.arange(10), kept=0.3)
    assert abs(trains.t.size - 6000) < 5 * np.sqrt(20_000 * 0.3 * 0.7)
    assert np.isin(trains.t, t).all()


def test_the_current_drifts_around_that_of_the_figure():
    current = drifting_current(np.random.default_rng(1), 40_000)
    assert current.size == 20_000
    assert current.min() == 96
    assert current.max() == 112
    assert current.mean() == pytest.approx(104, abs=0.5)
    # it forgets in 20 s
    x = current - current.mean()
    assert (x[10:] * x[:-10]).mean() / x.var() == pytest.approx(np.exp(-1), abs=0.1)


@pytest.mark.parametrize(
    ("ensemble", "stimuli", "message"),
    [
        (Ensemble(), 0, "at least one stimulus"),
        (Ensemble(astrocytes=400), 2, "more than the 640 of the network"),
    ],
)
def test_more_than_the_network_has_is_refused_before_it_runs(ensemble, stimuli, message):
    with pytest.raises(ValueError, match=message):
        natural_trains(SHORT, ensemble, stimuli, backend="numpy")


@pytest.mark.slow
def test_the_network_gives_repeatable_correlated_trains_within_the_rates_of_the_protocol():
    protocol = Protocol(seconds=30, quiet=1, seed=2)
    ensemble = Ensemble(astrocytes=5, synapses=8)
    one, two = (natural_trains(protocol, ensemble, stimuli=2) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        a.check(40, 30)
        assert np.array_equal(a.t, b.t)
        assert np.array_equal(a.synapse, b.synapse)
    spikes = np.concatenate([trains.t + 30 * i for i, trains in enumerate(one)])
    rate = np.histogram(spikes, np.arange(0, 60.1, 0.5))[0] / (40 * 0.5)
    assert 0.05 < rate.mean() < 2
    # few synapses scatter around the network's rate, of which the highest hundredth is 2 Hz
    assert rate.max() < 2 * 2
    # neurons fire together: Poisson trains at any common rate that drifts would have a Fano factor near 1 in 5 ms
    counts = np.histogram(spikes, np.arange(0, 60.001, 0.005))[0]
    assert counts.var() / counts.mean() > 2


@pytest.mark.slow
def test_astrocytes_with_too_few_synapses_are_said():
    with pytest.raises(
        ValueError, match=r"0 astrocytes of the network have 5000 synapses or more, and 1 are needed"
    ):
        natural_trains(Protocol(seconds=0.5, quiet=0), Ensemble(astrocytes=1, synapses=5000), 1)
