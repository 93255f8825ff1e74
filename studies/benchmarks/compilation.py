"""What compiling costs: the first time, beside plain Brian2; the second time; and with a changed value."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from brian2 import Network, nS

from astrobrian.studies import network
from astrobrian.studies.benchmarks import own, plain, program
from astrobrian.studies.benchmarks.calls import compilations, forget_calls, note_calls
from astrobrian.studies.benchmarks.needs import no_compiler
from astrobrian.studies.benchmarks.program import Device
from astrobrian.studies.benchmarks.row import Numbers, Prepared, Ratio, Repetition, Row, Tell, beside
from astrobrian.studies.benchmarks.worker import in_fresh_process

SECONDS = 8.0


def changed() -> Network:
    """The network as a script has it that was edited: another conductance. For a process of its own."""
    network.excitatory_conductance = network.excitatory_conductance(w_e=0.06 * nS)
    return own.lifted()


def build(device: Device, make: Callable[[], Network], folder: Path) -> dict[str, float]:
    """Make and compile a network; say how long the compiler took, and how often it was called to compile or link."""
    note_calls(folder)
    os.environ["ASTROBRIAN_CACHE"] = str(folder / "cache")
    tempfile.tempdir = str(folder)
    begin = time.perf_counter()
    program.describe(device, make, SECONDS, folder=None)
    before, start = processor_time(), time.perf_counter()
    program.compile_program()
    return {
        "describe_s": start - begin,
        "compile_s": time.perf_counter() - start,
        "compile_cpu_s": processor_time() - before,
        "compilers": len(compilations(folder)),
    }


def script(make: Callable[[], Network], folder: Path) -> dict[str, float]:
    """What a whole script does: make, compile and simulate a network."""
    return {**build("astrobrian", make, folder), **program.run()}


def timed_script(make: Callable[[], Network], folder: Path) -> Numbers:
    """A script in a process of its own, and its time from the start of Python to the end."""
    forget_calls(folder)
    start = time.perf_counter()
    found = in_fresh_process(script, make, folder)
    return {**found, "script_s": time.perf_counter() - start}


def processor_time() -> float:
    """Time that processes started from here, and ended, have spent on all cores, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Folders:
    """One folder for the first, second and changed run of each repetition: they share what is kept between runs."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack

    def new(self) -> Path:
        """An empty folder."""
        return Path(self.stack.enter_context(tempfile.TemporaryDirectory()))

    def published(self) -> Numbers:
        """The published formulation, compiled by plain Brian2."""
        return in_fresh_process(build, "brian2", plain.published, self.new())

    def first(self) -> Numbers:
        """The first run of a script."""
        self.current = self.new()
        return timed_script(own.lifted, self.current)

    def second(self) -> Numbers:
        """Its second run."""
        return timed_script(own.lifted, self.current)

    def changed(self) -> Numbers:
        """A run with a changed value."""
        return timed_script(changed, self.current)


def prepare(stack: ExitStack, tell: Tell) -> Prepared:
    """Nothing is built before."""
    folders = Folders(stack)
    return Prepared(
        {
            "published": folders.published,
            "first run": folders.first,
            "second run": folders.second,
            "changed value": folders.changed,
        }
    )


def compilers(side: str) -> Callable[[Repetition], float]:
    """How many compilers it started."""
    return lambda repetition: repetition[side]["compilers"]


compilation = Row(
    "compilation",
    "Fig. 6 network, lifted, `cpp`: compiling with nothing kept from before; then the same script again, and with "
    "another value, each in a fresh process",
    "plain Brian2 `cpp_standalone` compiling the published formulation; then the first run",
    (
        Ratio("times the wall time to compile", beside("first run", "published", "compile_s"), 0.5),
        Ratio("times the processor time to compile", beside("first run", "published", "compile_cpu_s"), 0.5),
        Ratio("compilers started by the second run", compilers("second run"), 0),
        Ratio("compilers started with a changed value", compilers("changed value"), 0),
        Ratio("times the time of the first run, second run", beside("second run", "first run", "script_s")),
        Ratio("times the time of the first run, changed", beside("changed value", "first run", "script_s")),
    ),
    prepare,
    no_compiler,
)
