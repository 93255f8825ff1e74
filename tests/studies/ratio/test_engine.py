"""Jobs come back whatever happens to workers; a study that is killed again and again loses nothing, does nothing twice."""

import json
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

distributed = pytest.importorskip("distributed")

import psutil

from astrobrian.studies.ratio import engine
from astrobrian.studies.ratio.engine import EngineError, completed, workers
from astrobrian.studies.ratio.job import Job, Rows
from astrobrian.studies.ratio.liquids import Units
from astrobrian.studies.ratio.plan import plan
from astrobrian.studies.ratio.running import in_words, run_missing, seconds_left
from astrobrian.studies.ratio.store import Store, read_trials

PROGRAM = Path(__file__).with_name("small_study.py")
SMALL = runpy.run_path(str(PROGRAM))
SETTINGS, draw = SMALL["SETTINGS"], SMALL["draw"]


@pytest.fixture(scope="module")
def scheduler():
    """The address of one, with a worker in this process."""
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def client(scheduler, tmp_path):
    with workers(scheduler, 2, tmp_path) as client:
        yield client


def undisturbed():
    """What the small study gives, without an engine."""
    rows = [row for batch in plan(SETTINGS) for row in draw(Job(SETTINGS, batch)).rows]
    return {trial: outcome for trial, outcome in rows}


def as_kept(rows):
    """Trials of a store, by what names them in one text."""
    return {
        json.dumps(
            [row[name] for name in ("units", "arm", "neurons", "astrocytes", "seed", "task", "target")]
        )
        + row["design"]
        + row["reader"]: row
        for row in rows
    }


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    with Store(tmp_path_factory.mktemp("undisturbed"), SETTINGS) as store:
        for batch in plan(SETTINGS):
            store.add(batch, *draw(Job(SETTINGS, batch)))
        return store.trials()


def test_what_a_job_gives_or_raises_comes_back(client):
    found = dict(completed(client, eval, ["1 + 1", "1 / 0", "'a'"]))
    assert (found["1 + 1"], found["'a'"]) == (2, "a")
    assert isinstance(found["1 / 0"], ZeroDivisionError)


def test_only_a_few_jobs_are_out_at_a_time(client):
    asked = []
    jobs = (asked.append(number) or number for number in range(20))
    for done, (job, found) in enumerate(completed(client, abs, jobs), 1):
        assert found == job
        assert len(asked) <= done + 1
    assert done == 20


def test_a_job_that_ends_its_worker_is_told_and_the_others_go_on(tmp_path, monkeypatch):
    fatal, where = "__import__('os')._exit(3)", "__import__('tempfile').gettempdir()"
    monkeypatch.setattr(engine, "ALLOWED_FAILURES", 0)
    with workers(None, 1, tmp_path / "scratch") as client:
        found = dict(completed(client, eval, [fatal, "1", "2", where]))
    assert (found["1"], found["2"]) == (1, 2)
    assert isinstance(found[fatal], distributed.KilledWorker)
    assert Path(found[where]).is_relative_to(tmp_path / "scratch")
    assert not Path(found[where]).exists()


def test_a_scheduler_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "PATIENCE", 0.5)
    with pytest.raises(EngineError, match=r"no scheduler answers at tcp://127.0.0.1:9.*dask scheduler"):
        workers("tcp://127.0.0.1:9", 1, tmp_path).__enter__()


def test_a_scheduler_without_workers_is_refused(tmp_path):
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as cluster,
        pytest.raises(EngineError, match="has no workers"),
    ):
        workers(cluster.scheduler_address, 1, tmp_path).__enter__()


def test_a_study_on_a_scheduler_of_its_own_gives_the_same_numbers(client, tmp_path, expected):
    told = []
    with Store(tmp_path, SETTINGS) as store:
        run_missing(client, [store], draw, lambda *progress: told.append(progress))
        assert store.trials() == expected
    stages, done, words = zip(*told, strict=True)
    assert set(stages) == {"networks"}
    assert list(done) == sorted(done) and done[-1] == 1
    assert all("left" in each for each in words[1:-1]) and words[-1] == "60 of 60 batches"


def test_a_batch_that_fails_is_kept_with_its_error_and_the_rest_goes_on(client, tmp_path, expected):
    guilty = plan(SETTINGS)[3]

    def sometimes(job: Job) -> Rows:
        if job.batch == guilty:
            raise ArithmeticError("the potential is infinite")
        return draw(job)

    told = []
    with Store(tmp_path, SETTINGS) as store:
        run_missing(client, [store], sometimes, lambda *progress: told.append(progress))
        kept = store.trials()
    assert [row for row in kept if not row["error"]] == [
        row
        for row in expected
        if (row["units"], row["task"], row["seed"]) != (guilty.units, guilty.task, *guilty.seeds)
    ]
    failed = [row for row in kept if row["error"]]
    assert {row["error"] for row in failed} == {"ArithmeticError: the potential is infinite"}
    assert len(kept) == len(expected)
    assert told[-1][2] == f"60 of 60 batches, {len(failed)} trials failed"


def test_the_time_left_is_that_of_like_batches_and_else_of_all():
    lorenz, narma, digits = ((Units.FORMAL, task) for task in ("lorenz", "narma", "digits"))
    assert seconds_left([lorenz, lorenz, narma, digits], {lorenz: 30.0, narma: 10.0}) == 60 + 10 + 20
    assert [in_words(each) for each in (9.6, 90, 3599, 7500)] == ["10 s", "2 min", "1 h 0 min", "2 h 5 min"]


def start(folder):
    process = subprocess.Popen([sys.executable, str(PROGRAM), str(folder)], stdout=subprocess.PIPE, text=True)
    return process


def kill(process, batches, wait):
    """Kill it that long after so many batches; its workers end by themselves."""
    for _ in range(batches):
        process.stdout.readline()
    time.sleep(wait)
    workers = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    _gone, left = psutil.wait_procs(workers, timeout=20)
    assert not left


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.slow)])
def test_a_study_that_is_killed_again_and_again_loses_nothing_and_does_nothing_twice(
    tmp_path, kills, expected
):
    random = np.random.default_rng(kills)
    done = 0
    for _ in range(kills):
        # 0: while it starts; 1: before the first batch; a batch takes some hundredths of a second
        kill(start(tmp_path), batches=random.integers(0, 3), wait=random.uniform(0, 0.1))
        if (tmp_path / "trials.sqlite").exists():
            with Store(tmp_path, SETTINGS) as store:
                assert len(store.done()) >= done
                done = len(store.done())
    assert 0 < done
    last = start(tmp_path)
    lines = last.stdout.read().splitlines()
    assert last.wait() == 0
    assert f" {done} of 60 batches" in lines[0]
    assert read_trials(tmp_path) == expected
    assert not list((tmp_path / "scratch").rglob("worker-*"))
