"""The network of figure 6: lifted beside the published formulation, and beside itself without astrocytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial

from brian2 import Network

from astrobrian.studies.benchmarks import own, plain, program
from astrobrian.studies.benchmarks.needs import no_compiler
from astrobrian.studies.benchmarks.program import Device
from astrobrian.studies.benchmarks.row import (
    Prepared,
    Ratio,
    Repetition,
    Row,
    Side,
    Tell,
    beside,
    same_counts,
)

WHOLE = 8.0  # seconds of biology
STRETCH = 0.25  # what the published formulation is timed on

Program = tuple[Device, Callable[[], Network], float]


def built(stack: ExitStack, tell: Tell, programs: Mapping[str, Program]) -> dict[str, Side]:
    """Compile each program, in a process of its own that then runs it again and again."""
    sides: dict[str, Side] = {}
    for name, (device, make, seconds) in programs.items():
        tell(f"compiling {name}")
        sides[name] = partial(program.in_worker(stack, device, make, seconds), program.run)
    return sides


def ratio(one: str, other: str) -> Callable[[Repetition], float]:
    """How many times the simulation time of `other` is in that of `one`, for the same biological time."""
    return beside(one, other, "run_s_per_s")


PUBLISHED: dict[str, Program] = {
    "lifted": ("astrobrian", own.lifted, WHOLE),
    "lifted, stretch": ("astrobrian", own.lifted, STRETCH),
    "published, stretch": ("brian2", plain.published, STRETCH),
    "published, plain inhibition, stretch": ("brian2", partial(plain.published, False), STRETCH),
}


def prepare_published(stack: ExitStack, tell: Tell) -> Prepared:
    """The two formulations, and what the lifted one spends its time on."""
    profile = partial(program.profile, stack, own.lifted, WHOLE)
    return Prepared(built(stack, tell, PUBLISHED), {"profile of the lifted network": profile})


published = Row(
    "figure6-published",
    "Fig. 6 network, lifted, `cpp`, one thread: time inside `Network::run`",
    "the published formulation in plain Brian2 `cpp_standalone`, same flags",
    (
        Ratio("times faster, as published", ratio("published, stretch", "lifted"), 500, "at least"),
        Ratio(
            "times faster, inhibitory synapses without astrocytic variables",
            ratio("published, plain inhibition, stretch", "lifted"),
            250,
            "at least",
        ),
        Ratio("as published, over the same 0.25 s", ratio("published, stretch", "lifted, stretch")),
        Ratio(
            "without those variables, over the same 0.25 s",
            ratio("published, plain inhibition, stretch", "lifted, stretch"),
        ),
    ),
    prepare_published,
    no_compiler,
    same_counts(*list(PUBLISHED)[1:]),
)

WITHOUT: dict[str, Program] = {
    "lifted": ("astrobrian", own.lifted, WHOLE),
    "without, AstroBrian": ("astrobrian", own.without_astrocytes, WHOLE),
    "without, Brian2": ("brian2", plain.without_astrocytes, WHOLE),
}


def prepare_without(stack: ExitStack, tell: Tell) -> Prepared:
    """The network with astrocytes and without, on either device."""
    return Prepared(built(stack, tell, WITHOUT))


without = Row(
    "figure6-no-astrocytes",
    "Fig. 6 network, lifted, `cpp`, one thread: time inside `Network::run`",
    "the network without astrocytes and gliotransmission, short-term plasticity kept",
    (
        Ratio("times its time in plain Brian2 `cpp_standalone`", ratio("lifted", "without, Brian2"), 1.3),
        Ratio("times its time in AstroBrian `cpp`", ratio("lifted", "without, AstroBrian"), 1.3),
    ),
    prepare_without,
    no_compiler,
    same_counts("without, AstroBrian", "without, Brian2"),
)
