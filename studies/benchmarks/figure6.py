"""The network of figure 6: lifted beside the published formulation, and beside itself without astrocytes."""

from __future__ import annotations

from collections.abc import Callable
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
from astrobrian.studies.network import Mapping

WHOLE = 8.0  # seconds of biology
STRETCH = 0.25  # what the published formulation is timed on

Program = tuple[Device, Callable[[], Network], float]


def built(stack: ExitStack, tell: Tell, programs: dict[str, Program]) -> dict[str, Side]:
    """Compile each program, in a process of its own that then runs it again and again."""
    sides: dict[str, Side] = {}
    for name, (device, make, seconds) in programs.items():
        tell(f"compiling {name}")
        sides[name] = partial(program.in_worker(stack, device, make, seconds), program.run)
    return sides


def ratio(one: str, other: str) -> Callable[[Repetition], float]:
    """How many times the simulation time of `other` is in that of `one`, for the same biological time."""
    return beside(one, other, "run_s_per_s")


MAPPINGS: tuple[Mapping, ...] = ("spatial", "published")


def of_published(mapping: Mapping) -> dict[str, Program]:
    """The two formulations with one mapping of synapses to astrocytes."""
    return {
        f"lifted, {mapping} mapping": ("astrobrian", partial(own.lifted, mapping), WHOLE),
        f"lifted, {mapping} mapping, stretch": ("astrobrian", partial(own.lifted, mapping), STRETCH),
        f"published, {mapping} mapping, stretch": ("brian2", partial(plain.published, mapping), STRETCH),
        f"published, {mapping} mapping, plain inhibition, stretch": (
            "brian2",
            partial(plain.published, mapping, inhibitory_astrocytic=False),
            STRETCH,
        ),
    }


def faster(mapping: Mapping) -> tuple[Ratio, ...]:
    """How much faster the lifted form is, with one mapping of synapses to astrocytes."""
    lifted, stretch, published, plain_inhibition = of_published(mapping)
    return (
        Ratio(f"times faster, {mapping} mapping", ratio(published, lifted), 500, "at least"),
        Ratio(
            f"times faster, {mapping} mapping, reference's inhibitory synapses without astrocytic variables",
            ratio(plain_inhibition, lifted),
            250,
            "at least",
        ),
        Ratio(f"times faster over the same 0.25 s, {mapping} mapping", ratio(published, stretch)),
        Ratio(
            f"times faster over the same 0.25 s, {mapping} mapping, without those variables",
            ratio(plain_inhibition, stretch),
        ),
    )


def prepare_published(stack: ExitStack, tell: Tell) -> Prepared:
    """The two formulations, and what the lifted one spends its time on."""
    programs = {name: program for mapping in MAPPINGS for name, program in of_published(mapping).items()}
    profile = partial(program.profile, stack, own.lifted, WHOLE)
    return Prepared(built(stack, tell, programs), {"profile of the lifted network, spatial mapping": profile})


def same_work(repetition: Repetition) -> None:
    """Both formulations have the same spikes."""
    for mapping in MAPPINGS:
        _, *stretches = of_published(mapping)
        same_counts(*stretches)(repetition)


published = Row(
    "figure6-published",
    "Fig. 6 network, 8 s, lifted, `cpp`, one thread: simulation time",
    "the published formulation in plain Brian2 `cpp_standalone`, same flags",
    tuple(each for mapping in MAPPINGS for each in faster(mapping)),
    prepare_published,
    no_compiler,
    same_work,
)

WITHOUT: dict[str, Program] = {
    **{
        f"lifted, {mapping} mapping": ("astrobrian", partial(own.lifted, mapping), WHOLE)
        for mapping in MAPPINGS
    },
    "without, AstroBrian": ("astrobrian", own.without_astrocytes, WHOLE),
    "without, Brian2": ("brian2", plain.without_astrocytes, WHOLE),
}


def beside_none(mapping: Mapping) -> tuple[Ratio, Ratio]:
    """The time with astrocytes beside that without."""
    lifted = f"lifted, {mapping} mapping"
    return (
        Ratio(f"times its time in plain Brian2, {mapping} mapping", ratio(lifted, "without, Brian2"), 1.3),
        Ratio(f"times its time in AstroBrian, {mapping} mapping", ratio(lifted, "without, AstroBrian"), 1.3),
    )


def prepare_without(stack: ExitStack, tell: Tell) -> Prepared:
    """The network with astrocytes and without, on either device."""
    return Prepared(built(stack, tell, WITHOUT))


without = Row(
    "figure6-no-astrocytes",
    "Fig. 6 network, 8 s, lifted, `cpp`, one thread: simulation time",
    "the network without astrocytes and gliotransmission, short-term plasticity kept",
    tuple(each for mapping in MAPPINGS for each in beside_none(mapping)),
    prepare_without,
    no_compiler,
    same_counts("without, AstroBrian", "without, Brian2"),
)
