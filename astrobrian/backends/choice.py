"""Where a simulation runs: one call to choose, and what stands in the way if it can't."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from brian2 import defaultclock, get_device, get_logger, prefs, set_device, start_scope
from brian2.core.magic import collect
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice

from astrobrian.backends.obstacles import BackendError, obstacle
from astrobrian.backends.options import PRECISIONS, Precision, check_name, check_options, check_values
from astrobrian.standalone import programs, standalone_device
from astrobrian.standalone.programs import compile_command, compiler

logger = get_logger(__name__)

RUNTIME = ("numpy", "cython")

# A large network's code, objects and results; a build that runs out of space fails with a message about something else
SPACE_NEEDED = 200e6


def use_backend(
    name: str,
    *,
    threads: int | None = None,
    gpu: int | None = None,
    precision: Precision = "double",
    directory: str | Path | None = None,
    build_on_run: bool = True,
    **build_options: Any,
) -> None:
    """Choose what runs the simulation. Call it first, before any group is made; a second call starts afresh.

    ========== ===============================================================================================
    "numpy"    no compiler needed; for small networks and short tests
    "cython"   compiled piece by piece while the script runs; monitors can be read between runs
    "cpp"      the whole simulation as one C++ program; the fastest on a CPU, for large networks
    "cuda"     the whole simulation as one program for a GPU; for the largest networks
    "genn"     GeNN, on a CPU or a GPU, in an environment of its own
    ========== ===============================================================================================

    On "cpp" and "cuda" nothing is simulated until the program has been built, which `run` does. A script with several
    calls of `run` says ``build_on_run=False`` and calls `build` after the last of them, or `sweep`. `brian2.seed` belongs
    after this call; `defaultclock.dt` is kept. A program for "cpp" is compiled once: another process that needs the same,
    with the same or other values of parameters and variables, takes it from a cache (see
    `astrobrian.standalone.programs`).

    Before anything is compiled, a network that a backend can't express is refused with an `UnsupportedFeature`.

    Ctrl-C during a run ends it at the end of the current time step, and what was simulated until then can be read. On
    "cpp" and "cuda" the program notices it by itself and writes its results; pressed again, it is killed. On "genn"
    nothing can be read.

    Parameters
    ----------
    name : {"numpy", "cython", "cpp", "cuda", "genn"}
    threads : int, optional
        "cpp": simulate with so many OpenMP threads.
    gpu : int, optional
        "cuda": the number of the GPU, as `nvidia-smi` counts them; by default the best there is. "genn": the same; by
        default it runs on the CPU.
    precision : {"double", "single"}, optional
        Of all variables: 64 or 32 bits.
    directory : path, optional
        "cpp", "cuda", "genn": where code and results go. By default a temporary one that is deleted when Python ends.
    build_on_run : bool, optional
        "cpp", "cuda": whether `run` builds and runs at once.
    **build_options
        "cpp", "cuda": what else `brian2.devices.device.Device.build` takes, such as ``debug=True``, ``clean=True`` to
        compile in any case, or ``run=False`` to compile only, for which "cuda" needs no GPU. "cpp", "cuda", "genn":
        ``compile=False`` to generate code only, for which "cuda" needs no CUDA and "genn" no GeNN.

    Raises
    ------
    ValueError
        If there is no such backend, or an option isn't one of its options.
    BackendError
        If something that it needs is missing here: the message says what to do.
    OSError
        If the directory can't be written to or has not enough space.

    Examples
    --------
    >>> use_backend("cpp", threads=4, directory="build/network")
    >>> use_backend("cuda", gpu=0, precision="single")
    """
    check_name(name)
    deferred = None if build_on_run else True
    given = {"threads": threads, "gpu": gpu, "directory": directory, "build_on_run": deferred}
    check_options(name, [*(option for option in given if given[option] is not None), *build_options])
    check_values(threads, gpu, precision)
    steps = {step: build_options[step] for step in ("compile", "run") if step in build_options}
    if found := obstacle(name, gpu=gpu, **steps):
        raise BackendError(f"the backend {name!r} can't be used here: {found.reason}; {found.fix}")
    if threads is not None:
        _check_openmp()
    if name not in RUNTIME:
        directory = _writable(directory)
    _start_afresh(level=1)
    dt = defaultclock.dt
    _set_precision(precision)
    if name in RUNTIME:
        prefs.codegen.target = name
        set_device("runtime")
    elif name == "genn":
        from astrobrian.genn.device import genn_device

        prefs.codegen.target = "numpy"  # for what the script does before it calls run
        set_device(genn_device(), gpu=gpu, directory=directory, **build_options)
    else:
        device = _prepared_for_cpp(threads) if name == "cpp" else _prepared_for_cuda(gpu, precision)
        if not build_options.get("compile", True):
            build_options["run"] = False  # there is nothing to run
        device.reinit()
        gc.collect()  # what is gone gives its names back, and the same script again makes the same program
        set_device(device, build_on_run=build_on_run, directory=directory, **build_options)
    defaultclock.dt = dt


def _set_precision(precision: Precision) -> None:
    prefs.core.default_float_dtype = PRECISIONS[precision]
    if precision == "single":
        # Brian2 looks for values beyond 1e50, which is infinite in 32 bits, and they are as well: no reason to warn
        by_brian = r"brian2\.groups\.group"
        warnings.filterwarnings("ignore", "overflow encountered in cast", RuntimeWarning, by_brian)


def _prepared_for_cpp(threads: int | None) -> CPPStandaloneDevice:
    settings = prefs.devices.cpp_standalone
    settings.openmp_threads = threads or 0
    if settings.extra_make_args_unix == ["-j"]:  # Brian2's default: all files at once
        settings.extra_make_args_unix = [f"-j{os.cpu_count()}"]
    return standalone_device


def _prepared_for_cuda(gpu: int | None, precision: Precision) -> CPPStandaloneDevice:
    from astrobrian.cuda.device import cuda_device
    from astrobrian.cuda.preferences import prepare

    prepare(gpu, precision)
    return cuda_device()


def build() -> None:
    """Build and run what a script with ``use_backend(..., build_on_run=False)`` has described.

    On backends that don't make one program of a script everything has run already, and this does nothing.
    """
    device = get_device()
    if isinstance(device, CPPStandaloneDevice):
        device.build(**device.build_options)


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
