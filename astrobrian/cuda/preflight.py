"""What Brian2CUDA can't do, or would get wrong without a word, found in a network before code is generated for it.

Each of these was read in the code of Brian2CUDA 1.0b1; ``docs/cuda.md`` says where. What threads would do to each other
can only be seen in the code of each object, and is found there: see `astrobrian.cuda.races`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from brian2 import Network, NetworkOperation, Synapses
from brian2.core.base import BrianObject
from brian2.core.clocks import Clock
from brian2.synapses.synapses import SynapticPathway
from brian2cuda.device import CUDAStandaloneDevice

from astrobrian.backends.findings import Refusal, conclude


def preflight(device: CUDAStandaloneDevice, network: Network, steps_before: dict[str, float]) -> None:
    """Look through a network that is about to be run.

    Parameters
    ----------
    device : CUDAStandaloneDevice
    network : Network
    steps_before : dict of str to float
        The time step of each pathway in the runs before, in seconds; those of this run are added.

    Raises
    ------
    UnsupportedFeature
        If anything in it is refused.
    """
    refusals = []
    for each in network.sorted_objects:
        if not each.active:
            continue
        if isinstance(each, NetworkOperation):
            refusals.append(Refusal("network_operation", each.name, "Python can't be called by the program"))
        refusals += _gsl(each)
    for pathway in _pathways(network):
        refusals += _delays(device, pathway, network)
        refusals += _changed_delays(device, pathway)
        refusals += _another_step(pathway, steps_before)
    conclude("cuda", refusals, [])


def _pathways(network: Network) -> Iterator[SynapticPathway]:
    for each in network.sorted_objects:
        if isinstance(each, Synapses) and each.active:
            yield from (pathway for pathway in each._pathways if pathway.active)


def _gsl(each: BrianObject) -> Iterator[Refusal]:
    updater = getattr(each, "state_updater", None)
    method = getattr(updater, "method_choice", None)
    if isinstance(method, str) and method.startswith("gsl"):
        yield Refusal("gsl", each.name, f"it is integrated by {method!r}; give another method")


def _delays(device: CUDAStandaloneDevice, pathway: SynapticPathway, network: Network) -> Iterator[Refusal]:
    """Spikes with equal delays wait in places that are counted in turns of the whole network, not of their source."""
    clock = pathway.source.clock
    others = {each.clock for each in network.sorted_objects}
    counted = clock is device.defaultclock and clock is pathway.synapses.clock
    in_step = counted and all(_in_step(clock, other) for other in others)
    if not in_step and _may_be_equal(device, pathway):
        yield Refusal(
            "equal_delays",
            pathway.name,
            f"spikes of {pathway.source.name} with the same delay would be lost, because it and {pathway.synapses.name} "
            "aren't both on the default clock, or other objects take steps in between; give both the default clock and "
            "the others multiples of its time step, or leave the delay out",
        )


def _in_step(clock: Clock, other: Clock) -> bool:
    """Whether another clock only takes steps when this one does."""
    ratio = other.dt_ / clock.dt_
    return bool(ratio > 0.5 and np.isclose(ratio, round(ratio)))


def _may_be_equal(device: CUDAStandaloneDevice, pathway: SynapticPathway) -> bool:
    """Whether a pathway has delays that may be the same for all synapses, and not zero."""
    for step in _delays_set(device, pathway):
        match step:
            case "set_by_constant", (_, value, _):
                return bool(value)
            case "set_by_single_value", (_, _, value) if pathway.variables["delay"].scalar:
                return bool(float(value))
            case "set_by_array", (_, values, _):
                steps = np.round(device.static_arrays[values] / pathway.source.clock.dt_)
                return bool(np.any(steps) and np.ptp(steps) == 0)
        return True  # only the program knows
    return False


def _delays_set(device: CUDAStandaloneDevice, pathway: SynapticPathway) -> Iterator[tuple[str, Any]]:
    """What the program does to set the delays of a pathway, the last first, back to the run before."""
    delay = pathway.variables["delay"]
    array = device.get_array_name(delay, access_data=False)
    for what, args in reversed(device.main_queue):
        match what, args:
            case "run_network", _:
                return
            case "run_code_object", (made,):
                if made.template_name.startswith("group_variable_set") and delay in made.variables.values():
                    yield what, args
            case _, (changed, *_) if changed == array:
                yield what, args


def _changed_delays(device: CUDAStandaloneDevice, pathway: SynapticPathway) -> Iterator[Refusal]:
    if not device.first_run and any(_delays_set(device, pathway)):
        yield Refusal(
            "several_runs",
            pathway.name,
            "its delays are set between two runs, and spikes on their way would arrive at another time; set them "
            "before the first one",
        )


def _another_step(pathway: SynapticPathway, steps_before: dict[str, float]) -> Iterator[Refusal]:
    step = pathway.source.clock.dt_
    before = steps_before.setdefault(pathway.name, step)
    if before != step:
        yield Refusal(
            "several_runs",
            pathway.name,
            f"the time step of {pathway.source.name} was {before} s in the run before and is {step} s now; spikes on "
            "their way would arrive at another time",
        )
