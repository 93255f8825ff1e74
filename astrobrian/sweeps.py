"""One program, many values: a parameter sweep that compiles once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from brian2 import DimensionMismatchError, Quantity, TimedArray, get_device
from brian2.core.variables import ArrayVariable, VariableView
from brian2.units.fundamentalunits import fail_for_dimension_mismatch

from astrobrian.backends import BackendError, build
from astrobrian.progress import Progress
from astrobrian.standalone import StandaloneDevice

SEED = "seed"

Target: TypeAlias = "ArrayVariable | TimedArray | None"
"""What is given a value; None for the seed."""


def sweep(
    points: Iterable[Mapping[VariableView | TimedArray | str, Any]], *, progress: Progress | None = None
) -> Iterator[dict[str, Any]]:
    """Run a described simulation once for each point, without compiling it again. On the backend "cpp".

    The script chooses ``use_backend("cpp", build_on_run=False)``, describes the simulation with its calls of `run`, and
    then asks for the points. After each of them, monitors and variables have the results, until the next one begins.

    A given value holds from the beginning, also where the script sets this variable to a number or an array before its
    first `run`: what it computes from the variable with a string expression, such as initial values, follows. If it
    sets the variable again after its first `run`, that remains so. What Python has computed from a value, such as the
    number of cells or a text of equations, doesn't change.

    Parameters
    ----------
    points : iterable of mapping
        For each point, what gets which value. Keys are variables and shared parameters (``neurons.I_ex``, or by name
        ``"neurons.I_ex"``), a `brian2.TimedArray` (or its name), and ``"seed"``, which stands for `brian2.seed`. Values
        are one for all cells, or an array with one for each; those of a `TimedArray` have its shape. What a point
        doesn't mention is as the script says.
    progress : Progress, optional
        Is told how many points are done.

    Yields
    ------
    dict of str to value
        The point, by names.

    Raises
    ------
    BackendError
        If the backend isn't "cpp", or no simulation has been described.
    TypeError, ValueError, brian2.DimensionMismatchError
        If a point gives a value to something that isn't in the simulation or can't be given one, or a value with other
        units, of another shape or that isn't a number. All of them are looked at before anything runs.
    KeyboardInterrupt
        If Ctrl-C ended a simulation, or the script stopped it.

    Any other error of a simulation, such as a `PhysicalRangeError`, ends the sweep too; a note says at which point.

    Examples
    --------
    >>> use_backend("cpp", build_on_run=False)
    >>> ...
    >>> run(8*second)
    >>> for point in sweep({neurons.I_ex: drive, "seed": 1} for drive in [100, 110, 120]*pA):
    ...     print(point["neurons.I_ex"], spikes.num_spikes)
    """
    device = _device()
    variables = _variables(device)
    checked = [_checked(point, variables, device) for point in points]
    return _run(device, checked, variables, progress)


def _device() -> StandaloneDevice:
    device = get_device()
    if not isinstance(device, StandaloneDevice):
        raise BackendError(
            'sweep runs a compiled program again and again, and only one for "cpp" can be given other values: begin the '
            'script with use_backend("cpp", build_on_run=False); on "numpy", "cython", "cuda" and "genn", write a loop '
            'that makes the network for each point (on "numpy" and "cython" it may use brian2.store and brian2.restore)'
        )
    if not device.networks:
        raise BackendError("nothing has been described that could be run: call run(...) before sweep")
    return device


def _variables(device: StandaloneDevice) -> dict[str, Target]:
    """What can be given a value, by its name."""
    variables: dict[str, Target] = {SEED: None}
    variables |= {name: variable for variable, name in device.settable().items()}
    return variables | {timed.name: timed for timed in device.timed_arrays}


def _checked(
    point: Mapping[Any, Any], variables: Mapping[str, Target], device: StandaloneDevice
) -> dict[str, Any]:
    if not isinstance(point, Mapping):
        raise TypeError(
            f"a point of a sweep is a mapping such as {{neurons.I_ex: 100*pA}}, got {type(point).__name__}"
        )
    checked: dict[str, Any] = {}
    for key, value in point.items():
        name = _name(key, variables)
        if name in checked:
            raise ValueError(f"a point of a sweep gives {name} two values, {checked[name]} and {value}")
        _check_value(name, variables[name], value, device)
        checked[name] = value
    return checked


def _name(key: object, variables: Mapping[str, Target]) -> str:
    if isinstance(key, VariableView):
        return _name_of_view(key, variables)
    if isinstance(key, TimedArray):
        if key.name not in variables:
            raise ValueError(f"the TimedArray {key.name} isn't used in the simulation")
        return key.name
    if not isinstance(key, str):
        raise TypeError(
            "what gets a value in a sweep is a variable such as neurons.I_ex, a TimedArray or the name of one, got "
            f"{key!r}"
        )
    if key not in variables:
        close = difflib.get_close_matches(key, variables, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"there is no {key!r} in the simulation that could be given a value{hint}")
    return key


def _name_of_view(view: VariableView, variables: Mapping[str, Target]) -> str:
    shown = f"{view.group_name}.{view.name}"
    variable = view.variable
    names = [name for name, each in variables.items() if each is variable]
    if not names:
        computed = not isinstance(variable, ArrayVariable)
        why = (
            "is computed from others"
            if computed
            else "can't be set"
            if variable.read_only
            else "isn't in the simulation"
        )
        raise ValueError(f"{shown} {why}, so that a sweep can't give it a value")
    if not variable.scalar and view.group_name != variable.owner.name:
        raise ValueError(f"{shown} is a part of {names[0]}: give values of all its cells, as {names[0]}")
    return names[0]


def _check_value(name: str, target: Target, value: object, device: StandaloneDevice) -> None:
    if target is None:
        if not isinstance(value, int | np.integer) or value < 0:
            raise ValueError(f"a seed is a whole number, not negative, got {value!r}")
        return
    array = np.asarray(value)
    if array.dtype.kind not in "bif":
        raise TypeError(f"{name} can only be given numbers in a sweep, got {value!r}")
    try:
        fail_for_dimension_mismatch(Quantity(1, dim=target.dim), value)
    except DimensionMismatchError as error:
        raise DimensionMismatchError(f"{name} has other units than {value!r}", *error.dims) from None
    _check_shape(name, target, array, device)
    if np.isnan(array).any():
        raise ValueError(f"{name} can't be given a value that is not a number, got {value!r}")
    if not isinstance(target, TimedArray) and np.dtype(target.dtype).kind in "iu" and np.any(array % 1):
        raise ValueError(f"{name} is a whole number, got {value!r}")


def _check_shape(
    name: str, target: ArrayVariable | TimedArray, array: np.ndarray, device: StandaloneDevice
) -> None:
    if array.ndim == 0:
        return
    shape = target.values.shape if isinstance(target, TimedArray) else device.shape_of(target)
    if shape is None:
        raise ValueError(
            f"{name} can only be given one value for all synapses: how many there are is known when the program runs"
        )
    if array.shape != shape:
        wanted = "one value" if shape == () else f"one value, or an array of shape {shape}"
        raise ValueError(f"{name} is given an array of shape {array.shape}, and needs {wanted}")


def _run(
    device: StandaloneDevice,
    points: list[dict[str, Any]],
    variables: Mapping[str, Target],
    progress: Progress | None,
) -> Iterator[dict[str, Any]]:
    if not device.is_built:
        device.build_options["run"] = False
        build()
    for number, point in enumerate(points):
        if progress is not None:
            progress("sweep", number / len(points), f"{number} of {len(points)} points")
        try:
            device.run(run_args=_arguments(point, variables, Path(device.project_dir)))
        except Exception as error:
            error.add_note(f"at the point {number} of the sweep, {point}")
            raise
        if device._last_run_completed_fraction < 1 - 1e-6:
            raise KeyboardInterrupt
        yield point
    if progress is not None:
        progress("sweep", 1.0, f"{len(points)} of {len(points)} points")


def _arguments(point: dict[str, Any], variables: Mapping[str, Target], project: Path) -> list[str]:
    """Of the program: each value as text, or the name of a file with it."""
    arguments = []
    for number, (name, value) in enumerate(point.items()):
        target = variables[name]
        if target is None:
            arguments.append(f"{name}={int(value)}")
            continue
        dtype = target.values.dtype if isinstance(target, TimedArray) else target.dtype
        array = np.asarray(value, dtype=dtype)
        text = repr(array.item()) if array.ndim == 0 else f"static_arrays/_given_{number}"
        if array.ndim:
            array.tofile(project / text)
        arguments.append(f"{name}.values={text}" if isinstance(target, TimedArray) else f"{name}={text}")
    return arguments
