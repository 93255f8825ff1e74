"""Recordings: what contradicts itself is refused, and a file gives back what was written."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrobrian.bridges import Events, Recording, RecordingFileError, load_recording
from astrobrian.bridges.protocols import recording as module
from astrobrian.sealed import seal
from tests.bridges.test_unit import some_unit


def made(stimuli=2, astrocytes=3, tokens=4, seed=0, **cells):
    rng = np.random.default_rng(seed)
    names = ("rate", "modulation", "C")
    cells = {name: rng.random((stimuli, astrocytes, tokens)) for name in names} | cells
    events = Events(np.array([1, 0]), np.array([2, 0]), np.array([0.5, 1.25]))
    return Recording(cells, ["steps", "natural"][:stimuli], 1, 500.0, events)


def same(one, other):
    assert {name: v.tobytes() for name, v in one.cells.items()} == {
        n: v.tobytes() for n, v in other.cells.items()
    }
    for what in ("events", "spikes"):
        for name in ("stimulus", "astrocyte", "t"):
            assert np.array_equal(getattr(getattr(one, what), name), getattr(getattr(other, what), name))
    for name in ("kinds", "fitted_count", "ms_per_token"):
        assert getattr(one, name) == getattr(other, name)


def test_means_are_over_the_astrocytes_of_a_population():
    recording = made(rate=np.arange(24.0).reshape(2, 3, 4))
    assert recording.rate.tolist() == [[4, 5, 6, 7], [16, 17, 18, 19]]
    assert np.array_equal(recording.modulation, recording.mean("modulation"))
    assert recording.mean("C").shape == (2, 4)


def test_events_of_one_astrocyte():
    events = made().events
    assert len(events) == 2
    assert events.of(1, 2).tolist() == [0.5]
    assert events.of(1, 0).size == 0


@settings(max_examples=15, deadline=None)
@given(
    stimuli=st.integers(1, 2), astrocytes=st.integers(3, 5), tokens=st.integers(1, 6), seed=st.integers(0, 99)
)
def test_a_file_gives_back_what_was_written(tmp_path_factory, stimuli, astrocytes, tokens, seed):
    recording = dataclasses.replace(made(2, astrocytes, tokens, seed), fitted_count=stimuli)
    path = tmp_path_factory.mktemp("files") / "recording"
    recording.save(path)
    same(recording, load_recording(path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cells": {"rate": np.zeros((2, 3, 4))}}, "needs modulation of each astrocyte"),
        ({"cells": {"rate": np.zeros((2, 4)), "modulation": np.zeros((2, 4))}}, "should have the shape"),
        (
            {"cells": {"rate": np.zeros((2, 3, 4)), "modulation": np.zeros((2, 3, 5))}},
            "should have the shape",
        ),
        (
            {"cells": {"rate": np.zeros((2, 3, 4)), "modulation": np.full((2, 3, 4), np.nan)}},
            "modulation of a recording has values that aren't finite",
        ),
        ({"kinds": ["steps"]}, "2 stimuli can't have 1 kinds"),
        ({"fitted_count": 3}, "3 fitted ones"),
        ({"fitted_count": -1}, "-1 fitted ones"),
        ({"fitted_count": 0.5}, "0.5 fitted ones"),
        ({"ms_per_token": 0.0}, "ms_per_token should be positive"),
        ({"events": Events(np.array([2]), np.array([0]), np.array([0.0]))}, "of stimuli that aren't 0 to 1"),
        (
            {"events": Events(np.array([0]), np.array([-1]), np.array([0.0]))},
            "of astrocytes that aren't 0 to 2",
        ),
        ({"spikes": Events(np.array([0.5]), np.array([0]), np.array([0.0]))}, "of stimuli that aren't"),
        ({"spikes": Events(np.array([0]), np.array([0]), np.array([np.inf]))}, "aren't finite, or negative"),
        ({"spikes": Events(np.array([0]), np.array([0]), np.zeros(2))}, "a time each"),
    ],
)
def test_what_contradicts_itself_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(made(), **change)


def content(recording, **metadata):
    arrays = {f"cells.{name}": values for name, values in recording.cells.items()}
    own = {"kinds": recording.kinds, "fitted_count": recording.fitted_count, "ms_per_token": 500.0}
    return arrays, {**own, **metadata}


@pytest.mark.parametrize(
    ("arrays", "metadata", "message"),
    [
        ({"cells.C": np.zeros(3)}, {}, "C of a recording should have the shape"),
        ({"other.C": np.zeros(3)}, {}, "makes sense"),
        ({"events.t": np.zeros(1)}, {}, "a time each"),
        ({"events.place": np.zeros(1)}, {}, "makes sense"),
        ({}, {"fitted_count": "all"}, "'all'|all fitted"),
        ({}, {"fitted_count": None}, "None fitted"),
        ({}, {"kinds": [1, 2]}, "words"),
        ({}, {"kinds": "ab"}, "words"),
        ({}, {"kinds": None}, "makes sense"),
        ({}, {"ms_per_token": -1}, "positive"),
        ({}, {"ms_per_token": "500"}, "makes sense"),
        ({}, {"surprise": 1}, "surprise"),
    ],
)
def test_a_sealed_file_that_makes_no_sense_is_refused(tmp_path, arrays, metadata, message):
    good_arrays, good_metadata = content(made())
    (tmp_path / "file").write_bytes(seal("recording", good_arrays | arrays, good_metadata | metadata))
    with pytest.raises(RecordingFileError, match=message):
        load_recording(tmp_path / "file")


def test_a_damaged_or_foreign_file_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "file"
    with pytest.raises(FileNotFoundError):
        load_recording(path)
    made().save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    with pytest.raises(RecordingFileError, match="changed since it was written"):
        load_recording(path)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RecordingFileError, match="not a readable recording"):
        load_recording(path)
    some_unit().save(path)
    with pytest.raises(RecordingFileError, match="a unit file"):
        load_recording(path)
    path.write_bytes(whole)
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    with pytest.raises(RecordingFileError, match="too large"):
        load_recording(path)
