"""From settings to results: two studies with one seed are the same, and a finished one isn't run again."""

import json
from dataclasses import replace

import pytest

distributed = pytest.importorskip("distributed")
for needed in ("torch", "reservoirpy", "sklearn", "statsmodels", "matplotlib"):
    pytest.importorskip(needed)

from typer.testing import CliRunner

from astrobrian.cli import app
from astrobrian.studies.ratio import needs, study
from astrobrian.studies.ratio.constants import Constants, Series
from astrobrian.studies.ratio.settings import Settings
from astrobrian.studies.ratio.store import StoreError, read_trials
from astrobrian.studies.results import read_summary

SETTINGS = Settings(
    (0, 4),
    (0, 4),
    seeds=1,
    units=("formal",),
    tasks=("narma",),
    arms=("mixed", "slow"),
    constants=Constants(series=Series(washin=20, train=60, test=20, free=0)),
    backend="numpy",
)


@pytest.fixture(scope="module")
def scheduler():
    """The address of one, with a worker of its own."""
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster:
        yield cluster.scheduler_address


@pytest.fixture(autouse=True)
def reported(monkeypatch):
    """What the report is given; it has tests of its own."""
    given = []
    monkeypatch.setattr(study, "write_report", lambda *arguments: given.append(arguments))
    return given


def test_two_studies_with_one_seed_are_the_same_and_another_seed_is_not(tmp_path, scheduler, reported):
    for folder in ("one", "two"):
        results = study.run_ratio(tmp_path / folder, SETTINGS, scheduler)
    study.run_ratio(tmp_path / "three", replace(SETTINGS, seed=1), scheduler)
    one, two, three = (read_trials(tmp_path / folder) for folder in ("one", "two", "three"))
    assert one == two
    assert len(one) == 4 * 2 * 2 == len(three)
    assert not any(row["error"] for row in one)
    assert {row["nrmse"] for row in one}.isdisjoint(row["nrmse"] for row in three)
    assert results.figures["trials"] == len(one) and results.figures["failed"] == 0
    assert results.figures["networks"] == 4
    echo = json.loads((tmp_path / "one" / study.ECHO_STATE).read_text())
    assert echo == json.loads((tmp_path / "two" / study.ECHO_STATE).read_text())
    assert {row["task"] for row in echo} == {"narma"}
    _, table, echo_rows, settings = reported[0]
    assert len(table) == len(one) and echo_rows == echo and settings == SETTINGS


def test_a_finished_study_is_only_reported_again(tmp_path, scheduler, reported, monkeypatch):
    study.run_ratio(tmp_path, SETTINGS, scheduler)
    before = read_trials(tmp_path)
    monkeypatch.setattr(study, "run_batch", None)
    told = []
    results = study.run_ratio(tmp_path, SETTINGS, scheduler, progress=lambda *each: told.append(each))
    assert told == [("networks", 1.0, "1 of 1 batches")]
    assert read_trials(tmp_path) == before
    assert results.figures["networks_per_minute"] == 0 and results.figures["networks"] == 4
    assert len(reported) == 2
    assert read_summary(tmp_path)["settings"]["wiring.in_degree"] == 8


def test_a_refusal_leaves_the_summary_of_the_study_as_it_was(tmp_path, scheduler):
    study.run_ratio(tmp_path, SETTINGS, scheduler)
    before = read_summary(tmp_path)
    with pytest.raises(StoreError, match="seed is 0 there and 5 here"):
        study.run_ratio(tmp_path, replace(SETTINGS, seed=5), scheduler)
    assert read_summary(tmp_path) == before


def asked(monkeypatch, *arguments):
    """The results folder and the settings that a command line asks for."""
    calls = []

    def run(out, settings, scheduler, number, progress):
        calls.append((out, settings, scheduler, number))
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "run_ratio", run)
    monkeypatch.setattr("astrobrian.studies.ratio.sensitivity.run_sensitivity", run)
    ended = CliRunner().invoke(app, ["ratio", *arguments])
    assert calls, ended.exception
    return calls[0]


def test_the_command_line_says_what_is_run(monkeypatch, tmp_path):
    out, settings, scheduler, number = asked(monkeypatch)
    assert (settings, scheduler, number) == (Settings(), None, None)
    assert asked(monkeypatch, "--quick")[1].seeds == 2
    options = [
        *("--out", str(tmp_path), "--neurons", "0,8", "--astrocytes", "16", "--units", "formal"),
        *("--tasks", "lorenz,narma", "--arms", "mixed", "--seeds", "3", "--seed", "7", "--backend", "numpy"),
        *("--set", "wiring.in_degree=4", "--set", "read_out.hidden=16,8", "--workers", "5"),
        *("--scheduler", "tcp://there:1", "--seeds-per-network", "3"),
    ]
    out, settings, scheduler, number = asked(monkeypatch, *options)
    assert settings == Settings(
        neurons=(0, 8),
        astrocytes=(16,),
        seeds=3,
        seed=7,
        units=("formal",),
        tasks=("lorenz", "narma"),
        arms=("mixed",),
        constants=Constants().changed({"wiring.in_degree": 4, "read_out.hidden": (16, 8)}),
        backend="numpy",
        seeds_per_network=3,
    )
    assert (out, scheduler, number) == (tmp_path, "tcp://there:1", 5)


def test_the_command_line_runs_sensitivity_beside_the_study(monkeypatch, tmp_path):
    out, settings, *_ = asked(monkeypatch, "--sensitivity", "--out", str(tmp_path))
    assert out == tmp_path / "sensitivity"
    assert settings.units == ("formal",) and settings.tasks == ("lorenz",)
    assert asked(monkeypatch, "--sensitivity", "--units", "biophysical")[1].units == ("biophysical",)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--neurons", "0,x"], "neurons can't be '0,x'"),
        (["--neurons", "-8"], "neurons aren't negative"),
        (["--tasks", "chess"], "no tasks 'chess'; there are lorenz"),
        (["--set", "wiring.size=3"], "no setting 'wiring.size'"),
        (["--set", "wiring.in_degree=many"], "wiring.in_degree can't be 'many'"),
        (["--backend", "fortran"], "no backend 'fortran'"),
    ],
)
def test_a_mistake_is_named_before_anything_starts(arguments, words, tmp_path):
    ended = CliRunner().invoke(app, ["ratio", "--out", str(tmp_path / "new"), *arguments])
    assert isinstance(ended.exception, ValueError) and words in str(ended.exception)
    assert not (tmp_path / "new").exists()


def test_a_missing_package_is_named_with_the_way_to_get_it(monkeypatch):
    monkeypatch.setattr(needs, "find_spec", lambda name: None if name == "statsmodels" else name)
    with pytest.raises(ImportError, match=r"needs statsmodels: pip install .*astrobrian\[torch,studies\]"):
        needs.check_packages()
