"""Where a simulation runs: one call to choose, and what stands in the way if it can't."""

from __future__ import annotations

import atexit
import difflib
import gc
import inspect
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from brian2 import defaultclock, get_device, get_logger, prefs, set_device, start_scope
from brian2.core.magic import collect
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice

from astrobrian.backends.obstacles import BackendError, obstacle
from astrobrian.standalone import programs, standalone_device
from astrobrian.standalone.programs import compile_command, compiler

logger = get_logger(__name__)

RUNTIME = ("numpy", "cython")
SUPPORTED = (*RUNTIME, "cpp")
PLANNED = ("cuda", "genn")

# A large network's code, objects and results; a build that runs out of space fails with a message about something else
SPACE_NEEDED = 200e6


def use_backend(
    name: str,
    *,
    threads: int | None = None,
    directory: str | Path | None = None,
    build_on_run: bool = True,
    **build_options: Any,
) -> None:
    """Choose what runs the simulation. Call it first, before any group is made; a second call starts afresh.

    ========== ===============================================================================================
    "numpy"    no compiler needed; for small networks and short tests
    "cython"   compiled piece by piece while the script runs; monitors can be read between runs
    "cpp"      the whole simulation as one C++ program; the fastest, for large networks
    ========== ===============================================================================================

    On "cpp" nothing is simulated until the program has been built, which `run` does. A script with several calls of
    `run` says ``build_on_run=False`` and calls `build` after the last of them, or `sweep`. `brian2.seed` belongs after
    this call; `defaultclock.dt` is kept. A program is compiled once: another process that needs the same, with the same
    or other values of parameters and variables, takes it from a cache (see `astrobrian.standalone.programs`).

    Ctrl-C during a run ends it at the end of the current time step on every backend, and what was simulated until then
    can be read. On "cpp" the program notices it by itself and writes its results; pressed again, it is killed.

    Parameters
    ----------
    name : {"numpy", "cython", "cpp"}
    threads : int, optional
        "cpp" only: simulate with so many OpenMP threads.
    directory : path, optional
        "cpp" only: where code and results go. By default a temporary one that is deleted when Python ends.
    build_on_run : bool, optional
        "cpp" only: whether `run` builds and runs at once.
    **build_options
        "cpp" only: what else `brian2.devices.device.Device.build` takes, such as ``debug=True``, or ``clean=True`` to
        compile in any case.

    Raises
    ------
    ValueError
        If there is no such backend, or an option isn't one of its options.
    BackendError
        If it isn't supported yet, or something that it needs is missing here: the message says what to do.
    OSError
        If the directory can't be written to or has not enough space.

    Examples
    --------
    >>> use_backend("cpp", threads=4, directory="build/network")
    """
    _check_options(name, threads, directory, build_on_run, build_options)
    if name in PLANNED:
        raise BackendError(
            f"the backend {name!r} isn't supported by this version of AstroBrian; supported are {', '.join(SUPPORTED)}"
        )
    if found := obstacle(name):
        raise BackendError(f"the backend {name!r} can't be used here: {found.reason}; {found.fix}")
    _start_afresh(level=1)
    dt = defaultclock.dt
    if name in RUNTIME:
        prefs.codegen.target = name
        set_device("runtime")
    else:
        if threads is not None:
            _check_openmp()
        prefs.devices.cpp_standalone.openmp_threads = threads or 0
        if prefs.devices.cpp_standalone.extra_make_args_unix == ["-j"]:  # Brian2's default: all files at once
            prefs.devices.cpp_standalone.extra_make_args_unix = [f"-j{os.cpu_count()}"]
        directory = _writable(directory)
        standalone_device.reinit()
        gc.collect()  # what is gone gives its names back, and the same script again makes the same program
        set_device(standalone_device, build_on_run=build_on_run, directory=directory, **build_options)
    defaultclock.dt = dt


def build() -> None:
    """Build and run what a script with ``use_backend("cpp", build_on_run=False)`` has described.

    On other backends everything has run already, and this does nothing.
    """
    device = get_device()
    if isinstance(device, CPPStandaloneDevice):
        device.build(**device.build_options)


def _check_options(
    name: str, threads: int | None, directory: object, build_on_run: bool, build_options: dict[str, Any]
) -> None:
    known = (*SUPPORTED, *PLANNED)
    if name not in known:
        close = difflib.get_close_matches(str(name), known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"there is no backend {name!r}, only {', '.join(SUPPORTED)}{hint}")
    if name in RUNTIME:
        given = {
            "threads": threads,
            "directory": directory,
            "build_on_run": not build_on_run or None,
            **build_options,
        }
        for option in (option for option, value in given.items() if value is not None):
            raise ValueError(f'{option} is an option of the backend "cpp", not of {name!r}')
    unknown = build_options.keys() - inspect.signature(CPPStandaloneDevice.build).parameters.keys()
    if unknown:
        raise ValueError(
            f'{min(unknown)} is no option of the backend "cpp", nor of Brian2 for it (see Device.build)'
        )
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise ValueError(f"threads must be a positive whole number, got {threads!r}")


def _start_afresh(level: int) -> None:
    """Leave what was made for the previous backend to itself: it can't run on the next one."""
    waiting = sorted(thing.name for thing in collect(level=level + 1) if thing._network is None)
    if waiting:
        logger.warn(  # noqa: G010 (Brian2's logger, not the one of logging)
            f"{', '.join(waiting)} were made before use_backend and can't run on the backend it chose; "
            "call use_backend first",
            name_suffix="made_before",
        )
    start_scope()


def _check_openmp() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "openmp.cpp")
        source.write_text("#include <omp.h>\nint main() { return omp_get_max_threads() < 1; }\n")
        if sys.platform == "win32" or programs.fetch(key := programs.key([source.read_bytes()])):
            return
        program = source.with_suffix("")
        command = [*compile_command(), "-fopenmp", str(source), "-o", str(program)]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            raise BackendError(
                f"threads=... needs OpenMP, which {compiler()} doesn't support; leave threads out, or name another "
                "compiler in the environment variable CXX (on macOS: g++ from Homebrew)"
            )
        programs.keep(key, program.read_bytes())


def _writable(directory: str | Path | None) -> str:
    """The directory as text, made if need be, after a test that it can be written to."""
    if directory is None:
        directory = tempfile.mkdtemp(prefix="astrobrian_")
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as probe:
            probe.write(bytes(2**20))
    except OSError as error:
        raise OSError(
            error.errno,
            f"code and results can't be written to {directory} ({error.strerror}); give another directory",
        ) from error
    free = shutil.disk_usage(directory).free
    if free < SPACE_NEEDED:
        raise OSError(
            f"{directory} has only {free / 1e6:.0f} MB of free space left, and a build may need "
            f"{SPACE_NEEDED / 1e6:.0f} MB; give another directory or make space"
        )
    return str(directory)
