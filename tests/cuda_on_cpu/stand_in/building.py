"""Compiling a project for the CPU, in the place of what Brian2CUDA does with nvcc."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from stand_in.rewriting import rewrite

HERE = Path(__file__).resolve().parents[1]
#: What a run can look for, and what it takes: "races" are found by ThreadSanitizer, "addresses" by AddressSanitizer.
SANITIZERS = {
    None: [],
    "races": ["-fsanitize=thread", "-g"],
    "addresses": ["-fsanitize=address", "-g"],
}
_COMPILER = ["g++", "-std=c++17", "-O0", "-w", f"-I{HERE / 'include'}"]
_HEADERS = [
    *("cuda_runtime.h", "curand.h", "curand_kernel.h", "stand_in/thrust.h"),
    *("chrono", "fstream", "functional", "iomanip", "iostream", "map", "set", "string", "tuple", "vector"),
]


@contextmanager
def on_cpu(
    device: Any, *, look_for: str | None = None, order: int = 1, guard: bool = False
) -> Iterator[None]:
    """Let the programs of a device be compiled for the CPU and run there, as long as this context lasts.

    Parameters
    ----------
    device : brian2cuda.device.CUDAStandaloneDevice
        Or one derived from it.
    look_for : {None, "races", "addresses"}
        Data races between the threads of a kernel, or reads and writes outside of what was allocated. Either ends the
        run with an error.
    order : int
        Seed of the order in which blocks and threads run.
    guard : bool
        Whether a program whose host code touches device memory is stopped. Slower.

    Examples
    --------
    >>> with on_cpu(device, look_for="races"):
    ...     device.build()
    """

    def compile_source(directory: str, *_: object) -> None:
        compile_for_cpu(Path(directory), look_for)

    before = dict(os.environ)
    os.environ.update(settings(look_for, order, guard))
    device.compile_source = compile_source
    try:
        yield
    finally:
        del device.compile_source
        os.environ.clear()
        os.environ.update(before)


def compile_for_cpu(project: Path, look_for: str | None = None) -> Path:
    """Compile a project; the program is where nvcc would have put it.

    Raises
    ------
    RuntimeError
        If it doesn't compile.
    """
    copy = project / "on_cpu" / str(look_for)
    rewrite(project, copy)
    prepared = _prepared(look_for)
    flags = [*SANITIZERS[look_for], "-include", str(prepared / "everything.h"), f"-I{copy}"]

    def compile_one(source: str) -> str:
        object_file = str(copy / source) + ".o"
        _call([*_COMPILER, *flags, "-c", "-x", "c++", str(copy / source), "-o", object_file])
        return object_file

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_one, _sources(project)))
    program = project / "main"
    _call([*_COMPILER, *SANITIZERS[look_for], *objects, *map(str, prepared.glob("*.o")), "-o", str(program)])
    return program


def settings(look_for: str | None = None, order: int = 1, guard: bool = False) -> dict[str, str]:
    """What a program reads from its environment."""
    chosen = {"STAND_IN_SEED": str(order)}
    if guard:
        chosen["STAND_IN_GUARD"] = "1"
    if look_for == "races":
        chosen["TSAN_OPTIONS"] = f"halt_on_error=1:suppressions={HERE / 'known_races.txt'}"
    if look_for == "addresses":
        # what is left at the end of a program is nobody's error here
        chosen["ASAN_OPTIONS"] = "detect_leaks=0"
    return chosen


def _sources(project: Path) -> list[str]:
    """What the makefile gives to the compiler: Brian2CUDA's all files, AstroBrian's one that includes them."""
    if (project / "program.cu").exists():
        return ["program.cu"]
    found = re.search(r"^SRCS = (.*)$", (project / "makefile").read_text(), re.MULTILINE)
    assert found, "the makefile names no sources"
    return found[1].split()


@cache
def _prepared(look_for: str | None) -> Path:
    """A folder with the headers compiled in advance, and with the runtime."""
    folder = Path(tempfile.mkdtemp(prefix="cuda_on_cpu_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    header = folder / "everything.h"
    header.write_text("".join(f"#include <{name}>\n" for name in _HEADERS))
    flags = SANITIZERS[look_for]
    _call([*_COMPILER, *flags, "-x", "c++-header", str(header), "-o", f"{header}.gch"])
    if look_for == "races":  # the scheduler's own memory is nobody's race
        flags = ["-DSTAND_IN_FINDS_RACES=1"]
    for source in (HERE / "runtime").glob("*.cpp"):
        _call([*_COMPILER, "-O2", *flags, "-c", str(source), "-o", str(folder / f"{source.stem}.o")])
    return folder


def _call(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-5000:]}")
