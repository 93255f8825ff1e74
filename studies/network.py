"""Figure 6 of Stimberg et al. (2019): a random network of neurons and astrocytes.

Excitatory synapses activate astrocytes, which are coupled by gap junctions and reduce the release of the synapses that
they cover. ``docs/figure6.md`` says what the two mappings of synapses to astrocytes are and what differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import brian2
import numpy as np
from brian2 import Hz, Network, Quantity, SpikeMonitor, TimedArray, mm, ms, pA, second, um, umolar

from astrobrian import (
    AstrocyteGroup,
    GapJunctions,
    Grid,
    Neurons,
    Positions,
    TripartiteSynapses,
    place,
    use_backend,
)
from astrobrian.equations import (
    cleft_glutamate,
    coba_lif,
    excitatory_conductance,
    gchi,
    gliotransmission,
    inhibitory_conductance,
    presynaptic_receptors,
    tsodyks_markram,
)
from astrobrian.progress import Progress, reporting
from astrobrian.studies.published_mapping import published_index, published_positions
from astrobrian.studies.statistics import Spikes, population_rate, synchrony

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Mapping = Literal["spatial", "published"]
Form = Literal["lifted", "published"]

EXCITATORY, INHIBITORY, ASTROCYTES = 3200, 800, 3200
SHEET = 3.75 * mm
# external current: 2 s, 2 s of 20 % more, and what it was again
STEP = 2 * second
DRIVE = np.array([1.0, 1.2, 1.0, 1.0]) * 100 * pA
STAGES = {
    "before": (0 * second, 2 * second),
    "during": (2 * second, 4 * second),
    "after": (4 * second, 8 * second),
}
# time scale of the synchrony, chosen here: that of the excitatory conductance
SYNCHRONY_BIN = 5 * ms


@dataclass(frozen=True)
class Activity:
    """What the network did.

    Attributes
    ----------
    duration : Quantity
    excitatory, inhibitory : Spikes
    astrocytes : Spikes
        Releases of gliotransmitter.
    synapses : int
        How many excitatory synapses there are.
    uncovered : int or None
        How many of them have no astrocyte, where it is known.
    """

    duration: Quantity
    excitatory: Spikes
    inhibitory: Spikes
    astrocytes: Spikes
    synapses: int
    uncovered: int | None

    def figures(self) -> dict[str, Any]:
        """Rates, synchrony and releases before, during and after the stronger drive."""
        events = np.asarray(self.astrocytes.t / second)
        found: dict[str, Any] = {
            "excitatory_synapses": self.synapses,
            "uncovered_synapses": self.uncovered,
            "first_release_s": float(events.min()) if len(events) else None,
            "releases": len(events),
            "releasing_astrocytes": len(np.unique(self.astrocytes.i)),
        }
        for stage, (start, stop) in STAGES.items():
            if (stop := min(stop, self.duration)) - start < 0.5 * second:
                continue
            window = (start, stop)
            found |= {
                f"rate_exc_Hz_{stage}": float(self.excitatory.rate(window) / Hz),
                f"rate_inh_Hz_{stage}": float(self.inhibitory.rate(window) / Hz),
                f"synchrony_{stage}": self.synchrony(window),
                f"releases_{stage}": self.astrocytes.number(window),
            }
        return found

    def synchrony(self, window: tuple[Quantity, Quantity]) -> float:
        """Golomb's chi of the excitatory neurons; independent ones have ``1/sqrt(N)``."""
        return synchrony(self.excitatory.counts(window, SYNCHRONY_BIN))


@dataclass(frozen=True)
class Fig6Network:
    """The objects of the network, ready to run.

    Attributes
    ----------
    network : brian2.Network
        All of them.
    excitatory_synapses : TripartiteSynapses
    monitors : tuple of SpikeMonitor
        Of excitatory neurons, inhibitory neurons and astrocytes.
    """

    network: Network
    excitatory_synapses: TripartiteSynapses
    monitors: tuple[SpikeMonitor, SpikeMonitor, SpikeMonitor]

    def activity(self, duration: Quantity) -> Activity:
        """What it did in a run of this duration."""
        excitatory, inhibitory, releases = map(Spikes.of, self.monitors)
        synapses = self.excitatory_synapses
        return Activity(duration, excitatory, inhibitory, releases, len(synapses), synapses.uncovered)


def simulate(
    mapping: Mapping | np.ndarray = "spatial",
    form: Form = "lifted",
    duration: Quantity = 8 * second,
    scale: float = 1.0,
    seed: int = 28371,
    backend: str = "cpp",
    progress: Progress | None = None,
) -> Activity:
    """The network under a current that is 20 % stronger between 2 and 4 s.

    Parameters
    ----------
    mapping : {"spatial", "published"} or array of int, optional
        Which astrocyte covers which excitatory synapse: the one nearest to the postsynaptic neuron, what the index
        formula of the published script says, or the astrocyte of each postsynaptic neuron (-1: none).
    form : {"lifted", "published"}, optional
        As in `astrobrian.TripartiteSynapses`.
    duration : Quantity, optional
    scale : float, optional
        Size of the network, 0.2 or more: so many times the cells at the same density, with as many synapses per
        neuron.
    seed : int, optional
    backend : str, optional
        As in `astrobrian.use_backend`.
    progress : Progress, optional
        Is told how far it has come.

    Raises
    ------
    ValueError
        If the mapping is unknown, the scale is out of range, or the duration isn't positive.
    """
    _check(mapping, form, scale)
    if not duration > 0 * second:
        raise ValueError(f"the duration must be positive, got {duration}")
    use_backend(backend)
    built = assemble(mapping, form, scale, seed)
    with reporting(progress, duration) as report:
        built.network.run(duration, **report)
    return built.activity(duration)


def assemble(
    mapping: Mapping | np.ndarray = "spatial",
    form: Form = "lifted",
    scale: float = 1.0,
    seed: int = 28371,
    drive: Quantity = DRIVE,
) -> Fig6Network:
    """The objects of the network on the backend in use; the parameters are those of `simulate`.

    The external current is `drive`, for 2 s each.
    """
    _check(mapping, form, scale)
    brian2.seed(seed)
    brian2.defaultclock.dt = 0.1 * ms
    N_e, N_i, N_a = (round(scale * cells) for cells in (EXCITATORY, INHIBITORY, ASTROCYTES))
    size = SHEET * np.sqrt(scale)
    sheet = Grid(size)

    neurons = driven_neurons(N_e + N_i, drive)
    excitatory, inhibitory = neurons[:N_e], neurons[N_e:]

    model = gchi(O_beta=0.5 * umolar / second, O_delta=1.2 * umolar / second) + gliotransmission
    astrocytes = AstrocyteGroup(N_a, model, layout=sheet, dt=10 * ms)

    release = tsodyks_markram + cleft_glutamate + presynaptic_receptors + excitatory_conductance
    exc_syn = TripartiteSynapses(excitatory, neurons, astrocytes, release, form=form)
    exc_syn.connect(p=0.05 / scale)
    inh_syn = TripartiteSynapses(inhibitory, neurons, model=tsodyks_markram + inhibitory_conductance)
    inh_syn.connect(p=0.2 / scale)
    if isinstance(mapping, np.ndarray):
        exc_syn.cover(by="post", index=mapping)
    elif mapping == "spatial":
        place(excitatory, sheet)
        place(inhibitory, sheet)
        exc_syn.cover(by="post")
    else:
        place(astrocytes, Positions(published_positions(N_a, size)))
        exc_syn.cover(by="post", index=published_index(N_e, N_i, N_a, size))
    gap_junctions = GapJunctions(astrocytes, within=75 * um)

    monitors = (
        SpikeMonitor(excitatory, name="excitatory*"),
        SpikeMonitor(inhibitory, name="inhibitory*"),
        SpikeMonitor(astrocytes, name="releases*"),
    )
    network = Network(neurons, astrocytes, exc_syn, inh_syn, gap_junctions, *monitors)
    return Fig6Network(network, exc_syn, monitors)


def driven_neurons(N: int, drive: Quantity = DRIVE) -> Neurons:
    """Neurons with random initial values under the current of the figure, or another one."""
    neurons = Neurons(N, coba_lif, method="euler", namespace={"drive": TimedArray(drive, dt=STEP)})
    neurons.v = "E_l + rand()*(V_th - E_l)"
    neurons.g_e = "rand()*0.05*nS"
    neurons.g_i = "rand()*nS"
    neurons.run_regularly("I_ex = drive(t)", dt=STEP)
    return neurons


def _check(mapping: str | np.ndarray, form: str, scale: float) -> None:
    if form not in get_args(Form):
        raise ValueError(f"form is one of {', '.join(get_args(Form))}, got {form!r}")
    if isinstance(mapping, str) and mapping not in get_args(Mapping):
        raise ValueError(f"mapping is one of {', '.join(get_args(Mapping))}, got {mapping!r}")
    if not scale >= 0.2:
        raise ValueError(f"scale is at least 0.2 (all inhibitory neurons reach all), got {scale}")


def plot(activity: Activity) -> Figure:
    """External current, spikes and releases of a quarter of the cells, and the rate of all neurons."""
    from matplotlib.ticker import StrMethodFormatter

    from astrobrian.studies import style

    figure, axes = style.panels([1, 6, 2.2], size=(6.3, 5.2))
    axes[0].stairs(DRIVE / pA, STEP / second * np.arange(len(DRIVE) + 1), baseline=None, color=style.NEUTRAL)
    axes[0].set(ylabel="$I_{ex}$ (pA)", ylim=(96, 124), yticks=[100, 120])
    populations = {
        "excitatory": (activity.excitatory, style.EXCITATORY),
        "inhibitory": (activity.inhibitory, style.INHIBITORY),
        "astrocytes": (activity.astrocytes, style.ASTROCYTE),
    }
    style.raster(axes[1], populations)
    t, rate = population_rate(activity.excitatory + activity.inhibitory, activity.duration, 1 * ms)
    axes[2].semilogy(t / second, np.maximum(rate / Hz, 0.01), color=style.NEUTRAL, linewidth=0.5)
    axes[2].set(xlabel="time (s)", ylabel="rate (Hz)", ylim=(0.1, 200), yticks=[0.1, 1, 10, 100])
    axes[2].set_xlim(0, activity.duration / second)
    axes[2].yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    return figure
