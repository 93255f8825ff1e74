"""Formal liquids are snnTorch's units with the study's connections, one by one and all together."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import lfilter

from astrobrian.studies.benchmarks.calls import compilations, forget_calls, note_calls
from astrobrian.studies.ratio import simulate as dispatch
from astrobrian.studies.ratio.constants import Constants
from astrobrian.studies.ratio.formal import run_free, simulate
from astrobrian.studies.ratio.liquids import Arm, Liquid, Units
from astrobrian.studies.ratio.tasks.task import Task
from astrobrian.studies.ratio.wiring import matrix, wire

CONSTANTS = Constants()


def liquid(arm=Arm.MIXED, neurons=12, astrocytes=20, seed=0):
    return Liquid(Units.FORMAL, arm, neurons, astrocytes, seed)


def task(seed=0, washin=60, read=40, channels=2, every=1, **others):
    """A random series; nothing is learned from it here."""
    series = np.random.default_rng(seed).normal(size=(washin + read, channels))
    return Task("random", series, washin, every, {}, **others)


def free_task(segments, seed=0, washin=0, read=200):
    further = np.random.default_rng([1, seed]).normal(size=(200, 2))
    return task(seed, washin, read, continuation=further, free_segments=segments)


def weights_of(some, channels=2, seed=5):
    random = np.random.default_rng(seed)
    return {each: random.normal(size=(each.size + 1, channels)) for each in some}


class Peer:
    """The same liquid in snnTorch: one matrix of weights, a layer of neurons and one of astrocytes."""

    def __init__(self, of, values, channels):
        torch = pytest.importorskip("torch")
        snntorch = pytest.importorskip("snntorch")
        self.as_tensor = torch.as_tensor
        formal = values.formal
        wired = wire(
            of.neurons, of.astrocytes, of.seed, channels, values.wiring, of.arm is not Arm.UNCONNECTED
        )
        recurrent = matrix(
            of.neurons, of.astrocytes, wired.synapses, wired.listening, wired.talking, wired.coupling
        )
        alpha, beta = (
            torch.tensor(np.exp(-1 / tau), dtype=torch.float64) for tau in (formal.tau_syn, formal.tau_mem)
        )
        scale = np.ones(of.size)
        second = of.arm in (Arm.MIXED, Arm.UNCONNECTED)
        if second:
            scale[of.neurons :] = 1 - alpha
            self.astrocytes = snntorch.Synaptic(alpha=alpha, beta=beta)
        else:
            other = alpha if of.arm is Arm.SLOW else beta
            scale[of.neurons :] = (1 - other) / (1 - beta)
            self.astrocytes = snntorch.Leaky(beta=other)
        self.neurons = snntorch.Leaky(beta=beta)
        self.recurrent, self.inputs = recurrent * scale[:, None], wired.inputs * scale[:, None]
        self.scale, self.of, self.formal = scale, of, formal
        self.carried = [torch.zeros(of.astrocytes, dtype=torch.float64)] * (2 if second else 1)

    def spikes(self, series, washin):
        """Of each step; the bias of a unit follows its spikes with the delay of its reset."""
        of, formal = self.of, self.formal
        membrane = self.as_tensor(np.zeros(of.neurons))
        spikes, self.bias = np.zeros(of.size), np.full(of.size, formal.rate)
        for step, value in enumerate(series):
            current = self.recurrent @ spikes + self.inputs @ value + self.scale * self.bias
            if step <= washin:
                self.bias = self.bias + formal.adaptation * (formal.rate - spikes)
            fired, membrane = self.neurons(self.as_tensor(current[: of.neurons]), membrane)
            also_fired, *self.carried = self.astrocytes(self.as_tensor(current[of.neurons :]), *self.carried)
            spikes = np.concatenate([fired, also_fired]).astype(float)
            yield spikes


@pytest.mark.parametrize("arm", Arm)
def test_spikes_are_those_of_snntorch_step_for_step(arm):
    one = liquid(arm, 64, 64)
    driven = task(washin=100, read=1100, channels=3)
    peer = Peer(one, CONSTANTS, channels=3)
    theirs = np.array(list(peer.spikes(driven.inputs, driven.washin)))
    states = simulate([one], {0: driven}, CONSTANTS, backend="numpy")
    read = slice(driven.washin, None)
    keep = np.exp(-1 / CONSTANTS.formal.tau_trace)
    traces = lfilter([1 - keep], [1, -keep], theirs, axis=0)
    assert np.allclose(states.of[one], traces[read], atol=1e-6)  # a spike more or less would be 0.1
    ours = lfilter([1, -keep], [1 - keep], states.of[one], axis=0)[1:]
    assert np.array_equal(ours > 0.5, theirs[read][1:] > 0)
    assert np.array_equal(states.rates[one], theirs[read].mean(axis=0))
    assert np.allclose(states.bias[one], peer.bias, rtol=0, atol=1e-12)
    assert 0.02 < theirs.mean() < 0.5


def test_samples_are_the_states_at_the_last_of_so_many_steps():
    one = liquid()
    every_step, every_fourth = (
        simulate([one], {0: task(every=every)}, CONSTANTS, backend="numpy") for every in (1, 4)
    )
    assert every_fourth.of[one].shape == (10, one.size)
    assert np.array_equal(every_fourth.of[one], every_step.of[one][3::4])
    assert np.array_equal(every_fourth.rates[one], every_step.rates[one])


def test_the_bias_leads_units_to_the_rate_until_the_wash_in_is_over():
    one, rate = liquid(neurons=16, astrocytes=16), CONSTANTS.formal.rate
    silence = replace(task(), inputs=np.zeros((1600, 2)), washin=1000)
    led, left = (
        simulate([one], {0: silence}, CONSTANTS.changed({"formal.adaptation": step}), backend="numpy")
        for step in (0.01, 0.0)
    )
    assert np.abs(led.rates[one] - rate).max() < 0.02
    assert np.all(left.bias[one] == rate)
    assert np.abs(left.rates[one] - rate).max() > 0.1
    until_then = replace(silence, inputs=silence.inputs[:1001])
    assert np.array_equal(
        simulate([one], {0: until_then}, CONSTANTS, backend="numpy").bias[one], led.bias[one]
    )


BATCH = [
    liquid(arm, neurons, astrocytes, seed)
    for seed in (0, 1)
    for arm in Arm
    for neurons, astrocytes in ((8, 8), (40, 24), (17, 70))
] + [liquid(neurons=0), liquid(astrocytes=0)]
TASKS = {seed: task(seed) for seed in (0, 1)}


@pytest.fixture(scope="module")
def together():
    return simulate(BATCH, TASKS, CONSTANTS, backend="cpp")


def compiled(*values):
    """A case for which a program is built."""
    return pytest.param(*values, "cpp", marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("which", "backend"),
    [*((which, "numpy") for which in (0, 4, 19, 23, -2, -1)), (8, "cpp"), *map(compiled, (0, 4, 23, -2, -1))],
)
def test_a_liquid_does_the_same_alone_and_in_company(together, which, backend):
    one = BATCH[which]
    alone = simulate([one], TASKS, CONSTANTS, backend=backend)
    assert np.array_equal(alone.of[one], together.of[one])
    assert np.array_equal(alone.rates[one], together.rates[one])
    assert np.allclose(alone.bias[one], together.bias[one], rtol=0, atol=0 if backend == "cpp" else 1e-15)


def test_another_seed_needs_no_compiler(tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "g++")
    monkeypatch.setenv("ASTROBRIAN_CACHE", str(tmp_path / "cache"))
    note_calls(tmp_path)
    arms = [liquid(arm, neurons, 40, seed) for seed in (0, 1) for arm in Arm for neurons in (8, 24)]
    results = []
    for seed, changed in ((0, {}), (1, {}), (0, {"formal.tau_syn": 50.0, "wiring.spectral_radius": 0.5})):
        some = [each for each in arms if each.seed == seed]
        states = simulate(some, {seed: task(seed)}, CONSTANTS.changed(changed), backend="cpp")
        results.append(states.of[some[0]])
        asked = bool(compilations(tmp_path))
        assert asked == (len(results) == 1)
        forget_calls(tmp_path)
    assert not np.array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])


def test_nothing_stays_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    simulate(BATCH, TASKS, CONSTANTS, backend="cpp")
    assert not list(tmp_path.iterdir())


def test_progress_is_told():
    told = []
    simulate([liquid()], TASKS, CONSTANTS, backend="numpy", progress=lambda *said: told.append(said))
    stage, done, _ = told[-1]
    assert (stage, done) == ("simulate", pytest.approx(1))


@pytest.mark.parametrize(
    ("arm", "backend"), [(Arm.MIXED, "numpy"), (Arm.SLOW, "numpy"), *map(compiled, (Arm.MIXED, Arm.SLOW))]
)
def test_what_is_predicted_is_the_read_out_of_states_that_it_drives(arm, backend):
    """An open loop with the input of the free run gives the states that its predictions were read from."""
    some = [liquid(arm, seed=seed) for seed in (0, 1)]
    segments = [(50, 90), (120, 200)]
    tasks = {seed: free_task(segments, seed) for seed in (0, 1)}
    still = CONSTANTS.changed({"formal.adaptation": 0.0})
    bias = {each: np.full(each.size, still.formal.rate) for each in some}
    weights = weights_of(some)
    predicted = run_free(some, tasks, still, bias, weights, backend=backend)
    driven = {}
    for each in some:
        series = tasks[each.seed].continuation.copy()
        for start, stop in segments:
            series[start:stop] = predicted[each][start:stop]
            assert not np.allclose(series[start:stop], tasks[each.seed].continuation[start:stop])
        driven[each.seed] = replace(tasks[each.seed], inputs=series)
    states = simulate(some, driven, still, backend=backend)
    for each in some:
        read = states.of[each] @ weights[each][:-1] + weights[each][-1]
        assert np.allclose(predicted[each][1:], read[:-1], atol=1e-5)
        assert np.allclose(predicted[each][0], weights[each][-1])


def test_a_free_run_has_the_bias_that_it_is_given():
    one = liquid()
    tasks, weights = {0: free_task(())}, weights_of([one])
    silent, driven = (
        run_free([one], tasks, CONSTANTS, {one: np.full(one.size, bias)}, weights, backend="numpy")[one]
        for bias in (-50.0, 0.2)
    )
    assert np.all(silent == weights[one][-1])
    assert not np.allclose(driven, silent)


@pytest.mark.parametrize(
    ("liquids", "tasks", "said"),
    [
        ([], TASKS, "there are no liquids"),
        ([liquid(neurons=0, astrocytes=0)], TASKS, "needs neurons or astrocytes"),
        ([liquid(neurons=-8)], TASKS, "needs neurons or astrocytes"),
        ([liquid(), liquid()], TASKS, "given twice"),
        ([liquid(seed=7)], TASKS, "no task for seed 7; there are tasks for 0, 1"),
        ([liquid()], {}, "there are tasks for none"),
        ([liquid(), liquid(seed=1)], {0: task(0), 1: task(1, read=41)}, r"\(100, 2\).*\(101, 2\)"),
        ([liquid(), liquid(seed=1)], {0: task(0), 1: task(1, every=2)}, "differ in nothing but"),
    ],
)
def test_what_cant_be_simulated_is_said_before_anything_starts(liquids, tasks, said, monkeypatch):
    monkeypatch.setattr("astrobrian.studies.ratio.formal.project", None)
    with pytest.raises(ValueError, match=said):
        simulate(liquids, tasks, CONSTANTS)


@pytest.mark.parametrize(
    ("tasks", "bias", "columns", "said"),
    [
        (TASKS, 32, 2, "no continuation"),
        ({0: free_task(())}, 31, 2, r"the bias of .* shape \(32,\), got \(31,\)"),
        ({0: free_task(())}, 32, 3, r"the weights of .* shape \(33, 2\), got \(33, 3\)"),
        ({1: free_task(())}, 32, 2, "no task for seed 0"),
    ],
)
def test_what_cant_run_freely_is_said_before_anything_starts(tasks, bias, columns, said, monkeypatch):
    monkeypatch.setattr("astrobrian.studies.ratio.formal.project", None)
    one = liquid()
    with pytest.raises(ValueError, match=said):
        run_free([one], tasks, CONSTANTS, {one: np.zeros(bias)}, weights_of([one], columns))


def test_weights_that_are_missing():
    one = liquid()
    with pytest.raises(ValueError, match="got none"):
        run_free([one], {0: free_task(())}, CONSTANTS, {one: np.zeros(one.size)}, {})


def test_units_of_two_kinds_are_simulated_apart():
    with pytest.raises(ValueError, match="biophysical and formal"):
        dispatch.simulate([liquid(), replace(liquid(), units=Units.BIOPHYSICAL)], TASKS, CONSTANTS)
    with pytest.raises(ValueError, match="there are no liquids"):
        dispatch.simulate([], TASKS, CONSTANTS)


def test_the_units_of_a_liquid_say_what_simulates_it():
    one = liquid()
    direct = simulate([one], TASKS, CONSTANTS, backend="numpy")
    assert np.array_equal(dispatch.simulate([one], TASKS, CONSTANTS, backend="numpy").of[one], direct.of[one])
