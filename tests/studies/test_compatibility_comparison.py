"""What makes two recordings the same, and that a wrong model isn't; the records and the page that are made of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from brian2 import Network, defaultclock, prefs, seed, start_scope
from hypothesis import given
from hypothesis import strategies as st

from astrobrian.backends.features import BACKENDS, FEATURES
from astrobrian.equations import Model, presynaptic_receptors, tsodyks_markram
from astrobrian.studies.compatibility import ROWS, cell, runner, synapses, table
from astrobrian.studies.compatibility.comparison import compare, relative, standard_error
from astrobrian.studies.compatibility.compatibility import compatibility
from astrobrian.studies.compatibility.record import Record, read_records
from astrobrian.studies.compatibility.row import Row
from astrobrian.studies.compatibility.runner import Cell
from astrobrian.studies.results import ResultsError

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "compatibility.md"
RECORDS = ROOT / "benchmarks" / "compatibility"


def same(**settings):
    return Row("one_group", lambda: None, **settings)


def test_rounding_is_no_difference_and_more_is():
    reference = {"C": np.array([1.0, 2.0]), "t": np.array([0.0, 5.0])}
    almost = {"C": np.array([1.0, 2.0 + 1e-12]), "t": np.array([0.0, 5.0])}
    assert compare(same(), almost, reference).agrees
    found = compare(same(), {**almost, "C": np.array([1.0, 2.0 + 1e-8])}, reference)
    assert not found.agrees
    assert str(found) == "C differs by 5e-09, and may by 1e-09"
    assert compare(same(tolerance=1e-7), {**almost, "C": np.array([1.0, 2.0 + 1e-8])}, reference).agrees


@pytest.mark.parametrize(
    "values", [[[3, 0], [5, 1]], [[3, 0], [4, 1], [9, 0]], [[3, 0]], [[3, np.nan], [4, 1]]]
)
def test_a_spike_that_moves_is_lost_or_added_is_a_difference(values):
    reference = {"spikes": np.array([[3.0, 0.0], [4.0, 1.0]])}
    assert not compare(same(), {"spikes": np.array(values, float)}, reference).agrees


def test_something_else_that_is_recorded_is_an_error():
    with pytest.raises(ValueError, match="one_group recorded C, the reference G_A"):
        compare(same(), {"C": np.ones(2)}, {"G_A": np.ones(2)})


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20).filter(np.any), st.floats(1e-6, 10))
def test_the_difference_is_relative_to_the_largest_value(values, factor):
    reference = np.array(values)
    assert relative(reference, reference) == 0
    assert relative(reference * (1 + factor), reference) == pytest.approx(factor)


def test_samples_differ_by_their_means_in_standard_errors():
    random = np.random.default_rng(0)
    statistics = same(statistics=True)
    reference = {"rate": random.normal(10, 1, 2000)}
    assert compare(statistics, {"rate": random.normal(10, 1, 2000)}, reference).agrees
    assert not compare(statistics, {"rate": random.normal(10.3, 1, 2000)}, reference).agrees
    assert not compare(statistics, {"rate": np.full(2000, np.nan)}, reference).agrees


@pytest.fixture
def _in_numpy():
    start_scope()
    target, prefs.codegen.target = prefs.codegen.target, "numpy"
    yield
    prefs.codegen.target = target


def released(probability, number):
    """What the row of stochastic release records, simulated here with another probability."""
    seed(number)
    defaultclock.dt = cell.STEP
    release = Model("release", on_pre=f"r_S = int(rand() < {probability}*r_S)")
    script = synapses.releasing_at_random(tsodyks_markram + release + presynaptic_receptors)
    Network(next(script)).run(cell.DURATION)
    return {"releases": cell.returned(script)["releases"]}


@pytest.mark.usefixtures("_in_numpy")
def test_a_release_probability_that_is_wrong_by_a_tenth_is_found():
    row, right = ROWS["stochastic_release"], released(1, number=1)
    assert compare(row, released(1, number=2), right).agrees
    assert not compare(row, released(0.9, number=3), right).agrees
    assert 4 * standard_error(right["releases"], right["releases"]) < 0.08 * right["releases"].mean()


def test_every_feature_has_a_row_and_each_row_a_feature():
    assert list(ROWS) == list(FEATURES)
    for feature in FEATURES.values():
        assert feature.backends
        for backend, (status, reason) in feature.other.items():
            assert backend in BACKENDS
            assert status in ("lowered", "refused")
            assert reason


def test_rows_that_are_expected_to_run_are_parts_of_one_network():
    groups = runner.grouped("cpp", ["one_group", "several_runs", "closed_loop", "store_restore"])
    assert groups == [["one_group", "closed_loop"], ["several_runs"], ["store_restore"]]
    assert runner.grouped("genn", ["one_group", "closed_loop"]) == [["one_group"], ["closed_loop"]]


@pytest.mark.parametrize(
    ("found", "alone", "status"),
    [
        ({"lowered": {}}, True, "works"),
        ({"lowered": {"one_group": "how"}}, False, "lowered"),
        ({"lowered": {"closed_loop": "how"}}, True, "works"),
        ({"lowered": {"closed_loop": "how"}}, False, "works"),
        ({"refused": {"gsl": "why"}}, True, "refused"),
        ({"refused": {"gsl": "why"}}, False, "failed"),
        ({"objection": "an error of Brian2"}, True, "failed"),
        ({"failed": "a traceback"}, True, "failed"),
    ],
)
def test_what_a_process_found(found, alone, status):
    assert runner._status("one_group", "cpp", found, alone)[0] == status


def test_what_is_said_of_another_part_counts_where_it_is_declared():
    assert runner._status("open_loop", "genn", {"lowered": {"closed_loop": "how"}}, True)[0] == "lowered"


def test_an_error_of_another_kind_is_a_refusal_where_that_is_declared():
    assert runner._status("store_restore", "cpp", {"objection": "not supported"}, True)[0] == "refused"


def a_record(**cells):
    return Record("cpp", "run", "CPU", {"python": "3.11"}, {}, cells=cells)


def test_a_cell_that_differs_from_the_reference_has_failed(tmp_path):
    good, bad = (Cell("one_group", "cpp", "works", "", {"C": np.array([1.0, last])}) for last in (2.0, 3.0))
    record = a_record()
    record.add([bad], {"one_group": good})
    assert record.cells["one_group"]["status"] == "failed"
    record.add([good], {"one_group": good})
    assert record.cells["one_group"] == {
        "status": "works",
        "reason": "",
        "name": "C",
        "difference": 0.0,
        "bound": 1e-9,
    }
    record.write(tmp_path)
    replace(record, depth="generated").write(tmp_path)
    assert [each.depth for each in read_records(tmp_path)] == ["run", "generated"]
    (tmp_path / "cpp-run.json").write_text("{")
    with pytest.raises(ResultsError, match=r"cpp-run\.json is damaged"):
        list(read_records(tmp_path))


def test_a_cell_counts_as_checked_only_with_the_declared_outcome():
    assert table.depth_of("one_group", "cpp", [a_record(one_group={"status": "works"})]) == "run"
    assert table.depth_of("one_group", "cpp", [a_record(one_group={"status": "refused"})]) is None
    assert table.depth_of("one_group", "cpp", [a_record(closed_loop={"status": "works"})]) is None


def test_generated_parts_are_made_anew_and_the_rest_is_left():
    text = (
        "before\n"
        + "".join(f"<!-- {mark} -->old<!-- /{mark} -->\n" for mark in ("table", "reasons", "records"))
        + "after"
    )
    page = table.filled(text, [a_record(one_group={"status": "works"})])
    assert page.startswith("before\n")
    assert page.endswith("after")
    assert "-->old" not in page
    assert "| one group of astrocytes | works ? | works ? | works ● |" in page
    with pytest.raises(ValueError, match="has lost its marks <!-- table -->"):
        table.filled("no marks", [])


def test_page_is_current():
    text = PAGE.read_text(encoding="utf-8")
    assert table.filled(text, list(read_records(RECORDS))) == text, (
        "run `python -m astrobrian.studies.compatibility.table`"
    )


def test_no_cell_is_untested():
    records = list(read_records(RECORDS))
    untested = [
        (feature, backend)
        for feature in FEATURES
        for backend in BACKENDS
        if table.depth_of(feature, backend, records) is None
    ]
    assert not untested


def test_command_runs_a_cell_and_keeps_a_record(tmp_path):
    records, absent = compatibility(tmp_path, ["numpy"], features=["monitor_rate", "threads"])
    assert {name: cell["status"] for name, cell in records[0].cells.items()} == {
        "monitor_rate": "works",
        "threads": "refused",
    }
    assert not absent
    assert [each.backend for each in read_records(tmp_path)] == ["numpy"]


@pytest.mark.parametrize(
    "wrong", [{"backends": ["fortran"]}, {"features": ["time travel"]}, {"depth": "deep"}]
)
def test_command_names_what_it_does_not_know(tmp_path, wrong):
    with pytest.raises(ValueError, match="there is no"):
        compatibility(tmp_path, **wrong)
