"""Where one batch is simulated: nothing of it stays on the disk."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory
from typing import Any

from brian2 import Quantity, defaultclock

from astrobrian import use_backend

# whose programs are built once several runs have been described
_BUILT_LATER = ("cpp", "cuda")
_IN_THIS_PROCESS = ("numpy", "cython")


@contextmanager
def project(backend: str, dt: Quantity) -> Iterator[None]:
    """Choose what simulates; on "cpp" and "cuda" nothing runs before `astrobrian.build`.

    Results are to be read before it ends: code and results are in a directory that is deleted then, so that a process
    can simulate any number of batches, and many processes at the same time.

    Parameters
    ----------
    backend : str
        As in `astrobrian.use_backend`.
    dt : Quantity
        Time step.

    Examples
    --------
    >>> with project("cpp", dt=1*ms):
    ...     network.run(1*second)
    ...     build()
    """
    options: dict[str, Any] = {"build_on_run": False} if backend in _BUILT_LATER else {}
    with ExitStack() as until_then:
        if backend not in _IN_THIS_PROCESS:
            folder = TemporaryDirectory(prefix="astrobrian_", ignore_cleanup_errors=True)
            options["directory"] = until_then.enter_context(folder)
        use_backend(backend, **options)
        defaultclock.dt = dt
        until_then.enter_context(warnings.catch_warnings())
        # Brian2 looks for values beyond 1e50 also in variables of 32 bits
        by_brian = r"brian2\.groups\.group"
        warnings.filterwarnings("ignore", "overflow encountered in cast", RuntimeWarning, by_brian)
        yield
