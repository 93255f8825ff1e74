"""What is installed on this machine, which backends work, and for each that doesn't, why and what to do."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from astrobrian.backends import BACKENDS, compiler, obstacle

PACKAGES = (
    "astrobrian",
    "brian2",
    "numpy",
    "scipy",
    "sympy",
    "cython",
    "matplotlib",
    "torch",
    "numba",
    "safetensors",
    "brian2cuda",
    "brian2genn",
)

# A network of two astrocytes, coupled, that is stepped, monitored and guarded: one of each kind of generated code
SMOKE_TEST = """
import sys
import numpy as np
from brian2 import StateMonitor, ms, run, umolar
from astrobrian import AstrocyteGroup, GapJunctions, use_backend
from astrobrian.equations import chi

use_backend(sys.argv[1])
astrocytes = AstrocyteGroup(2, chi, dt=10*ms)
astrocytes.I = [0.1, 0.9]*umolar
gap_junctions = GapJunctions(astrocytes, pairs=([0], [1]))
calcium = StateMonitor(astrocytes, "C", record=True)
run(100*ms)
assert calcium.C.shape == (2, 10) and np.all(calcium.C > 0*umolar), calcium.C
"""


@dataclass(frozen=True)
class BackendReport:
    """Whether a backend works here; if not, why, and what to do about it.

    Attributes
    ----------
    name : str
    works : bool
    reason, fix : str
        Empty where it works.
    seconds : float or None
        What the test simulation took, compiling included; None if it wasn't run.
    """

    name: str
    works: bool
    reason: str = ""
    fix: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Report:
    """What `doctor` found.

    Attributes
    ----------
    system : str
        Operating system, machine and number of cores.
    python : str
        Version.
    packages : dict of str to (str or None)
        Version of each package that is used where it is installed, None for the others.
    tools : dict of str to (str or None)
        C++ compiler, CUDA compiler, GPU and GeNN, None for what wasn't found.
    backends : tuple of BackendReport
    """

    system: str
    python: str
    packages: dict[str, str | None]
    tools: dict[str, str | None]
    backends: tuple[BackendReport, ...]


def doctor(timeout: float = 300) -> Report:
    """Look at this machine and run a tiny network on each backend, each in a process of its own.

    Parameters
    ----------
    timeout : float, optional
        Seconds after which a backend is given up. The first test of "cython" and of "cpp" compiles, which takes tens of
        seconds on a slow machine.

    Returns
    -------
    Report

    Examples
    --------
    >>> for backend in doctor().backends:
    ...     print(backend.name, "works" if backend.works else f"{backend.reason}: {backend.fix}")
    """
    packages = {name: _version(name) for name in PACKAGES}
    tools = _tools()
    return Report(
        system=f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} cores",
        python=platform.python_version(),
        packages=packages,
        tools=tools,
        backends=tuple(_examine(name, timeout) for name in BACKENDS),
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _tools() -> dict[str, str | None]:
    cpp, cuda = compiler(), shutil.which("nvcc")
    gpu = _output("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
    return {
        "C++ compiler": cpp and _first_line(_output(cpp, "--version")),
        "CUDA compiler": cuda and _last_line(_output(cuda, "--version")),
        "GPU": gpu,
        "GENN_PATH": os.environ.get("GENN_PATH"),
    }


def _output(*command: str) -> str | None:
    """What a command prints, None if it fails or doesn't exist."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def _first_line(text: str | None) -> str | None:
    return text and text.splitlines()[0]


def _last_line(text: str | None) -> str | None:
    return text and text.splitlines()[-1]


def _examine(name: str, timeout: float) -> BackendReport:
    if found := obstacle(name):
        return BackendReport(name, works=False, reason=found.reason, fix=found.fix)
    start = time.perf_counter()
    try:
        # -P: a folder called astrobrian in the working directory is not what is to be tested
        done = subprocess.run(
            [sys.executable, "-P", "-c", SMOKE_TEST, name],
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        return BackendReport(
            name,
            works=False,
            reason=f"a tiny network took longer than {timeout:g} s",
            fix="try again on an idle machine",
        )
    seconds = time.perf_counter() - start
    if done.returncode:
        return BackendReport(
            name,
            works=False,
            reason=_last_line(done.stderr.strip())
            or f"a tiny network ended with exit code {done.returncode}",
            fix=f'run any simulation after use_backend("{name}") to see the whole message',
            seconds=seconds,
        )
    return BackendReport(name, works=True, seconds=seconds)
