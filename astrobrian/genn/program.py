"""What GeNN is asked to simulate, as plain data: the network after lowering, ready to be sent to another interpreter.

Everything is a number in SI units, nothing has dimensions, and nothing refers to an object of Brian2: names of the
user's constants and units are replaced by their values, subexpressions are written out, subgroups are whole groups.
Code is Brian2's abstract code.

**The order within a time step.** GeNN computes sums over synapses, then delivers the spikes of the step before, then
updates the cells, tests thresholds and resets. Brian2 updates the cells, tests thresholds, delivers the spikes, resets.
The same things happen in the same order if a step of GeNN is taken to begin in the middle of one of Brian2's, so
the code of a population has stages:

============ ==========================================================================================================
pending      what the previous step of Brian2 still owes once its spikes are delivered: Poisson inputs, resets of what
             spikes also change
start        what the user runs at the start of a step, before monitors look
(copies)     ``start_of(x) = x`` for each x in `copied`: what monitors and the user see, made by `Population.code`
after        what the user runs at the start of a step, after monitors look
gather       sums over synapses, and what is computed from them before anything is integrated
integrate    one step of the equations
============ ==========================================================================================================

One more step than the user asked for is simulated: its copies are the final values.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

STAGES = ("pending", "start", "after", "gather", "integrate")


def start_of(variable: str) -> str:
    """Name of the copy of a variable as it was at the start of the time step."""
    return f"start_of_{variable}"


@dataclass
class Population:
    """Cells.

    Parameters
    ----------
    name : str
    N : int
    variables : dict of str to ndarray
        Initial values, one for each cell (float64, int32 or bool). All of a cell's numbers that aren't in the code.
    threshold : str, optional
        Condition of a spike; none without it.
    reset : str, optional
        Code at a spike, before the next step's spikes are delivered.
    copied : set of str, optional
        Variables that are recorded or read after the run, see `start_of`.
    """

    name: str
    N: int
    variables: dict[str, np.ndarray] = field(default_factory=dict)
    threshold: str = ""
    reset: str = ""
    copied: set[str] = field(default_factory=set)
    stages: dict[str, list[str]] = field(default_factory=lambda: {stage: [] for stage in STAGES})

    def add(self, stage: str, code: str | Iterable[str]) -> None:
        """Append lines of code to a stage of the step."""
        self.stages[stage] += code.splitlines() if isinstance(code, str) else code

    def variable(self, name: str, values: object = 0.0) -> str:
        """Add a variable with these initial values, one or one for each cell; returns its name."""
        self.variables[name] = np.broadcast_to(np.asarray(values), self.N).copy()
        return name

    def initial(self) -> dict[str, np.ndarray]:
        """Initial values of all variables, the copies included."""
        return {**self.variables, **{start_of(name): self.variables[name] for name in self.copied}}

    def code(self) -> str:
        """All lines of a step."""
        copies = [f"{start_of(name)} = {name}" for name in sorted(self.copied)]
        before, later = STAGES[:2], STAGES[2:]
        lines = [*(self.stages[stage] for stage in before), copies, *(self.stages[stage] for stage in later)]
        return "\n".join(line for stage in lines for line in stage)


@dataclass
class Generator:
    """Cells that spike at given time steps.

    Parameters
    ----------
    name : str
    N : int
    cells, steps : ndarray of int
        Of each spike.
    """

    name: str
    N: int
    cells: np.ndarray
    steps: np.ndarray


@dataclass
class Projection:
    """Synapses between two populations, or from a generator.

    At a spike they may change their own variables and add to one variable of the target; or they compute a sum, and
    nothing else.

    Parameters
    ----------
    name, source, target : str
    i, j : ndarray of int
        Cells of the source and of the target, sorted by (i, j), each pair once.
    variables : dict of str to ndarray
        Initial values, one for each synapse.
    on_pre, on_post : str
        Code at spikes; ``x_post += ...`` at most once, and only in `on_pre`. ``t`` is the time of the step *after* that
        of the spike's arrival, and it reads variables of the target as they were at the end of the step of its arrival.
    update : str
        Code for all synapses at every step, which reads no variables of the populations. It is run before the spikes of
        the step before are delivered: it is that step's update, with ``t`` one step later.
    delay : int
        Of `on_pre`, in time steps.
    sums, sum : str
        Variable of the target, and the expression whose sum over a cell's synapses it is at every step. It sees the
        variables of both populations as they were at the end of the step before, without the spikes of that step. For
        variables that only `Projection`s with a sum write (see the stage "gather").
    """

    name: str
    source: str
    target: str
    i: np.ndarray
    j: np.ndarray
    variables: dict[str, np.ndarray] = field(default_factory=dict)
    on_pre: str = ""
    on_post: str = ""
    update: str = ""
    delay: int = 0
    sums: str = ""
    sum: str = ""


@dataclass
class Function:
    """A function that the code calls and that the worker makes.

    Parameters
    ----------
    kind : {"table", "binomial"}
        ``table``: of the time (and a cell), the values of a `brian2.TimedArray`; ``binomial``: without arguments, a
        random number.
    numbers : dict of str to ndarray or number
        ``table``: ``values``, and the fine time step ``fine_dt``, `refined` times as short as that of the table, to
        which Brian2 rounds the time; ``binomial``: ``n``, ``p`` and ``approximate``.
    """

    kind: str
    numbers: dict[str, Any]


@dataclass
class Recording:
    """Values of a variable at the start of time steps.

    Parameters
    ----------
    name : str
        What the result is called.
    object : str
        A population or projection.
    variable : str
        For a population, one of those `Population.copied`.
    cells : ndarray of int
        Which cells or synapses.
    every : int
        Number of time steps from one value to the next.
    """

    name: str
    object: str
    variable: str
    cells: np.ndarray
    every: int = 1


@dataclass
class Program:
    """A network.

    Parameters
    ----------
    dt : float
        The time step, in seconds.
    steps : int
        How many of them the user asked for.
    spikes : set of str
        Populations whose spikes are recorded.
    at_spikes : dict of str to set of str
        Of populations whose spikes are recorded: variables whose values are recorded with each spike, after the reset.
    single : bool
        Single precision instead of double.
    seed : int
        Of the random numbers that are drawn while GeNN runs.
    """

    dt: float
    steps: int
    populations: dict[str, Population] = field(default_factory=dict)
    generators: dict[str, Generator] = field(default_factory=dict)
    projections: dict[str, Projection] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    recordings: list[Recording] = field(default_factory=list)
    spikes: set[str] = field(default_factory=set)
    at_spikes: dict[str, set[str]] = field(default_factory=dict)
    single: bool = False
    seed: int = 0
