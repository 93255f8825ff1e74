"""Distillation: the protocol, a simulation in small, and fits whose answer is known."""

import json

import numpy as np
import pytest
import torch
from brian2 import ms, prefs, second

from astrobrian.bridges import (
    Ensemble,
    Fit,
    Protocol,
    Recording,
    distill,
    fit_recording,
    load_unit,
    r_squared,
    simulate,
)
from astrobrian.bridges.distillation import DistilledUnit, SingleExponential
from astrobrian.bridges.protocols import release_probability
from tests.bridges.test_unit import some_unit

SMALL = Protocol(
    seconds=30, quiet=2, fitted=(("steps", 2), ("bursts", 1)), held_out=(("drift", 1), ("chirp", 1))
)
FEW = Ensemble(astrocytes=2, synapses=5, dt_ms=10)


@pytest.fixture(autouse=True)
def _numpy_target():
    before = prefs.codegen.target
    prefs.codegen.target = "numpy"
    yield
    prefs.codegen.target = before


def test_rates_are_repeatable_within_bounds_and_never_shared():
    protocol = Protocol(seconds=120, highest=4.0)
    rates = protocol.rates()
    assert rates.shape == (len(protocol.kinds), 1200)
    assert (rates[:, :100] == 0).all()
    assert (rates >= 0).all()
    assert rates.max() <= 4.0 + 1e-9
    assert np.array_equal(rates, Protocol(seconds=120, highest=4.0).rates())
    assert not np.array_equal(rates, Protocol(seconds=120, highest=4.0, seed=1).rates())
    assert len({row.tobytes() for row in rates}) == len(rates)
    assert {"drift"} == set(protocol.kinds[protocol.fitted_count :]) - set(
        protocol.kinds[: protocol.fitted_count]
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Protocol(quiet=500), "quiet"),
        (lambda: Protocol(highest=-1), "highest rate"),
        (lambda: Protocol(fitted=(("steps", 0),)), "0 stimuli"),
        (lambda: Protocol(held_out=(("noise", 1),)), "'noise'"),
        (lambda: Protocol(held_out=()), "no stimuli are held out"),
        (lambda: Ensemble(synapses=0), "synapses should be positive"),
        (lambda: Ensemble(spread=-1), "negative"),
        (lambda: Fit(epochs=0), "epochs should be positive"),
        (lambda: simulate(SMALL, FEW, ms_per_token=333.0), "whole number of time steps"),
    ],
)
def test_impossible_settings_are_refused_before_anything_runs(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: distill(SMALL, FEW, ms_per_token=500 * ms),
        lambda: simulate(SMALL, FEW, ms_per_token=500 * ms),
        lambda: Ensemble(dt_ms=5 * ms),
        lambda: Fit(tau_H=(1 * second, 2 * second)),
    ],
)
def test_times_with_a_unit_are_refused(make):
    with pytest.raises(TypeError, match=r"is a number of milliseconds, got .*; pass \d+"):
        make()


def test_release_probability_is_the_declared_law():
    synapse = FEW.synapse
    assert release_probability(0.0, synapse) == pytest.approx(0.6)
    assert release_probability(0.25, synapse) == pytest.approx(0.45)


def test_simulation_counts_its_spikes_and_repeats():
    first, second = simulate(SMALL, FEW), simulate(SMALL, FEW)
    assert first.rate.shape == first.modulation.shape == (5, 60)
    assert np.array_equal(first.modulation, second.modulation)
    assert (first.rate[:, :3] == 0).all()
    assert (first.modulation[:, :3] == 0).all()
    assert ((first.modulation >= -1) & (first.modulation <= 0)).all()
    given = SMALL.rates().reshape(5, 60, 5).mean(2)
    # counts of a Poisson process: within 5 standard deviations over the whole stimulus
    spikes, expected = first.rate.sum(1) * 10 * 0.5, given.sum(1) * 10 * 0.5
    assert (np.abs(spikes - expected) < 5 * np.sqrt(expected) + 1).all()


def test_whole_path_in_small(tmp_path):
    told = []
    result = distill(SMALL, FEW, Fit(heads=2, keys=2, epochs=5), progress=lambda *words: told.append(words))
    result.unit.save(tmp_path / "unit")
    unit = load_unit(tmp_path / "unit")
    assert unit.provenance["scores"] == result.scores
    assert unit.provenance["protocol"]["seconds"] == 30
    assert unit.provenance["parameters"]["C_Theta"].startswith("0.2 umolar")
    assert json.dumps(unit.provenance)
    assert result.scores["kinds_never_fitted"] == ["chirp", "drift"]
    assert {stage for stage, _, _ in told} == {"simulate", "fit"}
    assert all(0 <= done <= 1 for _, done, _ in told)
    # the file alone gives the prediction again
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            again = DistilledUnit(*unit.layer())(
                torch.from_numpy(result.recording.rate / unit.input_scale)[..., None]
            )
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_allclose(again.numpy(), result.predicted, rtol=1e-10, atol=1e-12)
    pytest.importorskip("matplotlib")
    from astrobrian.bridges import plot_distillation

    assert len(plot_distillation(result).axes) == 4


def recording_of(model):
    protocol = Protocol(seconds=100, fitted=(("steps", 6), ("bursts", 4)), held_out=(("drift", 3),))
    rate = protocol.rates().reshape(13, 200, 5).mean(2)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            modulation = model()(torch.from_numpy(rate / rate[:10].max() * 2)[..., None]).numpy()
    finally:
        torch.set_default_dtype(torch.float32)
    cells = {"rate": rate[:, None], "modulation": modulation[:, None]}
    return Recording(cells, protocol.kinds, protocol.fitted_count, 500.0)


def known_unit():
    values = {**some_unit(heads=1, keys=2, rows=1).values}
    values |= {"key.weight": np.array([[3.0], [8.0]]), "key.bias": np.array([-1.0, -4.0])}
    values |= {"tau_r": np.array([3e3, 8e3]), "tau_H": np.array([15e3])}
    values |= {"query.weight": np.zeros((2, 1)), "query.bias": np.array([1.0, -2.0])}
    values |= {"value.weight": np.zeros((1, 1)), "value.bias": np.ones(1), "g_H": np.ones(1)}
    values |= {"readout.weight": np.array([[-0.5]]), "readout.bias": np.array([-0.3])}
    unit = some_unit(heads=1, keys=2, rows=1)
    return DistilledUnit(*type(unit)(values, 500.0, 1.0).layer())


def test_known_unit_is_recovered_where_a_single_exponential_fails():
    result = fit_recording(recording_of(known_unit), Fit(heads=1, keys=2, epochs=300), {})
    assert result.scores["held_out"]["unit"] > 0.95
    assert result.scores["held_out"]["single_exponential"] < result.scores["held_out"]["unit"] - 0.02


def test_baseline_recovers_a_single_exponential():
    def known():
        torch.manual_seed(3)
        model = SingleExponential(500.0, 6000.0)
        with torch.no_grad():
            model.saturation.weight.fill_(1.5)
        return model

    result = fit_recording(recording_of(known), Fit(heads=1, keys=1, epochs=150), {})
    assert result.scores["held_out"]["single_exponential"] > 0.99


def test_astrocytes_that_do_nothing_are_an_error():
    cells = {"rate": np.ones((2, 1, 9)), "modulation": np.zeros((2, 1, 9))}
    flat = Recording(cells, ["steps", "drift"], 1, 500.0)
    with pytest.raises(ValueError, match="did nothing to the release"):
        fit_recording(flat, Fit(), {})


def test_r_squared_by_hand():
    target = np.array([1.0, 2.0, 3.0])
    assert r_squared(target, target) == 1
    assert r_squared(target, np.full(3, 2.0)) == 0
    assert r_squared(target, np.array([1.0, 2.0, 4.0])) == pytest.approx(0.5)
