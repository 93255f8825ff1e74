"""What stands in the way of a backend on this machine, and what to do about it."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from brian2 import prefs

from astrobrian.standalone.programs import compile_command, compiler

INSTALL_COMPILER = (
    "install it (Debian or Ubuntu: `sudo apt install g++ make`; Fedora: `sudo dnf install gcc-c++ make`; conda: "
    "`conda install -c conda-forge cxx-compiler make`; macOS: `xcode-select --install`; Windows: Build Tools for "
    "Visual Studio) or name another in the environment variable CXX"
)


class BackendError(RuntimeError):
    """A backend that can't be used here, or not in this way."""


@dataclass(frozen=True)
class Obstacle:
    """Why a backend can't be used, and what to do about it."""

    reason: str
    fix: str


def obstacle(name: str) -> Obstacle | None:
    """What stands in the way of a supported backend on this machine, or None.

    Parameters
    ----------
    name : {"numpy", "cython", "cpp"}
    """
    if name == "numpy":
        return None
    otherwise = ', or use_backend("numpy")'
    if sys.platform == "win32":
        return None  # Brian2 looks for Visual Studio itself, and says so
    if compiler() is None:
        return Obstacle(
            f"the C++ compiler {compile_command()[0]} is not installed", INSTALL_COMPILER + otherwise
        )
    if name == "cython":
        if find_spec("Cython") is None:
            return Obstacle("Cython is not installed", "`pip install cython`" + otherwise)
        if not Path(sysconfig.get_path("include"), "Python.h").exists():
            return Obstacle(
                "Python's C headers (Python.h) are missing",
                "install them (Debian or Ubuntu: `sudo apt install python3-dev`)" + otherwise,
            )
    elif shutil.which(prefs.devices.cpp_standalone.make_cmd_unix) is None:
        return Obstacle(
            "`make` is not installed", "install it (Debian or Ubuntu: `sudo apt install make`)" + otherwise
        )
    return None
