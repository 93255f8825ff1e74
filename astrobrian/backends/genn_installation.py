"""Which Python runs GeNN, what is installed in it, and where GeNN is."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from astrobrian.backends.driver import answer

PACKAGES = ("brian2genn", "brian2", "numpy", "cython", "setuptools")

# Runs in the other Python: its version and those of its packages, null for what it lacks
_ASK = """
import json, platform, sys
from importlib.metadata import PackageNotFoundError, version
found = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        found[name] = None
print(json.dumps(found))
"""


def genn_python() -> str:
    """The Python that has brian2genn: ``$GENN_PYTHON``, or this one."""
    return os.environ.get("GENN_PYTHON") or sys.executable


def versions_in(python: str) -> dict[str, str | None] | None:
    """Of `PACKAGES` and of Python itself, None for what isn't installed; None altogether if it can't be started."""
    # outside of the working directory, whose files would be taken for packages
    reply = answer(python, "-I", "-c", _ASK, *PACKAGES)
    return None if reply is None else json.loads(reply)


def genn_folder() -> Path | None:
    """Where GeNN is: ``$GENN_PATH``, or where its programs are in the path."""
    if named := os.environ.get("GENN_PATH"):
        return Path(named)
    found = shutil.which("genn-buildmodel.sh")
    return Path(found).resolve().parent.parent if found else None


def genn_version(folder: Path) -> tuple[int, ...] | None:
    """Of the GeNN in a folder, None if there is none."""
    try:
        text = (folder / "version.txt").read_text()
    except OSError:
        return None
    return numbers(text)


def numbers(version: str) -> tuple[int, ...]:
    """A version to compare: ``"3.1.0rc1"`` is (3, 1)."""
    parts = version.strip().split(".")
    return tuple(
        int(part) for part in parts[: next((n for n, p in enumerate(parts) if not p.isdigit()), None)]
    )
