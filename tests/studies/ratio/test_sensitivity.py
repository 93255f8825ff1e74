"""Each other value of each constant has its study, and its rows in the table."""

import zlib

import numpy as np
import pytest

distributed = pytest.importorskip("distributed")
pd = pytest.importorskip("pandas")
for needed in ("torch", "statsmodels"):
    pytest.importorskip(needed)

from astrobrian.studies.ratio import sensitivity
from astrobrian.studies.ratio.constants import Constants, Series
from astrobrian.studies.ratio.job import Rows
from astrobrian.studies.ratio.liquids import Units
from astrobrian.studies.ratio.plan import plan
from astrobrian.studies.ratio.sensitivity import run_sensitivity, small, variants
from astrobrian.studies.ratio.trials import Outcome, Reader

BASE = small(Constants(series=Series(washin=10, train=20, test=10)), backend="numpy")


def learned(trial, settings):
    """Learning is the faster, the nearer there are twice as many astrocytes, or as many as the in-degree says."""
    best = {4: -1.0, 8: 0.0, 16: 1.0}[settings.constants.wiring.in_degree]
    liquid = trial.liquid
    octaves = np.log2(liquid.astrocytes / liquid.neurons)
    noise = np.random.default_rng(zlib.crc32(repr(trial).encode())).normal(0, 0.01)
    slope = -np.exp(-(((octaves - best) / 2) ** 2)) + noise
    return Outcome(nrmse=0.5, score=0.5, learning_rate=slope if trial.reader is Reader.MLP else None)


@pytest.fixture
def planted(monkeypatch):
    """The address of a scheduler; what its worker gives is planted, and a few values are enough."""

    def run(job):
        rows = [(trial, learned(trial, job.settings)) for trial in job.trials(job.liquids(), job.tasks())]
        return Rows(rows, 0.1)

    monkeypatch.setattr(sensitivity, "run_batch", run)
    some = [("", None), ("wiring.in_degree", 4), ("wiring.in_degree", 16)]
    monkeypatch.setattr(sensitivity, "variants", lambda base: {each: variants(base)[each] for each in some})
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as cluster:
        yield cluster.scheduler_address


def test_each_value_of_each_constant_is_tried_alone():
    found = variants(BASE)
    assert found.pop(("", None)) == BASE
    default = BASE.constants.flat()
    for (name, value), settings in found.items():
        changed = settings.constants.flat()
        assert {each for each in default if default[each] != changed[each]} == {name}
        assert changed[name] == value
        assert len(plan(settings)) == 1
    assert {("wiring.in_degree", 4), ("read_out.hidden", (32, 16)), ("formal.tau_syn", 50.0)} <= found.keys()


def test_constants_of_other_units_are_left_out():
    rooms = {
        units: {name.partition(".")[0] for name, _ in variants(small(Constants(), units))} for units in Units
    }
    assert "formal" in rooms[Units.FORMAL] and "biophysical" not in rooms[Units.FORMAL]
    assert "biophysical" in rooms[Units.BIOPHYSICAL] and "formal" not in rooms[Units.BIOPHYSICAL]


def test_the_table_has_the_best_ratio_of_each_value_and_is_made_once(planted, tmp_path):
    told = []
    for batches in (3, 0):
        told.clear()
        results = run_sensitivity(tmp_path, BASE, planted, progress=lambda *each: told.append(each))
        assert len(told) == batches + 1
        assert told[-1] == ("sensitivity", 1.0, "3 of 3 batches")
    assert results.figures["studies"] == 3
    table = pd.read_csv(tmp_path / sensitivity.FILE)
    assert len(table) == 3 * 2
    best = table.groupby(table["value"].fillna(8))["best_ratio"].mean()
    assert best[4] < 0.8 and best[8] == pytest.approx(1, rel=0.2) and best[16] > 1.25
    assert (table["low"] <= table["best_ratio"]).all() and (table["best_ratio"] <= table["high"]).all()
    assert set(table["nrmse_ridge"]) == {0.5}
