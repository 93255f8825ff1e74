"""Figure 4 of Stimberg et al. (2019): gliotransmission in a closed and in an open loop.

Three kinds of synapses get the same Poisson spikes. Those of the closed loop activate the astrocyte that reduces their
release; in the open loop IP3 drives the astrocyte, whatever the synapse does; the third kind has no astrocyte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import brian2
import numpy as np
from brian2 import (
    Hz,
    Network,
    NeuronGroup,
    PoissonGroup,
    Quantity,
    StateMonitor,
    TimedArray,
    ms,
    second,
    umolar,
)

from astrobrian import AstrocyteGroup, TripartiteSynapses, use_backend
from astrobrian.equations import (
    Model,
    Parameter,
    chi,
    cleft_glutamate,
    exogenous_drive,
    gchi,
    gliotransmission,
    presynaptic_receptors,
    tsodyks_markram,
)
from astrobrian.progress import Progress, reporting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = ("none", "open", "closed")
# panel B: 500 synapses, four rates one after another
STEPS, STEP = np.array([0.011, 0.11, 1.1, 11]) * Hz, 5 * second
# panel C: 100 rates, each of one synapse of each kind, counted after a transient
RATES = np.logspace(-1, 2, 100) * Hz
TRANSIENT, COUNTED = 15 * second, 180 * second

# number of spikes and sums of what they release
release_count = Model(
    name="release_count",
    text="""
        spikes : 1
        released : 1
        released_squared : 1
    """,
    parameters={"from_t": Parameter(0, "second", "earlier spikes are not counted")},
    on_pre="""
        spikes += int(t >= from_t)
        released += r_S*int(t >= from_t)
        released_squared += r_S**2*int(t >= from_t)
    """,
)


@dataclass(frozen=True)
class Loops:
    """Glutamate and release of synapses without astrocyte, in an open loop, and in a closed loop, in this order.

    Attributes
    ----------
    t : Quantity, shape (times,)
    Y_S : Quantity, shape (3, times)
        Mean glutamate in the clefts of 500 synapses whose input rate rises in four steps.
    r_S_mean, r_S_std : array, shape (3, rates)
        Resources released per spike, by input rate; NaN where there was no spike.
    """

    t: Quantity
    Y_S: Quantity
    r_S_mean: np.ndarray
    r_S_std: np.ndarray

    def figures(self) -> dict[str, Any]:
        """Mean glutamate at each step, and the rate at which each kind releases most per spike."""
        found: dict[str, Any] = {}
        for kind, Y_S, r_S in zip(KINDS, self.Y_S / umolar, self.r_S_mean, strict=True):
            steps = np.array_split(Y_S, len(STEPS))
            found[f"Y_S_mean_umolar_{kind}"] = [float(step.mean()) for step in steps]
            found[f"r_S_max_{kind}"] = float(np.nanmax(r_S))
            found[f"rate_of_r_S_max_Hz_{kind}"] = float(RATES[np.nanargmax(r_S)] / Hz)
        return found


def simulate(seed: int = 16283, backend: str = "cpp", progress: Progress | None = None) -> Loops:
    """Both experiments, one after the other.

    Parameters
    ----------
    seed : int, optional
        Of the spikes.
    backend : str, optional
        As in `astrobrian.use_backend`.
    progress : Progress, optional
        Is told how far it has come, once for each experiment.
    """
    t, Y_S = _steps(seed, backend, progress)
    mean, std = _rates(seed, backend, progress)
    return Loops(t, Y_S, mean, std)


def _steps(seed: int, backend: str, progress: Progress | None) -> tuple[Quantity, Quantity]:
    use_backend(backend)
    brian2.seed(seed)
    brian2.defaultclock.dt = 1 * ms
    rate_in = TimedArray(STEPS, dt=STEP)
    source = PoissonGroup(500, rates="rate_in(t)", namespace={"rate_in": rate_in})
    network, synapses = _three_kinds(source, tsodyks_markram)
    monitors = [StateMonitor(kind, "Y_S", record=range(500), dt=10 * ms) for kind in synapses]
    network.add(monitors)
    duration = len(STEPS) * STEP
    with reporting(progress, duration) as report:
        network.run(duration, **report)
    return monitors[0].t[:], np.stack([monitor.Y_S.mean(axis=0) for monitor in monitors]) * brian2.mmolar


def _rates(seed: int, backend: str, progress: Progress | None) -> tuple[np.ndarray, np.ndarray]:
    use_backend(backend)
    brian2.seed(seed)
    brian2.defaultclock.dt = 1 * ms
    network, synapses = _three_kinds(PoissonGroup(len(RATES), rates=RATES), tsodyks_markram + release_count)
    duration = TRANSIENT + COUNTED
    with reporting(progress, duration) as report:
        network.run(duration, **report)
    spikes, released, squared = (
        np.stack([np.asarray(getattr(kind, name)[:]) for kind in synapses])
        for name in ("spikes", "released", "released_squared")
    )
    with np.errstate(invalid="ignore"):
        mean = released / spikes
        return mean, np.sqrt(np.maximum(squared / spikes - mean**2, 0))


def _three_kinds(source: PoissonGroup, release: Model) -> tuple[Network, list[TripartiteSynapses]]:
    """One synapse of each kind for each source, and what belongs to them."""
    N = len(source)
    target = NeuronGroup(N, "")
    driven = AstrocyteGroup(N, chi + exogenous_drive(I_bias=1 * umolar) + gliotransmission)
    sensing = AstrocyteGroup(N, gchi(O_beta=3.2 * umolar / second) + exogenous_drive + gliotransmission)
    driven.C = driven.I = sensing.C = sensing.I = 0 * umolar
    plain = release + cleft_glutamate
    modulated = plain + presynaptic_receptors
    synapses = [
        TripartiteSynapses(source, target, model=plain),
        TripartiteSynapses(source, target, driven, modulated),
        # each synapse keeps its own glutamate, so that it can be recorded
        TripartiteSynapses(source, target, sensing, modulated, form="published"),
    ]
    for kind in synapses:
        kind.connect(i=np.arange(N), j=np.arange(N))
    for kind in synapses[1:]:
        kind.cover(by="post", index=np.arange(N))
    return Network(source, target, driven, sensing, *synapses), synapses


def plot(loops: Loops) -> Figure:
    """Glutamate at each step of the rate, and release per spike against the rate, for each kind."""
    from matplotlib.ticker import StrMethodFormatter

    from astrobrian.studies.style import ASTROCYTE, EXCITATORY, NEUTRAL, grid

    names = ("no gliotransmission", "open loop", "closed loop")
    figure, axes = grid(3, 2, size=(6.3, 4.8))
    for (left, right), name, colour, Y_S, mean, std in zip(
        axes, names, (NEUTRAL, ASTROCYTE, EXCITATORY), loops.Y_S, loops.r_S_mean, loops.r_S_std, strict=True
    ):
        left.plot(loops.t / second, Y_S / umolar, color=colour, linewidth=0.7)
        left.set(ylabel=r"$\langle Y_S \rangle$ ($\mu$M)", ylim=(0, None))
        left.set_title(name, fontsize=9, loc="left", color=colour)
        right.errorbar(RATES / Hz, mean, std, fmt=".", color=colour, linewidth=0.5, markersize=4)
        right.set(ylabel=r"$\langle r_S \rangle$", xscale="log", ylim=(0, None))
        right.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes[-1, 0].set_xlabel("time (s)")
    axes[-1, 1].set_xlabel("input rate (Hz)")
    return figure
