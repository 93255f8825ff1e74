"""Liquids of the ratio study, all in one network, beside the same liquids in snnTorch, one network after the other."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from astrobrian.studies.benchmarks.needs import no_compiler, no_snntorch
from astrobrian.studies.benchmarks.row import Numbers, Prepared, Ratio, Row, Tell, beside
from astrobrian.studies.benchmarks.worker import Worker, in_fresh_process
from astrobrian.studies.ratio.formal import simulate
from astrobrian.studies.ratio.liquids import Arm, Units
from astrobrian.studies.ratio.plan import liquids, plan
from astrobrian.studies.ratio.settings import Settings
from astrobrian.studies.ratio.states import States
from astrobrian.studies.ratio.tasks import TASKS
from astrobrian.studies.ratio.tasks.task import Task

SETTINGS = Settings(seeds=1, units=(Units.FORMAL,), tasks=("lorenz",), arms=(Arm.MIXED,))
LIQUIDS = liquids(plan(SETTINGS)[0], SETTINGS)
#: All would take snnTorch a minute or more each time; these are of all sizes.
SOME = LIQUIDS[1::4]
#: Of traces in single precision; a spike is 0.1.
SAME = 1e-5


@cache
def tasks() -> Mapping[int, Task]:
    """What drives them; made before anything is measured."""
    return {seed: TASKS["lorenz"](seed, SETTINGS.constants.series) for seed in SETTINGS.all_seeds}


def in_one_network() -> tuple[Numbers, States]:
    """Make, build and run all of them, and read their states."""
    known = tasks()
    start = time.perf_counter()
    states = simulate(LIQUIDS, known, SETTINGS.constants)
    return _numbers(len(LIQUIDS), time.perf_counter() - start), states


def batch() -> Numbers:
    """The same, without the states."""
    return in_one_network()[0]


def compare() -> float:
    """The largest difference between the states of one liquid here and in snnTorch, in double precision there."""
    import torch

    from astrobrian.studies.benchmarks.snntorch_liquid import simulate as simulate_in_snntorch

    liquid = LIQUIDS[len(LIQUIDS) // 2]
    _, states = in_one_network()
    theirs = simulate_in_snntorch(liquid, tasks()[liquid.seed], SETTINGS.constants, torch.float64)
    return float(np.abs(theirs - states.of[liquid]).max())


def one_after_the_other() -> Numbers:
    """The same in snnTorch, of some of them."""
    from astrobrian.studies.benchmarks.snntorch_liquid import simulate as simulate_in_snntorch

    known = tasks()
    start = time.perf_counter()
    for liquid in SOME:
        simulate_in_snntorch(liquid, known[liquid.seed], SETTINGS.constants)
    return _numbers(len(SOME), time.perf_counter() - start)


def _numbers(networks: int, seconds: float) -> Numbers:
    return {"networks": networks, "s": seconds, "networks_per_min": 60 * networks / seconds}


def compiled_first() -> Numbers:
    """The batch in a process of its own, with nothing kept from before."""
    with TemporaryDirectory() as folder:
        return in_fresh_process(_with_cache, Path(folder))


def _with_cache(folder: Path) -> Numbers:
    os.environ["ASTROBRIAN_CACHE"] = str(folder)
    return batch()


def prepare(stack: ExitStack, tell: Tell) -> Prepared:
    """Compile the program, and see that both simulate the same.

    Raises
    ------
    ArithmeticError
        If they don't.
    """
    tell("compiling and comparing")
    ours, theirs = stack.enter_context(Worker()), stack.enter_context(Worker())
    if not (difference := ours(compare)) < SAME:
        raise ArithmeticError(f"the states of a liquid here and in snnTorch differ by {difference:.2g}")
    sides = {"batch": partial(ours, batch), "snnTorch": partial(theirs, one_after_the_other)}
    return Prepared({**sides, "compiled first": compiled_first})


def missing() -> str | None:
    """What isn't there, and what to do about it; None if all is."""
    return no_compiler() or no_snntorch()


liquids_of_the_ratio_study = Row(
    "liquids",
    f"{len(LIQUIDS)} liquids of the ratio study in one network (formal units, the whole grid of one seed, 5,000 steps of "
    "Lorenz), `cpp`, one thread: made, run, and their states read",
    f"the same liquids in snnTorch as its tutorials have it, one after the other, one thread; {len(SOME)} of them, of all "
    "sizes",
    (
        Ratio("times its networks a minute", beside("batch", "snnTorch", "networks_per_min"), 20, "at least"),
        Ratio(
            "times its networks a minute, compiling included",
            beside("compiled first", "snnTorch", "networks_per_min"),
        ),
        Ratio("networks a minute", lambda r: r["batch"]["networks_per_min"]),
        Ratio("networks a minute, snnTorch", lambda r: r["snnTorch"]["networks_per_min"]),
    ),
    prepare,
    missing,
)
