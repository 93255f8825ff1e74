"""Compiled programs are kept, so that the same code is compiled once.

They are in ``programs`` in the folder that the environment variable ``ASTROBRIAN_CACHE`` names, otherwise in
``$XDG_CACHE_HOME/astrobrian`` or ``~/.cache/astrobrian``. Those that weren't used for the longest time go first.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import brian2

from astrobrian.files import write_whole

#: So many programs are kept, and of no more bytes than these together.
MOST = 200
SPACE = 500_000_000


def folder() -> Path:
    """Where programs are kept."""
    if chosen := os.environ.get("ASTROBRIAN_CACHE"):
        return Path(chosen, "programs")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "astrobrian", "programs")


def compile_command() -> list[str]:
    """The C++ compiler that `make` will call, with its arguments."""
    return shlex.split(os.environ.get("CXX", "")) or ["g++"]


def compiler() -> str | None:
    """Path of the C++ compiler that will be used, or None if there isn't one."""
    return shutil.which(compile_command()[0])


def key(made_of: Iterable[bytes]) -> str:
    """What a program is known by: what it is made of, by what, and for what machine.

    The compiler isn't asked for its version: it is another one when its file is.

    Parameters
    ----------
    made_of : iterable of bytes
        Names and contents of its sources and of the makefile.
    """
    made_by = Path(compiler() or "").resolve()
    stored = made_by.stat()
    machine = platform.machine(), *platform.libc_ver(), _processor()
    tools = made_by, stored.st_size, stored.st_mtime_ns, *compile_command()[1:], brian2.__version__
    known_by = hashlib.sha256("\n".join(map(str, (*tools, *machine))).encode())
    for part in made_of:
        known_by.update(b"\n%d\n" % len(part) + part)
    return known_by.hexdigest()[:32]


def fetch(key: str) -> bytes | None:
    """What is kept under this key, if anything is and it is whole."""
    with suppress(OSError):
        for kept in folder().glob(f"{key}-*"):
            content = kept.read_bytes()
            if kept.name == _name(key, content):
                kept.touch()  # used last
                return content
            kept.unlink()  # damaged
    return None


def keep(key: str, content: bytes) -> None:
    """Keep a program under this key; does nothing where nothing can be written."""
    with suppress(OSError):
        path = folder() / _name(key, content)
        for older in set(folder().glob(f"{key}-*")) - {path}:
            older.unlink(missing_ok=True)
        if not path.exists():
            write_whole(path, content)
            _make_room()


def _name(key: str, content: bytes) -> str:
    return f"{key}-{hashlib.sha256(content).hexdigest()[:32]}"


def _make_room() -> None:
    entries = [(path.stat(), path) for path in folder().iterdir()]
    used = 0
    for number, (entry, path) in enumerate(sorted(entries, key=lambda each: -each[0].st_mtime)):
        used += entry.st_size
        if number >= MOST or used > SPACE:
            path.unlink(missing_ok=True)


def _processor() -> str:
    """What kind it is: a folder that several machines share must not give one the instructions of another."""
    with suppress(OSError):
        described = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
        wanted = ("model name", "flags", "CPU part", "Features")
        return "\n".join(line for line in described if line.startswith(wanted))
    return f"{platform.processor()} {platform.node()}"
