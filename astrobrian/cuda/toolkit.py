"""NVIDIA's tools on this machine: compiler, random numbers, GPUs.

A bare installation of nvcc lacks cuRAND, which every program of Brian2CUDA needs, and the library of the PyPI package
``nvidia-curand``, where it can be had, isn't where the linker looks. Both are found here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Curand:
    """Where cuRAND is.

    Parameters
    ----------
    include : Path
        The folder of ``curand.h``.
    library : Path
        The shared library.
    """

    include: Path
    library: Path


@dataclass(frozen=True)
class GPU:
    """What the driver says about a GPU.

    Parameters
    ----------
    name : str
    compute_capability : float
        Such as 9.0.
    """

    name: str
    compute_capability: float


def nvcc() -> Path | None:
    """The compiler: in CUDA_PATH or CUDA_HOME, in PATH, or where NVIDIA puts it; None if there is none."""
    folders = [os.environ.get("CUDA_PATH"), os.environ.get("CUDA_HOME")]
    found = [shutil.which("nvcc", path=str(Path(folder, "bin"))) for folder in folders if folder]
    found += [shutil.which("nvcc"), shutil.which("nvcc", path="/usr/local/cuda/bin:/opt/cuda/bin")]
    return next((Path(path).absolute() for path in found if path), None)


@cache
def version(compiler: Path) -> float:
    """The version of CUDA that a compiler belongs to, such as 13.0; raises RuntimeError if it doesn't say."""
    said = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout
    release = re.search(r"release (\d+\.\d+)", said)
    if release is None:
        raise RuntimeError(f"{compiler} --version doesn't name a release of CUDA")
    return float(release[1])


def curand(compiler: Path) -> Curand | None:
    """cuRAND of the toolkit that the compiler belongs to, or of the package ``nvidia-curand``; None if there is none."""
    toolkit = compiler.resolve().parent.parent
    folders = [toolkit, *toolkit.glob("targets/*"), *_packages()]
    for folder in folders:
        libraries = sorted((*folder.glob("lib64/libcurand.so*"), *folder.glob("lib/libcurand.so*")))
        if libraries and (folder / "include/curand.h").exists():
            return Curand(folder / "include", libraries[0])
    return None


def _packages() -> list[Path]:
    """Folders of NVIDIA's packages for Python: ``nvidia/cu13``, or ``nvidia/curand`` for older versions of CUDA."""
    nvidia = find_spec("nvidia")
    locations = nvidia.submodule_search_locations if nvidia else None
    return [folder for location in locations or () for folder in sorted(Path(location).iterdir())]


@cache
def gpus() -> tuple[GPU, ...]:
    """The GPUs that programs may use, in the order of the driver or of ``$CUDA_VISIBLE_DEVICES``; empty without driver."""
    command = ["nvidia-smi", "--query-gpu=name,compute_cap", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ()
    described = (line.rsplit(",", 1) for line in said.splitlines() if line.strip())
    found = tuple(GPU(name.strip(), float(capability)) for name, capability in described)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if (
        visible is None or "GPU-" in visible or "MIG-" in visible
    ):  # names of GPUs, as GPU-5fd3..., aren't looked up
        return found
    numbers = [int(number) for number in visible.split(",") if number.strip().isdigit()]
    return tuple(found[number] for number in numbers if number < len(found))
