"""The study from its settings to its report, in one results folder."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from distributed import Client

from astrobrian.progress import Progress
from astrobrian.standalone import programs
from astrobrian.studies.ratio.batch import run_batch
from astrobrian.studies.ratio.constants import Series
from astrobrian.studies.ratio.echo_state import EchoRow, reference
from astrobrian.studies.ratio.engine import completed, processes, workers
from astrobrian.studies.ratio.needs import check_backend
from astrobrian.studies.ratio.report import write_report
from astrobrian.studies.ratio.running import run_missing
from astrobrian.studies.ratio.settings import Settings
from astrobrian.studies.ratio.store import Store
from astrobrian.studies.ratio.table import frame
from astrobrian.studies.results import Results

ECHO_STATE = "echo_state.json"
"""The file of `EchoRow`."""


def run_ratio(
    out: str | Path,
    settings: Settings | None = None,
    scheduler: str | None = None,
    number: int | None = None,
    progress: Progress | None = None,
) -> Results:
    """Run a study, or what is left of it, and report it.

    Parameters
    ----------
    out : str or Path
        The results folder. A study that was stopped there, in whatever way, goes on where it was.
    settings : Settings, optional
    scheduler : str, optional
        Address of a scheduler of dask whose workers are to be used; otherwise processes are started here.
    number : int, optional
        How many of them; by default one for each core, and one on "cuda", since they would share the GPU.
    progress : Progress, optional
        Is told how many batches are done and how long the others will take.

    Raises
    ------
    StoreError
        If the folder has a study with other settings, or another process is at work there.
    BackendError
        If the backend can't be used here.
    EngineError
        If the scheduler can't be reached, or is gone.
    ResultsError
        If the folder can't be written.

    Examples
    --------
    >>> run_ratio("results/ratio", Settings(seeds=2)).figures["trials"]
    """
    settings = settings or Settings()
    if scheduler is None:
        check_backend(settings.backend)
    with (
        Store(out, settings) as store,
        Results(out, "ratio", settings.seed, settings.backend, settings.described()) as results,
    ):
        with workers(scheduler, number or processes(settings.backend), Path(out, "scratch")) as client:
            results.stage("networks")
            with _measured(store, results):
                run_missing(client, [store], run_batch, progress)
            results.stage("echo state networks")
            echo = Path(out, ECHO_STATE)
            if not echo.exists():
                rows = _echo_state(client, settings, progress)
                results.save_text(json.dumps(rows, indent=1), ECHO_STATE)
        results.stage("report")
        write_report(results, frame(store.trials()), json.loads(echo.read_text()), settings)
    return results


@contextmanager
def _measured(store: Store, results: Results) -> Iterator[None]:
    """Keep what was counted and how long it took, also of a part."""
    before, known, start = store.counts(), _programs(), time.perf_counter()
    try:
        yield
    finally:
        counts, minutes = store.counts(), (time.perf_counter() - start) / 60
        results.figures |= counts
        results.figures["worker_minutes"] = store.worker_seconds() / 60
        results.figures["networks_per_minute"] = (counts["networks"] - before["networks"]) / minutes
        results.figures["programs_compiled"] = len(_programs() - known)


def _programs() -> set[Path]:
    """Those that are kept on this machine."""
    return set(programs.folder().glob("*"))


def _echo_state(client: Client, settings: Settings, progress: Progress | None) -> list[dict[str, Any]]:
    """Echo state networks on the same tasks, in the order of tasks and seeds."""
    jobs = [(task, seed) for seed in settings.all_seeds for task in settings.tasks]
    found: dict[tuple[str, int], list[EchoRow]] = {}
    for job, rows in completed(client, partial(_of_one, settings.constants.series), jobs):
        if isinstance(rows, Exception):
            raise rows
        found[job] = rows
        if progress is not None:
            progress("echo state networks", len(found) / len(jobs), f"{len(found)} of {len(jobs)} tasks")
    return [asdict(row) for job in sorted(found) for row in found[job]]


def _of_one(series: Series, job: tuple[str, int]) -> list[EchoRow]:
    task, seed = job
    return reference([task], [seed], series)
