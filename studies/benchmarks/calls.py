"""How often the compiler is called: it is named in CXX, as a user may, by a script that notes each call and hands it on."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from astrobrian.backends import compiler


def note_calls(folder: Path) -> None:
    """From now on, in this process, note calls of the compiler in this folder."""
    path = folder / "compiler"
    if not path.exists():
        log, command = shlex.quote(str(_log(folder))), shlex.quote(str(compiler()))
        path.write_text(f'#!/bin/sh\necho "$*" >> {log}\nexec {command} "$@"\n')
        path.chmod(0o755)
    os.environ["CXX"] = str(path)


def forget_calls(folder: Path) -> None:
    """Count from zero again."""
    _log(folder).unlink(missing_ok=True)


def compilations(folder: Path) -> list[str]:
    """Arguments of each call that compiled or linked something; not of those that asked for the version."""
    log = _log(folder)
    calls = log.read_text().splitlines() if log.exists() else []
    return [call for call in calls if {"-c", "-o", "-MM"} & set(call.split())]


def _log(folder: Path) -> Path:
    return folder / "compiler.log"
