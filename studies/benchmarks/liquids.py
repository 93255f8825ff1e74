"""Liquids of the ratio study, all in one network, beside the same liquids in snnTorch, one network after the other."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cache, partial
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


def in_one_network() -> States:
    """Make, build and run all of them, and read their states."""
    return simulate(LIQUIDS, tasks(), SETTINGS.constants)


def one_after_the_other() -> None:
    """The same in snnTorch, of some of them."""
    from astrobrian.studies.benchmarks import snntorch_liquid

    for liquid in SOME:
        snntorch_liquid.simulate(liquid, tasks()[liquid.seed], SETTINGS.constants)


def difference() -> float:
    """The largest one between the states of a liquid in the network and in snnTorch, there in double precision."""
    import torch

    from astrobrian.studies.benchmarks import snntorch_liquid

    liquid = LIQUIDS[len(LIQUIDS) // 2]
    states = in_one_network().of[liquid]
    theirs = snntorch_liquid.simulate(liquid, tasks()[liquid.seed], SETTINGS.constants, torch.float64)
    return float(np.abs(theirs - states).max())


def timed(run: Callable[[], object], networks: int) -> Numbers:
    """How long so many networks take."""
    tasks()
    start = time.perf_counter()
    run()
    seconds = time.perf_counter() - start
    return {"networks": networks, "s": seconds, "networks_per_min": 60 * networks / seconds}


def compiled_first() -> Numbers:
    """The whole network in a process of its own, with no program kept from before."""
    with TemporaryDirectory() as folder:
        return in_fresh_process(_with_cache, folder)


def _with_cache(folder: str) -> Numbers:
    os.environ["ASTROBRIAN_CACHE"] = folder
    return timed(in_one_network, len(LIQUIDS))


def prepare(stack: ExitStack, tell: Tell) -> Prepared:
    """Compile the program, import snnTorch, and see that both simulate the same.

    Raises
    ------
    ArithmeticError
        If they don't.
    """
    tell("compiling and comparing")
    worker = stack.enter_context(Worker())
    if not (found := worker(difference)) < SAME:
        raise ArithmeticError(f"the states of a liquid here and in snnTorch differ by {found:.2g}")
    return Prepared(
        {
            "one network": partial(worker, timed, in_one_network, len(LIQUIDS)),
            "snnTorch": partial(worker, timed, one_after_the_other, len(SOME)),
            "compiled first": compiled_first,
        }
    )


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
        Ratio(
            "times its networks a minute",
            beside("one network", "snnTorch", "networks_per_min"),
            20,
            "at least",
        ),
        Ratio(
            "times its networks a minute, compiling included",
            beside("compiled first", "snnTorch", "networks_per_min"),
        ),
        Ratio("networks a minute", lambda r: r["one network"]["networks_per_min"]),
        Ratio("networks a minute, snnTorch", lambda r: r["snnTorch"]["networks_per_min"]),
    ),
    prepare,
    missing,
)
