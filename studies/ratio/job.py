"""A batch as a worker gets it, and what comes back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from astrobrian.studies.ratio.liquids import Liquid
from astrobrian.studies.ratio.plan import Batch, free_runs, liquids, trials
from astrobrian.studies.ratio.settings import Settings
from astrobrian.studies.ratio.tasks import TASKS
from astrobrian.studies.ratio.tasks.task import Task
from astrobrian.studies.ratio.trials import Outcome, Trial

# letters of an error that are kept
_WORDS = 1000


class Job(NamedTuple):
    """A batch, and the study that it is a part of."""

    settings: Settings
    batch: Batch

    def liquids(self) -> tuple[Liquid, ...]:
        """What is simulated."""
        return liquids(self.batch, self.settings)

    def tasks(self) -> dict[int, Task]:
        """What drives the liquids of each seed."""
        make, series = TASKS[self.batch.task], self.settings.constants.series
        return {seed: make(seed, series) for seed in self.batch.seeds}

    def trials(self, some: Iterable[Liquid], tasks: Mapping[int, Task]) -> list[Trial]:
        """All trials of some of the liquids."""
        return [
            trial
            for liquid in some
            for kind in (trials, free_runs)
            for trial in kind(liquid, tasks[liquid.seed], self.settings)
        ]

    def failed(self, error: Exception) -> Rows:
        """What is kept of a batch that didn't come back from its worker."""
        return Rows([(trial, failure(error)) for trial in self.trials(self.liquids(), self.tasks())], 0.0)


class Rows(NamedTuple):
    """What comes back: every trial with its outcome, and how long it took."""

    rows: list[tuple[Trial, Outcome]]
    seconds: float


def failure(error: Exception) -> Outcome:
    """The outcome of a trial that ended with an error."""
    return Outcome(error=f"{type(error).__name__}: {error}"[:_WORDS])
