import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

torch = pytest.importorskip("torch")

from astrobrian.studies.ratio.constants import Constants
from astrobrian.studies.ratio.liquids import Arm, Liquid, Units
from astrobrian.studies.ratio.read_outs.firing import firing
from astrobrian.studies.ratio.read_outs.learned import Learned, judged
from astrobrian.studies.ratio.read_outs.read_out import read_out, ridge_weights
from astrobrian.studies.ratio.scores import accuracy, nrmse
from astrobrian.studies.ratio.states import States
from astrobrian.studies.ratio.tasks.task import Target, Task
from astrobrian.studies.ratio.trials import Design, Outcome, Reader, Trial

CONSTANTS = Constants().changed({"read_out.hidden": (16, 8), "read_out.width": 10, "read_out.epochs": 3})
TRAIN, SAMPLES = 200, 260
LIQUIDS = [
    Liquid(Units.FORMAL, arm, neurons, astrocytes, seed)
    for arm, neurons, astrocytes in [
        (Arm.MIXED, 8, 0),
        (Arm.MIXED, 0, 8),
        (Arm.MIXED, 8, 16),
        (Arm.SLOW, 8, 16),
    ]
    for seed in (0, 1)
]


def task(seed, train=TRAIN):
    """A slow walk whose next steps are asked for, and in which quarter of the plane it is."""
    walk = lfilter([1], [1, -0.95], np.random.default_rng(seed).normal(size=(SAMPLES + 2, 2)), axis=0)
    walk = (walk - walk.mean(axis=0)) / walk.std(axis=0)
    sign = (walk[:SAMPLES, 0] > 0) + 2 * (walk[:SAMPLES, 1] > 0)
    targets = {
        "one step": Target(walk[1:-1], TRAIN),
        "two steps": Target(walk[2:], train),
        "quarter": Target(sign, TRAIN, classes=4, score=accuracy),
    }
    return Task("walk", walk[:SAMPLES], 0, 1, targets)


TASKS = {seed: task(seed) for seed in (0, 1)}


def states_of(liquids):
    """Noisy projections of the walk."""
    found = {}
    for liquid in liquids:
        random = np.random.default_rng([liquid.neurons, liquid.astrocytes, liquid.seed])
        states = TASKS[liquid.seed].inputs @ random.normal(size=(2, liquid.size)) + random.normal(
            size=liquid.size
        )
        found[liquid] = (states + 0.1 * random.normal(size=states.shape)).astype(np.float32)
    rates = {liquid: np.full(liquid.size, 0.1) for liquid in liquids}
    return States(found, rates, {liquid: np.zeros(liquid.size) for liquid in liquids})


@pytest.fixture(scope="module")
def outcomes():
    return dict(read_out(states_of(LIQUIDS), TASKS, CONSTANTS))


def close(one, other):
    for name in ("learning_rate", "relative_learning_rate", "final_loss", "nrmse", "score"):
        its, others = getattr(one, name), getattr(other, name)
        assert its is others is None or its == pytest.approx(others, rel=1e-3, abs=1e-3)


def test_there_is_one_trial_of_each(outcomes):
    expected = {
        Trial(liquid, "walk", target, design, reader)
        for liquid in LIQUIDS
        for target in TASKS[0].targets
        for design in Design
        for reader in Reader
    }
    assert outcomes.keys() == expected
    assert not [outcome.error for outcome in outcomes.values() if outcome.error]


def test_linear_states_are_read(outcomes):
    for trial, outcome in outcomes.items():
        if trial.reader is Reader.RIDGE and trial.target != "quarter":
            assert outcome.nrmse == outcome.score < 0.7
        if trial.reader is Reader.RIDGE and trial.target == "quarter":
            assert outcome.nrmse is None
            assert outcome.score > 0.5


def test_fixed_read_outs_have_equal_numbers_and_wide_ones_grow(outcomes):
    for reader, wide, narrow in ((Reader.MLP, 24, 8), (Reader.RIDGE, 24, 8)):
        numbers = {
            (trial.liquid.size, trial.design): outcome.parameters
            for trial, outcome in outcomes.items()
            if trial.reader is reader and trial.target == "one step"
        }
        assert numbers[narrow, Design.FIXED] == numbers[wide, Design.FIXED]
        growth = 16 if reader is Reader.MLP else 2
        assert numbers[wide, Design.WIDE] - numbers[narrow, Design.WIDE] == growth * (wide - narrow)


def test_what_only_training_has_is_none_of_a_ridge_regression(outcomes):
    for trial, outcome in outcomes.items():
        trained = (
            outcome.learning_rate,
            outcome.initial_loss,
            outcome.final_loss,
            outcome.epochs_to_threshold,
        )
        assert all(value is None for value in trained) == (trial.reader is Reader.RIDGE)
        assert len(outcome.losses) == (4 if trial.reader is Reader.MLP else 0)


def test_a_liquid_alone_learns_the_same(outcomes):
    for liquid in LIQUIDS[1:5]:
        for trial, outcome in read_out(states_of([liquid]), TASKS, CONSTANTS):
            close(outcome, outcomes[trial])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that torch can use")
def test_a_gpu_learns_the_same(outcomes):
    for trial, outcome in read_out(states_of(LIQUIDS), TASKS, CONSTANTS, device="cuda"):
        close(outcome, outcomes[trial])


def test_states_that_are_no_numbers_fail_their_trials_alone(outcomes):
    states = states_of(LIQUIDS)
    states.of[LIQUIDS[4]][5, 3] = np.nan
    for trial, outcome in read_out(states, TASKS, CONSTANTS):
        if trial.liquid == LIQUIDS[4]:
            assert "states" in outcome.error
            assert (outcome.score, outcome.neuron_rate) == (None, pytest.approx(0.1))
        else:
            assert not outcome.error
            close(outcome, outcomes[trial])


def test_states_that_are_too_large_fail_where_they_are_squared(outcomes):
    states = states_of(LIQUIDS)
    states.of[LIQUIDS[4]][:] *= 1e30
    found = dict(read_out(states, TASKS, CONSTANTS, [Design.WIDE], [Reader.MLP]))
    for trial, outcome in found.items():
        assert bool(outcome.error) == (trial.liquid == LIQUIDS[4] and trial.target != "quarter")


def test_weights_of_the_states_are_those_that_were_scored(outcomes):
    states = states_of(LIQUIDS)
    for design in Design:
        weights = ridge_weights(states, TASKS, CONSTANTS, design)
        for liquid in LIQUIDS:
            linear = weights[liquid]
            assert linear.shape == (liquid.size + 1, 2)
            predicted = states.of[liquid][TRAIN:] @ linear[:-1] + linear[-1]
            score = nrmse(predicted, TASKS[liquid.seed].targets["one step"].values[TRAIN:])
            trial = Trial(liquid, "walk", "one step", design, Reader.RIDGE)
            assert score == pytest.approx(outcomes[trial].nrmse, rel=1e-4)


def test_only_what_is_asked_for_is_trained_and_progress_is_told():
    told = []
    found = read_out(
        states_of(LIQUIDS),
        TASKS,
        CONSTANTS,
        [Design.FIXED],
        [Reader.RIDGE],
        progress=lambda *said: told.append(said),
    )
    assert {(trial.design, trial.reader) for trial, _ in found} == {(Design.FIXED, Reader.RIDGE)}
    assert [done for _, done, _ in told] == [pytest.approx(number / 24) for number in range(1, 25)]


def test_states_of_another_shape_are_refused():
    states = states_of(LIQUIDS)
    states.of[LIQUIDS[0]] = states.of[LIQUIDS[0]][:-1]
    with pytest.raises(ValueError, match=r"have the shape \(259, 8\).*they should have \(260, 8\)"):
        next(read_out(states, TASKS, CONSTANTS))


def test_targets_with_different_training_samples_are_refused():
    with pytest.raises(ValueError, match=r"different training samples.*'two steps': 100"):
        next(read_out(states_of(LIQUIDS), {0: task(0, 100), 1: task(1, 100)}, CONSTANTS))


def test_firing_counts_units_that_never_or_always_spike():
    liquid = Liquid(Units.FORMAL, Arm.MIXED, 3, 2, 0)
    found = firing(liquid, np.array([0.0, 0.1, 0.2, 0.0005, 0.9]), CONSTANTS.biophysical)
    assert (found.neuron_rate, found.astrocyte_rate) == (pytest.approx(0.1), pytest.approx(0.45025))
    assert (found.dead, found.saturated, found.degenerate) == (0.4, 0.2, True)


def test_a_biophysical_neuron_may_spike_more_often_than_once_a_step():
    liquid = Liquid(Units.BIOPHYSICAL, Arm.MIXED, 2, 0, 0)
    rates = np.array([1.9, 2.1])  # of 4, with a refractory period of 5 ms in steps of 20 ms
    assert firing(liquid, rates, CONSTANTS.biophysical).saturated == 0.5


def test_there_is_no_rate_of_units_that_arent_there():
    found = firing(Liquid(Units.FORMAL, Arm.MIXED, 0, 2, 0), np.array([0.1, 0.1]), CONSTANTS.biophysical)
    assert (found.neuron_rate, found.astrocyte_rate, found.degenerate) == (None, 0.1, False)


def judge(losses, threshold=0.5):
    target = Target(np.array([[0.0], [1.0], [-1.0]]), 1)
    return judged(Learned(np.zeros((2, 1)), 7, np.array(losses)), target, threshold, Outcome(neuron_rate=0.3))


@given(st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=12))
def test_learning_rates_are_slopes_by_least_squares(losses):
    found = judge(losses)
    epochs = np.arange(len(losses))
    assert found.learning_rate == pytest.approx(np.polyfit(epochs, losses, 1)[0], rel=1e-6, abs=1e-9)
    expected = np.polyfit(epochs, np.log(losses), 1)[0]
    assert found.relative_learning_rate == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert (found.initial_loss, found.final_loss) == (losses[0], losses[-1])


@given(st.floats(0.01, 0.99), st.floats(0.1, 1e6))
def test_a_threshold_is_reached_on_the_line_between_epochs(threshold, scale):
    found = judge([scale, scale / 2, 0.0], threshold)
    assert found.epochs_to_threshold == pytest.approx(2 * (1 - threshold))


def test_a_threshold_may_never_be_reached_and_zero_has_no_logarithm():
    assert judge([1.0, 0.9, 0.8]).epochs_to_threshold == np.inf
    assert judge([1.0, 0.0]).relative_learning_rate is None


def test_what_was_known_is_kept_and_what_isnt_finite_is_an_error():
    assert (judge([1.0, 0.5]).neuron_rate, judge([1.0, 0.5]).nrmse, judge([1.0, 0.5]).parameters) == (
        0.3,
        1.0,
        7,
    )
    failed = judge([1.0, np.nan])
    assert (failed.error, failed.learning_rate, failed.score) == ("the loss isn't finite", None, None)
    target = Target(np.array([[0.0], [1.0]]), 1)
    assert "predicted" in judged(Learned(np.full((1, 1), np.inf), 2), target, 0.5, Outcome()).error


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden", (64,)),
        ("hidden", (64, 0)),
        ("width", 0),
        ("epochs", 0),
        ("minibatch", -1),
        ("rate", np.inf),
        ("ridge", (1e-6, np.nan)),
        ("threshold", 0.0),
    ],
)
def test_constants_without_a_meaning_are_refused(name, value):
    with pytest.raises(ValueError, match=rf"read_out\.{name} .*got"):
        CONSTANTS.changed({f"read_out.{name}": value})
