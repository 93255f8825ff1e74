"""Echo state networks of reservoirpy on the same tasks and the same split: what our liquids are to be held against.

Every constant is chosen here, and none is tuned to a task.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from reservoirpy.mat_gen import uniform
from reservoirpy.nodes import Reservoir, Ridge

from astrobrian.studies.ratio.constants import Series
from astrobrian.studies.ratio.scores import free_run, nrmse
from astrobrian.studies.ratio.tasks import TASKS
from astrobrian.studies.ratio.tasks.lorenz import LYAPUNOV_TIMES
from astrobrian.studies.ratio.tasks.task import Target, Task

SIZES = (100, 300, 512)  #: units; the last is as many as the largest liquid has
LEAK = 1.0
SPECTRAL_RADIUS = 0.9
CONNECTED = 0.1  #: part of the pairs of units
INPUT_SCALE = 0.1  #: of weights between -1 and 1
BIAS = 1.0  #: between this and its negative
PENALTY = 1e-8  #: of the ridge regression

_STREAM = 16


@dataclass(frozen=True)
class EchoRow:
    """What one network learned.

    Parameters
    ----------
    units : int
    seed : int
        Of the network and of the task.
    task, target : str
        ``"free run"`` is a target of its own, as it is for a `Trial`.
    nrmse : float, optional
        As in `Outcome`; None for classes.
    score : float
        As in `Outcome`.
    """

    units: int
    seed: int
    task: str
    target: str
    nrmse: float | None
    score: float


def reference(
    tasks: Iterable[str], seeds: Sequence[int], series: Series, sizes: Sequence[int] = SIZES
) -> list[EchoRow]:
    """One network for each size, task and seed; it learns all targets of its task.

    Parameters
    ----------
    tasks : iterable of str
        Names in `TASKS`.
    seeds : sequence of int
    series : Series
        How long the tasks are.
    sizes : sequence of int, optional
        Units.
    """
    rows = []
    for name in tasks:
        for seed in seeds:
            task = TASKS[name](seed, series)
            for units in sizes:
                rows += _rows(units, seed, task)
    return rows


def _rows(units: int, seed: int, task: Task) -> list[EchoRow]:
    """Those of one network."""
    reservoir = Reservoir(
        units,
        lr=LEAK,
        sr=SPECTRAL_RADIUS,
        rc_connectivity=CONNECTED,
        Win=uniform,
        input_scaling=INPUT_SCALE,
        input_connectivity=1.0,
        bias=uniform(low=-BIAS, high=BIAS),
        seed=np.random.default_rng([_STREAM, units, seed]),
    )
    states = reservoir.run(task.inputs)[task.washin + task.every - 1 :: task.every]
    rows = []
    for name, target in task.targets.items():
        read_out = _learned(states, target)
        true = target.values[target.train :]
        predicted = read_out.run(states[target.train :])
        error = None if target.classes else float(nrmse(predicted, true))
        rows.append(EchoRow(units, seed, task.name, name, error, float(target.score(predicted, true))))
        if name == "one step" and task.continuation is not None:
            judged = free_run(
                *_gone_on(reservoir, read_out, task.continuation, task.free_segments), LYAPUNOV_TIMES
            )
            rows.append(EchoRow(units, seed, task.name, "free run", *judged))
    return rows


def _learned(states: np.ndarray, target: Target) -> Ridge:
    """A linear read-out; of classes, each is 1 where it is right and 0 elsewhere."""
    values = np.eye(target.classes)[target.values] if target.classes else target.values
    return Ridge(ridge=PENALTY).fit(states[: target.train], values[: target.train])


def _gone_on(
    reservoir: Reservoir, read_out: Ridge, series: np.ndarray, segments: Sequence[tuple[int, int]]
) -> tuple[np.ndarray, np.ndarray]:
    """Free runs, whose input is what was predicted, and what was right; both of shape (runs, steps, channels)."""
    reservoir.reset()
    runs, at = [], 0
    for start, stop in segments:
        reservoir.run(series[at:start])
        run = []
        for _ in range(start, stop):
            run.append(read_out.step(reservoir.state["out"]))
            reservoir.step(run[-1])
        runs.append(run)
        at = stop
    return np.array(runs), np.array([series[start:stop] for start, stop in segments])
