"""Rows are kept by the batch, all or none; a store of another study, or in other hands, is refused."""

import json
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from dataclasses import replace
from math import inf

import pytest

from astrobrian.studies.ratio.constants import Constants
from astrobrian.studies.ratio.liquids import Arm, Liquid, Units
from astrobrian.studies.ratio.plan import plan
from astrobrian.studies.ratio.settings import Settings
from astrobrian.studies.ratio.store import FILE, Store, StoreError, read_trials
from astrobrian.studies.ratio.trials import Design, Outcome, Reader, Trial

SETTINGS = Settings((0, 4), (0, 4), seeds=2, tasks=("narma", "memory"))
BATCHES = plan(SETTINGS)


def trial(seed=0, target="next"):
    return Trial(Liquid(Units.FORMAL, Arm.MIXED, 4, 8, seed), "narma", target, Design.WIDE, Reader.MLP)


def test_what_was_kept_is_read_again(tmp_path):
    full = Outcome(
        learning_rate=-0.5, epochs_to_threshold=inf, parameters=7, degenerate=True, losses=(1.0, 0.1 + 0.2)
    )
    with Store(tmp_path, SETTINGS) as store:
        store.add(BATCHES[0], [(trial(), full), (trial(target="b"), Outcome(error="it's 'broken'"))], 3.0)
    with Store(tmp_path, SETTINGS) as store:
        assert store.done() == {BATCHES[0].name}
        assert store.seconds() == {BATCHES[0].kind: 3.0}
        assert store.counts() == {"trials": 2, "failed": 1, "degenerate": 1, "networks": 1}
        broken, kept = store.trials()
    assert kept["arm"] == "mixed" and (kept["neurons"], kept["astrocytes"]) == (4, 8)
    assert kept["learning_rate"] == -0.5 and kept["epochs_to_threshold"] == inf and kept["nrmse"] is None
    assert json.loads(kept["losses"]) == [1.0, 0.1 + 0.2]
    assert broken["error"] == "it's 'broken'"


def test_trials_can_be_read_while_a_study_is_at_work(tmp_path):
    with Store(tmp_path, SETTINGS) as store:
        store.add(BATCHES[0], [(trial(), Outcome())], 1.0)
        assert [row["seed"] for row in read_trials(tmp_path)] == [0]


def test_a_folder_without_trials_is_named(tmp_path):
    with pytest.raises(StoreError, match="isn't the folder of a study"):
        read_trials(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_batch_is_kept_whole_or_not_at_all(tmp_path):
    with Store(tmp_path, SETTINGS) as store:
        store.add(BATCHES[0], [(trial(), Outcome())], 1.0)
        with pytest.raises(sqlite3.IntegrityError):
            store.add(BATCHES[1], [(trial(seed=1), Outcome()), (trial(), Outcome())], 1.0)
        assert store.done() == {BATCHES[0].name}
        assert len(store.trials()) == 1


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (replace(SETTINGS, seeds=3), "seeds is 2 there and 3 here"),
        (replace(SETTINGS, constants=Constants().changed({"wiring.in_degree": 3})), "wiring.in_degree is 8"),
        (replace(SETTINGS, backend="numpy"), 'backend is "cpp" there.*another folder'),
    ],
)
def test_a_store_of_other_settings_is_refused(tmp_path, other, words):
    with Store(tmp_path, SETTINGS) as store:
        store.add(BATCHES[0], [(trial(), Outcome())], 1.0)
    with pytest.raises(StoreError, match=words), Store(tmp_path, other):
        pass
    with Store(tmp_path, SETTINGS) as store:
        assert len(store.trials()) == 1


def test_a_store_of_other_versions_is_refused(tmp_path, monkeypatch):
    with Store(tmp_path, SETTINGS):
        pass
    monkeypatch.setattr("astrobrian.studies.ratio.store.version", lambda name: "0.0")
    with pytest.raises(StoreError, match=r"version of astrobrian is .* there and \"0.0\" here"):
        Store(tmp_path, SETTINGS).__enter__()


def test_a_second_one_at_work_is_refused_until_the_first_ends(tmp_path):
    with (
        Store(tmp_path, SETTINGS),
        pytest.raises(StoreError, match=r"another process is at work .*another folder"),
    ):
        Store(tmp_path, SETTINGS).__enter__()
    with Store(tmp_path, SETTINGS):
        pass


def test_a_file_that_is_no_store_is_refused(tmp_path):
    (tmp_path / FILE).write_text("a letter, not a table\n" * 100)
    with pytest.raises(StoreError, match="can't be used"):
        Store(tmp_path, SETTINGS).__enter__()
    assert (tmp_path / FILE).read_text().startswith("a letter")


def test_a_kill_in_the_middle_of_a_batch_leaves_none_of_it_and_no_lock(tmp_path):
    program = f"""
        import runpy, signal
        test = runpy.run_path({__file__!r})
        with test["Store"]({str(tmp_path)!r}, test["SETTINGS"]) as store:
            store.add(test["BATCHES"][0], [(test["trial"](), test["Outcome"]())], 1.0)
            store._file.execute("INSERT INTO batches VALUES ('half', '', '', 1, 1.0)")
            print("open", flush=True)
            signal.pause()
        """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "open\n"
        with pytest.raises(StoreError, match="another process"):
            Store(tmp_path, SETTINGS).__enter__()
        process.kill()
    with Store(tmp_path, SETTINGS) as store:
        assert store.done() == {BATCHES[0].name}
    with closing(sqlite3.connect(tmp_path / FILE)) as file:
        assert list(file.execute("PRAGMA integrity_check")) == [("ok",)]
