"""A network compiled to a program, which is then run again and again: what a `Worker` calls."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

from brian2 import Network, SpikeMonitor, get_device, prefs, second, set_device

from astrobrian import build as build_program
from astrobrian import use_backend
from astrobrian.standalone import vector_loops
from astrobrian.studies.benchmarks.worker import Worker

Device = Literal["brian2", "astrobrian", "cuda"]

BACKENDS = {"astrobrian": "cpp", "cuda": "cuda"}

_built: tuple[Network, float] | None = None


def describe(
    device: Device, make: Callable[[], Network], seconds: float, folder: Path | None, profile: bool = False
) -> None:
    """Make a network on a C++ device and tell it to run, without compiling it yet.

    Parameters
    ----------
    device : {"brian2", "astrobrian", "cuda"}
        Brian2's own, that of ``use_backend("cpp")``, with the same flags of the compiler, or ``use_backend("cuda")``.
    make : callable
        Makes the network.
    seconds : float
        How much biological time it simulates.
    folder : Path or None
        Where code and results go; None for the place that the device chooses.
    profile : bool, optional
        Whether it times each of its code objects.
    """
    global _built
    if device in BACKENDS:
        use_backend(BACKENDS[device], directory=folder, build_on_run=False, run=False)
    else:
        prefs.devices.cpp_standalone.extra_make_args_unix = [f"-j{os.cpu_count()}", "--silent"]
        set_device("cpp_standalone", directory=folder and str(folder), build_on_run=False, run=False)
        get_device().extra_compile_args = vector_loops.flags()
    network = make()
    network.run(seconds * second, profile=profile)
    _built = network, seconds


def build(
    device: Device, make: Callable[[], Network], seconds: float, folder: Path, profile: bool = False
) -> None:
    """As `describe`, and compile it."""
    describe(device, make, seconds, folder, profile)
    compile_program()


def compile_program() -> None:
    """Compile what `describe` has made."""
    build_program()


def built() -> Network:
    """The network that the program simulates."""
    assert _built is not None
    return _built[0]


def run() -> dict[str, float]:
    """Run the program in a process of its own.

    Returns
    -------
    dict
        ``run_s``, the time inside Network::run as the program says; ``run_s_per_s``, the same for a second of biology;
        ``program_s``, that of the whole program; and the spikes that each monitor has counted.
    """
    assert _built is not None
    network, seconds = _built
    device = get_device()
    start = time.perf_counter()
    device.run(with_output=False)
    taken = time.perf_counter() - start
    if device._last_run_completed_fraction < 1 - 1e-6:
        raise RuntimeError("the program ended before its time")
    inside = device._last_run_time
    found = {"run_s": inside, "run_s_per_s": inside / seconds, "program_s": taken}
    for item in sorted(network.objects, key=lambda item: item.name):
        if isinstance(item, SpikeMonitor):
            found[f"{item.name}_spikes"] = int(item.num_spikes)
    return found


def profiled() -> dict[str, float]:
    """Run a program that times its code objects, and return their times in seconds."""
    run()
    return {f"{name}_s": float(taken / second) for name, taken in built().profiling_info}


def in_worker(
    stack: ExitStack, device: Device, make: Callable[[], Network], seconds: float, profile: bool = False
) -> Worker:
    """A process that has built the program, in a folder that goes with the stack."""
    worker = stack.enter_context(Worker())
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    worker(build, device, make, seconds, folder, profile)
    return worker


def profile(
    stack: ExitStack, make: Callable[[], Network], seconds: float, device: Device = "astrobrian"
) -> dict[str, float]:
    """Where the time of a network goes, code object by code object."""
    return in_worker(stack, device, make, seconds, profile=True)(profiled)
