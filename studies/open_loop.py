"""Figure 3 of Stimberg et al. (2019): gliotransmission turns a depressing synapse into a facilitating one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import brian2
import numpy as np
from brian2 import NeuronGroup, Quantity, SpikeGeneratorGroup, StateMonitor, ms, run, second, umolar

from astrobrian import AstrocyteGroup, TripartiteSynapses, use_backend
from astrobrian.equations import (
    chi,
    cleft_glutamate,
    exogenous_drive,
    gliotransmission,
    presynaptic_receptors,
    release_record,
    tsodyks_markram,
)
from astrobrian.progress import Progress, reporting
from astrobrian.studies.statistics import up_crossings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRANSIENT = 16.5 * second
SPIKES = TRANSIENT + np.array([0, 50, 100, 150, 200, *range(300, 401, 10)]) * ms
KINDS = ("no gliotransmission", "weak gliotransmission", "strong gliotransmission")


@dataclass(frozen=True)
class Release:
    """Two astrocytes, and three synapses of which they cover the last two.

    Attributes
    ----------
    t : Quantity, shape (times,)
    C, G_A : Quantity, shape (2, times)
        Calcium in and gliotransmitter around each astrocyte.
    Y_S : Quantity, shape (3, times)
        Glutamate in each cleft.
    r_S : array, shape (3, spikes)
        Resources that each synapse releases at each spike.
    """

    t: Quantity
    C: Quantity
    G_A: Quantity
    Y_S: Quantity
    r_S: np.ndarray

    def figures(self) -> dict[str, Any]:
        """Calcium events and what is released at each spike."""
        found: dict[str, Any] = {}
        for cell, kind in enumerate(("weak", "strong")):
            events = up_crossings(self.t, self.C[cell], gliotransmission.parameters["C_Theta"].quantity)
            found[f"calcium_events_s_{kind}"] = np.asarray(events / second)
            found[f"C_max_umolar_{kind}"] = float(self.C[cell].max() / umolar)
            found[f"G_A_max_umolar_{kind}"] = float(self.G_A[cell].max() / umolar)
        for kind, released in zip(("none", "weak", "strong"), self.r_S, strict=True):
            found[f"r_S_{kind}"] = released
        return found


def simulate(backend: str = "cpp", progress: Progress | None = None) -> Release:
    """One presynaptic neuron with three synapses; IP3 drives the astrocytes whatever the synapses do.

    Parameters
    ----------
    backend : str, optional
        As in `astrobrian.use_backend`.
    progress : Progress, optional
        Is told how far it has come.
    """
    use_backend(backend)
    brian2.defaultclock.dt = 1 * ms
    source = SpikeGeneratorGroup(1, np.zeros(len(SPIKES), int), SPIKES)
    target = NeuronGroup(3, "")
    astrocytes = AstrocyteGroup(2, chi + exogenous_drive + gliotransmission)
    astrocytes.C = 0 * umolar
    astrocytes.I = 0.4 * umolar
    astrocytes.I_bias = [0.8, 1.25] * umolar
    model = tsodyks_markram + release_record + cleft_glutamate + presynaptic_receptors
    synapses = TripartiteSynapses(source, target, astrocytes, model)
    synapses.connect(i=[0, 0, 0], j=[0, 1, 2])
    synapses.cover(by="post", index=[-1, 0, 1])
    calcium = StateMonitor(astrocytes, ["C", "G_A"], record=True)
    released = StateMonitor(synapses, ["Y_S", "r_S"], record=[0, 1, 2], when="end")
    duration = TRANSIENT + 600 * ms
    with reporting(progress, duration) as report:
        run(duration, **report)
    at_spikes = np.round(SPIKES / ms).astype(int)
    return Release(calcium.t[:], calcium.C[:], calcium.G_A[:], released.Y_S[:], released.r_S[:, at_spikes])


def plot(release: Release) -> Figure:
    """Calcium and gliotransmitter before the spikes; what each synapse releases, and its glutamate."""
    from astrobrian.studies.style import ASTROCYTE, EXCITATORY, NEUTRAL, THRESHOLD, panels

    colours = (NEUTRAL, ASTROCYTE, EXCITATORY)
    figure, axes = panels([3, 2, 3, 3], size=(6.3, 5.5), sharex=False)
    before = (release.t - TRANSIENT) / second
    C_Theta = gliotransmission.parameters["C_Theta"].quantity
    axes[0].axhline(C_Theta / umolar, color=THRESHOLD, linestyle=":", linewidth=0.8)
    for calcium, glio, colour in zip(release.C, release.G_A, colours[1:], strict=True):
        axes[0].plot(before, calcium / umolar, color=colour, linewidth=0.9)
        axes[1].plot(before, glio / umolar, color=colour, linewidth=0.9)
    axes[0].set(ylabel=r"$C$ ($\mu$M)", xlim=(before[0], 0), xticklabels=[])
    axes[1].set(ylabel=r"$G_A$ ($\mu$M)", xlim=(before[0], 0), xlabel="time before the first spike (s)")
    spikes, after = (SPIKES - TRANSIENT) / ms, (release.t - TRANSIENT) / ms
    for shift, r_S, Y_S, colour, kind in zip(
        (-2, 0, 2), release.r_S, release.Y_S, colours, KINDS, strict=True
    ):
        axes[2].vlines(spikes + shift, 0, r_S, color=colour, linewidth=1.2)
        axes[3].plot(after, Y_S / umolar, color=colour, linewidth=0.9, label=kind)
    axes[2].set(ylabel="$r_S$", xlim=(-10, 600), ylim=(0, None), xticklabels=[])
    axes[3].set(ylabel=r"$Y_S$ ($\mu$M)", xlim=(-10, 600), xlabel="time (ms)")
    axes[3].legend(fontsize=8, frameon=False)
    return figure
