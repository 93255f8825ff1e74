"""The distillation study: a part leaves all it found, isn't run twice, and bars are read from what was never fitted."""

import json
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import psutil
import pytest
from brian2 import prefs

from astrobrian.bridges import Fit, Protocol, load_unit
from astrobrian.bridges.distillation.reduction import BESIDE
from astrobrian.bridges.distillation.windows import Stage
from astrobrian.studies.distillation import command, study
from astrobrian.studies.distillation.part import UNIT_FILE, Part, run_part
from astrobrian.studies.distillation.table import BARS, bars, table
from astrobrian.studies.results import Results

pytest.importorskip("matplotlib")

SMALL = Protocol(
    seconds=20, quiet=2, fitted=(("steps", 2), ("bursts", 1)), held_out=(("steps", 1), ("chirp", 1))
)
QUICK = Fit(heads=2, keys=2, stages=(Stage(1, 5, 32, 1e-2), Stage(4, 3, 16, 5e-3)))


@pytest.fixture(autouse=True)
def _numpy_target():
    before = prefs.codegen.target
    prefs.codegen.target = "numpy"
    yield
    prefs.codegen.target = before


@pytest.fixture
def coarse(monkeypatch):
    """Time steps that a test has time for."""
    for module in (command, "astrobrian.studies.distillation.part"):
        home = module if isinstance(module, str) else module.__name__
        ensemble = replace(command.ENSEMBLE, synapses=20, postsynaptic=False, dt_ms=10, astrocyte_dt_ms=10)
        monkeypatch.setattr(f"{home}.ENSEMBLE", ensemble)
    monkeypatch.setattr(command, "PROTOCOL", SMALL)


def test_a_part_leaves_what_it_found_and_knows_that_it_is_done(tmp_path, coarse):
    part = Part("AM", "closed", "numpy", QUICK, SMALL, natural=0, orders=(1, 2))
    folder = tmp_path / part.name
    assert not part.is_done(folder)
    run_part(part, folder, given=())
    assert part.is_done(folder)
    assert not replace(part, orders=(1,)).is_done(folder)
    figures = json.loads((folder / "summary.json").read_text())["figures"]
    assert figures["order"] in (1, 2)
    assert set(figures["score_by_order"]) == {"1", "2"}
    assert set(figures["scores"]) == {"unit", *BESIDE}
    assert load_unit(folder / UNIT_FILE).provenance["scores"] == figures["scores"]
    with np.load(folder / "held_out.npz") as data:
        assert data["simulated_C"].shape == data["unit_C"].shape == (2, 40)
    found = table(tmp_path, [part])
    assert set(found.kind[found.never_fitted]) == {"chirp"}
    assert set(bars(found)) == {f"{r} closed: {s} >= {b}" for r, s, b in BARS}


def test_a_bar_is_met_by_the_least_of_what_was_never_fitted():
    columns = ["regime", "loop", "model", "kind", "never_fitted", "score", "value"]
    rows = [
        ("AM", "closed", "unit", "chirp", True, "modulation", 0.97),
        ("AM", "closed", "unit", "natural", True, "modulation", 0.94),
        ("AM", "closed", "unit", "steps", False, "modulation", 0.1),
        ("AM", "closed", "gru", "chirp", True, "modulation", 0.2),
        ("AM", "closed", "unit", "chirp", True, "C", 0.9),
        ("FM", "closed", "unit", "chirp", True, "F1", 0.8),
    ]
    found = bars(pd.DataFrame(rows, columns=columns))
    assert found["AM closed: modulation >= 0.95"] == {"chirp": 0.97, "natural": 0.94, "met": False}
    assert found["AM closed: C >= 0.85"]["met"]
    assert found["FM closed: F1 >= 0.8"]["met"]


def test_parts_that_are_there_are_not_run_again(tmp_path, monkeypatch):
    part = Part("AM", "open", "numpy", QUICK, SMALL)
    with Results(tmp_path / part.name, "distill", settings=part.stamp) as results:
        results.figures["scores"] = {}
    monkeypatch.setattr(study, "natural_trains", lambda *_: pytest.fail("nothing is missing"))
    study._run([part], tmp_path, 1, None)


def test_a_failed_part_is_not_done(tmp_path):
    part = Part("AM", "open", "numpy", QUICK, SMALL)
    with (
        pytest.raises(RuntimeError),
        Results(tmp_path / part.name, "distill", settings=part.stamp) as results,
    ):
        results.figures["scores"] = {}
        raise RuntimeError("killed")
    assert not part.is_done(tmp_path / part.name)


def test_a_part_that_fails_ends_the_study_with_its_error(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "natural_trains", lambda *_: [])
    told = []
    part = Part("AM", "open", "abacus", QUICK, SMALL)
    with pytest.raises(ValueError, match="abacus"):
        study._run([part], tmp_path, 1, lambda *words: told.append(words))
    assert not part.is_done(tmp_path / part.name)
    with pytest.raises(ValueError, match="at least one worker"):
        study.run_study(tmp_path, workers=0)


@pytest.mark.slow
def test_a_killed_study_takes_its_workers_with_it(tmp_path):
    program = f"""
from astrobrian.studies.distillation import study
if __name__ == "__main__":
    study.natural_trains = lambda *_: []
    study.run_study({str(tmp_path / "study")!r})
"""
    (tmp_path / "program.py").write_text(program)
    running = subprocess.Popen([sys.executable, str(tmp_path / "program.py")])
    parts = [tmp_path / "study" / name / "summary.json" for name in ("AM_closed", "FM_closed")]
    wait_for(lambda: any(part.exists() for part in parts))
    workers = psutil.Process(running.pid).children(recursive=True)
    running.kill()
    running.wait()
    wait_for(lambda: not any(map(lives, workers)))


def lives(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.5)


def test_the_study_has_both_regimes_in_both_loops():
    parts = study.parts("numpy", seed=3, effort=0.5)
    assert {part.name for part in parts} == {"AM_closed", "AM_open", "FM_closed", "FM_open"}
    for part in parts:
        assert (part.protocol.seed, part.settings.seed, part.settings.effort) == (3, 3, 0.5)
        assert bool(part.orders) == (part.loop == "closed")
        assert (part.ensemble.regime, part.ensemble.loop) == (part.regime, part.loop)


def test_one_unit_is_left_with_its_scores(tmp_path, coarse, monkeypatch):
    monkeypatch.setattr(command, "Fit", lambda **options: replace(QUICK, **options))
    found = command.run_distillation(tmp_path, regime="FM", loop="open", backend="numpy")
    assert {"R2_held_out", "R2_calcium_held_out", "F1_held_out"} <= set(found.figures)
    assert load_unit(tmp_path / UNIT_FILE).provenance["ensemble"]["regime"] == "FM"
    with pytest.raises(ValueError, match="regime is one of AM, FM"):
        command.run_distillation(tmp_path / "none", regime="PM")
    assert not (tmp_path / "none").exists()
