"""Figure 1 of Stimberg et al. (2019): a random network with short-term plasticity, without astrocytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import brian2
from brian2 import Hz, Quantity, SpikeMonitor, ms, pA, run, second

from astrobrian import Neurons, TripartiteSynapses, use_backend
from astrobrian.equations import coba_lif, excitatory_conductance, inhibitory_conductance, tsodyks_markram
from astrobrian.progress import Progress, reporting
from astrobrian.studies.statistics import Spikes, population_rate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXCITATORY, INHIBITORY = 3200, 800


@dataclass(frozen=True)
class Firing:
    """What the network did.

    Attributes
    ----------
    duration : Quantity
    excitatory, inhibitory : Spikes
    """

    duration: Quantity
    excitatory: Spikes
    inhibitory: Spikes

    def figures(self) -> dict[str, Any]:
        """Mean firing rates, and those at the beginning and at the end."""
        tenth, end = self.duration / 10, self.duration
        everyone = self.excitatory + self.inhibitory
        return {
            "rate_exc_Hz": float(self.excitatory.rate((0 * second, end)) / Hz),
            "rate_inh_Hz": float(self.inhibitory.rate((0 * second, end)) / Hz),
            "rate_first_tenth_Hz": float(everyone.rate((0 * second, tenth)) / Hz),
            "rate_last_tenth_Hz": float(everyone.rate((end - tenth, end)) / Hz),
        }


def simulate(
    duration: Quantity = 1 * second,
    seed: int = 11922,
    backend: str = "cpp",
    progress: Progress | None = None,
) -> Firing:
    """A random network under a constant current.

    Parameters
    ----------
    duration : Quantity, optional
    seed : int, optional
    backend : str, optional
        As in `astrobrian.use_backend`.
    progress : Progress, optional
        Is told how far it has come.
    """
    use_backend(backend)
    brian2.seed(seed)
    brian2.defaultclock.dt = 0.1 * ms
    neurons = Neurons(EXCITATORY + INHIBITORY, coba_lif(I_ex=150 * pA), method="euler")
    excitatory, inhibitory = neurons[:EXCITATORY], neurons[EXCITATORY:]
    neurons.v = "E_l + rand()*(V_th - E_l)"
    neurons.g_e = "rand()*0.05*nS"
    neurons.g_i = "rand()*nS"
    exc_syn = TripartiteSynapses(excitatory, neurons, model=tsodyks_markram + excitatory_conductance)
    exc_syn.connect(p=0.05)
    inh_syn = TripartiteSynapses(inhibitory, neurons, model=tsodyks_markram + inhibitory_conductance)
    inh_syn.connect(p=0.2)
    exc_mon, inh_mon = SpikeMonitor(excitatory), SpikeMonitor(inhibitory)
    with reporting(progress, duration) as report:
        run(duration, **report)
    return Firing(duration, Spikes.of(exc_mon), Spikes.of(inh_mon))


def plot(firing: Firing) -> Figure:
    """Spikes of a quarter of the neurons, and the rate of all."""
    from astrobrian.studies.style import EXCITATORY as RED
    from astrobrian.studies.style import INHIBITORY as BLUE
    from astrobrian.studies.style import NEUTRAL, panels, raster

    figure, axes = panels([3, 1], size=(4.5, 4))
    raster(axes[0], {"excitatory": (firing.excitatory, RED), "inhibitory": (firing.inhibitory, BLUE)})
    t, rate = population_rate(firing.excitatory + firing.inhibitory, firing.duration, 1 * ms)
    axes[1].plot(t / second, rate / Hz, color=NEUTRAL, linewidth=0.6)
    axes[1].set(xlabel="time (s)", ylabel="rate (Hz)", xlim=(0, firing.duration / second), ylim=(0, None))
    return figure
