"""What a worker does with a job: simulate liquids, train what learns from them, let some go on by themselves."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from brian2 import BrianLogger

from astrobrian.studies.ratio.job import Job, Rows, failure
from astrobrian.studies.ratio.liquids import Liquid
from astrobrian.studies.ratio.plan import free_runs, trials
from astrobrian.studies.ratio.read_outs.read_out import read_out, ridge_weights
from astrobrian.studies.ratio.scores import free_run
from astrobrian.studies.ratio.settings import Settings
from astrobrian.studies.ratio.simulate import run_free, simulate
from astrobrian.studies.ratio.states import States
from astrobrian.studies.ratio.tasks.lorenz import LYAPUNOV_TIMES
from astrobrian.studies.ratio.tasks.task import Task
from astrobrian.studies.ratio.trials import Design, Outcome, Trial

# what the read-out of a free run has learned
_ONE_STEP = "one step"


def run_batch(job: Job) -> Rows:
    """All trials of a batch, in their order; those that failed have the error in their outcome."""
    start = time.perf_counter()
    torch.set_num_threads(1)  # there is a worker on each core
    BrianLogger.log_level_error()
    settings, tasks = job.settings, job.tasks()
    found: dict[Trial, Outcome] = {}
    for some, states in _simulated(job.liquids(), tasks, settings):
        if isinstance(states, States):
            learned = _learned(states, tasks, settings)
            found |= learned | _gone_on(states, tasks, settings, learned)
        else:
            found |= dict.fromkeys(job.trials(some, tasks), failure(states))
    rows = [(trial, found[trial]) for trial in job.trials(job.liquids(), tasks)]
    return Rows(rows, time.perf_counter() - start)


def _simulated(
    liquids: Sequence[Liquid], tasks: Mapping[int, Task], settings: Settings
) -> Iterator[tuple[Sequence[Liquid], States | Exception]]:
    """The states of all together. Where that fails, of each half, and so on, until only those fail that are at fault.

    There is an end to that: if all are at fault, it would take twice as many simulations as there are liquids.
    """
    waiting = [liquids]
    failures_left = 2 * len(liquids).bit_length()
    while waiting:
        some = waiting.pop()
        try:
            states = simulate(some, tasks, settings.constants, backend=settings.backend)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is kept in the outcome)
            failures_left -= 1
            if len(some) == 1 or failures_left < 0:
                yield some, error
            else:
                waiting += [some[len(some) // 2 :], some[: len(some) // 2]]
        else:
            yield some, states


def _learned(states: States, tasks: Mapping[int, Task], settings: Settings) -> dict[Trial, Outcome]:
    """What the read-outs of all targets learn together. Where that fails, of each target by itself."""
    try:
        return dict(
            read_out(
                states,
                tasks,
                settings.constants,
                designs=settings.designs,
                readers=settings.readers,
                device="cuda" if settings.backend == "cuda" and torch.cuda.is_available() else "cpu",
            )
        )
    except Exception as error:  # noqa: BLE001 (as above)
        names = list(next(iter(tasks.values())).targets)
        if len(names) == 1:
            asked = [trial for liquid in states.of for trial in trials(liquid, tasks[liquid.seed], settings)]
            return dict.fromkeys(asked, failure(error))
    found: dict[Trial, Outcome] = {}
    for name in names:
        only = {seed: replace(task, targets={name: task.targets[name]}) for seed, task in tasks.items()}
        found |= _learned(states, only, settings)
    return found


def _gone_on(
    states: States, tasks: Mapping[int, Task], settings: Settings, learned: Mapping[Trial, Outcome]
) -> dict[Trial, Outcome]:
    """How long the liquids stay with the series by themselves, if their task asks for it."""
    asked = [trial for liquid in states.of for trial in free_runs(liquid, tasks[liquid.seed], settings)]
    # what is known of the liquid and its read-out is the same as where that was learned, an error too
    found = {trial: learned[trial._replace(target=_ONE_STEP)] for trial in asked}
    for design in settings.designs:
        able = [trial for trial in asked if trial.design is design and not found[trial].error]
        if not able:
            continue
        try:
            runs = _run_free([trial.liquid for trial in able], states, tasks, settings, design)
        except Exception as failed:  # noqa: BLE001 (as above)
            found |= dict.fromkeys(able, failure(failed))
        else:
            for trial in able:
                error, time_kept = _scores(runs[trial.liquid], tasks[trial.liquid.seed])
                found[trial] = replace(found[trial], nrmse=error, score=time_kept)
    return found


def _run_free(
    liquids: Sequence[Liquid], states: States, tasks: Mapping[int, Task], settings: Settings, design: Design
) -> Mapping[Liquid, np.ndarray]:
    """What some liquids predict of each step of the continuation, shape (steps, channels)."""
    weights = ridge_weights(states, tasks, settings.constants, design)
    return run_free(
        liquids,
        tasks,
        settings.constants,
        states.bias,
        {liquid: weights[liquid] for liquid in liquids},
        backend=settings.backend,
    )


def _scores(predicted: np.ndarray, task: Task) -> tuple[float, float]:
    """Of the segments that ran freely: error, and how long they stayed with the series."""
    assert task.continuation is not None
    runs, true = (
        np.stack([each[first:last] for first, last in task.free_segments])
        for each in (predicted, task.continuation)
    )
    return free_run(runs, true, LYAPUNOV_TIMES)
