"""NEST's random balanced network with astrocytes (its example ``astrocyte_brunel_bernoulli.py``) in AstroBrian.

8,000 excitatory and 2,000 inhibitory neurons excite each other with probability 0.1, through depressing synapses. Every
neuron has a pool of 10 of the 10,000 astrocytes. Half of the excitatory synapses, drawn at random, are tripartite: each
raises the IP3 of one astrocyte out of the pool of its target, and this astrocyte sends slow inward current to the
target, once for every synapse that they share.

That current follows calcium, which is slow: astrocytes and their currents have a step of 1 ms, neurons one of 0.1 ms.
"""

from __future__ import annotations

from dataclasses import dataclass

import brian2
import numpy as np
from brian2 import Hz, Network, PoissonInput, Quantity, SpikeMonitor, Synapses, ms, pA, second, umolar

from astrobrian import AstrocyteGroup, Neurons, TripartiteSynapses, use_backend
from astrobrian.equations import (
    Model,
    aeif_cond_alpha,
    excitatory_alpha,
    inhibitory_alpha,
    nadkarni_jung,
    nadkarni_jung_tripartite,
    slow_inward_current,
    vesicle_cycle,
)

EXCITATORY, INHIBITORY, ASTROCYTES = 8000, 2000, 10000
P_CONNECTED, P_TRIPARTITE, POOL = 0.1, 0.5, 10
# each neuron's own
NOISE_SOURCES, NOISE_RATE = 2000, 1 * Hz
SIC_WEIGHT = 0.05
INITIAL_IP3 = 0.4 * umolar
EXCITATORY_DELAY, INHIBITORY_DELAY = 2 * ms, 1 * ms
DT, SLOW_DT = 0.1 * ms, 1 * ms
SIC_DELAY = SLOW_DT

neuron = aeif_cond_alpha(tau_e=2 * ms, tau_i=4 * ms)
astrocyte = nadkarni_jung + slow_inward_current
excitation = vesicle_cycle(tau_psc=2 * ms) + excitatory_alpha + nadkarni_jung_tripartite
inhibition = vesicle_cycle(tau_psc=4 * ms) + inhibitory_alpha


@dataclass(frozen=True)
class Wiring:
    """Who is connected to whom.

    Attributes
    ----------
    excitatory, inhibitory : tuple of array
        Source and target of each synapse.
    third : array
        The astrocyte of each excitatory synapse; -1 where it has none.
    pairs : tuple of array
        Astrocyte and neuron of each pair that shares synapses, and how many they share.
    """

    excitatory: tuple[np.ndarray, np.ndarray]
    inhibitory: tuple[np.ndarray, np.ndarray]
    third: np.ndarray
    pairs: tuple[np.ndarray, np.ndarray, np.ndarray]


def wiring(scale: float, seed: int) -> Wiring:
    """Draw the connections; the parameters are those of `assemble`."""
    rng = np.random.default_rng(seed)
    N_e, N_i, N_a = sizes(scale)
    p = P_CONNECTED / scale
    excitatory = bernoulli(N_e, N_e + N_i, p, rng)
    targets = excitatory[1]
    pools = np.array([rng.choice(N_a, POOL, replace=False) for _ in range(N_e + N_i)])
    place = rng.integers(POOL, size=len(targets))
    tripartite = rng.random(len(targets)) < P_TRIPARTITE
    third = np.where(tripartite, pools[targets, place], -1)
    shared = np.bincount((targets * POOL + place)[tripartite], minlength=pools.size)
    # in the order of the astrocytes: sums for one neuron that follow each other would wait for each other
    order = np.argsort(pools, axis=None, kind="stable")
    order = order[shared[order] > 0]
    pairs = pools.ravel()[order], order // POOL, shared[order]
    return Wiring(excitatory, bernoulli(N_i, N_e + N_i, p, rng), third, pairs)


def bernoulli(N_pre: int, N_post: int, p: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Each pair with probability p, in the order of the sources."""
    pairs = N_pre * N_post
    enough = int(pairs * p + 10 * np.sqrt(pairs * p) + 10)
    chosen = np.cumsum(rng.geometric(p, enough)) - 1
    return np.divmod(chosen[: np.searchsorted(chosen, pairs)], N_post)


def sizes(scale: float) -> tuple[int, int, int]:
    """Numbers of excitatory and inhibitory neurons and of astrocytes."""
    return round(scale * EXCITATORY), round(scale * INHIBITORY), round(scale * ASTROCYTES)


@dataclass(frozen=True)
class Statistics:
    """What the network did; `nest.network` says the same of NEST.

    Attributes
    ----------
    spikes : tuple of int
        Of the excitatory and of the inhibitory neurons.
    calcium, IP3, current : tuple of float
        Mean and standard deviation over the cells, at the end: of the astrocytes in umolar, of the slow inward current
        of the neurons in pA.
    """

    spikes: tuple[int, int]
    calcium: tuple[float, float]
    IP3: tuple[float, float]
    current: tuple[float, float]


@dataclass(frozen=True)
class BrunelNetwork:
    """The objects of the network, ready to run.

    Attributes
    ----------
    network : brian2.Network
        All of them.
    neurons : Neurons
    astrocytes : AstrocyteGroup
    monitors : tuple of SpikeMonitor
        Of the excitatory and of the inhibitory neurons.
    """

    network: Network
    neurons: Neurons
    astrocytes: AstrocyteGroup
    monitors: tuple[SpikeMonitor, SpikeMonitor]

    def statistics(self) -> Statistics:
        """What it did, after a run."""
        excitatory, inhibitory = self.monitors
        return Statistics(
            (int(excitatory.num_spikes), int(inhibitory.num_spikes)),
            _moments(self.astrocytes.C[:] / umolar),
            _moments(self.astrocytes.I[:] / umolar),
            _moments(self.neurons.I_sic[:] / pA),
        )


def _moments(values: np.ndarray) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values))


def simulate(
    scale: float = 1.0, duration: Quantity = 1 * second, seed: int = 1, backend: str = "cpp"
) -> Statistics:
    """The network in AstroBrian.

    Parameters
    ----------
    scale, seed : optional
        As in `assemble`.
    duration : Quantity, optional
    backend : str, optional
        As in `astrobrian.use_backend`.
    """
    use_backend(backend)
    built = assemble(scale, seed)
    built.network.run(duration)
    return built.statistics()


def assemble(scale: float = 1.0, seed: int = 1) -> BrunelNetwork:
    """The network on the backend in use.

    Parameters
    ----------
    scale : float, optional
        Size of the network, 0.1 or more: so many times the cells, with as many synapses per neuron.
    seed : int, optional
        Of the connections and the noise.

    Raises
    ------
    ValueError
        If the scale is out of range.
    """
    if not scale >= P_CONNECTED:
        raise ValueError(f"scale is at least {P_CONNECTED} (there all neurons reach all), got {scale}")
    brian2.seed(seed)
    brian2.defaultclock.dt = DT
    N_e, N_i, N_a = sizes(scale)
    wires = wiring(scale, seed)

    neurons = Neurons(N_e + N_i, neuron, method="rk2")
    step = np.exp(1) * excitatory_alpha.parameters["w_e"].quantity
    noise = PoissonInput(neurons, "s_e", NOISE_SOURCES, NOISE_RATE, weight=step)
    excitatory, inhibitory = neurons[:N_e], neurons[N_e:]
    # an astrocyte sends the change of its current to its neurons, unless there is none
    sending = Model("sending", "sent : amp\nchange : amp")
    astrocytes = AstrocyteGroup(N_a, astrocyte + sending, dt=SLOW_DT, events={"sends": "I_sic != sent"})
    astrocytes.run_on_event("sends", "change = I_sic - sent\nsent = I_sic")
    astrocytes.I = INITIAL_IP3

    exc_syn = TripartiteSynapses(excitatory, neurons, astrocytes, excitation, delay=EXCITATORY_DELAY)
    exc_syn.connect(i=wires.excitatory[0], j=wires.excitatory[1])
    exc_syn.cover(index=wires.third)
    inh_syn = TripartiteSynapses(inhibitory, neurons, model=inhibition, delay=INHIBITORY_DELAY)
    inh_syn.connect(i=wires.inhibitory[0], j=wires.inhibitory[1])
    sic = Synapses(
        astrocytes,
        neurons,
        "weight : 1",
        on_pre="I_sic_post += weight*change_pre",
        on_event="sends",
        delay=SIC_DELAY,
    )
    sic.connect(i=wires.pairs[0], j=wires.pairs[1])
    sic.weight = SIC_WEIGHT * wires.pairs[2]

    monitors = SpikeMonitor(excitatory, name="excitatory*"), SpikeMonitor(inhibitory, name="inhibitory*")
    network = Network(neurons, noise, astrocytes, exc_syn, inh_syn, sic, *monitors)
    return BrunelNetwork(network, neurons, astrocytes, monitors)
