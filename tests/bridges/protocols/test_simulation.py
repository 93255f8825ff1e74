"""Simulated protocols: what is recorded, that it is counted right, and that the loop is open or closed as said."""

import os
import shutil

import numpy as np
import pytest
from brian2 import get_device, second, umolar

from astrobrian import AstrocyteGroup, TripartiteSynapses, use_backend
from astrobrian.bridges.protocols import Ensemble, Protocol, Trains, assemble, release_probability, simulate
from astrobrian.bridges.protocols.ensemble import C_THETA, FIGURES
from astrobrian.bridges.protocols.stimuli import poisson
from astrobrian.equations import presynaptic_receptors, rhs
from astrobrian.equations.library.de_pitta_brunel import DEPRESSING
from tests.bridges.protocols.conftest import FEW, GIVEN, POSTSYNAPTIC, SMALL

REGIMES = ("AM", "FM")
SILENT = Protocol(seconds=20, quiet=0, highest=1e-9, fitted=(("steps", 1),), held_out=(("steps", 1),))


# ------------------------------------------------------------------------------------------------ what is recorded
@pytest.mark.parametrize("regime", REGIMES)
def test_everything_is_recorded_for_each_stimulus_astrocyte_and_token(recordings, regime):
    recording = recordings(regime=regime)
    assert set(recording.cells) == {
        *("rate", "modulation", "Gamma_S", "G_A"),
        *("C", "I", "h", "Gamma_A"),
    }
    assert all(values.shape == (6, 2, 40) for values in recording.cells.values())
    assert recording.rate.shape == recording.modulation.shape == recording.mean("C").shape == (6, 40)
    assert recording.kinds == ["steps", "steps", "bursts", "drift", "chirp", "natural"]
    assert recording.fitted_count == 3
    assert len(recording.events) > 5
    assert len(recording.spikes) == 0
    for name, (low, high) in {
        **dict.fromkeys(("C", "I", "G_A"), (0, 1)),
        **dict.fromkeys(("h", "Gamma_S"), (0, 1)),
        "modulation": (-1, 0),
    }.items():
        assert ((recording.cells[name] >= low) & (recording.cells[name] <= high)).all(), name
    # nothing happens before the first spike
    for name in ("rate", "modulation", "Gamma_S", "G_A"):
        assert (recording.cells[name][:5, :, :4] == 0).all()


def test_rates_are_counted_spikes(recordings):
    rate = recordings().cells["rate"]
    for trains, counted in zip([*SMALL.trains(10), GIVEN], rate, strict=True):
        for astrocyte in range(2):
            own = trains.t[trains.synapse // 5 == astrocyte]
            spikes = np.histogram(own, np.arange(41) * 0.5)[0]
            # in time steps of 10 ms a few spikes of a synapse coincide with another
            assert (np.abs(counted[astrocyte] * 5 * 0.5 - spikes) <= 1).all()
            assert counted[astrocyte].sum() * 5 * 0.5 == pytest.approx(own.size, abs=0.02 * own.size)
    given = rate[5] * 5 * 0.5
    assert np.argwhere(given).tolist() == [[0, 0], [0, 8], [0, 34], [1, 6], [1, 39]]


def test_the_modulation_is_that_of_the_declared_release_probability(recordings):
    cells = recordings().cells
    assert np.array_equal(
        cells["modulation"], release_probability(cells["Gamma_S"], Ensemble().synapse) / 0.6 - 1
    )


@pytest.mark.parametrize("regime", REGIMES)
def test_events_are_where_calcium_rises_through_its_threshold(regime):
    recording = simulate(SMALL, Ensemble(**FEW, regime=regime), ms_per_token=10.0)
    above = recording.cells["C"] * 1e3 > C_THETA[regime]
    rises = above & ~np.pad(above, ((0, 0), (0, 0), (1, 0)))[..., :-1]
    assert rises.sum() == len(recording.events) > 3
    for stimulus in range(5):
        for astrocyte in range(2):
            # the token at whose end it is above
            found = np.rint(recording.events.of(stimulus, astrocyte) / 0.01).astype(int)
            assert np.array_equal(found, np.flatnonzero(rises[stimulus, astrocyte]))


def test_a_token_may_be_cut_off_at_the_end():
    recording = simulate(Protocol(**{**vars(SMALL), "seconds": 5.7}), Ensemble(**FEW), ms_per_token=1000.0)
    assert recording.rate.shape == (5, 5)


def test_astrocytes_are_alike_without_spread():
    same = [Trains("same", np.repeat([s, s + 5], 40), np.tile(np.arange(40) / 4, 2)) for s in range(5)]
    both = Trains("all", np.concatenate([t.synapse for t in same]), np.concatenate([t.t for t in same]))
    protocol = Protocol(**{**vars(SMALL), "seconds": 15})
    alike, spread = (simulate(protocol, Ensemble(**FEW, spread=s), given=[both]) for s in (0.0, 0.5))
    for name, values in alike.cells.items():
        assert np.array_equal(values[5, 0], values[5, 1]), name
    assert not np.array_equal(spread.cells["C"][5, 0], spread.cells["C"][5, 1])
    # astrocytes differ in what they make of glutamate, the stronger one is the last
    assert spread.events.of(5, 1)[0] < spread.events.of(5, 0)[0]


# ------------------------------------------------------------------------------------------------ open and closed loop
@pytest.mark.parametrize("regime", REGIMES)
def test_open_and_closed_loop_differ_only_after_the_first_release(recordings, regime):
    closed, opened = recordings(regime=regime), recordings(regime=regime, loop="open")
    assert np.array_equal(closed.cells["rate"], opened.cells["rate"])
    differ = 0
    for stimulus in range(6):
        for astrocyte in range(2):
            times = closed.events.of(stimulus, astrocyte)
            first = int(times[0] / 0.5) if times.size else 40
            for name, values in closed.cells.items():
                other = opened.cells[name][stimulus, astrocyte]
                np.testing.assert_allclose(
                    values[stimulus, astrocyte, :first], other[:first], rtol=1e-9, atol=1e-15, err_msg=name
                )
            if times.size:
                assert opened.events.of(stimulus, astrocyte)[0] == times[0]
                differ += not np.array_equal(
                    closed.cells["I"][stimulus, astrocyte], opened.cells["I"][stimulus, astrocyte]
                )
    assert differ > 3


def test_in_the_open_loop_nothing_that_the_astrocyte_senses_depends_on_its_release():
    def with_binding(rate):
        batch = assemble(SMALL, Ensemble(**FEW, loop="open"))
        pathways = [each for each in batch.network.objects if isinstance(each, TripartiteSynapses)]
        [acted_on] = [each for each in pathways if "O_G" in each.variables]
        acted_on.O_G = rate / umolar / second
        batch.network.run(batch.duration, namespace={})
        return batch.recording()

    bound, never = with_binding(0.6), with_binding(0.0)
    for name in ("C", "I", "h", "Gamma_A", "G_A"):
        assert np.array_equal(bound.cells[name], never.cells[name])
    assert (never.cells["modulation"] == 0).all()
    assert bound.cells["modulation"].min() < -0.5


# ------------------------------------------------------------------------------------------------ against closed forms
def test_the_modulation_by_constant_gliotransmitter_is_the_steady_state_of_the_declared_law():
    batch = assemble(SILENT, Ensemble(**FEW), ms_per_token=1000.0)
    [astrocytes] = [each for each in batch.network.objects if isinstance(each, AstrocyteGroup)]
    astrocytes.Omega_e = 0 / second
    G_A = np.array([0.0, 0.01, 0.1, 10.0]) * umolar
    astrocytes.G_A = G_A
    batch.network.run(batch.duration, namespace={})
    bound = batch.recording().cells["Gamma_S"].reshape(4, -1)
    np.testing.assert_allclose(
        batch.recording().cells["G_A"].reshape(4, -1), np.asarray(G_A)[:, None].repeat(20, 1)
    )

    receptors = FIGURES(DEPRESSING(presynaptic_receptors))
    for concentration, found in zip(G_A, bound, strict=True):
        flow = rhs(receptors, G_A_astro=concentration)
        relaxation = -flow.jacobian(0, np.zeros(1)).item()
        steady = flow(0, np.zeros(1)).item() / relaxation
        relaxed = -np.expm1(-relaxation * np.arange(1, 21))
        np.testing.assert_allclose(found, steady * relaxed, rtol=1e-9)


@pytest.mark.parametrize("regime", REGIMES)
def test_a_release_is_a_pulse_of_gliotransmitter_of_the_declared_size(recordings, regime):
    recording = recordings(regime=regime)
    p = {name: float(q.quantity) for name, q in Ensemble(regime=regime).astrocyte.parameters.items()}
    pulse = p["rho_e"] * p["G_T"] * p["U_A"] / p["Omega_e"]
    seen = 0
    for stimulus in range(6):
        for astrocyte in range(2):
            times = [*recording.events.of(stimulus, astrocyte), np.inf, np.inf]
            if times[0] < 15 and times[1] > times[0] + 4:
                first = int(times[0] / 0.5)
                released = recording.cells["G_A"][stimulus, astrocyte, first : first + 8].sum() * 0.5
                assert released == pytest.approx(pulse, rel=1e-6)
                seen += 1
    assert seen > 1


@pytest.mark.slow
def test_frequency_follows_the_input_in_one_regime_and_amplitude_in_the_other():
    quiet = Protocol(**{**vars(SILENT), "seconds": 200})
    rates = (0.1, 0.8)
    given = [poisson(np.random.default_rng(i), np.full(2000, r), 60, "constant") for i, r in enumerate(rates)]
    frequency, amplitude = {}, {}
    for regime in REGIMES:
        use_backend("cpp")
        ensemble = Ensemble(astrocytes=6, regime=regime, loop="open", spread=0)
        recording = simulate(quiet, ensemble, ms_per_token=100.0, given=given)
        number = [np.count_nonzero(recording.events.stimulus == i) for i in (2, 3)]
        frequency[regime] = number[1] / number[0]
        calcium = recording.cells["C"][2:, :, 500:]
        swing = np.ptp(np.quantile(calcium, (0.05, 0.5), axis=(1, 2)), axis=0)
        amplitude[regime] = swing[1] / swing[0]
        assert min(number) > 60
    assert frequency["FM"] > 1.5 > frequency["AM"]
    assert amplitude["AM"] > 2 > amplitude["FM"]


@pytest.mark.slow
@pytest.mark.parametrize("regime", REGIMES)
def test_events_stay_where_they_are_in_shorter_time_steps(regime):
    protocol = Protocol(seconds=120, fitted=(("steps", 2), ("bursts", 2)), held_out=(("drift", 2),))
    coarse, fine = {"dt_ms": 0.2, "astrocyte_dt_ms": 2.0}, {"dt_ms": 0.05, "astrocyte_dt_ms": 0.5}
    found = []
    for steps in (coarse, fine):
        use_backend("cpp")
        found.append(simulate(protocol, Ensemble(astrocytes=3, regime=regime, **steps)))
    assert Ensemble() == Ensemble(**coarse)
    one, two = found
    matched = [
        bool((np.abs(one.events.of(i, a) - t) < 1).any())
        for i, a, t in zip(two.events.stimulus, two.events.astrocyte, two.events.t, strict=True)
    ]
    assert len(matched) > 50
    assert np.mean(matched) > 0.97
    error = np.square(one.modulation - two.modulation).mean() / two.modulation.var()
    assert error < 0.01


# ------------------------------------------------------------------------------------------------ a neuron after the synapses
def test_a_postsynaptic_neuron_changes_nothing_before_it():
    protocol = Protocol(**{**vars(SMALL), "seconds": 8})
    ensembles = (Ensemble(**{**POSTSYNAPTIC, "postsynaptic": there}) for there in (False, True))
    without, with_one = (simulate(protocol, ensemble) for ensemble in ensembles)
    assert set(with_one.cells) - set(without.cells) == {"v"}
    for name, values in without.cells.items():
        np.testing.assert_allclose(with_one.cells[name], values, rtol=1e-9, atol=1e-15, err_msg=name)


def test_a_postsynaptic_neuron_rests_until_it_is_reached_and_fires_less_with_gliotransmitter(recordings):
    recording = recordings(**POSTSYNAPTIC)
    model = Ensemble(**POSTSYNAPTIC).neuron
    p = {name: float(q.quantity) for name, q in model.constants.items()}
    rest = p["E_l"] + p["I_ex"] / p["g_l"]
    # without input the mean over each token is the closed form of a leaky membrane that starts at E_l
    tau, edges = p["C_m"] / p["g_l"], np.arange(5) * 0.5
    closed = rest - (p["E_l"] - rest) * tau * np.diff(np.exp(-edges / tau)) / 0.5
    np.testing.assert_allclose(recording.cells["v"][0, 0, :4], closed, rtol=1e-3)
    assert len(recording.spikes) > 20
    assert (recording.cells["v"] < p["V_th"]).all()
    # spikes per presynaptic spike, while few and while many receptors are bound
    token = (recording.spikes.t / 0.5).astype(int)
    fired = np.zeros_like(recording.cells["rate"])
    np.add.at(fired, (recording.spikes.stimulus, recording.spikes.astrocyte, token), 1)
    modulation, rate = recording.cells["modulation"], recording.cells["rate"]
    free, bound = modulation > -0.1, modulation < -0.5
    assert fired[free].sum() / rate[free].sum() > 2 * fired[bound].sum() / rate[bound].sum()


# ------------------------------------------------------------------------------------------------ any backend
def check_equal(one, other):
    for name in ("events", "spikes"):
        mine, theirs = (
            sorted(zip(e.stimulus.tolist(), e.astrocyte.tolist(), np.rint(e.t * 1e6).tolist(), strict=True))
            for e in (getattr(one, name), getattr(other, name))
        )
        assert mine == theirs
    assert np.array_equal(one.cells["rate"], other.cells["rate"])
    for name, values in one.cells.items():
        np.testing.assert_allclose(
            other.cells[name], values, rtol=0, atol=1e-9 * np.abs(values).max(), err_msg=name
        )


NETWORKS = [{**FEW, "regime": "AM"}, {**POSTSYNAPTIC, "regime": "FM", "loop": "open"}]


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("backend", "settings"),
    [
        ("cpp", NETWORKS[0]),
        slow("cpp", NETWORKS[1]),
        *(slow(backend, settings) for backend in ("cython", "genn") for settings in NETWORKS),
    ],
)
def test_every_backend_records_what_numpy_does(recordings, backend, settings):
    if backend == "genn" and not {"GENN_PATH", "GENN_PYTHON"} <= os.environ.keys():
        pytest.skip("GeNN isn't there: GENN_PATH and GENN_PYTHON aren't set")
    expected = recordings(**settings)
    use_backend(backend)
    check_equal(expected, simulate(SMALL, Ensemble(**settings), given=[GIVEN]))


@pytest.mark.slow
@pytest.mark.parametrize("settings", NETWORKS, ids=["closed", "open"])
def test_programs_for_a_gpu_record_what_numpy_does(recordings, settings, tmp_path):
    pytest.importorskip("brian2cuda", reason="Brian2CUDA is not installed")
    if shutil.which("g++") is None:
        pytest.skip("no g++ for the stand-in")
    from stand_in import on_cpu

    expected = recordings(**settings)
    use_backend("cuda", directory=tmp_path, build_on_run=False, compile=False, with_output=False)
    batch = assemble(SMALL, Ensemble(**settings), given=[GIVEN])
    batch.network.run(batch.duration, namespace={})
    device = get_device()
    with on_cpu(device):
        device.build(**{**device.build_options, "compile": True, "run": True})
    check_equal(expected, batch.recording())


# ------------------------------------------------------------------------------------------------ what is refused
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ensemble(regime="PM"), "regime is one of AM, FM, not 'PM'"),
        (lambda: Ensemble(loop="half"), "loop is one of closed, open, not 'half'"),
        (lambda: Ensemble(postsynaptic=True, dt_ms=5), "give dt_ms=0.5"),
        (lambda: Ensemble(astrocytes=0), "astrocytes should be positive"),
        (lambda: Ensemble(synapses=2.5), "synapses should be a whole number, not 2.5"),
        (lambda: Ensemble(spread=-0.1), "spread can't be negative"),
        (
            lambda: simulate(SMALL, Ensemble(**FEW), ms_per_token=15.0),
            "isn't a whole number of time steps of 10",
        ),
        (
            lambda: simulate(SMALL, Ensemble(**FEW), given=[Trains("natural", [10], [1.0])]),
            "reach synapse 10",
        ),
        (lambda: simulate(SMALL, Ensemble(**FEW), given=[Trains("natural", [0], [20.0])]), "last until 20 s"),
    ],
)
def test_impossible_settings_are_refused_before_anything_runs(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_progress_is_told():
    told = []
    simulate(SMALL, Ensemble(**FEW), progress=lambda *words: told.append(words))
    assert told[-1][:2] == ("simulate", 1.0)
