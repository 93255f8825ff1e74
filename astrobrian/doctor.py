"""What is installed on this machine, which backends work, and for each that doesn't, why and what to do."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from astrobrian.backends import BACKENDS, compiler, obstacle
from astrobrian.backends.driver import answer, driver_version, newest_cuda
from astrobrian.backends.genn_installation import genn_folder, genn_python, genn_version, versions_in
from astrobrian.backends.obstacles import installed
from astrobrian.cuda import toolkit

PACKAGES = (
    "astrobrian",
    "brian2",
    "numpy",
    "scipy",
    "sympy",
    "cython",
    "matplotlib",
    "torch",
    "safetensors",
    "brian2cuda",
)

# Neurons that excite each other, astrocytes that listen and answer, coupled, monitored and guarded: a bit of each kind of
# generated code. It ends with the astrocytes' calcium, which is the same on every backend.
SMOKE_TEST = """
import sys
from brian2 import SpikeMonitor, StateMonitor, ms, mV, pA, run, umolar
from astrobrian import AstrocyteGroup, GapJunctions, Neurons, TripartiteSynapses, use_backend
from astrobrian.equations import (cleft_glutamate, coba_lif, excitatory_conductance, gchi, gliotransmission,
                                  presynaptic_receptors, tsodyks_markram)

use_backend(sys.argv[1])
neurons = Neurons(20, coba_lif, method="euler")
neurons.I_ex, neurons.v = 250*pA, "E_l + 0.5*i*mV"
astrocytes = AstrocyteGroup(2, gchi + gliotransmission, dt=10*ms)
astrocytes.C, astrocytes.I = [0.1, 0.5]*umolar, [0.1, 0.9]*umolar
gap_junctions = GapJunctions(astrocytes, pairs=([0], [1]))
synapses = TripartiteSynapses(neurons, neurons, astrocytes, tsodyks_markram + cleft_glutamate + presynaptic_receptors
                              + excitatory_conductance)
synapses.connect("i != j")
synapses.cover(by="post", index=[0]*10 + [1]*10)
spikes, calcium = SpikeMonitor(neurons), StateMonitor(astrocytes, "C", record=True)
run(100*ms)
assert spikes.num_spikes > 0 and calcium.C.shape == (2, 10), (spikes.num_spikes, calcium.C)
print(*(repr(float(C)) for C in astrocytes.C))
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
    calcium : tuple of float
        Of the two astrocytes of the test simulation at its end, in mol/m³; empty if it wasn't run.
    """

    name: str
    works: bool
    reason: str = ""
    fix: str = ""
    seconds: float | None = None
    calcium: tuple[float, ...] = ()


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
        What isn't a Python package of this environment: compilers, GPU and its driver, GeNN and the Python that has
        brian2genn; None for what wasn't found.
    backends : tuple of BackendReport
    """

    system: str
    python: str
    packages: dict[str, str | None]
    tools: dict[str, str | None]
    backends: tuple[BackendReport, ...]


def doctor(timeout: float = 300) -> Report:
    """Look at this machine and run a small network on each backend, each in a process of its own.

    Parameters
    ----------
    timeout : float, optional
        Seconds after which a backend is given up. The first test of a backend that compiles takes tens of seconds on a
        slow machine.

    Returns
    -------
    Report

    Examples
    --------
    >>> for backend in doctor().backends:
    ...     print(backend.name, "works" if backend.works else f"{backend.reason}: {backend.fix}")
    """
    reports = [_examine(name, timeout) for name in BACKENDS]
    return Report(
        system=f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} cores",
        python=platform.python_version(),
        packages={name: installed(name) for name in PACKAGES},
        tools=_tools(),
        backends=tuple(_compared(report, reports[0]) for report in reports),
    )


def _tools() -> dict[str, str | None]:
    cpp, nvcc = compiler(), toolkit.nvcc()
    curand = toolkit.curand(nvcc) if nvcc else None
    driver = driver_version()
    gpus = (
        f"{number}: {gpu.name}, compute capability {gpu.compute_capability}"
        for number, gpu in enumerate(toolkit.gpus())
    )
    return {
        "C++ compiler": cpp and (answer(cpp, "--version") or cpp).splitlines()[0],
        "CUDA compiler": f"{nvcc} (CUDA {toolkit.version(nvcc)})" if nvcc else None,
        "cuRAND": str(curand.library) if curand else None,
        "GPU driver": driver and f"{driver} (CUDA up to {newest_cuda()})",
        "GPU": "\n".join(gpus) or None,
        "GENN_PATH": _genn(genn_folder()),
        "GENN_PYTHON": _python(genn_python()),
    }


def _genn(folder: Path | None) -> str | None:
    if folder is None:
        return None
    version = genn_version(folder)
    return f"{folder} ({'GeNN ' + '.'.join(map(str, version)) if version else 'not GeNN'})"


def _python(python: str) -> str | None:
    versions = versions_in(python)
    if versions is None or not versions["brian2genn"]:
        return None
    return f"{python} ({', '.join(f'{name} {version}' for name, version in versions.items() if version)})"


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
            reason=f"a small network took longer than {timeout:g} s",
            fix="try again on an idle machine",
        )
    seconds = time.perf_counter() - start
    if done.returncode:
        said = done.stderr.strip().splitlines()
        return BackendReport(
            name,
            works=False,
            reason=said[-1] if said else f"a small network ended with exit code {done.returncode}",
            fix=f'run any simulation after use_backend("{name}") to see the whole message',
            seconds=seconds,
        )
    calcium = tuple(map(float, done.stdout.split()[-2:]))
    return BackendReport(name, works=True, seconds=seconds, calcium=calcium)


def _compared(report: BackendReport, reference: BackendReport) -> BackendReport:
    """Whether a backend gives the same answer as another one."""
    if (
        not report.calcium
        or not reference.calcium
        or np.allclose(report.calcium, reference.calcium, rtol=1e-6)
    ):
        return report
    return replace(
        report,
        works=False,
        reason=f"a small network ends with calcium of {report.calcium} mM, and of {reference.calcium} mM on "
        f"{reference.name!r}",
        fix="please report it, with all that `astrobrian doctor --json` says",
    )
