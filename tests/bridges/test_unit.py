"""The unit file: exact round trips, and whatever isn't one is refused."""

import errno
import json
import os

import numpy as np
import pytest
import torch
from brian2 import ms
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import save_file

from astrobrian.bridges import AMSU, Unit, UnitFileError, load_unit
from astrobrian.bridges.unit import POSITIVE, UNITS
from astrobrian.files import write_whole
from astrobrian.sealed import seal, unseal


def some_unit(heads=2, keys=3, rows=2, seed=0):
    rng = np.random.default_rng(seed)
    units = heads * rows
    shapes = {f"{side}.weight": (units, 1) for side in ("signal", "value")}
    shapes |= {f"{side}.bias": (units,) for side in ("signal", "value")}
    shapes |= {f"{side}.weight": (heads * keys, 1) for side in ("key", "query")}
    shapes |= {f"{side}.bias": (heads * keys,) for side in ("key", "query")}
    shapes |= {
        "g_H": (heads,),
        "tau_H": (heads,),
        "tau_r": (heads * keys,),
        "tau_u": (units,),
        "theta": (units,),
    }
    shapes |= {"readout.weight": (1, units), "readout.bias": (1,)}
    values = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    values |= {name: np.exp(values[name]) for name in POSITIVE}
    return Unit(values, 500.0, 2.0, {"scores": {"held_out": 0.9}, "model": "Ω"})


numbers = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=15, deadline=None)
@given(
    heads=st.integers(1, 4),
    keys=st.integers(1, 4),
    rows=st.integers(1, 3),
    data=st.data(),
    provenance=st.dictionaries(st.text(max_size=5), st.one_of(numbers, st.text(), st.lists(st.integers()))),
)
def test_round_trip_is_exact(tmp_path_factory, heads, keys, rows, data, provenance):
    unit = some_unit(heads, keys, rows)
    drawn = {
        name: data.draw(arrays(np.float64, v.shape, elements=numbers)) if name not in POSITIVE else v
        for name, v in unit.values.items()
    }
    unit = Unit(drawn, data.draw(st.floats(1e-3, 1e6)), 3.5, provenance)
    path = tmp_path_factory.mktemp("unit") / "unit.safetensors"
    unit.save(path)
    back = load_unit(path)
    assert back.provenance == provenance
    assert (back.ms_per_token, back.input_scale) == (unit.ms_per_token, unit.input_scale)
    for name, value in drawn.items():
        assert back.values[name].tobytes() == value.tobytes()


def test_layer_round_trip_is_exact():
    torch.set_default_dtype(torch.float64)
    try:
        layer, readout = AMSU(1, 4, 2, 3, 500.0), torch.nn.Linear(4, 1)
        unit = Unit.of(layer, readout, 2.0, {})
        other, read = unit.layer()
        x = torch.randn(1, 30, 1)
        a, b = (r(m.read(x)[0]) for m, r in ((layer, readout), (other, read)))
    finally:
        torch.set_default_dtype(torch.float32)
    torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)  # time constants pass through a logarithm
    assert set(unit.provenance) == {"created", "versions"}
    assert unit.layer(ms_per_token=100.0)[0].ms_per_token == 100
    with pytest.raises(ValueError, match="ms_per_token should be positive and finite, not 0"):
        unit.layer(ms_per_token=0)
    with pytest.raises(TypeError, match=r"ms_per_token is a number of milliseconds, got .*; pass 100"):
        unit.layer(ms_per_token=100 * ms)


@pytest.fixture
def saved(tmp_path):
    some_unit().save(tmp_path / "unit.safetensors")
    return tmp_path / "unit.safetensors"


def test_every_flipped_byte_is_noticed(saved):
    good = saved.read_bytes()
    rng = np.random.default_rng(0)
    for at in {*range(24), *rng.integers(0, len(good), 150).tolist(), len(good) - 1}:
        bad = bytearray(good)
        bad[at] ^= 1 << int(rng.integers(8))
        saved.write_bytes(bad)
        with pytest.raises(UnitFileError):
            load_unit(saved)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 100, -1])
def test_truncated_file_is_refused(saved, length):
    saved.write_bytes(saved.read_bytes()[:length])
    with pytest.raises(UnitFileError, match=r"unit\.safetensors is not a readable unit file"):
        load_unit(saved)


def test_value_changed_under_the_old_hash_is_refused(saved):
    good = saved.read_bytes()
    n = 8 + int.from_bytes(good[:8], "little")
    saved.write_bytes(good[:n] + np.array([9.0]).tobytes() + good[n + 8 :])
    with pytest.raises(UnitFileError, match="doesn't match its hash"):
        load_unit(saved)


def test_foreign_files_are_refused(tmp_path):
    save_file({"a": np.zeros(3)}, tmp_path / "foreign.safetensors")
    (tmp_path / "text.txt").write_text("not a unit")
    write_whole(tmp_path / "checkpoint", seal("checkpoint", {"a": np.zeros(3)}, {}))
    for name, message in (
        ("foreign.safetensors", "not a readable"),
        ("text.txt", "not a readable"),
        ("checkpoint", "is a checkpoint file"),
    ):
        with pytest.raises(UnitFileError, match=message):
            load_unit(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        load_unit(tmp_path / "none")


def test_too_large_a_file_is_refused_before_it_is_read(tmp_path):
    with open(tmp_path / "large", "wb") as file:
        file.truncate(1 << 33)
    with pytest.raises(UnitFileError, match="too large"):
        load_unit(tmp_path / "large")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tau_r": np.full(6, -1.0)}, "not positive"),
        ({"g_H": np.array([np.nan, 1.0])}, "isn't finite"),
        ({"g_H": np.zeros(3)}, "should be float64"),
        ({"g_H": np.zeros(2, np.float32)}, "should be float64"),
        ({"extra": np.zeros(2)}, "a unit has the values"),
        ({"tau_u": np.ones(3)}, "divide among 2 heads"),
        ({"tau_H": np.ones(2000)}, "can't have 2000 heads"),
    ],
)
def test_impossible_units_are_refused_in_memory_and_in_files(tmp_path, change, message):
    unit = some_unit()
    with pytest.raises(UnitFileError, match=message):
        Unit({**unit.values, **change}, 500.0, 2.0)
    metadata = {"units": UNITS, "ms_per_token": 500.0, "input_scale_Hz": 2.0, "provenance": {}}
    write_whole(tmp_path / "unit", seal("unit", {**unit.values, **change}, metadata))
    with pytest.raises(UnitFileError, match=message):
        load_unit(tmp_path / "unit")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ms_per_token": -1.0}, "positive number"),
        ({"input_scale_Hz": "2"}, "positive number"),
        ({"units": {}}, "doesn't say what its values are"),
        ({"provenance": None}, "doesn't say"),
    ],
)
def test_bad_metadata_is_refused(tmp_path, change, message):
    metadata = {"units": UNITS, "ms_per_token": 500.0, "input_scale_Hz": 2.0, "provenance": {}, **change}
    write_whole(tmp_path / "unit", seal("unit", some_unit().values, metadata))
    with pytest.raises(UnitFileError, match=message):
        load_unit(tmp_path / "unit")


def test_failed_write_leaves_the_old_file_and_nothing_else(saved, monkeypatch):
    before = saved.read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"unit\.safetensors: the disk is full"):
        some_unit(seed=1).save(saved)
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_metadata_says_what_every_value_is(saved):
    _, metadata = unseal(saved, "unit", 1 << 20, UnitFileError)
    assert metadata["units"]["tau_H"] == "ms"
    assert json.loads(json.dumps(metadata)) == metadata
