"""Distillation: what is known is recovered, and the whole path in small."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from brian2 import ms, prefs

from astrobrian.bridges import (
    Ensemble,
    Fit,
    Protocol,
    Recording,
    distill,
    fit_recording,
    load_unit,
    plot_distillation,
    plot_lost,
    plot_orders,
    select_order,
)
from astrobrian.bridges.bank import Bank
from astrobrian.bridges.distillation.reduction import BESIDE, provenance
from astrobrian.bridges.distillation.targets import targets
from astrobrian.bridges.distillation.windows import Stage
from astrobrian.bridges.protocols.recording import Events

SMALL = Protocol(
    seconds=30, quiet=2, fitted=(("steps", 2), ("bursts", 1)), held_out=(("drift", 1), ("chirp", 1))
)
FEW = Ensemble(astrocytes=1, synapses=20, spread=0.0, dt_ms=10, astrocyte_dt_ms=10)
QUICK = (Stage(1, 20, 64, 1e-2), Stage(8, 10, 32, 5e-3))
KNOWN = {"C_Theta": 0.2}


@pytest.fixture(autouse=True)
def _numpy_target():
    before = prefs.codegen.target
    prefs.codegen.target = "numpy"
    yield
    prefs.codegen.target = before


def recording_of(bank: Bank) -> Recording:
    """As if a bank had been simulated, its first two outputs calcium (mmolar) and the fraction of bound receptors."""
    protocol = Protocol(
        seconds=100, fitted=(("steps", 8), ("bursts", 6)), held_out=(("steps", 2), ("drift", 3))
    )
    rate = protocol.rates().reshape(19, 200, 5).mean(2)
    with torch.no_grad():
        o, _ = bank(torch.from_numpy(rate / rate[:14].max() * 2), bank.initial_state(19).double())
    c, gamma = (o[..., i].numpy()[:, None] for i in range(2))
    cells = {"rate": rate[:, None], "C": c / 1000, "Gamma_S": gamma, "modulation": -gamma}
    return Recording(cells, protocol.kinds, 14, 500.0, Events())


def known_bank(feedback: bool) -> Bank:
    """Two astrocytes, the second of which hears the first; or not."""
    torch.manual_seed(0)
    bank = Bank(2, 2, 500.0, torch.tensor([1500.0, 8000.0]), feedback).double()
    with torch.no_grad():
        bank.key_weight.copy_(torch.tensor([2.0, 0.0, 0.0, 0.5]))
        bank.key_bias.copy_(torch.tensor([-0.5, 0.4, -0.6, 0.0]))
        bank.query.copy_(torch.tensor([[1.0, 0.5], [0.8, 0.2]]))
        if feedback:
            bank.feedback.zero_()
            bank.feedback[0, 2] = 4.0
    return bank


def test_a_known_bank_is_recovered_where_simpler_models_fail():
    settings = Fit(
        heads=2, keys=4, stages=(Stage(1, 600, 256, 1e-2), Stage(8, 300, 64, 5e-3), Stage(32, 30, 32, 3e-3))
    )
    result = fit_recording(recording_of(known_bank(feedback=True)), settings, KNOWN, ("open_bank", "arx"))
    scores = {name: s["by_kind"]["drift"] for name, s in result.scores.items()}
    assert scores["unit"]["C"] > 0.98
    assert scores["unit"]["modulation"] > 0.98
    assert scores["unit"]["modulation"] > scores["open_bank"]["modulation"] + 0.01
    assert scores["unit"]["modulation"] > scores["arx"]["modulation"] + 0.01


def test_a_single_exponential_is_recovered_by_one():
    torch.manual_seed(1)
    bank = Bank(2, 1, 500.0, torch.tensor([1500.0, 8000.0]), feedback=False).double()
    settings = Fit(heads=2, keys=2, stages=(Stage(1, 800, 256, 1e-2), Stage(8, 100, 64, 5e-3)))
    result = fit_recording(recording_of(bank), settings, KNOWN, ("single_exponential",))
    held_out = result.scores["single_exponential"]["held_out"]
    assert min(held_out["C"], held_out["modulation"]) > 0.99


def test_a_fit_repeats_to_the_bit_and_leaves_torch_as_it_was():
    recording = recording_of(known_bank(feedback=True))
    settings = Fit(heads=2, keys=2, stages=QUICK)
    one, again = (fit_recording(recording, settings, KNOWN, ("gru",)) for _ in range(2))
    assert torch.get_default_dtype() == torch.float32
    for model in ("unit", "gru"):
        np.testing.assert_array_equal(one.predicted[model]["C"], again.predicted[model]["C"])
    assert one.unit.sha256 == again.unit.sha256


def test_the_order_is_the_smallest_that_is_as_good_as_the_best():
    recording = recording_of(known_bank(feedback=True))
    settings = Fit(keys=3, stages=(Stage(1, 200, 128, 1e-2),))
    order, scores = select_order(recording, settings, KNOWN, orders=(1, 2), tolerance=0.0)
    assert set(scores) == {1, 2}
    assert order == max(scores, key=scores.get)
    assert select_order(recording, settings, KNOWN, orders=(1, 2), tolerance=10.0)[0] == 1


def test_whole_path_in_small(tmp_path):
    told = []
    result = distill(
        SMALL,
        FEW,
        Fit(heads=7, keys=2, stages=QUICK),
        beside=tuple(BESIDE),
        progress=lambda *words: told.append(words),
    )
    result.unit.save(tmp_path / "unit")
    unit = load_unit(tmp_path / "unit")
    assert unit.provenance["scores"] == result.scores
    assert set(result.scores) == {"unit", *BESIDE}
    assert unit.provenance["protocol"]["seconds"] == 30
    assert unit.provenance["C_Theta"] == pytest.approx(0.2)
    assert json.dumps(unit.provenance)
    assert unit.provenance["never_fitted"] == ["chirp", "drift"]
    assert list(unit.outputs) == ["C", "modulation", "G_A"]
    assert {stage for stage, _, _ in told} == {"simulate", "fit"}
    assert all(0 <= done <= 1 for _, done, _ in told)
    # the file alone gives the prediction again
    again = unit.respond(result.targets.x * result.targets.scale)
    np.testing.assert_allclose(again["C"], result.predicted["unit"]["C"], rtol=1e-9, atol=1e-12)
    pytest.importorskip("matplotlib")
    assert len(plot_distillation(result).axes) == 4
    assert len(plot_lost(result).axes) == 6
    assert len(plot_orders({1: 0.5, 2: 0.9}, 2).axes) == 1


def test_targets_are_standard_over_the_fitted_cells_and_in_declared_units():
    recording = recording_of(known_bank(feedback=True))
    found = targets(recording)
    for values in found.observed.values():
        assert values[found.fitted].mean() == pytest.approx(0, abs=1e-12)
        assert values[found.fitted].std() == pytest.approx(1)
    np.testing.assert_allclose(found.outputs["C"], recording.cells["C"][:, 0] * 1000)
    assert found.never_fitted == ["drift"]
    assert found.x[found.fitted].max() == pytest.approx(2)


def test_what_is_constant_is_neither_followed_nor_scored():
    recording = recording_of(known_bank(feedback=True))
    silent = {**recording.cells, "v": np.full_like(recording.cells["C"], -0.07)}
    result = fit_recording(replace(recording, cells=silent), Fit(heads=4, keys=2, stages=QUICK), KNOWN)
    assert not {"v", "fired"} & set(result.targets.observed)
    assert "v" in result.unit.outputs
    assert not {"v", "fired"} & set(result.scores["unit"]["held_out"])
    assert json.dumps(result.scores, allow_nan=False)


def test_an_order_needs_held_out_stimuli_of_the_fitted_kinds():
    recording = recording_of(known_bank(feedback=True))
    odd = replace(recording, kinds=["steps"] * 14 + ["drift"] * 5)
    with pytest.raises(ValueError, match="none of steps is held out"):
        select_order(odd, Fit(), KNOWN)


def test_stimuli_shorter_than_every_window_are_told_so():
    recording = recording_of(known_bank(feedback=True))
    with pytest.raises(ValueError, match="tokens are shorter than the windows of every stage"):
        fit_recording(recording, Fit(stages=(Stage(1000, 1, 1, 1e-3),)), KNOWN)


def test_the_provenance_has_every_parameter_of_every_model():
    origin = provenance(SMALL, replace(FEW, postsynaptic=True, dt_ms=0.5, loop="open"))
    assert set(origin["models"]) == {"astrocyte", "synapse 1", "synapse 2", "neuron"}
    assert "I_ex" in origin["parameters"]["neuron"]
    assert "w_e" in origin["parameters"]["synapse 2"]
    assert origin["C_Theta"] == pytest.approx(0.2)


def test_astrocytes_that_do_nothing_are_an_error():
    ones = np.ones((2, 1, 9))
    cells = {"rate": ones, "modulation": 0 * ones, "C": ones, "Gamma_S": 0 * ones}
    with pytest.raises(ValueError, match="did nothing to the release"):
        fit_recording(Recording(cells, ["steps", "drift"], 1, 500.0), Fit(), KNOWN)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Fit(heads=0), ValueError, "heads should be positive"),
        (lambda: Fit(effort=-1), ValueError, "effort should be positive"),
        (lambda: Fit(heads=2.5), ValueError, "heads should be a whole number"),
        (lambda: Fit(noise=-1), ValueError, "noise can't be negative"),
        (lambda: Fit(stages=(Stage(1, 0, 1, 1e-3),)), ValueError, "updates should be positive"),
        (lambda: Fit(stages=()), ValueError, "at least one stage"),
        (
            lambda: distill(SMALL, FEW, beside=("lstm",)),
            ValueError,
            "no model 'lstm' to compare with; there are",
        ),
        (lambda: distill(SMALL, FEW, ms_per_token=500 * ms), TypeError, "number of milliseconds"),
        (lambda: distill(SMALL, replace(FEW, dt_ms=7)), ValueError, "whole number of time steps"),
    ],
)
def test_impossible_settings_are_refused_before_anything_runs(make, error, message):
    with pytest.raises(error, match=message):
        make()
