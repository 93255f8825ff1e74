"""Both regimes in both loops, each distilled beside the models that people would use instead."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import replace
from multiprocessing.managers import SyncManager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import torch

from astrobrian.bridges import Fit, Trains
from astrobrian.progress import Progress
from astrobrian.studies.distillation.natural import natural_trains
from astrobrian.studies.distillation.part import Part, run_part
from astrobrian.studies.distillation.table import bars, table
from astrobrian.studies.figures import check_plotting
from astrobrian.studies.results import Results

ORDERS = (2, 4, 6, 8, 10)
"""Numbers of astrocytes of a bank that are tried. Chosen here."""


def parts(backend: str, seed: int, effort: float, orders: tuple[int, ...] = ORDERS) -> list[Part]:
    """The four parts of the study; the order is chosen in the closed loops."""
    settings = Fit(effort=effort, seed=seed)
    found = [Part(regime, loop, backend, settings) for loop in ("closed", "open") for regime in ("AM", "FM")]
    return [
        replace(
            part,
            protocol=replace(part.protocol, seed=seed),
            orders=orders if part.loop == "closed" else (),
        )
        for part in found
    ]


def run_study(
    out: str | Path,
    backend: str = "cpp",
    seed: int = 0,
    effort: float = 1.0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Results:
    """Run the parts that aren't there yet, each in a process of its own, and tell what all of them found.

    Parameters
    ----------
    out : str or Path
        The results folder, with a folder for each part. A part that is complete there with the same settings isn't run again.
    backend : str, optional
        As in `astrobrian.use_backend`.
    seed : int, optional
    effort : float, optional
        What the numbers of updates of all fits are multiplied with.
    workers : int, optional
        Processes at once; one for each processor core unless given.
    progress : Progress, optional

    Returns
    -------
    Results
        Its figures are the scores of every model in every part, and whether the bars are met.

    Raises
    ------
    ResultsError
        If the folder can't be written, or matplotlib isn't there to plot.
    ValueError
        If there are no workers.

    Examples
    --------
    >>> run_study("results/distillation").figures["bars"]
    """
    check_plotting()
    if workers is not None and workers < 1:
        raise ValueError(f"at least one worker is needed, not {workers}")
    with Results(out, "distill --study", seed=seed, backend=backend, settings={"effort": effort}) as results:
        wanted = parts(backend, seed, effort)
        results.stage("parts")
        _run(wanted, results.folder, workers or os.cpu_count() or 1, progress)
        found = table(results.folder, wanted)
        results.figures["bars"] = bars(found)
        results.save_text("table.csv", found.to_csv(index=False))
    return results


def _run(wanted: Sequence[Part], folder: Path, workers: int, progress: Progress | None) -> None:
    missing = [part for part in wanted if not part.is_done(folder / part.name)]
    if not missing:
        return
    # the same for all parts, whose astrocytes have as many synapses
    one = missing[0]
    given = natural_trains(one.protocol, one.ensemble, one.natural, one.backend, progress)
    context = multiprocessing.get_context("spawn")  # Brian2 and Torch don't survive a fork
    manager = SyncManager(ctx=context)
    manager.start(_end_with_the_study)
    with manager, _pool(workers, context) as pool:
        words = manager.Queue()
        running = [pool.submit(_in_worker, part, folder / part.name, given, words) for part in missing]
        try:
            for name, stage, done, message in _heard(words, running):
                if progress is not None:
                    progress(f"{name}: {stage}", done, message)
        except BaseException:
            _stop(pool)
            raise
        failed = [future for future in running if future.done() and future.exception()]
        if failed:
            _stop(pool)
            failed[0].result()


def _pool(workers: int, context: Any) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_the_study)


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers now: a part that is cut short is run again by the next study in the folder."""
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in multiprocessing.active_children():
        worker.terminate()


def _end_with_the_study() -> None:
    """A worker whose study was killed ends too, so that two never write the same part."""

    def watch() -> None:
        study = multiprocessing.parent_process()
        assert study is not None
        study.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _in_worker(part: Part, folder: Path, given: Sequence[Trains], words: Queue) -> None:
    torch.set_num_threads(1)  # the parts are what runs in parallel
    run_part(part, folder, given, _teller(part.name, words))


def _teller(name: str, words: Queue) -> Callable[[str, float, str], None]:
    def tell(stage: str, done: float, message: str) -> None:
        words.put((name, stage, done, message))

    return tell


def _heard(words: Queue, running: Sequence[Future]) -> Iterator[tuple[str, str, float, str]]:
    """What the workers tell, until all are done or one has failed."""
    while True:
        try:
            yield words.get(timeout=1)
        except Empty:
            done, pending = wait(running, timeout=0)
            if not pending or any(future.exception() for future in done):
                return
