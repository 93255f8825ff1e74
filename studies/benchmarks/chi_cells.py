"""Astrocytes alone, coupled by gap junctions, beside a loop in C++ that does the same."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
from brian2 import Network, ms, second, um

from astrobrian import AstrocyteGroup, GapJunctions, Grid
from astrobrian.equations import chi
from astrobrian.studies.benchmarks import chi_loop, program
from astrobrian.studies.benchmarks.needs import no_compiler
from astrobrian.studies.benchmarks.row import Numbers, Prepared, Ratio, Repetition, Row, Side, Tell, beside
from astrobrian.studies.benchmarks.worker import Worker
from astrobrian.studies.network import ASTROCYTES, SHEET

CELLS = 100_000
STEPS = 500
DT = 10 * ms
# uM; neighbours differ by more than the threshold of their junctions
SCATTERED = {"C": (0.05, 0.6), "h": (0.5, 0.9), "I": (0.05, 1.5)}
LOOPS = {"loop": False, "expert's loop": True}

_made: tuple[AstrocyteGroup, GapJunctions]


def initial(cells: int) -> dict[str, np.ndarray]:
    """Random values of each state in SI units."""
    rng = np.random.default_rng(1)
    micromolar = {"C": 1e-3, "h": 1.0, "I": 1e-3}
    return {name: micromolar[name] * rng.uniform(*between, cells) for name, between in SCATTERED.items()}


def make(cells: int) -> Network:
    """Cells as dense as in figure 6, each coupled to its four neighbours."""
    global _made
    astrocytes = AstrocyteGroup(cells, chi, layout=Grid(SHEET * np.sqrt(cells / ASTROCYTES)), dt=DT)
    gap_junctions = GapJunctions(astrocytes, within=75 * um)
    for name, values in initial(cells).items():
        setattr(astrocytes, f"{name}_", values)
    _made = astrocytes, gap_junctions
    return Network(astrocytes, gap_junctions)


def links() -> tuple[np.ndarray, np.ndarray]:
    """From which cell to which there are junctions, once the program has run."""
    _, gap_junctions = _made
    return gap_junctions.i[:], gap_junctions.j[:]


def final() -> dict[str, np.ndarray]:
    """The states at the end in SI units."""
    astrocytes, _ = _made
    return {name: np.array(getattr(astrocytes, f"{name}_")[:]) for name in SCATTERED}


def run(cells: int, steps: int) -> Numbers:
    """Run the program in AstroBrian."""
    taken = program.run()
    return {**taken, "ns_per_cell_and_step": 1e9 * taken["run_s"] / cells / steps}


def run_loop(loop: Path, worker: Worker, cells: int, steps: int) -> Numbers:
    """Run the loop, and compare what it ends with."""
    outcome = chi_loop.run(loop, initial(cells), *worker(links), dt=float(DT / second), steps=steps)
    ours = worker(final)
    difference = max(np.abs(ours[name] / outcome.states[name] - 1).max() for name in ours)
    return {
        "ns_per_cell_and_step": outcome.ns_per_cell_and_step,
        "largest_relative_difference": float(difference),
    }


def same_states(repetition: Repetition) -> None:
    """All have to end with the same values."""
    for side in LOOPS:
        difference = repetition[side]["largest_relative_difference"]
        if not difference < 1e-9:
            raise ArithmeticError(f"the {side} and AstroBrian differ by {difference:.2g}")


def prepare(stack: ExitStack, tell: Tell, cells: int = CELLS, steps: int = STEPS) -> Prepared:
    """Compile all."""
    tell("compiling")
    worker = program.in_worker(stack, "astrobrian", partial(make, cells), steps * float(DT / second))
    sides: dict[str, Side] = {"AstroBrian": partial(worker, run, cells, steps)}
    for name, expert in LOOPS.items():
        loop = chi_loop.compiled(Path(stack.enter_context(tempfile.TemporaryDirectory())), expert)
        sides[name] = partial(run_loop, loop, worker, cells, steps)
    return Prepared(sides)


chi_cells = Row(
    "chi-cells",
    f"{CELLS:,} ChI astrocytes with gap junctions, `cpp`, one thread: ns per cell and step",
    "a hand-written loop in C++ of the same equations and order, same flags",
    (
        Ratio("times its time", beside("AstroBrian", "loop", "ns_per_cell_and_step"), 1.2),
        Ratio(
            "times that of an expert's loop", beside("AstroBrian", "expert's loop", "ns_per_cell_and_step")
        ),
        Ratio("ns per cell and step", lambda r: r["AstroBrian"]["ns_per_cell_and_step"]),
        Ratio("ns per cell and step, loop", lambda r: r["loop"]["ns_per_cell_and_step"]),
        Ratio("ns per cell and step, expert's loop", lambda r: r["expert's loop"]["ns_per_cell_and_step"]),
    ),
    prepare,
    no_compiler,
    same_states,
)
