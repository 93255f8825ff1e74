"""The lowering of a network: every object of it becomes part of a program, or is refused with a reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import gcd

from brian2 import (
    EventMonitor,
    Network,
    NetworkOperation,
    NeuronGroup,
    PoissonGroup,
    PoissonInput,
    PopulationRateMonitor,
    SpikeGeneratorGroup,
    StateMonitor,
    Subgroup,
    Synapses,
)
from brian2.core.base import BrianObject
from brian2.groups.neurongroup import Resetter, StateUpdater, SubexpressionUpdater, Thresholder
from brian2.spatialneuron.spatialneuron import SpatialNeuron
from brian2.synapses.synapses import StateUpdater as SynapsesUpdater
from brian2.synapses.synapses import SummedVariableUpdater, SynapticPathway

from astrobrian.genn import monitors, populations
from astrobrian.genn.changes import Changes
from astrobrian.genn.code import CannotExpress
from astrobrian.genn.lowering import Lowering
from astrobrian.genn.program import Program
from astrobrian.genn.projections import add_synapses, is_operation
from astrobrian.guard import RangeGuard
from astrobrian.territories import Gathering, Refresh, SumOverTerritory, Territories
from astrobrian.tripartite import TripartiteSynapses

#: What is lowered together with the object that it belongs to.
PARTS = (
    *(StateUpdater, SubexpressionUpdater, Thresholder, Subgroup),
    *(SynapsesUpdater, SummedVariableUpdater, SynapticPathway),
    *(Gathering, Refresh, SumOverTerritory, Territories),
)

#: Brian2's own.
SCHEDULE = ("start", "groups", "thresholds", "synapses", "resets", "end")

#: Where in a time step objects may be.
SLOTS: dict[type, tuple[str, ...]] = {
    StateMonitor: ("start",),
    EventMonitor: ("thresholds", "after_thresholds"),
    PopulationRateMonitor: ("end",),
    PoissonInput: ("synapses",),
    SynapticPathway: ("synapses",),
    Thresholder: ("thresholds", "after_thresholds"),
    Resetter: ("resets", "after_resets"),
}


def lower(network: Network, single: bool) -> tuple[Lowering, list[monitors.Filling]]:
    """A program for a network that is about to run, and what fills its monitors afterwards.

    Parameters
    ----------
    network : Network
        Whose objects have generated their code (`Network.before_run`), and whose clocks know when they end.
    single : bool
        Whether numbers have single precision.
    """
    objects = network.sorted_objects
    dt = _time_step(objects)
    lowering = Lowering(objects, Changes.of(objects), Program(dt, 0, single=single))
    last = ((each.clock._i_end - 1) * lowering.every(each.clock) for each in objects)
    lowering.program.steps = int(max(last)) + 1
    _check_parts(lowering, network)
    fillings: list[monitors.Filling] = []
    remaining = [each for each in objects if not isinstance(each, PARTS)]
    for kinds, add in _steps(lowering, fillings):
        for each in [each for each in remaining if kinds(each)]:
            remaining.remove(each)
            try:
                _check_slot(each)
                add(each)
            except CannotExpress as problem:
                lowering.refuse(problem.feature, each.name, problem.reason)
    for each in remaining:
        lowering.refuse("other_objects", each.name, f"GeNN can't run a {type(each).__name__}")
    return lowering, fillings


def _steps(
    lowering: Lowering, fillings: list[monitors.Filling]
) -> list[tuple[Callable[[BrianObject], bool], Callable]]:
    """Which objects are lowered one after the other, and how."""

    def of(*types: type) -> Callable[[BrianObject], bool]:
        return lambda each: isinstance(each, types)

    def refuse_operation(each: NetworkOperation) -> None:
        raise CannotExpress("network_operation", "it is Python, and the simulation doesn't come back to it")

    def refuse_compartments(each: SpatialNeuron) -> None:
        raise CannotExpress("other_objects", "GeNN has no neurons with several compartments")

    def add_tripartite(each: TripartiteSynapses) -> None:
        from astrobrian.genn.tripartite import lower as lower_tripartite

        lower_tripartite(each, lowering)

    def is_published(each: BrianObject) -> bool:
        return isinstance(each, Synapses) and isinstance(each.source, Synapses) | isinstance(
            each.target, Synapses
        )

    def refuse_published(each: Synapses) -> None:
        raise CannotExpress("published_form", "synapses can't be the source or target of synapses")

    def on_group(each: BrianObject) -> bool:
        return is_operation(each) and not isinstance(each.group, Synapses)

    return [
        (of(NetworkOperation), refuse_operation),
        (of(SpatialNeuron), refuse_compartments),
        (of(SpikeGeneratorGroup), lambda each: populations.add_generator(each, lowering)),
        (of(NeuronGroup, PoissonGroup), lambda each: populations.add_group(each, lowering)),
        (of(PoissonInput), lambda each: populations.add_input(each, lowering)),
        (of(Resetter), lambda each: populations.add_deferred_reset(each, lowering)),
        (of(RangeGuard), lambda each: populations.add_guard(each, lowering)),
        (on_group, lambda each: populations.add_operation(each, lowering)),
        (is_published, refuse_published),
        (lambda each: isinstance(each, TripartiteSynapses) and each.astrocytes is not None, add_tripartite),
        (of(Synapses), lambda each: add_synapses(each, lowering)),
        (is_operation, lambda each: None),
        (of(StateMonitor), lambda each: fillings.append(monitors.add_state_monitor(each, lowering))),
        (of(EventMonitor), lambda each: fillings.append(monitors.add_event_monitor(each, lowering))),
        (of(PopulationRateMonitor), lambda each: fillings.append(monitors.add_rate_monitor(each, lowering))),
    ]


def _time_step(objects: Sequence[BrianObject]) -> float:
    """The longest step that all clocks have in common."""
    steps = sorted({each.clock.dt_ for each in objects})
    ticks = [round(step * 1e15) for step in steps]  # femtoseconds
    common = reduce(gcd, ticks)
    return steps[0] if common == ticks[0] else common * 1e-15


def _check_slot(each: BrianObject) -> None:
    """Objects have their places in a time step; GeNN knows no others."""
    slots = next((slots for kind, slots in SLOTS.items() if isinstance(each, kind)), None)
    if is_operation(each):
        slots = ("start",)
    if slots and each.when not in slots:
        raise CannotExpress("object_order", f"when={each.when!r}, and GeNN does this at {slots[0]!r}")
    if isinstance(each, NeuronGroup | Synapses) and each.order != 0:
        raise CannotExpress("object_order", f"order={each.order}, and GeNN has an order of its own")
    if not each.active:
        raise CannotExpress("object_order", "it isn't active; leave it out of the network")


def _check_parts(lowering: Lowering, network: Network) -> None:
    """The same for what isn't lowered by itself."""
    if network.schedule != list(SCHEDULE):
        lowering.refuse("object_order", network.name, "its schedule isn't that of Brian2")
    for each in lowering.objects:
        if isinstance(each, PARTS):
            try:
                _check_slot(each)
            except CannotExpress as problem:
                lowering.refuse(problem.feature, each.name, problem.reason)
