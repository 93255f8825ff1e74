"""What stands in the way of a backend on this machine, and what to do about it."""

from __future__ import annotations

import platform
import shutil
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from brian2 import prefs

from astrobrian.backends.driver import compute_capabilities, driver_version, newest_cuda
from astrobrian.backends.genn_installation import genn_folder, genn_python, genn_version, numbers, versions_in
from astrobrian.cuda import toolkit
from astrobrian.standalone.programs import compile_command, compiler

INSTALL_COMPILER = (
    "install it (Debian or Ubuntu: `sudo apt install g++ make`; Fedora: `sudo dnf install gcc-c++ make`; conda: "
    "`conda install -c conda-forge cxx-compiler make`; macOS: `xcode-select --install`; Windows: Build Tools for "
    "Visual Studio) or name another in the environment variable CXX"
)
OTHERWISE = ', or use_backend("numpy")'
WITHOUT_GPU = {
    "cuda": ', or use_backend("cuda", run=False) to compile only',
    "genn": ", or leave gpu out to run on the CPU",
}
#: The versions that were tried together.
FOR_CUDA = {"brian2cuda": "1.0b1", "brian2": "2.10.1"}
FOR_GENN = {"brian2genn": "1.7.0", "brian2": "2.5.4"}
# Their metadata lacks these
FOR_GENN_BELOW = {"numpy": "2", "cython": "3.1", "setuptools": "82"}
GENN_ENVIRONMENT = "make an environment for it, `make genn-env PYTHON=python3.11`, and `export GENN_PYTHON=$PWD/.venv-genn/bin/python`"
INSTALL_GENN = "`git clone --branch 4.9.0 https://github.com/genn-team/genn` and `export GENN_PATH=$PWD/genn`"


class BackendError(RuntimeError):
    """A backend that can't be used here, or not in this way."""


@dataclass(frozen=True)
class Obstacle:
    """Why a backend can't be used, and what to do about it."""

    reason: str
    fix: str


def obstacle(name: str, *, gpu: int | None = None, compile: bool = True, run: bool = True) -> Obstacle | None:
    """What stands in the way of a backend on this machine, or None.

    Parameters
    ----------
    name : {"numpy", "cython", "cpp", "cuda", "genn"}
    gpu : int, optional
        Which one is wanted, see `astrobrian.use_backend`.
    compile, run : bool, optional
        "cuda", "genn": whether programs are to be compiled, and run, on this machine.
    """
    obstacles: dict[str, Callable[[], Iterator[Obstacle]]] = {
        "numpy": lambda: iter(()),
        "cython": _of_cython,
        "cpp": _of_cpp,
        "cuda": lambda: _of_cuda(gpu or 0, compile, compile and run),
        "genn": lambda: _of_genn(gpu, compile),
    }
    return next(obstacles[name](), None)


def _of_compiler() -> Iterator[Obstacle]:
    # on Windows Brian2 looks for Visual Studio itself, and says so
    if sys.platform != "win32" and compiler() is None:
        yield Obstacle(
            f"the C++ compiler {compile_command()[0]} is not installed", INSTALL_COMPILER + OTHERWISE
        )


def _of_cython() -> Iterator[Obstacle]:
    yield from _of_compiler()
    if sys.platform == "win32":
        return
    if find_spec("Cython") is None:
        yield Obstacle("Cython is not installed", "`pip install cython`" + OTHERWISE)
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        yield Obstacle(
            "Python's C headers (Python.h) are missing",
            "install them (Debian or Ubuntu: `sudo apt install python3-dev`)" + OTHERWISE,
        )


def _of_cpp() -> Iterator[Obstacle]:
    yield from _of_compiler()
    if sys.platform != "win32" and shutil.which(prefs.devices.cpp_standalone.make_cmd_unix) is None:
        yield Obstacle(
            "`make` is not installed", "install it (Debian or Ubuntu: `sudo apt install make`)" + OTHERWISE
        )


def _of_cuda(gpu: int, compiles: bool, runs: bool) -> Iterator[Obstacle]:
    if sys.version_info < (3, 12):
        yield Obstacle(
            f"Brian2CUDA needs Python 3.12, this is {platform.python_version()}",
            "make an environment for it, `make cuda-env PYTHON=python3.12`",
        )
    for package, wanted in FOR_CUDA.items():
        if (found := installed(package)) != wanted:
            yield Obstacle(
                f"{package} {wanted} is needed and {found or 'none'} is installed",
                f"`pip install {' '.join(f'{name}=={number}' for name, number in FOR_CUDA.items())}`",
            )
    if compiles:
        yield from _of_cpp()
        yield from _of_toolkit()
    if runs:
        yield from _of_gpu(gpu, WITHOUT_GPU["cuda"])


def _of_toolkit() -> Iterator[Obstacle]:
    nvcc = toolkit.nvcc()
    if nvcc is None:
        yield Obstacle(
            "CUDA's compiler, nvcc, is not installed",
            "install the CUDA toolkit (https://developer.nvidia.com/cuda-downloads); if it is there, say where: "
            "`export CUDA_PATH=/usr/local/cuda`",
        )
    elif toolkit.curand(nvcc) is None:
        package = "nvidia-curand" if toolkit.version(nvcc) >= 13 else "nvidia-curand-cu12"
        yield Obstacle("CUDA's random numbers, cuRAND, are not installed", f"`pip install {package}`")


def _of_gpu(number: int, otherwise: str) -> Iterator[Obstacle]:
    if driver_version() is None:
        yield Obstacle(
            "there is no NVIDIA GPU, or no driver for it (nvidia-smi doesn't answer)",
            f"install one (Ubuntu: `sudo ubuntu-drivers install`) and restart{otherwise}",
        )
    gpus, nvcc = toolkit.gpus(), toolkit.nvcc()
    assert nvcc is not None  # that was looked at before
    if number >= len(gpus):
        there = ", ".join(f"{n} ({gpu.name})" for n, gpu in enumerate(gpus)) or "none"
        yield Obstacle(
            f"there is no GPU {number} that programs may use, only {there}",
            f"give another number in gpu=..., or name more in CUDA_VISIBLE_DEVICES if it is set{otherwise}",
        )
    cuda, newest = toolkit.version(nvcc), newest_cuda()
    if newest and int(cuda) > int(newest):
        yield Obstacle(
            f"nvcc is of CUDA {cuda}, and the driver only runs programs of CUDA {newest}",
            f"install a newer driver (Ubuntu: `sudo ubuntu-drivers install`), or CUDA {int(newest)} and `export "
            f"CUDA_PATH=/usr/local/cuda-{int(newest)}`{otherwise}",
        )
    capability, known = gpus[number].compute_capability, compute_capabilities(nvcc)
    if known and capability not in known:
        yield Obstacle(
            f"{gpus[number].name} has compute capability {capability}, for which nvcc of CUDA {cuda} can't compile",
            f"install {'an older' if capability < min(known) else 'a newer'} CUDA and `export "
            f"CUDA_PATH=/usr/local/cuda`{otherwise}",
        )


def _of_genn(gpu: int | None, compiles: bool) -> Iterator[Obstacle]:
    yield from _of_genn_python(genn_python())
    if compiles:
        yield from _of_genn_folder()
        yield from _of_cpp()
    if compiles and gpu is not None:
        yield from _of_toolkit()
        yield from _of_gpu(gpu, WITHOUT_GPU["genn"])


def _of_genn_python(python: str) -> Iterator[Obstacle]:
    versions = versions_in(python)
    if versions is None:
        yield Obstacle(f"GENN_PYTHON={python} isn't a Python that can be started", GENN_ENVIRONMENT)
        return
    if versions["brian2genn"] is None:
        where = "this Python, and GENN_PYTHON is not set" if python == sys.executable else python
        yield Obstacle(f"brian2genn is not installed in {where}", GENN_ENVIRONMENT)
        return
    for package, wanted in FOR_GENN.items():
        if (found := versions[package]) != wanted:
            yield Obstacle(
                f"{package} {wanted} is needed and {found or 'none'} is installed in {python}",
                f"`{python} -m pip install {package}=={wanted}`",
            )
    for package, bound in FOR_GENN_BELOW.items():
        if (found := versions[package]) is not None and numbers(found) >= numbers(bound):
            yield Obstacle(
                f"{package} {found} is installed in {python}, and brian2genn needs one below {bound}",
                f"`{python} -m pip install '{package}<{bound}'`",
            )


def _of_genn_folder() -> Iterator[Obstacle]:
    folder = genn_folder()
    if folder is None:
        yield Obstacle("GENN_PATH is not set", INSTALL_GENN)
        return
    found = genn_version(folder)
    if found is None or not (folder / "bin" / "genn-buildmodel.sh").exists():
        yield Obstacle(f"GENN_PATH={folder} is not GeNN", INSTALL_GENN)
    elif found[0] != 4:
        yield Obstacle(
            f"GENN_PATH={folder} is GeNN {_dotted(found)}, and brian2genn needs GeNN 4", INSTALL_GENN
        )


def installed(package: str) -> str | None:
    """The version of a package of this Python, None if it isn't installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
