"""Every constant of the study, each chosen here; the sensitivity run says which of them matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from math import inf
from typing import Any


def _constant(default: Any, meaning: str, others: tuple[Any, ...] = ()) -> Any:
    """A field with its meaning, and the values that the sensitivity run gives it instead."""
    return field(default=default, metadata={"meaning": meaning, "others": others})


@dataclass(frozen=True)
class Wiring:
    """How a liquid is connected."""

    subnetworks: int = _constant(8, "subnetworks of tripartite motifs in a liquid", (1,))
    in_degree: int = _constant(8, "synapses that a neuron gets from others, at most", (4, 16))
    local: float = _constant(0.75, "part of them that come from its own subnetwork", (0.25, 1.0))
    coupling: int = _constant(2, "neighbours that an astrocyte is coupled to", (0, 8))
    spectral_radius: float = _constant(0.9, "of the matrix of all weights", (0.45, 1.8))
    input_scale: float = _constant(1.0, "of the standardised input", (0.3, 3.0))


@dataclass(frozen=True)
class Formal:
    """Units of first and second order, in steps of the task."""

    tau_mem: float = _constant(10.0, "steps, membrane of both kinds of unit", (5.0, 20.0))
    tau_syn: float = _constant(20.0, "steps, synaptic current of an astrocyte-like unit", (10.0, 50.0))
    tau_trace: float = _constant(10.0, "steps, low-pass filter of the spikes that are read", (5.0, 20.0))
    rate: float = _constant(0.1, "spikes a step that the bias of each unit is led to", (0.05, 0.2))
    adaptation: float = _constant(0.01, "step of the bias for a spike too many, while it is led", ())


@dataclass(frozen=True)
class Biophysical:
    """Integrate-and-fire neurons and astrocytes; what isn't here has the published value of its model."""

    sample: float = _constant(20.0, "ms, that a sample of the task lasts", (50.0,))
    dt: float = _constant(1.0, "ms, time step of neurons and synapses", (0.5,))
    dt_astrocytes: float = _constant(10.0, "ms, time step of astrocytes", (5.0,))
    input_current: float = _constant(1.0, "rheobases, current at a weighted input of 1", (0.3, 3.0))
    excitation: float = _constant(5.0, "nS, conductance of a full release at a weight of 1", (2.5, 10.0))
    inhibition: float = _constant(20.0, "nS, the same of inhibitory neurons", (10.0, 40.0))
    tau_trace: float = _constant(100.0, "ms, low-pass filter of the spikes that are read", (50.0, 200.0))
    rate: float = _constant(10.0, "Hz, that the bias of each neuron is led to", (5.0, 20.0))
    adaptation: float = _constant(0.01, "rheobases, that a spike takes from the bias while it is led", ())
    memory: float = _constant(1.0, "s, time constant of what gliotransmitter does to a synapse", (0.3, 3.0))
    binding: float = _constant(0.03, "1/uM/s, of glutamate to astrocytes; 0.3 saturates them", (0.3,))
    production: float = _constant(2.0, "uM/s, most IP3 that glutamate makes an astrocyte produce", (0.5,))
    ip3: float = _constant(0.3, "uM, of the source that drives astrocytes", (0.2, 0.6))
    input_ip3: float = _constant(1.5, "of this, change at a weighted input of 1", (0.5, 3.0))
    exchange: float = _constant(
        5.0, "1/s, of IP3 with the source; a slow membrane has its time constant", (2.5, 10.0)
    )
    junctions: float = _constant(1.0, "1/s, permeability of a gap junction for IP3", (0.1, 5.0))
    pump: float = _constant(
        0.2, "uM, affinity of SERCA: calcium oscillates at 0.05 and follows IP3 here", (0.05, 0.1)
    )
    release: float = _constant(0.35, "uM, calcium that releases gliotransmitter", (0.25, 0.5))


@dataclass(frozen=True)
class ReadOut:
    """What learns from the states."""

    hidden: tuple[int, int] = _constant((64, 32), "units of the two hidden layers", ((32, 16), (128, 64)))
    width: int = _constant(64, "inputs of the read-out of fixed width", (32, 128))
    epochs: int = _constant(10, "over the training samples", ())
    minibatch: int = _constant(100, "samples of one step of the optimiser", ())
    rate: float = _constant(1e-3, "step of Adam", (3e-4, 3e-3))
    ridge: tuple[float, ...] = _constant(
        (1e-8, 1e-6, 1e-4, 1e-2, 1.0), "penalties, of which validation chooses", ()
    )
    threshold: float = _constant(0.5, "of the loss before training: how long it takes to get there", ())

    def __post_init__(self) -> None:
        if len(self.hidden) != 2:
            raise ValueError(f"read_out.hidden has two layers, such as 64,32; got {self.hidden}")
        for name, value in vars(self).items():
            if not all(0 < each < inf for each in (value if isinstance(value, tuple) else (value,))):
                raise ValueError(f"read_out.{name} is positive and finite, got {value}")


@dataclass(frozen=True)
class Series:
    """How long the tasks are, in samples."""

    washin: int = _constant(1000, "in which rates are controlled; nothing is read", ())
    train: int = _constant(3000, "for the read-outs to learn from", (1500,))
    test: int = _constant(1000, "that scores are computed on", ())
    free: int = _constant(4, "free runs of each liquid", ())


@dataclass(frozen=True)
class Constants:
    """All of them, by room: ``constants.wiring.in_degree``, or by name: ``constants.changed({"wiring.in_degree": 4})``."""

    wiring: Wiring = field(default_factory=Wiring)
    formal: Formal = field(default_factory=Formal)
    biophysical: Biophysical = field(default_factory=Biophysical)
    read_out: ReadOut = field(default_factory=ReadOut)
    series: Series = field(default_factory=Series)

    def flat(self) -> dict[str, Any]:
        """Every constant by its name."""
        return {
            f"{room.name}.{each.name}": getattr(getattr(self, room.name), each.name)
            for room in fields(self)
            for each in fields(getattr(self, room.name))
        }

    def changed(self, values: Mapping[str, Any]) -> Constants:
        """The same with other values for some.

        Raises
        ------
        ValueError
            If there is no constant of a name.
        """
        unknown = values.keys() - self.flat().keys()
        if unknown:
            raise ValueError(f"there is no constant {min(unknown)!r}; there are {', '.join(self.flat())}")
        changed = self
        for name, value in values.items():
            room, constant = name.split(".")
            changed = replace(changed, **{room: replace(getattr(changed, room), **{constant: value})})
        return changed
