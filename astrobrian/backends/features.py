"""Which backend can do what: the one place where it is written down.

Preflight names these features when it refuses something, the table in the documentation is made from them, and each
cell of it is a test (`astrobrian.studies.compatibility`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Status = Literal["works", "lowered", "refused"]

BACKENDS = ("numpy", "cython", "cpp", "cuda", "genn")


@dataclass(frozen=True)
class Feature:
    """Something that a script may use.

    Parameters
    ----------
    title : str
        As in the table.
    other : Mapping of str to (str, str), optional
        For each backend on which it doesn't simply work: "lowered" or "refused", and how or why, in one sentence.
    """

    title: str
    other: Mapping[str, tuple[Literal["lowered", "refused"], str]] = field(default_factory=dict)

    def status(self, backend: str) -> Status:
        """Whether it works, is lowered (rewritten, with the same result) or refused."""
        return self.other[backend][0] if backend in self.other else "works"

    @property
    def backends(self) -> list[str]:
        """Those on which it can be used."""
        return [backend for backend in BACKENDS if self.status(backend) != "refused"]


def _lowered(how: str, *backends: str) -> dict[str, tuple[Literal["lowered", "refused"], str]]:
    return {backend: ("lowered", how) for backend in backends}


def _refused(why: str, *backends: str) -> dict[str, tuple[Literal["lowered", "refused"], str]]:
    return {backend: ("refused", why) for backend in backends}


_MIRRORED = _lowered(
    "the astrocyte's output is mirrored to the postsynaptic neuron, and a second synapse object writes to the astrocyte",
    "genn",
)
_GATED = _lowered(
    "every object steps at the fastest clock, and a slower one keeps its values in between", "genn"
)
_ON_HOST = "the simulation doesn't come back to Python before it has ended"
_ONE_PROGRAM = "one program runs from beginning to end"

ASTROCYTES: dict[str, Feature] = {
    "one_group": Feature("one group of astrocytes"),
    "several_groups": Feature("several groups of astrocytes", _MIRRORED),
    "open_loop": Feature("open loop: synapses feed astrocytes", _MIRRORED),
    "closed_loop": Feature("closed loop: astrocytes also modulate their synapses", _MIRRORED),
    "astrocyte_clock": Feature("a separate clock of the astrocytes", _GATED),
    "gap_junctions_linear": Feature("linear gap junctions"),
    "gap_junctions_thresholded": Feature("thresholded gap junctions"),
    "slow_inward_current": Feature("slow inward current"),
    "stochastic_gate": Feature("a stochastic gate of calcium release"),
    "without_astrocytes": Feature("neurons without astrocytes"),
}

TERRITORIES: dict[str, Feature] = {
    "cover_by_post": Feature("territories by the postsynaptic neuron", _MIRRORED),
    "cover_by_pre": Feature(
        "territories by the presynaptic neuron",
        _lowered("synapses are split by the astrocytes of their neuron, at most 8", "genn"),
    ),
    "cover_by_synapse": Feature("territories given for each synapse", _MIRRORED),
    "several_astrocytes_per_neuron": Feature(
        "several astrocytes at one neuron",
        _lowered("synapses are split by the astrocytes of their neuron, at most 8", "genn"),
    ),
    "uncovered_synapses": Feature("synapses without an astrocyte", _MIRRORED),
    "several_synapse_groups": Feature("several synapse objects with the same astrocytes", _MIRRORED),
    "gather_sum": Feature("astrocytes fed with the sum of their synapses", _MIRRORED),
    "write_astro": Feature("X_astro += ... at a spike", _MIRRORED),
    "kept_variables": Feature(
        "variables kept on each synapse instead of once per astrocyte",
        _refused("at every step each synapse would read its astrocyte, a third cell", "genn"),
    ),
    "published_form": Feature(
        "the published form: synapses between synapses and astrocytes",
        _refused("synapses can't be the source or target of synapses", "genn"),
    ),
}

SYNAPSES: dict[str, Feature] = {
    "equal_delays": Feature("one delay for all synapses"),
    "different_delays": Feature(
        "a delay for each synapse", _lowered("one synapse object for each of at most 20 delays", "genn")
    ),
    "post_delays": Feature("a delay of the postsynaptic pathway", _refused("it would be ignored", "genn")),
    "stdp": Feature("on_post and event-driven plasticity"),
    "clock_driven_synapses": Feature(
        "clock-driven equations of synapses",
        _lowered("they are integrated a step later, before that step's spikes", "genn"),
    ),
    "summed_variables": Feature("summed variables of neurons"),
    "n_incoming": Feature("N_incoming and N_outgoing in equations"),
    "stochastic_release": Feature("stochastic release"),
    "stochastic_release_feeding": Feature(
        "stochastic release that feeds an astrocyte",
        _refused("neuron and astrocyte would get different random numbers for the same release", "genn"),
    ),
    "random_connections": Feature("connections drawn at random"),
    "subgroups": Feature("subgroups"),
    "synapses_regularly": Feature(
        "run_regularly of synapses", _lowered("it runs a step later, before that step's spikes", "genn")
    ),
    "several_targets": Feature(
        "on_pre that adds to several variables of neurons",
        _lowered("there is a copy of the synapses for each of them", "genn"),
    ),
    "presynaptic_variables": Feature(
        "a pathway that reads changing variables of the cell whose spike it handles",
        _refused("spikes carry no values there", "genn"),
    ),
    "spikes_elsewhere": Feature(
        "spikes that do something else to neurons than on_pre adding to the postsynaptic one",
        _refused("it isn't possible there", "genn"),
    ),
    "spikes_read_written": Feature(
        "spikes that read what spikes change", _refused("which comes first isn't said there", "genn")
    ),
    "sums_of_spikes": Feature(
        "summed variables of what spikes change", _refused("sums are computed before spikes arrive", "genn")
    ),
}

INPUTS: dict[str, Feature] = {
    "run_regularly": Feature("run_regularly of neurons and astrocytes"),
    "timed_array": Feature("a TimedArray in equations"),
    "poisson_input": Feature("PoissonInput"),
    "poisson_group": Feature("PoissonGroup"),
    "spike_generator": Feature("SpikeGeneratorGroup"),
    "noise": Feature("noise in the equations of neurons"),
    "user_functions": Feature(
        "a function of the user, in C++ and in Python",
        {
            **_lowered("its C++ is compiled for the GPU too", "cuda"),
            **_refused("it isn't handed on to GeNN", "genn"),
        },
    ),
    "custom_events": Feature("custom events"),
    "linked_variables": Feature(
        "linked variables", _refused("a group can't read the variables of another one", "genn")
    ),
    "network_operation": Feature("network operations", _refused(_ON_HOST, "cpp", "cuda", "genn")),
}

MONITORS: dict[str, Feature] = {
    "monitor_spikes": Feature("a monitor of spikes"),
    "monitor_releases": Feature("a monitor of releases"),
    "monitor_spike_variables": Feature("a monitor of variables at spikes"),
    "monitor_neurons": Feature("a monitor of variables of neurons"),
    "monitor_astrocytes": Feature("a monitor of variables of astrocytes"),
    "monitor_synapses": Feature("a monitor of variables of synapses"),
    "monitor_lifted": Feature("a monitor of lifted variables, by synapse", _MIRRORED),
    "monitor_territories": Feature("a monitor of territories", _MIRRORED),
    "monitor_rate": Feature("a monitor of the population rate"),
}

RUNNING: dict[str, Feature] = {
    "several_runs": Feature(
        "several calls of run",
        _refused("the second would begin with other values than the first ended with", "genn"),
    ),
    "values_between_runs": Feature(
        "values read between two runs", _refused(_ONE_PROGRAM, "cpp", "cuda", "genn")
    ),
    "seeds": Feature("the same random numbers after the same seed"),
    "sweep": Feature(
        "a sweep without compiling again",
        {
            **_refused("nothing is compiled into one program; write a loop", "numpy", "cython"),
            **_refused("programs there can't be given other values", "cuda", "genn"),
        },
    ),
    "single_precision": Feature("single precision"),
    "store_restore": Feature("store and restore", _refused(_ONE_PROGRAM, "cpp", "cuda", "genn")),
    "object_order": Feature(
        "objects with when= or order= of their own", _refused("its time step has an order of its own", "genn")
    ),
    "other_objects": Feature(
        "other objects of Brian2, such as neurons with compartments", _refused("they aren't there", "genn")
    ),
    "range_guard": Feature(
        "a run that stops when a variable leaves its physical range",
    ),
    "threads": Feature(
        "several threads",
        _refused('it is an option of the backend "cpp"', "numpy", "cython", "cuda", "genn"),
    ),
    "gsl": Feature(
        "integration methods of the GNU Scientific Library",
        {
            **_refused("it needs code that NumPy doesn't have", "numpy"),
            **_refused("AstroBrian's own device doesn't have its templates; Brian2's does", "cpp"),
            **_refused("it isn't there for a GPU", "cuda"),
            **_refused("GeNN has its own integration", "genn"),
        },
    ),
    "profiling": Feature("profiling", _refused("the time of single objects isn't measured", "genn")),
    "interrupt": Feature(
        "Ctrl-C that ends a run and keeps its results",
        _refused("the run ends, and nothing of it can be read", "genn"),
    ),
}

#: The sections of the table.
THEMES: dict[str, dict[str, Feature]] = {
    "Astrocytes": ASTROCYTES,
    "Territories": TERRITORIES,
    "Synapses": SYNAPSES,
    "Inputs and code of the user": INPUTS,
    "Monitors": MONITORS,
    "Running": RUNNING,
}

FEATURES: dict[str, Feature] = {
    key: feature for features in THEMES.values() for key, feature in features.items()
}
