"""Biophysical liquids: their cells do what is known of them alone, and together what the arms of the study say."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from brian2 import second, uM
from scipy.integrate import solve_ivp

from astrobrian import TripartiteSynapses
from astrobrian.equations import chi, driven_ip3, glutamate_receptors, rhs
from astrobrian.studies.benchmarks.calls import compilations, forget_calls, note_calls
from astrobrian.studies.ratio.biophysical import run_free, simulate
from astrobrian.studies.ratio.constants import Constants
from astrobrian.studies.ratio.liquids import Arm, Liquid, Units
from astrobrian.studies.ratio.tasks.task import Task
from astrobrian.studies.ratio.wiring import wire

CONSTANTS = Constants()
# nothing is led anywhere: the bias stays at the rheobase
STILL = CONSTANTS.changed({"biophysical.adaptation": 0.0})
NETWORK = "astrobrian.studies.ratio.biophysical_network"


def liquid(arm=Arm.MIXED, neurons=8, astrocytes=8, seed=0):
    return Liquid(Units.BIOPHYSICAL, arm, neurons, astrocytes, seed)


def task(seed=0, washin=4, read=16, channels=2, every=1, **others):
    """A random series; nothing is learned from it here."""
    series = np.random.default_rng(seed).normal(size=(washin + read, channels))
    return Task("random", series, washin, every, {}, **others)


def constant(values, read, washin=0):
    return Task("constant", np.tile(np.array(values, float), (washin + read, 1)), washin, 1, {})


def free_task(segments, steps=24, seed=0):
    further = np.random.default_rng([1, seed]).normal(size=(steps, 2))
    return task(seed, 0, steps, continuation=further, free_segments=segments)


def weights_of(one, channels=2, size=1.0):
    return {one: np.random.default_rng(5).normal(size=(one.size + 1, channels)) * size}


def test_a_neuron_fires_at_the_rate_of_a_leaky_integrator_under_its_current():
    """Which is known: the refractory period, and the time from reset to threshold."""
    rheobases = {0: 1.2, 1: 2.0}
    some = {seed: liquid(neurons=1, astrocytes=0, seed=seed) for seed in rheobases}
    weights = {seed: wire(1, 0, seed, 1, CONSTANTS.wiring).inputs.item() for seed in rheobases}
    driven = {seed: constant([(rheobases[seed] - 1) / weights[seed]], 60) for seed in rheobases}
    values = STILL.changed({"biophysical.dt": 0.25})
    states = simulate(list(some.values()), driven, values, backend="numpy")
    for seed, one in some.items():
        membrane = 198 / 9.99  # ms, of the published table
        period = 5 + membrane * np.log(rheobases[seed] / (rheobases[seed] - 1))
        assert states.rates[one].item() == pytest.approx(20 / period, rel=0.04)
        assert states.bias[one].item() == 1


@pytest.mark.parametrize("sign", [1, -1])
def test_calcium_of_an_astrocyte_is_what_another_integrator_finds(sign):
    one, samples = liquid(neurons=0, astrocytes=1), 150
    weight = wire(0, 1, 0, 1, CONSTANTS.wiring).inputs.item()
    states = simulate([one], {0: constant([sign * 0.5 / weight], samples)}, CONSTANTS, backend="numpy")
    values = CONSTANTS.biophysical
    astrocyte = chi(K_P=values.pump * uM) + driven_ip3(I_0=values.ip3 * uM, r_ex=values.exchange / second)
    rest = solve_ivp(rhs(astrocyte), (0, 300), rhs(astrocyte).initial, method="LSODA", rtol=1e-9, atol=1e-12)
    flow = rhs(astrocyte + glutamate_receptors, drive=sign * 0.5 * values.input_ip3)
    start = dict.fromkeys(flow.states, 0.0) | dict(zip(rhs(astrocyte).states, rest.y[:, -1], strict=True))
    times = np.arange(1, samples + 1) * values.sample * 1e-3
    start = [start[name] for name in flow.states]
    found = solve_ivp(flow, (0, times[-1]), start, method="LSODA", rtol=1e-9, atol=1e-12, t_eval=times)
    calcium = found.y[flow.states.index("C")] / float(uM)
    assert np.allclose(states.of[one][:, 0], calcium, rtol=2e-3)
    assert np.ptp(calcium) > 0.05


def test_samples_are_the_states_at_the_last_of_so_many_steps():
    one = liquid()
    every_step, every_fourth = (
        simulate([one], {0: task(every=every)}, CONSTANTS, backend="numpy") for every in (1, 4)
    )
    assert every_fourth.of[one].shape == (4, one.size)
    assert every_fourth.of[one].dtype == np.float32
    assert np.array_equal(every_fourth.of[one], every_step.of[one][3::4])
    assert np.array_equal(every_fourth.rates[one], every_step.rates[one])


# a strong drive, so that there are releases within half a second
LIVELY = STILL.changed({"biophysical.release": 0.28, "biophysical.input_current": 3.0})
OTHER_ASTROCYTES = LIVELY.changed({"biophysical.ip3": 0.1})
OTHER_NEURONS = LIVELY.changed({"biophysical.input_current": 0.3})


@pytest.mark.parametrize(("arm", "touched"), [(Arm.MIXED, True), (Arm.UNCONNECTED, False)])
def test_neurons_and_astrocytes_change_each_other_where_they_are_connected(arm, touched):
    one, driven = liquid(arm), {0: task(read=16)}
    usual, other_astrocytes, other_neurons = (
        simulate([one], driven, values, backend="numpy")
        for values in (LIVELY, OTHER_ASTROCYTES, OTHER_NEURONS)
    )
    neurons, astrocytes = np.s_[:, :8], np.s_[:, 8:]
    assert usual.rates[one][8:].any()
    assert not other_astrocytes.rates[one][8:].any()
    assert np.array_equal(usual.of[one][neurons], other_astrocytes.of[one][neurons]) is not touched
    assert np.array_equal(usual.of[one][astrocytes], other_neurons.of[one][astrocytes]) is not touched
    assert not np.array_equal(usual.of[one][neurons], other_neurons.of[one][neurons])


def test_the_lifted_form_is_the_published_one(monkeypatch):
    one, driven = liquid(), {0: task(read=16)}
    lifted = simulate([one], driven, LIVELY, backend="numpy")
    monkeypatch.setattr(f"{NETWORK}.TripartiteSynapses", partial(TripartiteSynapses, form="published"))
    published = simulate([one], driven, LIVELY, backend="numpy")
    assert np.allclose(lifted.of[one], published.of[one], rtol=1e-5, atol=1e-7)
    assert np.array_equal(lifted.rates[one], published.rates[one])


GRID = ((8, 8), (16, 24), (0, 16), (16, 0))
BATCH = [
    liquid(arm, *cells, seed)
    for seed in (0, 1)
    for arm in Arm
    for cells in GRID
    if arm is Arm.MIXED or all(cells)
]
# what changes every sample averages out in an astrocyte
SLOW_SERIES = {
    seed: np.repeat(np.random.default_rng(seed).normal(size=(25, 2)), 20, axis=0) for seed in (0, 1)
}
TASKS = {seed: Task("slow", series, 300, 1, {}) for seed, series in SLOW_SERIES.items()}


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """All of seed 0 in one run, then all of seed 1; and how often the compiler was called for either."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("calls")
        patch.setenv("CXX", "g++")
        note_calls(folder)
        states, calls = [], []
        for seed in (0, 1):
            some = [each for each in BATCH if each.seed == seed]
            states.append(simulate(some, {seed: TASKS[seed]}, CONSTANTS, backend="cpp"))
            calls.append(len(compilations(folder)))
            forget_calls(folder)
        return states, calls


def test_another_seed_needs_no_compiler(together):
    (first, second_), calls = together
    assert calls[0] > 0
    assert calls[1] == 0
    assert not np.array_equal(first.of[liquid()], second_.of[liquid(seed=1)])


def test_cells_are_in_a_regime_in_which_there_is_something_to_read(together):
    sample = CONSTANTS.biophysical.sample * 1e-3
    for states in together[0]:
        rates = np.concatenate([rates[: each.neurons] for each, rates in states.rates.items()]) / sample
        assert rates.mean() == pytest.approx(CONSTANTS.biophysical.rate, rel=0.3)
        assert np.mean(rates < 1) < 0.02
        assert rates.max() < 60
        for each, values in states.of.items():
            assert np.all(np.isfinite(values))
            if each.arm in (Arm.MIXED, Arm.UNCONNECTED):
                calcium = values[:, each.neurons :]
                assert np.all((calcium > 0) & (calcium < 2))
                assert not each.astrocytes or np.median(calcium.std(axis=0)) > 0.01
        mixed = [rates[each.neurons :] for each, rates in states.rates.items() if each.arm is Arm.MIXED]
        assert np.concatenate(mixed).any()  # gliotransmitter is released


def test_slow_neurons_have_the_same_rate_and_fluctuate_less(together):
    states = together[0][0]
    slow, matched = (liquid(arm, 16, 24) for arm in (Arm.SLOW, Arm.MATCHED))
    steady, noisy = (states.of[each][:, 16:].std(axis=0).mean() for each in (slow, matched))
    assert steady < 0.6 * noisy
    assert states.rates[slow][16:].mean() == pytest.approx(states.rates[matched][16:].mean(), rel=0.3)


@pytest.mark.slow
@pytest.mark.parametrize("which", [0, 1, 2, 3, 5, 7, 8])
def test_a_liquid_does_the_same_alone_and_in_company(together, which):
    one = BATCH[which]
    alone = simulate([one], TASKS, CONSTANTS, backend="cpp")
    for found, expected in zip(
        (alone.of, alone.rates, alone.bias),
        (together[0][0].of, together[0][0].rates, together[0][0].bias),
        strict=True,
    ):
        assert np.array_equal(found[one], expected[one])


def test_company_of_another_seed_changes_nothing():
    some = [liquid(), liquid(Arm.SLOW, seed=1), liquid(neurons=0, seed=1)]
    tasks = {seed: task(seed) for seed in (0, 1)}
    in_company, alone = (simulate(each, tasks, CONSTANTS, backend="numpy") for each in (some[::-1], some[:1]))
    assert np.array_equal(alone.of[some[0]], in_company.of[some[0]])
    assert np.array_equal(alone.bias[some[0]], in_company.bias[some[0]])


@pytest.mark.parametrize("arm", [Arm.MIXED, Arm.SLOW])
def test_what_is_predicted_is_the_read_out_of_states_that_it_drives(arm):
    """An open loop with the input of the free run gives the states that its predictions were read from."""
    one, segments = liquid(arm), [(6, 12), (16, 24)]
    tasks, weights = {0: free_task(segments)}, weights_of(liquid(arm))
    bias = {one: np.ones(one.size)}
    predicted = run_free([one], tasks, STILL, bias, weights, backend="numpy")[one]
    series = tasks[0].continuation.copy()
    for start, stop in segments:
        series[start:stop] = predicted[start:stop]
    states = simulate([one], {0: replace(tasks[0], inputs=series)}, STILL, backend="numpy")
    read = states.of[one] @ weights[one][:-1] + weights[one][-1]
    assert np.allclose(predicted[1:], read[:-1], atol=1e-5)
    assert not np.allclose(series, tasks[0].continuation)


def test_a_free_run_with_senseless_weights_ends():
    one = liquid()
    predicted = run_free(
        *([one], {0: free_task([(2, 24)])}, CONSTANTS, {one: np.ones(one.size)}, weights_of(one, size=1e6)),
        backend="numpy",
    )
    assert np.all(np.isfinite(predicted[one]))


def test_a_free_run_has_the_bias_that_it_is_given():
    one = liquid(astrocytes=0)
    weights = weights_of(one)
    silent, driven = (
        run_free([one], {0: free_task(())}, CONSTANTS, {one: np.full(8, bias)}, weights, backend="numpy")[one]
        for bias in (-20.0, 1.0)
    )
    assert np.all(silent == weights[one][-1])
    assert not np.allclose(driven, silent)


@pytest.mark.parametrize(
    ("changed", "tasks", "said"),
    [
        ({}, {}, "there are tasks for none"),
        (
            {"biophysical.sample": 25.0},
            {0: task()},
            r"sample of 25 ms isn't a multiple of .*dt_astrocytes of 10",
        ),
        ({"biophysical.dt": 3.0}, {0: task()}, r"dt_astrocytes of 10 ms isn't a multiple of .*dt of 3 ms"),
        ({"biophysical.dt": 20.0}, {0: task()}, "isn't a multiple"),
    ],
)
def test_what_cant_be_simulated_is_said_before_anything_starts(changed, tasks, said, monkeypatch):
    monkeypatch.setattr("astrobrian.studies.ratio.biophysical.project", None)
    with pytest.raises(ValueError, match=said):
        simulate([liquid()], tasks, CONSTANTS.changed(changed))


@pytest.mark.parametrize(
    ("tasks", "bias", "columns", "said"),
    [
        ({0: task()}, 16, 2, "no continuation"),
        ({0: free_task(())}, 15, 2, r"the bias of .* shape \(16,\), got \(15,\)"),
        ({0: free_task(())}, 16, 3, r"the weights of .* shape \(17, 2\), got \(17, 3\)"),
    ],
)
def test_what_cant_run_freely_is_said_before_anything_starts(tasks, bias, columns, said, monkeypatch):
    monkeypatch.setattr("astrobrian.studies.ratio.biophysical.project", None)
    one = liquid()
    with pytest.raises(ValueError, match=said):
        run_free([one], tasks, CONSTANTS, {one: np.zeros(bias)}, weights_of(one, columns))
