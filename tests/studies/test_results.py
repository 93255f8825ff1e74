import errno
import json
import os

import numpy as np
import pytest
from brian2 import mV, umolar

from astrobrian.studies.results import Results, ResultsError, plain, read_summary


def test_a_finished_run_leaves_figures_versions_times_and_data(tmp_path):
    with Results(
        tmp_path / "new" / "run", "a command", seed=3, backend="numpy", settings={"N": 4}
    ) as results:
        results.stage("simulate")
        results.figures["rate_Hz"] = np.float64(3.84)
        results.save_arrays("spikes", t=np.arange(3), v=[-60, -50] * mV)
        results.stage("plot")
        results.save_text("words", "note.txt")
    summary = read_summary(tmp_path / "new" / "run")
    assert summary["status"] == "complete" and summary["error"] is None
    assert (summary["seed"], summary["backend"], summary["settings"]) == (3, "numpy", {"N": 4})
    assert summary["figures"] == {"rate_Hz": 3.84}
    assert summary["files"] == ["spikes.npz", "note.txt"]
    assert {"python", "brian2", "numpy", "astrobrian"} <= summary["versions"].keys()
    assert list(summary["wall_times_s"]) == ["simulate", "plot"]
    assert sum(summary["wall_times_s"].values()) <= summary["wall_time_s"]
    with np.load(tmp_path / "new" / "run" / "spikes.npz") as data:
        np.testing.assert_allclose(data["v"], [-0.06, -0.05])


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), "interrupted"), (ValueError("C is -1"), "failed")]
)
def test_what_was_finished_survives_an_interruption(tmp_path, error, status):
    with pytest.raises(type(error)), Results(tmp_path, "a command") as results:
        results.figures["first"] = 1
        results.stage("second")
        raise error
    summary = read_summary(tmp_path)
    assert summary["status"] == status
    assert summary["figures"] == {"first": 1}
    assert "second" in summary["wall_times_s"]
    assert (summary["error"] or "") == ("ValueError: C is -1" if status == "failed" else "")


def test_the_summary_is_readable_while_the_command_runs(tmp_path):
    with Results(tmp_path, "a command") as results:
        results.stage("simulate")
        summary = read_summary(tmp_path)
        assert (summary["status"], summary["stage"]) == ("running", "simulate")


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match=r"can't make the results folder .*file.*another"):
        Results(tmp_path / "file" / "run", "a command").__enter__()


@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write anywhere")
def test_a_protected_folder_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ResultsError, match="can't"):
        Results(tmp_path / "run", "a command").__enter__()
    with pytest.raises(ResultsError, match="can't write"):
        Results(tmp_path, "a command").__enter__()


def test_a_disk_without_room_is_refused_before_the_work(tmp_path):
    with pytest.raises(ResultsError, match=r"MB left and 1000000000000 MB are needed"):
        Results(tmp_path, "a command", needs=10**18).__enter__()


def test_a_disk_that_fills_up_leaves_the_file_of_before_and_no_rubbish(tmp_path, monkeypatch):
    with Results(tmp_path, "a command") as results:
        results.save_text("before", "notes.txt")
        before = sorted(tmp_path.iterdir())

        def full(_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(ResultsError, match=r"notes\.txt: the disk is full"):
            results.save_text("after", "notes.txt")
        monkeypatch.undo()
        assert (tmp_path / "notes.txt").read_text() == "before"
        assert sorted(tmp_path.iterdir()) == before


def test_a_full_disk_does_not_hide_the_error_of_the_run(tmp_path, monkeypatch):
    def full(*_):
        raise ResultsError("disk full")

    with pytest.raises(ValueError, match="of the run"), Results(tmp_path, "a command"):
        monkeypatch.setattr("astrobrian.studies.results.write_whole", full)
        raise ValueError("of the run")


def test_a_damaged_or_foreign_summary_is_refused(tmp_path):
    with pytest.raises(ResultsError, match="not a results folder"):
        read_summary(tmp_path)
    (tmp_path / "summary.json").write_text('{"status": "comp')
    with pytest.raises(ResultsError, match="damaged"):
        read_summary(tmp_path)
    (tmp_path / "summary.json").write_text("[1]")
    with pytest.raises(ResultsError, match="not written by"):
        read_summary(tmp_path)


def test_plain_is_json_for_arrays_quantities_and_what_is_not_finite(tmp_path):
    value = {"a": np.array([1.0, np.nan]), "b": 2 * umolar, "c": (tmp_path, None, True), 3: np.int64(4)}
    assert json.loads(json.dumps(plain(value))) == {
        "a": [1.0, None],
        "b": 0.002,
        "c": [str(tmp_path), None, True],
        "3": 4,
    }


def test_a_run_that_is_refused_leaves_the_summary_of_the_one_before(tmp_path):
    with Results(tmp_path, "a command") as results:
        results.figures["rate_Hz"] = 3.84
    with pytest.raises(ValueError, match="refused"), Results(tmp_path, "a command"):
        raise ValueError("refused")
    assert read_summary(tmp_path)["figures"] == {"rate_Hz": 3.84}
    assert read_summary(tmp_path)["status"] == "complete"
