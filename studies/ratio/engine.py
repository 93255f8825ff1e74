"""Where batches run: on processes of this machine, or wherever a scheduler of dask has its workers."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import dask
from dask.system import CPU_COUNT
from dask.typing import Key
from distributed import Client, LocalCluster, as_completed, get_worker

Job = TypeVar("Job")
Found = TypeVar("Found")

# seconds in which a scheduler should answer
PATIENCE = 10.0
# that one worker ends under a job may be chance
ALLOWED_FAILURES = 1


class EngineError(RuntimeError):
    """The scheduler can't be reached, or is gone."""


def processes(backend: str) -> int:
    """How many there are on a machine by default: one on a GPU, which they would share, and otherwise one for each core."""
    return 1 if backend == "cuda" else CPU_COUNT


@contextmanager
def workers(scheduler: str | None, number: int, scratch: Path) -> Iterator[Client]:
    """A client of a scheduler; without an address, one of this machine is started.

    Parameters
    ----------
    scheduler : str, optional
        Its address, as ``"tcp://10.0.0.1:8786"``. Its workers need AstroBrian, and one thread each.
    number : int
        Of processes on this machine, if there is no address.
    scratch : Path
        Where those have their temporary files. What a killed study has left there is removed.

    Raises
    ------
    EngineError
        If no scheduler answers at the address, or it has no workers.
    """
    with ExitStack() as opened:
        if scheduler is None:
            opened.enter_context(
                dask.config.set({"distributed.scheduler.allowed-failures": ALLOWED_FAILURES})
            )
            cluster = opened.enter_context(
                LocalCluster(
                    n_workers=number,
                    threads_per_worker=1,
                    local_directory=str(scratch),
                    dashboard_address="127.0.0.1:0",
                    silence_logs=logging.CRITICAL,
                )
            )
            yield opened.enter_context(Client(cluster))
        else:
            yield opened.enter_context(_connected(scheduler))


def _connected(scheduler: str) -> Client:
    try:
        client = Client(scheduler, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise EngineError(
            f"no scheduler answers at {scheduler}: {error}; start one (`dask scheduler`), and workers (`dask worker "
            f"{scheduler} --nthreads 1`)"
        ) from error
    if not client.ncores():
        client.close()
        raise EngineError(
            f"the scheduler at {scheduler} has no workers; start some: `dask worker {scheduler} --nthreads 1`"
        )
    return client


def completed(
    client: Client, function: Callable[[Job], Found], jobs: Iterable[Job]
) -> Iterator[tuple[Job, Found | Exception]]:
    """What the function makes of each job, as it comes.

    No more jobs are out than there are workers: memory stays bounded, and none that only waits is blamed for another that
    ends its worker.

    Parameters
    ----------
    client : Client
    function : callable
        Can be pickled, like its argument and what it returns.
    jobs : iterable
        In the order in which they should begin.

    Yields
    ------
    job
    found or Exception
        What the function returned, or raised; or that the job has ended its worker, more than once.

    Raises
    ------
    EngineError
        If the scheduler is gone.
    """
    waiting = iter(jobs)
    running: dict[Key, Job] = {}
    results = as_completed()

    def begin() -> None:
        free = max(1, sum(client.ncores().values())) - len(running)
        for job in islice(waiting, free):
            future = client.submit(_in_scratch, function, job, pure=False)
            running[future.key] = job
            results.add(future)

    begin()
    for future in results:
        if future.status not in ("finished", "error"):
            raise EngineError(
                "the scheduler is gone; what was finished is kept: start the same command again"
            )
        job = running.pop(future.key)
        begin()
        yield job, future.exception() or future.result()


def _in_scratch(function: Callable[[Job], Found], job: Job) -> Found:
    """With temporary files in the worker's own folder, which is removed even if the worker is killed."""
    with (
        tempfile.TemporaryDirectory(dir=get_worker().local_directory, ignore_cleanup_errors=True) as scratch,
        patch.object(tempfile, "tempdir", scratch),
    ):
        return function(job)
