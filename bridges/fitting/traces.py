"""Traces of one or several cells, from CSV, NPZ and NWB files."""

from __future__ import annotations

import csv
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import DimensionMismatchError, Quantity, have_same_dimensions, second
from brian2.units.fundamentalunits import get_dimensions

from astrobrian.equations.quantity import unit as read_unit

_GAPS = {"", "na", "n/a", "nan", "null"}


class TraceError(ValueError):
    """A trace that isn't one, or a file that holds none."""


@dataclass(frozen=True, eq=False)
class Trace:
    """What was recorded from one or several cells at the same times.

    Parameters
    ----------
    times : Quantity, shape (samples,)
        Increasing; they needn't be evenly spaced.
    values : Quantity or array_like, shape (samples,) or (cells, samples)
        With their unit; NaN where nothing was recorded.
    names : sequence of str, optional
        Of the cells; numbered unless given.

    Raises
    ------
    TraceError
        If the times don't increase, the shapes don't belong together, or a cell has fewer than two values.
    DimensionMismatchError
        If the times aren't times.

    Examples
    --------
    >>> Trace(monitor.t, monitor.C)
    """

    times: Quantity
    values: Quantity
    names: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not have_same_dimensions(self.times, second):
            raise DimensionMismatchError(f"the times of a trace need a unit of time, got {self.times!r}")
        times = np.array(self.times, dtype=float)
        dimension = get_dimensions(self.values)
        values = np.atleast_2d(np.array(self.values, dtype=float))
        if times.ndim != 1 or values.ndim != 2 or values.shape[1] != len(times):
            raise TraceError(
                f"a trace has times of shape (samples,) and values of shape (cells, samples), got {times.shape} "
                f"and {np.shape(self.values)}"
            )
        names = tuple(self.names) or tuple(f"cell {cell}" for cell in range(len(values)))
        if len(names) != len(values):
            raise TraceError(f"a trace of {len(values)} cells has {len(names)} names: {', '.join(names)}")
        if len(set(names)) < len(names):
            raise TraceError(f"two cells have one name: {', '.join(names)}")
        _check_times(times)
        for name, row in zip(names, values, strict=True):
            if (there := int(np.isfinite(row).sum())) < 2:
                raise TraceError(f"{name} has {there} values in {len(row)} samples, and a trace needs two")
        object.__setattr__(self, "times", Quantity(times, dim=second.dim))
        object.__setattr__(self, "values", Quantity(values, dim=dimension))
        object.__setattr__(self, "names", names)

    @property
    def recorded(self) -> np.ndarray:
        """Where there is a value, shape (cells, samples)."""
        return np.isfinite(np.asarray(self.values))

    def at(self, times: np.ndarray) -> np.ndarray:
        """Values in SI units, shape (cells, len(times)): each holds until the next one, as in a `brian2.TimedArray`, and
        the first one also before.
        """
        known = np.asarray(self.times)

        def held(row: np.ndarray, there: np.ndarray) -> np.ndarray:
            last = np.searchsorted(known[there], times, side="right") - 1
            return row[there][np.maximum(last, 0)]

        return np.array([held(*each) for each in zip(np.asarray(self.values), self.recorded, strict=True)])


def _check_times(times: np.ndarray) -> None:
    if not np.isfinite(times).all():
        raise TraceError(f"time {int(np.argmin(np.isfinite(times)))} of the trace is missing")
    if not (np.diff(times) > 0).all():
        worst = int(np.argmax(np.diff(times) <= 0))
        raise TraceError(
            f"the times of a trace increase, but {times[worst]:g} s (sample {worst}) is followed by "
            f"{times[worst + 1]:g} s; sort the samples, and keep one of those at the same time"
        )


def read_trace(
    path: str | Path,
    columns: Sequence[str] | str = (),
    unit: str = "1",
    time: str = "time",
    time_unit: str = "second",
) -> Trace:
    """Read a trace from a CSV, NPZ or NWB file.

    Parameters
    ----------
    path : str or Path
        Its ending says what it is. A CSV file has one line of names and then one line for each sample, separated by
        commas, semicolons or tabs; an empty field, ``nan`` or ``NA`` is a gap. An NPZ file has an array of times and
        arrays of shape (samples,) or (cells, samples). An NWB file has time series (among them ROI response series).
    columns : str or sequence of str, optional
        Columns, arrays, or the name of one NWB series (``container/name`` if several have it); of an array or series of
        several cells also one cell, as in ``"F[3]"``. All but the times unless given.
    unit : str, optional
        Unit of the values in the file: ``"umolar"``, or ``"1"`` for fluorescence.
    time : str, optional
        Column or array of the times; an NWB series has its own.
    time_unit : str, optional
        Unit of the times in the file; an NWB series has seconds.

    Raises
    ------
    TraceError
        If the file isn't one of these, is damaged, lacks a column, or what it holds isn't a trace (see `Trace`).
    ImportError
        If an NWB file is to be read without pynwb.

    Examples
    --------
    >>> read_trace("calcium.csv", columns="cell_3", unit="nmolar")
    """
    path = Path(path)
    if path.suffix.lower() not in _READERS:
        raise TraceError(f"{path} should end in {', '.join(_READERS)}: that says how to read it")
    if not have_same_dimensions(read_unit(time_unit), second):
        raise TraceError(f"the times of {path} can't be in {time_unit!r}, which isn't a unit of time")
    names = [columns] if isinstance(columns, str) else list(columns)
    scale = read_unit(unit)
    try:
        if path.stat().st_size == 0:
            raise TraceError("it is empty")
        times, cells = _READERS[path.suffix.lower()](path, names, time)
        if not cells:
            raise TraceError("it has times and nothing else")
        in_seconds = 1.0 if path.suffix.lower() == ".nwb" else float(read_unit(time_unit))
        return Trace(times * in_seconds * second, np.array(list(cells.values())) * scale, tuple(cells))
    except TraceError as error:
        raise TraceError(f"{path}: {error}") from error


Found = tuple[np.ndarray, dict[str, np.ndarray]]


def _named(there: Sequence[str], wanted: Sequence[str], what: str) -> None:
    """Refuse names that aren't there, telling those that are."""
    for name in wanted:
        if name not in there:
            raise TraceError(f"it has no {what} {name!r}; it has {', '.join(there) or 'none'}")


def _read_csv(path: Path, columns: list[str], time: str) -> Found:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            lines = list(csv.reader(file, delimiter=max(",;\t", key=first.count)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise TraceError(f"it is not a CSV file: {error}") from error
    names = [name.strip() for name in lines[0]]
    if len(set(names)) < len(names):
        raise TraceError(f"a name stands twice in its first line: {', '.join(names)}")
    _named(names, [time, *columns], "column")
    samples = [(number, line) for number, line in enumerate(lines[1:], 2) if any(line)]
    if not samples:
        raise TraceError("it has a line of names and no samples")
    for number, line in samples:
        if len(line) != len(names):
            raise TraceError(f"line {number} has {len(line)} fields, and the first line {len(names)}")

    def column(name: str) -> np.ndarray:
        place = names.index(name)
        return np.array([_number(line[place], name, number) for number, line in samples])

    wanted = columns or [name for name in names if name != time]
    return column(time), {name: column(name) for name in wanted}


def _number(text: str, column: str, line: int) -> float:
    if text.strip().lower() in _GAPS:
        return np.nan
    try:
        return float(text)
    except ValueError:
        raise TraceError(
            f"column {column!r} has {text.strip()!r} in line {line}, which isn't a number"
        ) from None


def _read_npz(path: Path, columns: list[str], time: str) -> Found:
    try:
        with np.load(path, allow_pickle=False) as file:
            wanted = [_array(name) for name in columns]
            _named(file.files, [time, *wanted], "array")
            arrays = {name: file[name] for name in wanted or file.files if name != time}
            times = file[time]
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, (TraceError, FileNotFoundError, PermissionError)):
            raise
        raise TraceError(f"it is not an NPZ file of plain numbers: {error}") from error
    for name, array in {time: times, **arrays}.items():
        if array.dtype.kind not in "fiu":
            raise TraceError(f"the array {name!r} holds {array.dtype}, not numbers")
    if times.ndim != 1:
        raise TraceError(f"the times {time!r} have the shape {times.shape}, and should have one axis")
    return times.astype(float), _chosen(_rows(arrays, len(times)), columns)


def _rows(arrays: Mapping[str, np.ndarray], samples: int) -> dict[str, np.ndarray]:
    """Each cell by its name; those of an array of several cells are numbered."""
    rows: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        if array.ndim not in (1, 2) or array.shape[-1] != samples:
            raise TraceError(
                f"{name!r} has the shape {array.shape}; with {samples} times it should have ({samples},) or "
                f"(cells, {samples})"
            )
        if array.ndim == 1:
            rows[name] = array.astype(float)
        else:
            rows |= {f"{name}[{cell}]": row.astype(float) for cell, row in enumerate(array)}
    return rows


def _array(name: str) -> str:
    """The array of one of its cells: ``F`` of ``F[3]``."""
    return re.sub(r"\[\d+\]$", "", name)


def _chosen(rows: dict[str, np.ndarray], columns: list[str]) -> dict[str, np.ndarray]:
    """Of all cells those that are asked for, by their own name or by that of their array."""
    for name in columns:
        if name not in rows and name not in map(_array, rows):
            raise TraceError(f"it has no cell {name!r}; it has {', '.join(rows)}")
    return {name: row for name, row in rows.items() if not columns or {name, _array(name)} & {*columns}}


def _read_nwb(path: Path, columns: list[str], time: str) -> Found:
    try:
        from pynwb import NWBHDF5IO, TimeSeries
    except ImportError as error:
        raise ImportError('NWB files need pynwb: pip install "astrobrian[nwb]"') from error
    try:
        with NWBHDF5IO(path, "r", load_namespaces=True) as file:
            found = _by_name([each for each in file.read().objects.values() if isinstance(each, TimeSeries)])
            wanted = list(dict.fromkeys(map(_array, columns))) or list(found)
            _named(list(found), wanted, "time series")
            if len(wanted) != 1:
                raise TraceError(f"name one of its time series; it has {', '.join(found) or 'none'}")
            times, rows = _series(wanted[0], found[wanted[0]])
            return times, _chosen(rows, columns)
    except TraceError:
        raise
    # what HDF5 and NWB raise for a damaged file are errors of many kinds
    except Exception as error:
        if isinstance(error, (FileNotFoundError, PermissionError)):
            raise
        raise TraceError(f"it is not an NWB file: {error}") from error


def _by_name(series: list[Any]) -> dict[str, Any]:
    """Time series by their names, or as ``container/name`` where several have the same."""
    names = Counter(each.name for each in series)
    return {
        each.name if names[each.name] == 1 else f"{each.parent.name}/{each.name}": each for each in series
    }


def _series(name: str, series: Any) -> Found:
    data = np.asarray(series.data[:])
    if data.dtype.kind not in "fiu" or data.ndim > 2:
        raise TraceError(f"the series {name!r} holds {data.dtype} of shape {data.shape}, not traces")
    if series.timestamps is not None:
        times = np.asarray(series.timestamps[:], dtype=float)
    else:
        times = series.starting_time + np.arange(len(data)) / series.rate
    # NWB has the samples along the first axis
    values = data.T.astype(float) * series.conversion + series.offset
    return times, _rows({name: values}, len(times))


_READERS: dict[str, Callable[[Path, list[str], str], Found]] = {
    ".csv": _read_csv,
    ".npz": _read_npz,
    ".nwb": _read_nwb,
}
