"""Traces: what is written is read again, and what isn't a trace is refused by name."""

import datetime

import numpy as np
import pytest
from brian2 import DimensionMismatchError, Quantity, have_same_dimensions, mV, nmolar, second, umolar
from hypothesis import given
from hypothesis import strategies as st

from astrobrian.bridges import Trace, TraceError, read_trace

TIMES = np.array([0.0, 0.5, 1.25, 4.0])
VALUES = np.array([[1.0, np.nan, 3.0, 2.0], [0.5, 0.25, 0.125, -1e-3]])


def as_csv(path, times=TIMES, values=VALUES, comma=","):
    lines = [comma.join(["time", *(f"cell{i}" for i in range(len(values)))])]
    lines += [
        comma.join("" if np.isnan(v) else repr(float(v)) for v in sample)
        for sample in zip(times, *values, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def as_npz(path, times=TIMES, values=VALUES):
    np.savez(path, time=times, **{f"cell{i}": row for i, row in enumerate(values)})
    return path


def as_nwb(path, times=TIMES, values=VALUES, **series):
    pynwb = pytest.importorskip("pynwb")
    file = pynwb.NWBFile("a test", "test", datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
    file.add_acquisition(
        pynwb.TimeSeries(name="cell", data=values.T, unit="a.u.", **(series or {"timestamps": times}))
    )
    with pynwb.NWBHDF5IO(path, "w") as io:
        io.write(file)
    return path


@pytest.mark.parametrize("write", [as_csv, as_npz, as_nwb])
def test_each_format_gives_back_what_was_written(write, tmp_path):
    path = write(tmp_path / f"trace.{write.__name__.removeprefix('as_')}")
    trace = read_trace(path, unit="umolar")
    np.testing.assert_array_equal(trace.times / second, TIMES)
    np.testing.assert_allclose(trace.values / umolar, VALUES, rtol=1e-15)
    assert have_same_dimensions(trace.values, umolar)
    assert trace.recorded.tolist() == [[True, False, True, True], [True] * 4]
    assert len(trace.names) == 2


@given(
    values=st.lists(st.floats(-1e300, 1e300) | st.just(float("nan")), min_size=3, max_size=20).filter(
        lambda v: np.isfinite(v).sum() >= 2
    ),
    comma=st.sampled_from(",;\t"),
)
def test_a_csv_file_keeps_every_digit(values, comma, tmp_path_factory):
    path = tmp_path_factory.mktemp("csv") / "trace.csv"
    trace = read_trace(as_csv(path, np.arange(len(values)) / 3, np.array([values]), comma))
    np.testing.assert_array_equal(np.asarray(trace.values)[0], values)
    np.testing.assert_array_equal(np.asarray(trace.times), np.arange(len(values)) / 3)


def test_units_and_columns_of_a_csv_file(tmp_path):
    trace = read_trace(
        as_csv(tmp_path / "t.csv", TIMES * 1000), columns="cell1", unit="nmolar", time_unit="msecond"
    )
    assert trace.names == ("cell1",)
    np.testing.assert_allclose(trace.times / second, TIMES)
    np.testing.assert_allclose(trace.values / nmolar, VALUES[1:])


def test_an_array_of_several_cells(tmp_path):
    np.savez(tmp_path / "t.npz", t=TIMES, F=VALUES, other=np.arange(7))
    trace = read_trace(tmp_path / "t.npz", columns=["F"], time="t")
    assert trace.names == ("F[0]", "F[1]")
    np.testing.assert_array_equal(trace.values, VALUES)
    one = read_trace(tmp_path / "t.npz", columns="F[1]", time="t")
    assert one.names == ("F[1]",)
    np.testing.assert_array_equal(one.values, VALUES[1:])
    with pytest.raises(TraceError, match=r"no cell 'F\[2\]'; it has F\[0\], F\[1\]"):
        read_trace(tmp_path / "t.npz", columns="F[2]", time="t")


def test_an_nwb_series_has_its_own_scale_and_rate(tmp_path):
    path = as_nwb(tmp_path / "t.nwb", starting_time=2.0, rate=4.0, conversion=0.5, offset=1.0)
    trace = read_trace(path)
    np.testing.assert_allclose(trace.times / second, 2 + np.arange(4) / 4)
    np.testing.assert_allclose(trace.values, VALUES * 0.5 + 1)


def test_roi_response_series_are_told_apart_by_name_and_place(tmp_path):
    """The usual layout of calcium imaging: one ΔF/F and one neuropil series, of the same name in different containers."""
    pynwb = pytest.importorskip("pynwb")
    ophys = pytest.importorskip("pynwb.ophys")
    file = pynwb.NWBFile("imaging", "test", datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
    device = file.create_device(name="microscope")
    channel = ophys.OpticalChannel(name="green", description="GCaMP", emission_lambda=510.0)
    plane = file.create_imaging_plane(
        name="plane",
        optical_channel=channel,
        description="a plane",
        device=device,
        excitation_lambda=920.0,
        indicator="GCaMP6f",
        location="CA1",
    )
    segmentation = ophys.ImageSegmentation()
    table = segmentation.create_plane_segmentation(name="rois", description="rois", imaging_plane=plane)
    for _ in range(2):
        table.add_roi(image_mask=np.zeros((3, 3)))
    module = file.create_processing_module("ophys", "calcium imaging")
    module.add(segmentation)
    region = table.create_roi_table_region(region=[0, 1], description="both")
    for container, gain in ((ophys.DfOverF(), 1.0), (ophys.Fluorescence(), 100.0)):
        container.create_roi_response_series(
            name="RoiResponseSeries", data=gain * VALUES.T, rois=region, unit="n.a.", rate=10.0
        )
        module.add(container)
    path = tmp_path / "imaging.nwb"
    with pynwb.NWBHDF5IO(path, "w") as io:
        io.write(file)
    with pytest.raises(TraceError, match=r"name one of .*DfOverF/RoiResponseSeries"):
        read_trace(path)
    assert read_trace(path, "DfOverF/RoiResponseSeries[1]").values.shape == (1, 4)
    trace = read_trace(path, "DfOverF/RoiResponseSeries")
    np.testing.assert_array_equal(trace.values, VALUES)
    np.testing.assert_allclose(trace.times / second, np.arange(4) / 10)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty"),
        ("time,F\n", "no samples"),
        ("time,F\n0,1\n1,two\n", r"'F' has 'two' in line 3"),
        ("time,F\n0,nan\n1,\n2,NA\n", r"F has 0 values in 3 samples"),
        ("time,F\n0,1\n2,2\n1,3\n", r"2 s \(sample 1\) is followed by 1 s"),
        ("time,F\n0,1\n0,2\n1,3\n", r"0 s \(sample 0\) is followed by 0 s"),
        ("time,F\n0,1\n,2\n1,3\n", "time 1 of the trace is missing"),
        ("time,F\n0,1\n1\n", "line 3 has 1 fields"),
        ("time,F,F\n0,1,1\n1,1,1\n", "stands twice"),
        ("t,F\n0,1\n1,2\n", r"no column 'time'; it has t, F"),
        ("time\n0\n1\n", "nothing else"),
    ],
)
def test_a_csv_file_that_is_no_trace_is_refused(text, message, tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text(text)
    with pytest.raises(TraceError, match=message) as refused:
        read_trace(path)
    assert str(path) in str(refused.value)


def test_an_unknown_column_is_refused_with_those_that_there_are(tmp_path):
    for path in (as_csv(tmp_path / "t.csv"), as_npz(tmp_path / "t.npz")):
        with pytest.raises(TraceError, match=r"'dF'; it has time, cell0, cell1"):
            read_trace(path, "dF")
    with pytest.raises(TraceError, match=r"no time series 'dF'; it has cell"):
        read_trace(as_nwb(tmp_path / "t.nwb"), "dF")


@pytest.mark.parametrize("ending", ["csv", "npz", "nwb"])
def test_damaged_files_are_refused(ending, tmp_path):
    if ending == "nwb":
        pytest.importorskip("pynwb")
    path = tmp_path / f"trace.{ending}"
    path.write_bytes(b"\x00\xff\xfe" * 100)
    with pytest.raises(TraceError, match=r"trace\."):
        read_trace(path)


def test_an_npz_file_of_objects_is_not_unpickled(tmp_path):
    np.savez(tmp_path / "t.npz", time=TIMES, F=np.array([{}, {}, {}, {}], dtype=object))
    with pytest.raises(TraceError, match="not an NPZ file of plain numbers"):
        read_trace(tmp_path / "t.npz")
    np.savez(tmp_path / "s.npz", time=TIMES, F=np.array(list("abcd")))
    with pytest.raises(TraceError, match="'F' holds <U1"):
        read_trace(tmp_path / "s.npz")
    np.savez(tmp_path / "u.npz", time=TIMES, F=np.ones(3))
    with pytest.raises(TraceError, match=r"\(3,\); with 4 times"):
        read_trace(tmp_path / "u.npz")


def test_other_mistakes_are_named(tmp_path):
    with pytest.raises(TraceError, match=r"should end in \.csv, \.npz, \.nwb"):
        read_trace(tmp_path / "trace.xlsx")
    with pytest.raises(FileNotFoundError):
        read_trace(tmp_path / "none.csv")
    with pytest.raises(ValueError, match="parsec"):
        read_trace(as_csv(tmp_path / "t.csv"), unit="parsec")
    with pytest.raises(TraceError, match="isn't a unit of time"):
        read_trace(as_csv(tmp_path / "t.csv"), time_unit="metre")


def test_a_trace_checks_what_it_is_made_of():
    with pytest.raises(DimensionMismatchError, match="unit of time"):
        Trace(TIMES, VALUES)
    with pytest.raises(TraceError, match="shape"):
        Trace(TIMES * second, VALUES[:, :3])
    with pytest.raises(TraceError, match="two cells have one name: a, a"):
        Trace(TIMES * second, VALUES, ("a", "a"))
    with pytest.raises(TraceError, match="2 cells has 1 names"):
        Trace(TIMES * second, VALUES, ("one",))
    one = Trace(TIMES * second, VALUES[1] * mV)
    assert one.values.shape == (1, 4)
    assert have_same_dimensions(one.values, mV)


def test_a_value_of_a_trace_holds_until_the_next_one_that_was_recorded():
    found = Trace(TIMES * second, VALUES * umolar).at(np.array([-1.0, 0.0, 0.625, 1.25, 9.0]))
    np.testing.assert_allclose(found[0] / float(umolar), [1.0, 1.0, 1.0, 3.0, 2.0])
    np.testing.assert_allclose(found[1] / float(umolar), [0.5, 0.5, 0.25, 0.125, -1e-3])
    assert not isinstance(found, Quantity)
