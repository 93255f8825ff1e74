"""Which options each backend has, and which values they take."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable
from typing import Literal

import numpy as np
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice

from astrobrian.backends.features import BACKENDS

Precision = Literal["double", "single"]
PRECISIONS: dict[str, type] = {"double": np.float64, "single": np.float32}

# Beside those of Device.build, which the two that make one program have
OPTIONS = {
    "threads": ("cpp",),
    "gpu": ("cuda", "genn"),
    "directory": ("cpp", "cuda", "genn"),
    "build_on_run": ("cpp", "cuda"),
    "compile": ("cpp", "cuda", "genn"),
}


def check_name(name: str) -> None:
    """Raises ValueError if there is no such backend."""
    if name not in BACKENDS:
        close = difflib.get_close_matches(str(name), BACKENDS, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"there is no backend {name!r}, only {', '.join(BACKENDS)}{hint}")


def check_options(name: str, given: Iterable[str]) -> None:
    """Raises ValueError if one of these isn't an option of this backend.

    Parameters
    ----------
    name : str
    given : iterable of str
        Options that differ from their defaults.
    """
    of_build = dict.fromkeys(inspect.signature(CPPStandaloneDevice.build).parameters, ("cpp", "cuda"))
    backends = {**of_build, **OPTIONS}
    for option in given:
        if option not in backends:
            own = ("precision", *(each for each, theirs in OPTIONS.items() if name in theirs))
            more = ", and what Device.build of Brian2 does" if name in ("cpp", "cuda") else ""
            raise ValueError(
                f"{option} is no option of the backend {name!r}; it takes {', '.join(own)}{more}"
            )
        if name not in backends[option]:
            theirs = " and ".join(f'"{each}"' for each in backends[option])
            raise ValueError(f"{option} is an option of {theirs}, not of {name!r}")


def check_values(threads: int | None, gpu: int | None, precision: str) -> None:
    """Raises ValueError if one of these can't be that."""
    if threads is not None and (not _is_whole(threads) or threads < 1):
        raise ValueError(f"threads must be a positive whole number, got {threads!r}")
    if gpu is not None and (not _is_whole(gpu) or gpu < 0):
        raise ValueError(f"gpu is the number of a GPU, such as 0, as `nvidia-smi` lists them, got {gpu!r}")
    if precision not in PRECISIONS:
        raise ValueError(f"precision is 'double' or 'single', got {precision!r}")


def _is_whole(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool)
