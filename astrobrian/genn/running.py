"""The worker, run by the Python that has brian2genn."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from astrobrian.backends.genn_installation import genn_folder, genn_python
from astrobrian.backends.obstacles import BackendError
from astrobrian.cuda import toolkit
from astrobrian.genn import sending
from astrobrian.genn.program import Program

WORKER = Path(__file__).with_name("worker.py")


def run(
    program: Program, gpu: int | None, directory: Path | None = None, build: bool = True
) -> sending.Results | None:
    """Let GeNN run a program.

    Parameters
    ----------
    program : Program
    gpu : int or None
        Which GPU; the CPU if None.
    directory : Path, optional
        Where the program, GeNN's code and the results are left.
    build : bool, optional
        Whether what is generated is compiled and run, which needs GeNN.

    Returns
    -------
    Results or None
        None if it wasn't run.

    Raises
    ------
    BackendError
        If code can't be generated, compiled or run, with what was said about it.
    """
    with tempfile.TemporaryDirectory(prefix="astrobrian_genn_") as temporary:
        folder = Path(directory or temporary).resolve()
        shutil.rmtree(folder / "code", ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        sending.write(program, folder, gpu, build)
        _call(folder, program)
        return sending.Results.read(folder) if build else None


def _call(folder: Path, program: Program) -> None:
    command = [genn_python(), str(WORKER), str(folder)]
    with Path(folder, "output.txt").open("w+") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            failed = process.wait()
        except BaseException:  # Ctrl-C: neither make nor the program goes on
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            raise
        if failed:
            output.seek(0)
            raise BackendError(_explained(output.read(), program))


def _environment() -> dict[str, str]:
    """GeNN is told where it and CUDA are, and to optimise: its makefile doesn't ask the compiler for it."""
    compiler = shlex.join([*(shlex.split(os.environ.get("CXX", "")) or ["g++"]), "-O2"])
    environment = {"MAKEFLAGS": f"-j{os.cpu_count()}", **os.environ, "CXX": compiler}
    if folder := genn_folder():
        environment["GENN_PATH"] = str(folder)
    if nvcc := toolkit.nvcc():
        environment.setdefault("CUDA_PATH", str(nvcc.parent.parent))
    return environment


def _explained(output: str, program: Program) -> str:
    """The end of what the worker said, with the user's names."""
    kinds: dict[str, dict[str, Any]] = {
        "G": program.generators,
        "P": program.populations,
        "S": program.projections,
    }
    for letter, objects in kinds.items():
        for number, name in enumerate(objects):
            output = re.sub(rf"\b{letter}{number}\b", name, output)
    lines = [line for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line.lower()][:5]
    return "\n".join(["GeNN could not run this network:", *errors, *lines[-15:]])
