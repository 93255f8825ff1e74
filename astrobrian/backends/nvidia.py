"""What of NVIDIA's is on this machine: the CUDA compiler, its random numbers, the driver and the GPUs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

#: Where CUDA is looked for last.
USUAL_FOLDERS = (Path("/usr/local/cuda"), Path("/opt/cuda"))

Version = tuple[int, int]


@dataclass(frozen=True)
class Gpu:
    """A GPU that programs of this process may use.

    Attributes
    ----------
    name : str
    capability : tuple of int
        Its compute capability, such as (9, 0).
    memory : str
    """

    name: str
    capability: Version
    memory: str


def answer(*command: str | Path) -> str | None:
    """What a command prints, None if it fails or doesn't exist."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def cuda_folder() -> Path | None:
    """Where the CUDA toolkit is: ``$CUDA_PATH`` if it is set, else where the `nvcc` of the path is, or a usual place."""
    if named := os.environ.get("CUDA_PATH"):
        candidates = [Path(named)]
    else:
        found = shutil.which("nvcc")
        candidates = [*([Path(found).resolve().parent.parent] if found else []), *USUAL_FOLDERS]
    # a script called nvcc that starts the real one lies in a folder without headers
    return next((each for each in candidates if _is_toolkit(each)), None)


def _is_toolkit(folder: Path) -> bool:
    return (folder / "bin" / "nvcc").exists() and (folder / "include" / "cuda_runtime.h").exists()


def nvcc() -> Path | None:
    """The CUDA compiler, None if there is none."""
    folder = cuda_folder()
    return folder and folder / "bin" / "nvcc"


def cuda_version() -> Version | None:
    """Of the CUDA compiler."""
    return _version(r"release (\d+)\.(\d+)", answer(compiler, "--version") if (compiler := nvcc()) else None)


def architectures() -> set[Version]:
    """The compute capabilities that the CUDA compiler can compile for; empty if it doesn't say."""
    listed = answer(compiler, "--list-gpu-arch") if (compiler := nvcc()) else None
    return {(int(major), int(minor)) for major, minor in re.findall(r"compute_(\d+)(\d)\b", listed or "")}


def curand_folder() -> Path | None:
    """Where ``include/curand.h`` is: in the toolkit, or in the Python package nvidia-curand, which has nothing else."""
    spec = find_spec("nvidia")
    packages = [Path(folder) for folder in (spec.submodule_search_locations or () if spec else ())]
    candidates = [
        *((folder,) if (folder := cuda_folder()) else ()),
        *(each for package in packages for each in sorted(package.glob("cu*"))),
    ]
    return next((folder for folder in candidates if (folder / "include" / "curand.h").exists()), None)


def driver_version() -> str | None:
    """Of the GPU driver, None if there is none."""
    reply = answer("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
    return reply and reply.splitlines()[0]


def driver_cuda_version() -> Version | None:
    """The newest CUDA that the GPU driver can run programs of."""
    return _version(r"CUDA (?:UMD )?Version: *(\d+)\.(\d+)", answer("nvidia-smi"))


def gpus() -> list[Gpu]:
    """Those that programs of this process may use, in the order of `nvidia-smi`."""
    reply = answer("nvidia-smi", "--query-gpu=name,compute_cap,memory.total", "--format=csv,noheader")
    found = []
    for line in (reply or "").splitlines():
        name, capability, memory = (part.strip() for part in line.rsplit(",", 2))
        major, _, minor = capability.partition(".")
        found.append(Gpu(name, (int(major), int(minor)), memory))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return found
    # names of GPUs instead of numbers, as clusters give them, aren't looked up
    numbers = [part.strip() for part in visible.split(",")]
    if any(part.startswith(("GPU-", "MIG-")) for part in numbers):
        return found
    return [found[int(part)] for part in numbers if part.isdigit() and int(part) < len(found)]


def _version(pattern: str, text: str | None) -> Version | None:
    found = re.search(pattern, text or "")
    return (int(found[1]), int(found[2])) if found else None
