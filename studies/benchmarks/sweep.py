"""Many points of a parameter beside the simulation time of each."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
from brian2 import SpikeMonitor, get_device, second, umolar

from astrobrian import sweep
from astrobrian.studies.benchmarks import own, program
from astrobrian.studies.benchmarks.calls import compilations, forget_calls, note_calls
from astrobrian.studies.benchmarks.needs import no_compiler
from astrobrian.studies.benchmarks.row import Numbers, Prepared, Ratio, Repetition, Row, Tell
from astrobrian.studies.benchmarks.worker import Worker

POINTS = 50
SECONDS = 8.0
# how much IP3 the receptors of the astrocytes produce
PARAMETER, VALUES = "astrocytes.O_beta", np.linspace(0.1, 3.2, POINTS) * umolar / second


def describe(seconds: float, folder: Path) -> None:
    """The network of figure 6, its spikes recorded."""
    note_calls(folder)
    program.describe("astrobrian", own.lifted, seconds, folder)
    next(sweep([{}]))  # compiles


def run(points: int, folder: Path) -> Numbers:
    """Sweep over the parameter, reading from each point how many spikes there were."""
    forget_calls(folder)
    monitors = [item for item in program.built().objects if isinstance(item, SpikeMonitor)]
    simulated, spikes = [], []
    start = time.perf_counter()
    for _ in sweep({PARAMETER: value} for value in VALUES[:points]):
        simulated.append(get_device()._last_run_time)
        spikes.append(sum(monitor.num_spikes for monitor in monitors))
    return {
        "points": points,
        "sweep_s": time.perf_counter() - start,
        "simulation_s": sum(simulated),
        "compilers": len(compilations(folder)),
        "fewest_spikes": int(min(spikes)),
        "most_spikes": int(max(spikes)),
    }


def prepare(stack: ExitStack, tell: Tell, points: int = POINTS, seconds: float = SECONDS) -> Prepared:
    """Compile the program."""
    tell("compiling")
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    worker = stack.enter_context(Worker())
    worker(describe, seconds, folder)
    return Prepared({"sweep": partial(worker, run, points, folder)})


def overhead(repetition: Repetition) -> float:
    """What a point takes for starting a program, making synapses, writing and reading results."""
    measured = repetition["sweep"]
    return (measured["sweep_s"] - measured["simulation_s"]) / measured["points"]


parameter_sweep = Row(
    "sweep",
    f"{POINTS} points of a parameter of the Fig. 6 network, 8 s each, lifted, `cpp`, one thread, with their results read",
    "the simulation time of the same points: the time inside `Network::run`, summed up",
    (
        Ratio("times it", lambda r: r["sweep"]["sweep_s"] / r["sweep"]["simulation_s"], 1.2),
        Ratio("seconds for each point, beyond its simulation", overhead),
        Ratio("compilers started", lambda r: r["sweep"]["compilers"], 0),
    ),
    prepare,
    no_compiler,
)
