"""Benchmarks: what is kept of repetitions, and what becomes of it in the table. Nothing here depends on how fast it is."""

import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack
from functools import partial

import numpy as np
import pytest
from brian2 import NeuronGroup, SpikeMonitor, Synapses, get_device, ms, set_device
from hypothesis import given
from hypothesis import strategies as st

from astrobrian import use_backend
from astrobrian.studies.benchmarks import calls, chi_cells, machine, own, peak, plain
from astrobrian.studies.benchmarks.bench import bench
from astrobrian.studies.benchmarks.figure6 import MAPPINGS
from astrobrian.studies.benchmarks.measurement import Measurement
from astrobrian.studies.benchmarks.record import read_record
from astrobrian.studies.benchmarks.row import Prepared, Ratio, Row, same_counts
from astrobrian.studies.benchmarks.rows import ROWS
from astrobrian.studies.benchmarks.scaling import events
from astrobrian.studies.benchmarks.table import NEW, write_table
from astrobrian.studies.benchmarks.worker import Worker, in_fresh_process
from astrobrian.studies.results import ResultsError


class Toy:
    """A row of two sides that take the times they are given, and count how often they were asked."""

    def __init__(self, ours=(1.0,), theirs=(3.0,), name="toy", **options):
        self.taken = {"ours": list(ours), "theirs": list(theirs)}
        self.asked = []
        self.interrupted = False
        ratios = (Ratio("times faster", lambda r: r["theirs"]["s"] / r["ours"]["s"], 2, "at least"),)
        self.row = Row(name, "a thing", "another", ratios, self.prepare, **options)

    def prepare(self, stack, tell):
        tell("building")
        sides = {name: partial(self.measure, name) for name in self.taken}
        return Prepared(sides, {"profile": partial(self.measure, "profile")})

    def measure(self, side):
        if self.interrupted and side == "theirs":
            raise KeyboardInterrupt
        self.asked.append(side)
        taken = self.taken.get(side, [0.25])
        return {"s": taken[self.asked.count(side) - 1 if len(taken) > 1 else 0]}

    def bench(self, out, repetitions=3, **options):
        found = []
        bench(
            repetitions=repetitions,
            out=out,
            rows={self.row.name: self.row},
            ended=lambda row, what: found.append(what),
            **options,
        )
        return found


@pytest.fixture(autouse=True)
def same_machine(monkeypatch):
    """The stamp of this machine, read once."""
    monkeypatch.setattr(machine, "stamp", lambda *_: STAMP)
    monkeypatch.setattr(machine, "commit", lambda: "abc123")


STAMP = machine.stamp()


@given(st.lists(st.floats(1e-3, 1e6), min_size=1))
def test_a_median_lies_within_its_spread(values):
    found = Measurement.of(values)
    assert found.least <= found.median <= found.most
    assert found == Measurement(tuple(values))


def test_a_measurement_tells_its_spread():
    assert str(Measurement((2.31, 2.29, 2.4))) == "2.31 (2.29 to 2.4)"
    assert str(Measurement((1234.5,))) == "1,234"
    with pytest.raises(ValueError, match="at least one value"):
        Measurement(())


def test_a_row_is_measured_side_by_side_and_kept(tmp_path):
    toy = Toy(ours=(1.0, 2.0, 1.0), theirs=(3.0, 3.0, 4.0))
    stages = []
    toy.bench(tmp_path, progress=lambda *told: stages.append(told))
    assert toy.asked == ["ours", "theirs"] * 3 + ["profile"]
    written = json.loads((tmp_path / "toy.json").read_text())
    assert written["complete"] and written["commit"] == "abc123" and written["stamp"] == STAMP
    assert written["command"] == "astrobrian bench toy"
    assert written["repetitions"][1] == {"ours": {"s": 2.0}, "theirs": {"s": 3.0}}
    assert written["once"] == {"profile": {"s": 0.25}}
    (result,) = written["results"]
    assert result["values"] == [3.0, 1.5, 4.0]  # pair by pair
    assert (result["median"], result["least"], result["most"], result["met"]) == (3.0, 1.5, 4.0, True)
    assert [done for _, done, _ in stages] == sorted(done for _, done, _ in stages)
    assert stages[-1] == ("toy", 1.0, "done")


def test_an_interrupted_row_goes_on_where_it_was(tmp_path):
    toy = Toy()
    toy.bench(tmp_path, repetitions=1)
    toy.interrupted = True
    with pytest.raises(KeyboardInterrupt):
        toy.bench(tmp_path)
    assert len(read_record(tmp_path, "toy").repetitions) == 1
    toy.interrupted, toy.asked = False, []
    (found,) = toy.bench(tmp_path)
    assert toy.asked == ["ours", "theirs"] * 2
    assert len(found.repetitions) == 3 and found.complete
    toy.bench(tmp_path)
    assert toy.asked == ["ours", "theirs"] * 2  # and nothing is done twice


def test_another_source_is_measured_anew(tmp_path, monkeypatch):
    toy = Toy()
    toy.bench(tmp_path)
    monkeypatch.setattr(machine, "stamp", lambda *_: {**STAMP, "source": "other"})
    toy.asked = []
    toy.bench(tmp_path)
    assert toy.asked.count("ours") == 3


def test_a_row_that_lacks_something_is_left_out_with_the_reason(tmp_path):
    toy = Toy(missing=lambda: "no NEST; install it")
    assert toy.bench(tmp_path) == ["no NEST; install it"]
    assert not toy.asked and not (tmp_path / "toy.json").exists()
    assert "| not measured |" in (tmp_path / "README.md").read_text()


def test_sides_that_do_not_do_the_same_are_refused(tmp_path):
    check = same_counts("ours", "theirs")
    check({"ours": {"a_spikes": 3, "run_s": 1}, "theirs": {"a_spikes": 3, "b_spikes": 1, "run_s": 2}})
    with pytest.raises(ArithmeticError, match="ours and theirs differ: a_spikes is 3 and 4"):
        check({"ours": {"a_spikes": 3}, "theirs": {"a_spikes": 4}})
    toy = Toy(check=lambda _: check({"ours": {"a_spikes": 3}, "theirs": {"a_spikes": 4}}))
    with pytest.raises(ArithmeticError):
        toy.bench(tmp_path)
    assert not (tmp_path / "toy.json").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": ["tor"]}, "no benchmark 'tor'; there are figure6-published"),
        ({"repetitions": 0}, "at least one"),
    ],
)
def test_what_cannot_be_measured_is_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        bench(out=tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()


def test_a_damaged_record_is_refused(tmp_path):
    (tmp_path / "toy.json").write_text('{"row": ')
    with pytest.raises(ResultsError, match=r"toy\.json is damaged.*delete it"):
        Toy().bench(tmp_path)


def test_the_table_says_what_was_met_and_leaves_what_is_written_by_hand(tmp_path):
    (tmp_path / "README.md").write_text(NEW + "\n## Why\n\nBecause.\n")
    slow, fast = Toy(theirs=(1.5,), name="slow"), Toy(name="fast")
    rows = {toy.row.name: toy.row for toy in (slow, fast)}
    for _ in range(2):  # the second time in place of the first
        bench(repetitions=1, out=tmp_path, rows=rows)
    text = (tmp_path / "README.md").read_text()
    assert "| `slow`: a thing | another | times faster | 1.5 | at least 2 | **no** |" in text
    assert "| `fast`: a thing | another | times faster | 3 | at least 2 | yes |" in text
    assert text.endswith("## Why\n\nBecause.\n")
    assert text.count("### slow") == 1
    assert "| rows | slow, fast |" in text


def test_a_readme_without_its_marks_is_refused(tmp_path):
    (tmp_path / "README.md").write_text("# Mine\n")
    with pytest.raises(ValueError, match="lost its marks <!-- table -->"):
        write_table(tmp_path, {})


def test_a_stamp_names_compiler_and_versions_but_not_the_machine():
    assert {"python", "brian2", "numpy", "astrobrian"} <= STAMP["versions"].keys()
    assert STAMP["machine"]["cores"] == os.cpu_count()
    assert re.fullmatch("[0-9a-f]{16}", STAMP["source"])
    assert os.uname().nodename not in json.dumps(STAMP)


def test_a_worker_is_another_process_that_remembers():
    with Worker() as worker:
        first = worker(os.getpid)
        assert first != os.getpid() and worker(os.getpid) == first
        with pytest.raises(FileNotFoundError):
            worker(os.stat, "no such file")
    assert in_fresh_process(os.getpid) not in (first, os.getpid())


def test_the_most_memory_of_a_program(tmp_path):
    kilobytes = {}
    for megabytes in (1, 200):
        note = tmp_path / f"{megabytes}"
        hungry = [sys.executable, "-c", f"bytearray(b'x') * ({megabytes} * 10**6)"]
        subprocess.run([sys.executable, peak.__file__, str(note), *hungry], check=True)
        kilobytes[megabytes] = int(note.read_text())
    assert kilobytes[200] - kilobytes[1] == pytest.approx(199e3, rel=0.1)


def test_every_row_has_a_bar():
    for name, row in ROWS.items():
        assert row.name == name
        assert any(each.bar is not None for each in row.ratios)


@pytest.fixture
def numpy_backend():
    before = get_device()
    use_backend("numpy")
    yield
    set_device(before)


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_the_published_formulation_in_plain_brian2_does_what_the_lifted_one_does(mapping, numpy_backend):
    states = {}
    for make in (own.lifted, plain.published):
        network = make(mapping, scale=0.2)
        groups = {len(item): item for item in network.objects if isinstance(item, NeuronGroup)}
        neurons, astrocytes = groups[800], groups[640]
        neurons.v_[:100] = -0.049  # these spike at once
        astrocytes.C_[::4] = 6e-4  # and these release
        network.run(11 * ms)
        states[make] = [neurons.v_[:], neurons.g_e_[:], astrocytes.Gamma_A_[:], astrocytes.G_A_[:]]
    for lifted, published in zip(*states.values(), strict=True):
        np.testing.assert_allclose(lifted, published, rtol=1e-9)
        assert np.ptp(lifted) > 0


def test_events_are_spikes_times_the_synapses_that_they_reach(numpy_backend):
    network = own.lifted(scale=0.2)
    network.run(60 * ms)
    synapses = {each.source.name: each for each in network.objects if isinstance(each, Synapses)}
    monitors = [each for each in network.objects if isinstance(each, SpikeMonitor)]
    counted = 0
    for monitor in monitors:
        found, number = events(reached := synapses[monitor.source.name], network)
        if number:
            assert number == len(reached)
            assert found == sum((reached.i[:] == i).sum() for i in monitor.i[:])
            counted += found
    assert counted > 100


def test_the_cells_of_the_loop_end_as_ours():
    with ExitStack() as stack:
        prepared = chi_cells.prepare(stack, print, cells=120, steps=20)
        repetition = {name: side() for name, side in prepared.sides.items()}
    chi_cells.same_states(repetition)
    repetition["loop"]["largest_relative_difference"] = np.nan
    with pytest.raises(ArithmeticError, match="differ by nan"):
        chi_cells.same_states(repetition)


def test_calls_of_the_compiler_are_counted_where_they_make_something(tmp_path, monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    (tmp_path / "nothing.cpp").write_text("")
    calls.note_calls(tmp_path)
    monkeypatch.undo()
    command = str(tmp_path / "compiler")
    subprocess.run([command, "--version"], check=True, capture_output=True)
    assert calls.compilations(tmp_path) == []
    subprocess.run([command, "-c", "nothing.cpp", "-o", "nothing.o"], check=True, cwd=tmp_path)
    assert calls.compilations(tmp_path) == ["-c nothing.cpp -o nothing.o"]
    calls.forget_calls(tmp_path)
    assert calls.compilations(tmp_path) == []
