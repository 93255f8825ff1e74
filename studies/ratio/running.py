"""The batches that stores lack are run, and kept as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from distributed import Client

from astrobrian.progress import Progress
from astrobrian.studies.ratio.engine import completed
from astrobrian.studies.ratio.job import Job, Rows
from astrobrian.studies.ratio.liquids import Units
from astrobrian.studies.ratio.plan import plan
from astrobrian.studies.ratio.store import Store

Kind = tuple[Units, str]
"""Of a batch, see `Batch.kind`."""


def run_missing(
    client: Client,
    stores: Sequence[Store],
    function: Callable[[Job], Rows],
    progress: Progress | None = None,
    stage: str = "networks",
) -> None:
    """Run what the stores lack; whatever ends this, what was finished is in them.

    Parameters
    ----------
    client : Client
        Of workers that have AstroBrian.
    stores : sequence of Store
        One for each study.
    function : callable
        What a worker does with a job.
    progress : Progress, optional
        Is told how many batches there are, and how long the others will take.
    stage : str, optional
        As which progress is told.
    """
    left = {
        Job(store.settings, batch): store
        for store in stores
        for batch in plan(store.settings)
        if batch.name not in store.done()
    }
    whole = sum(len(plan(store.settings)) for store in stores)

    def tell() -> None:
        if progress is not None:
            progress(stage, 1 - len(left) / whole, _words(list(left), whole, stores, len(client.ncores())))

    tell()
    for job, found in completed(client, function, tuple(left)):
        rows, seconds = job.failed(found) if isinstance(found, Exception) else found
        left.pop(job).add(job.batch, rows, seconds)
        tell()


def _words(left: Sequence[Job], whole: int, stores: Sequence[Store], workers: int) -> str:
    words = [f"{whole - len(left)} of {whole} batches"]
    taken = {kind: seconds for store in stores for kind, seconds in store.seconds().items()}
    if left and taken:
        words.append(f"{in_words(seconds_left([job.batch.kind for job in left], taken) / workers)} left")
    if failed := sum(store.counts()["failed"] for store in stores):
        words.append(f"{failed} trials failed")
    return ", ".join(words)


def seconds_left(kinds: Iterable[Kind], taken: Mapping[Kind, float]) -> float:
    """How long batches of these kinds will take one worker.

    Parameters
    ----------
    kinds : iterable of Kind
        Of the batches that are left.
    taken : Mapping[Kind, float]
        Seconds that those of each kind took; of a kind that hasn't run yet, the mean of the others is expected.
    """
    mean = sum(taken.values()) / len(taken)
    return sum(taken.get(kind, mean) for kind in kinds)


def in_words(seconds: float) -> str:
    """A duration as one would say it, such as ``"2 h 5 min"``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
