"""How far long work has come; of a simulation, while it compiles and while it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from brian2 import Quantity, get_device, prefs, second
from brian2.devices.device import RuntimeDevice

from astrobrian.standalone import StandaloneDevice

Progress = Callable[[str, float, str], None]
"""Is called with the stage, the part of it that is done (0 to 1), and the same in words."""

# the compiled program leaves the part done in its own folder
_TELL = 'std::ofstream("progress") << completed;'


@contextmanager
def reporting(progress: Progress | None, duration: Quantity) -> Iterator[dict[str, Any]]:
    """The arguments of `brian2.run` that let it tell how far it has come, on any backend.

    Parameters
    ----------
    progress : callable, optional
        Called with the stage (``"compile"`` or ``"simulate"``), the part of it that is done (0 to 1) and the same in
        words. From another thread if the backend compiles a program.
    duration : Quantity
        How long the simulation runs.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C ended the simulation early (`brian2.run` itself returns as if nothing had happened) or the compiler.

    Examples
    --------
    >>> with reporting(print, 2*second) as report:
    ...     run(2*second, **report)
    """
    device = get_device()
    if progress is None:
        yield {}
    elif isinstance(device, RuntimeDevice):
        yield {
            "report": lambda _elapsed, done, *_: progress(*_simulated(done, duration)),
            "report_period": 0.5 * second,
        }
    else:
        with _terminal_left_alone(), _watching(progress, duration):
            yield {"report": _TELL, "report_period": 0.5 * second}
    # nothing has run yet where a program is built later
    if getattr(device, "_last_run_completed_fraction", 1.0) < 1 - 1e-6:
        raise KeyboardInterrupt


@contextmanager
def _terminal_left_alone() -> Iterator[None]:
    """Brian2 would send all output to a file while it compiles, progress too; here make is silent instead."""
    compiling = prefs.devices.cpp_standalone
    redirection, make_args = prefs.logging.std_redirection, compiling.extra_make_args_unix
    prefs.logging.std_redirection = False
    compiling.extra_make_args_unix = [*make_args, "--silent"]
    try:
        yield
    finally:
        prefs.logging.std_redirection = redirection
        compiling.extra_make_args_unix = make_args


@contextmanager
def _watching(progress: Progress, duration: Quantity) -> Iterator[None]:
    """Tell how far a standalone project has come, from another thread."""
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(progress, duration, over), daemon=True)
    watch.start()
    try:
        yield
    except RuntimeError as error:
        if "failed (error code: 2)" in str(error):  # make was ended by signal 2, Ctrl-C
            raise KeyboardInterrupt from error
        raise
    finally:
        over.set()
        watch.join()
    progress(*_simulated(getattr(get_device(), "_last_run_completed_fraction", 0.0), duration))


def _simulated(done: float, duration: Quantity) -> tuple[str, float, str]:
    whole = float(duration / second)
    return "simulate", done, f"{done * whole:.3g} of {whole:.3g} s"


def _watch(progress: Progress, duration: Quantity, over: threading.Event) -> None:
    """Tell what the files of a standalone project say, until it is over."""
    begin = time.time()
    while not over.wait(0.5):
        if (project := get_device().project_dir) is not None:
            with suppress(OSError, ValueError):  # files come, go and are half written while it compiles
                progress(*_progress_of(Path(project), begin, duration))


def _progress_of(project: Path, begin: float, duration: Quantity) -> tuple[str, float, str]:
    told = project / "progress"
    if told.exists() and told.stat().st_mtime >= begin:  # an older one is of an earlier run
        return _simulated(float(told.read_text()), duration)
    sources = [project / name for name in _compiled_sources()]
    built = sum(_is_built(source) for source in sources)
    return "compile", built / len(sources) if sources else 0.0, f"{built} of {len(sources)} files"


def _compiled_sources() -> set[str]:
    device = get_device()
    if isinstance(device, StandaloneDevice):
        return device.compiled_sources
    return device.writer.source_files if device.writer else set()


def _is_built(source: Path) -> bool:
    target = source.with_suffix(".o")
    return target.exists() and target.stat().st_mtime >= source.stat().st_mtime
