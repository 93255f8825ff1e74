"""From C++ text to functions that Python can call.

A library has a plain C interface and includes nothing of Torch, so that it compiles in about a second; what was compiled
once is kept with the programs of the C++ device.
"""

from __future__ import annotations

import ctypes
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from astrobrian.standalone import programs

# contraction would round an expression differently in a vector and in what is left over of it
PLAIN = ("-std=c++17", "-O3", "-ffp-contract=off", "-fPIC", "-shared")
FLAGS = (*PLAIN, "-march=native", "-fopenmp")
"""What a library is compiled with; a compiler that doesn't know the last two gets the others."""

NO_COMPILER = (
    "the fused operators are compiled when they are first used, and there is no C++ compiler {}: install one, name it in the "
    "environment variable CXX, or pass fused=False"
)


def available() -> bool:
    """Whether there is a C++ compiler."""
    return programs.compiler() is not None


@cache
def library(source: str) -> ctypes.CDLL:
    """What a C++ text compiles to, loaded.

    Raises
    ------
    RuntimeError
        If there is no compiler, or it fails.
    """
    command = programs.compile_command()
    if not available():
        raise RuntimeError(NO_COMPILER.format(command[0]))
    key = programs.key([source.encode(), " ".join(FLAGS).encode()])
    with TemporaryDirectory(prefix="astrobrian-") as folder:
        path = Path(folder, "kernel.so")
        if kept := programs.fetch(key):
            path.write_bytes(kept)
        else:
            path.with_suffix(".cpp").write_text(source, encoding="utf-8")
            if (
                _compile(command, FLAGS, path).returncode
                and (done := _compile(command, PLAIN, path)).returncode
            ):
                raise RuntimeError(
                    f"{' '.join(command)} can't compile a fused operator; name another compiler in the environment variable "
                    f"CXX, or pass fused=False\n{done.stderr}"
                )
            programs.keep(key, path.read_bytes())
        return ctypes.CDLL(str(path))  # mapped: the file may go


def _compile(command: list[str], flags: tuple[str, ...], path: Path) -> subprocess.CompletedProcess:
    whole = [*command, *flags, str(path.with_suffix(".cpp")), "-o", str(path)]
    return subprocess.run(whole, capture_output=True, text=True, check=False)
