"""On what something was measured: the machine, the compiler, and the versions of everything that takes part."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from brian2.codegen.cpp_prefs import get_compiler_and_args

from astrobrian.backends import compiler
from astrobrian.standalone import vector_loops
from astrobrian.studies import results

MEASURED = ("astrobrian", "astrobrian.equations")
PACKAGES = ("astrobrian", "brian2", "numpy", "sympy")


def stamp(rooms: Sequence[str] = (), packages: Sequence[str] = ()) -> dict[str, Any]:
    """Machine, versions and source: measurements with the same stamp belong together.

    Parameters
    ----------
    rooms, packages : sequence of str, optional
        What takes part beside `MEASURED` and `PACKAGES`.
    """
    versions = results.versions()
    return {
        "machine": machine(),
        "compiler": {"version": compiler_version(), "flags": " ".join(flags())},
        "versions": {name: versions[name] for name in ("python", *PACKAGES, *packages) if name in versions},
        "source": source_digest(rooms),
    }


def machine() -> dict[str, Any]:
    """Processor, cores, caches, memory and system; nothing that names this very machine."""
    return {
        "processor": results.machine()["processor"],
        "cores": os.cpu_count(),
        "caches": caches(),
        "memory_GiB": memory(),
        "system": system(),
    }


def caches() -> dict[str, str]:
    """Size of each cache that the first core sees; empty where the system doesn't tell."""
    found = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        with suppress(OSError):
            level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
            found[f"L{level} {kind.lower()}"] = size
    return found


def memory() -> float | None:
    """Memory in GiB; None where the system doesn't tell."""
    with suppress(ValueError, OSError, AttributeError):
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    return None


def system() -> str:
    """Name and version of the operating system."""
    with suppress(OSError):
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {platform.machine()}"
    return f"{platform.system()} {platform.release()}, {platform.machine()}"


def compiler_version() -> str | None:
    """What the C++ compiler says of itself; None if there isn't one."""
    if (command := compiler()) is None:
        return None
    said = subprocess.run([command, "--version"], check=False, capture_output=True, text=True).stdout
    return said.partition("\n")[0]


def flags() -> list[str]:
    """What both sides of a row give the compiler."""
    return [*get_compiler_and_args()[1], *vector_loops.flags()]


def source_digest(rooms: Sequence[str] = ()) -> str:
    """A digest of the source of what is measured, which the results themselves are no part of."""
    digest = hashlib.sha256()
    for folder in map(_folder, (*MEASURED, *rooms)):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(folder).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def commit() -> str | None:
    """The commit of the source, with ``+`` if it has been changed since; None where it isn't in a repository."""
    with suppress(OSError, subprocess.CalledProcessError):
        _git("ls-files", "--error-unmatch", "__init__.py")
        return _git("describe", "--always", "--dirty=+", "--exclude=*")
    return None


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(_folder("astrobrian")), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _folder(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None and spec.submodule_search_locations
    return Path(next(iter(spec.submodule_search_locations)))
