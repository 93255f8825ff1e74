"""What fails in a batch is kept with its error, and nothing else is lost."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from astrobrian.studies.ratio import batch
from astrobrian.studies.ratio.constants import Constants, Series
from astrobrian.studies.ratio.job import Job
from astrobrian.studies.ratio.plan import FREE_RUN, plan
from astrobrian.studies.ratio.settings import Settings
from astrobrian.studies.ratio.states import States
from astrobrian.studies.ratio.tasks.lorenz import LYAPUNOV_TIMES
from astrobrian.studies.ratio.trials import Outcome, Reader, Trial

SETTINGS = Settings(
    (0, 4, 8),
    (0, 4, 8),
    seeds=1,
    tasks=("lorenz",),
    constants=Constants(series=Series(washin=10, train=50, test=20, free=2)),
    backend="numpy",
)
JOB = Job(SETTINGS, plan(SETTINGS)[0])
LIQUIDS = JOB.liquids()
TRIALS = JOB.trials(LIQUIDS, JOB.tasks())


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """What a worker sets for its whole life isn't set for other tests."""
    monkeypatch.setattr(batch.BrianLogger, "log_level_error", lambda: None)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


class Fake:
    """In the place of simulations and read-outs; some liquids and targets fail."""

    def __init__(self, monkeypatch, guilty=(), target=None, free=None):
        self.guilty, self.target, self.free = set(guilty), target, free
        self.simulated = []
        for name in ("simulate", "read_out", "ridge_weights", "run_free"):
            monkeypatch.setattr(batch, name, getattr(self, name))

    def simulate(self, liquids, tasks, constants, backend):
        self.simulated.append(len(liquids))
        if self.guilty & set(liquids):
            raise ArithmeticError("a potential is infinite")
        nothing = {liquid: np.zeros(liquid.size) for liquid in liquids}
        return States({liquid: np.zeros((1, liquid.size)) for liquid in liquids}, nothing, nothing)

    def read_out(self, states, tasks, constants, designs, readers, device):
        for liquid in states.of:
            task = tasks[liquid.seed]
            for target in task.targets:
                if target == self.target:
                    raise MemoryError("no room")
                for design in designs:
                    for reader in readers:
                        yield Trial(liquid, task.name, target, design, reader), Outcome(parameters=7)

    def ridge_weights(self, states, tasks, constants, design):
        return {liquid: np.zeros((liquid.size + 1, 3)) for liquid in states.of}

    def run_free(self, liquids, tasks, constants, bias, weights, backend):
        if self.free:
            raise self.free
        assert set(weights) == set(liquids)
        return {liquid: tasks[liquid.seed].continuation for liquid in liquids}


def test_every_trial_has_its_row_in_order(monkeypatch):
    Fake(monkeypatch)
    rows, seconds = batch.run_batch(JOB)
    assert [trial for trial, _ in rows] == TRIALS
    assert not any(outcome.error for _, outcome in rows)
    assert seconds > 0


def test_a_free_run_that_predicts_the_series_itself_stays_with_it_to_the_end(monkeypatch):
    Fake(monkeypatch)
    (task,) = JOB.tasks().values()
    first, last = task.free_segments[0]
    free = [outcome for trial, outcome in batch.run_batch(JOB).rows if trial.target == FREE_RUN]
    assert len(free) == 2 * len(LIQUIDS)
    for outcome in free:
        assert outcome.nrmse == 0
        assert outcome.score == pytest.approx((last - first) * LYAPUNOV_TIMES)
        assert outcome.parameters == 7


@pytest.mark.parametrize("guilty", [LIQUIDS[:1], LIQUIDS[3:4] + LIQUIDS[-1:]])
def test_only_the_liquids_at_fault_fail(monkeypatch, guilty):
    Fake(monkeypatch, guilty=guilty)
    for trial, outcome in batch.run_batch(JOB).rows:
        error = "ArithmeticError: a potential is infinite" if trial.liquid in guilty else ""
        assert outcome.error == error


def test_the_search_for_those_at_fault_has_an_end(monkeypatch):
    fake = Fake(monkeypatch, guilty=LIQUIDS)
    rows = batch.run_batch(JOB).rows
    assert all(outcome.error for _, outcome in rows) and len(rows) == len(TRIALS)
    assert len(fake.simulated) < len(LIQUIDS)


def test_only_the_target_at_fault_fails(monkeypatch):
    Fake(monkeypatch, target="1 Lyapunov")
    for trial, outcome in batch.run_batch(JOB).rows:
        assert outcome.error == ("MemoryError: no room" if trial.target == "1 Lyapunov" else "")


def test_free_runs_fail_with_the_read_out_that_they_need(monkeypatch):
    Fake(monkeypatch, target="one step")
    failed = {trial.target for trial, outcome in batch.run_batch(JOB).rows if outcome.error}
    assert failed == {"one step", FREE_RUN}


def test_free_runs_fail_by_themselves(monkeypatch):
    Fake(monkeypatch, free=ValueError("no continuation"))
    for trial, outcome in batch.run_batch(JOB).rows:
        assert outcome.error == ("ValueError: no continuation" if trial.target == FREE_RUN else "")


def test_a_study_without_ridge_has_no_free_runs(monkeypatch):
    Fake(monkeypatch, free=AssertionError("not asked for"))
    without = replace(SETTINGS, readers=(Reader.MLP,))
    rows = batch.run_batch(Job(without, plan(without)[0])).rows
    assert {trial.reader for trial, _ in rows} == {Reader.MLP}
    assert not any(outcome.error for _, outcome in rows)
