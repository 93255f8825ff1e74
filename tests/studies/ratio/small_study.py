"""A study whose networks are drawn instead of simulated: quick enough to be killed again and again.

``python small_study.py FOLDER`` runs what is left of it, and prints a line as each batch is done.
"""

import sys
import time
from pathlib import Path

import numpy as np

from astrobrian.studies.ratio.constants import Constants, Series
from astrobrian.studies.ratio.job import Job, Rows
from astrobrian.studies.ratio.settings import Settings
from astrobrian.studies.ratio.trials import Outcome, Trial

SETTINGS = Settings(
    neurons=(0, 4),
    astrocytes=(0, 4, 8),
    seeds=15,
    tasks=("narma", "memory"),
    constants=Constants(series=Series(washin=10, train=20, test=10, free=0)),
    backend="numpy",
)


def draw(job: Job) -> Rows:
    """Outcomes that depend on nothing but the trial."""
    time.sleep(0.03)
    return Rows([(trial, _outcome(trial)) for trial in job.trials(job.liquids(), job.tasks())], 0.03)


def _outcome(trial: Trial) -> Outcome:
    random = np.random.default_rng([len(part) for part in trial[1:]] + list(_numbers(trial)))
    return Outcome(nrmse=random.normal(), losses=tuple(random.normal(size=3)))


def _numbers(trial: Trial) -> tuple[int, ...]:
    liquid = trial.liquid
    return len(liquid.units), len(liquid.arm), liquid.neurons, liquid.astrocytes, liquid.seed


def run(folder: Path) -> None:
    """What is left of it."""
    from astrobrian.studies.ratio.engine import workers
    from astrobrian.studies.ratio.running import run_missing
    from astrobrian.studies.ratio.store import Store

    with Store(folder, SETTINGS) as store, workers(None, 1, folder / "scratch") as client:
        run_missing(client, [store], draw, lambda *told: print(*told, flush=True))


if __name__ == "__main__":
    run(Path(sys.argv[1]))
