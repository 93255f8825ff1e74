"""Python processes of their own, so that nothing of one measurement is left for the next."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Worker:
    """A fresh Python process that calls functions, one after the other, and keeps what they leave in their modules.

    Use it as a context manager.

    Examples
    --------
    >>> with Worker() as worker:
    ...     worker(os.getpid)
    """

    def __enter__(self) -> Self:
        self._pool = ProcessPoolExecutor(1, get_context("spawn"), _end_quietly)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function returns there; an exception is raised here."""
        return self._pool.submit(function, *args, **kwargs).result()


def _end_quietly() -> None:
    """Ctrl-C reaches this process too; who has called it says what there is to say."""
    signal.signal(signal.SIGINT, lambda *_: sys.exit(1))


def in_fresh_process(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What the function returns in a process of its own."""
    with Worker() as worker:
        return worker(function, *args, **kwargs)
