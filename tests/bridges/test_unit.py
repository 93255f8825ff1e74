"""The unit file: exact round trips, and whatever isn't one is refused."""

import errno
import json
import os

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import save_file

from astrobrian.bridges import Bank, Unit, UnitFileError, load_unit
from astrobrian.bridges.unit import UNITS
from astrobrian.files import write_whole
from astrobrian.sealed import seal, unseal


def some_unit(heads=2, keys=3, seed=0):
    rng = np.random.default_rng(seed)
    shapes = {
        "key_weight": (heads * keys,),
        "key_bias": (heads * keys,),
        "feedback": (heads, heads * keys),
        "query": (heads, keys),
        "tau_H": (heads,),
        "start": (heads,),
        "readout_weight": (2, heads),
        "readout_bias": (2,),
    }
    values = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    values["tau_H"] = 1000 * np.exp(values["tau_H"])
    provenance = {"scores": {"held_out": 0.9}, "model": "Ω", "C_Theta": 0.2}
    return Unit(values, {"modulation": "1", "C": "umolar"}, 500.0, 2.0, provenance)


numbers = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=15, deadline=None)
@given(
    heads=st.integers(1, 4),
    keys=st.integers(1, 4),
    data=st.data(),
    provenance=st.dictionaries(st.text(max_size=5), st.one_of(numbers, st.text(), st.lists(st.integers()))),
)
def test_round_trip_is_exact(tmp_path_factory, heads, keys, data, provenance):
    unit = some_unit(heads, keys)
    drawn = {
        name: data.draw(arrays(np.float64, v.shape, elements=numbers)) if name != "tau_H" else v
        for name, v in unit.values.items()
    }
    unit = Unit(drawn, unit.outputs, data.draw(st.floats(0.1, 1e6)), 3.5, provenance)
    path = tmp_path_factory.mktemp("unit") / "unit.safetensors"
    unit.save(path)
    back = load_unit(path)
    assert back.provenance == provenance
    assert list(back.outputs.items()) == list(unit.outputs.items())
    assert (back.ms_per_token, back.input_scale) == (unit.ms_per_token, unit.input_scale)
    for name, value in drawn.items():
        assert back.values[name].tobytes() == value.tobytes()


@pytest.mark.parametrize("feedback", [True, False])
def test_a_bank_becomes_a_unit_and_a_bank_again(feedback):
    torch.manual_seed(0)
    bank = Bank(2, 3, 500.0, torch.tensor([800.0, 9000.0]), feedback).double()
    start, weight, bias = torch.rand(2).double(), np.ones((1, 2)), np.zeros(1)
    unit = Unit.of(bank, start, weight, bias, {"C": "umolar"}, 2.0, {})
    assert set(unit.provenance) == {"created", "versions"}
    x = torch.rand(1, 30).double()
    with torch.no_grad():
        expected, again = (b(x, start[None])[0] for b in (bank, unit.bank(torch.float64)))
    # time constants pass through a logarithm
    torch.testing.assert_close(again, expected, rtol=1e-12, atol=1e-14)
    response = unit.respond(2.0 * x.numpy())["C"]
    np.testing.assert_allclose(response, expected.sum(-1), rtol=1e-12)


def test_a_response_needs_no_torch_setting_and_repeats(saved):
    rate = np.random.default_rng(0).uniform(0, 2, (3, 50))
    first, again = load_unit(saved).respond(rate), load_unit(saved).respond(rate)
    assert set(first) == {"C", "modulation"}
    assert first["C"].shape == rate.shape
    np.testing.assert_array_equal(first["C"], again["C"])


def test_it_plots_what_it_does_to_a_spike_train(saved):
    pytest.importorskip("matplotlib")
    unit = load_unit(saved)
    assert len(unit.plot().axes) == 3
    rate = unit.plot(np.array([0.1, 0.2, 7.0]), synapses=2, seconds=10).axes[0].collections[0]
    assert rate.get_datalim(rate.axes.transData).y1 == pytest.approx(2 / (2 * 0.5))
    odd = Unit(unit.values, unit.outputs, 500.0, 2.0, {"C_Theta": "high"})
    assert len(odd.plot().axes) == 3
    for options, message in (
        ({"seconds": 0}, "seconds should be positive"),
        ({"seconds": 0.1}, "less than a token"),
        ({"spikes": [130.0]}, "between 0 and 120"),
        ({"synapses": 0}, "synapses should be positive"),
    ):
        with pytest.raises(ValueError, match=message):
            unit.plot(**options)


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


METADATA = {
    "units": UNITS,
    "outputs": [["C", "umolar"], ["modulation", "1"]],
    "ms_per_token": 500.0,
    "input_scale_Hz": 2.0,
    "provenance": {},
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tau_H": np.full(2, -1.0)}, "not positive"),
        ({"start": np.array([np.nan, 1.0])}, "isn't finite"),
        ({"start": np.zeros(3)}, "should be float64"),
        ({"start": np.zeros(2, np.float32)}, "should be float64"),
        ({"extra": np.zeros(2)}, "a unit has the values"),
        ({"query": np.ones(3)}, "divide among 2 heads"),
        ({"readout_bias": np.zeros(3)}, "readout_bias of a unit should be float64"),
        ({"tau_H": np.ones(2000)}, "can't have 2000 heads"),
        ({"tau_H": np.ones(1), "query": np.ones((1, 257))}, "can't have 1 heads with 257 keys"),
    ],
)
def test_impossible_units_are_refused_in_memory_and_in_files(tmp_path, change, message):
    unit = some_unit()
    with pytest.raises(UnitFileError, match=message):
        Unit({**unit.values, **change}, unit.outputs, 500.0, 2.0)
    write_whole(tmp_path / "unit", seal("unit", {**unit.values, **change}, METADATA))
    with pytest.raises(UnitFileError, match=message):
        load_unit(tmp_path / "unit")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ms_per_token": -1.0}, "a number from"),
        ({"input_scale_Hz": "2"}, "a number from"),
        ({"ms_per_token": 1e-9}, "from 0.1 to"),
        ({"input_scale_Hz": 1e9}, "from 1e-06 to 10000"),
        ({"units": {}}, "doesn't say what its values are"),
        ({"provenance": None}, "doesn't say"),
        ({"outputs": []}, "should name its outputs"),
        ({"outputs": 2}, "should name its outputs"),
        ({"outputs": ["C", "modulation"]}, "should name its outputs"),
        ({"outputs": [["C", 1], ["modulation", 2]]}, "should name its outputs"),
        ({"outputs": [[[], "1"]]}, "should name its outputs"),
        ({"outputs": [["C", "1"], ["C", "1"]]}, "should be float64"),
    ],
)
def test_bad_metadata_is_refused(tmp_path, change, message):
    write_whole(tmp_path / "unit", seal("unit", some_unit().values, {**METADATA, **change}))
    with pytest.raises(UnitFileError, match=message):
        load_unit(tmp_path / "unit")


def test_metadata_that_lacks_something_is_refused(tmp_path):
    for name in ("outputs", "ms_per_token"):
        lacking = {key: value for key, value in METADATA.items() if key != name}
        write_whole(tmp_path / "unit", seal("unit", some_unit().values, lacking))
        with pytest.raises(UnitFileError, match=f"lacks '{name}'"):
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
