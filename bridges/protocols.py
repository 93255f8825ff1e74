"""What a presynaptic ensemble is driven with, and what the astrocytes make of it: a simulation in Brian2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy as sp
from brian2 import (
    Hz,
    Network,
    PoissonGroup,
    SpikeMonitor,
    StateMonitor,
    TimedArray,
    ms,
    second,
    seed,
    umolar,
)
from brian2.parsing.sympytools import str_to_sympy
from scipy.special import ndtri

from astrobrian import AstrocyteGroup, Neurons, TripartiteSynapses
from astrobrian.bridges.checks import positive
from astrobrian.bridges.torch_codegen import symbol
from astrobrian.equations import (
    Model,
    cleft_glutamate,
    gchi,
    gliotransmission,
    presynaptic_receptors,
    tsodyks_markram,
)
from astrobrian.equations.library.de_pitta_brunel import AM, DEPRESSING
from astrobrian.progress import Progress, reporting

RATE_BIN = 0.1  # s


@dataclass(frozen=True)
class Protocol:
    """Which presynaptic rates are tried. Chosen here.

    Attributes
    ----------
    seconds : float
        Length of each stimulus.
    quiet : float
        Seconds without input at its beginning.
    highest : float
        Highest rate (Hz).
    fitted, held_out : tuple of (str, int)
        How many stimuli of each kind (see `KINDS`) are fitted, and how many are only tested on.
    seed : int
    """

    seconds: float = 240.0
    quiet: float = 10.0
    highest: float = 2.0
    fitted: tuple[tuple[str, int], ...] = (("steps", 10), ("bursts", 8), ("chirp", 6))
    held_out: tuple[tuple[str, int], ...] = (("steps", 4), ("bursts", 4), ("chirp", 4), ("drift", 4))
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.quiet < self.seconds:
            raise ValueError(f"quiet ({self.quiet} s) should be shorter than the stimulus ({self.seconds} s)")
        if not 0 < self.highest <= 1000:
            raise ValueError(f"the highest rate should be between 0 and 1000 Hz, not {self.highest}")
        for part in ("fitted", "held_out"):
            for kind, count in getattr(self, part):
                if kind not in KINDS or count < 1:
                    raise ValueError(
                        f"{part}: {count} stimuli of kind {kind!r}; kinds are {', '.join(KINDS)}"
                    )
            if not getattr(self, part):
                raise ValueError(f"no stimuli are {part.replace('_', ' ')}")

    @property
    def kinds(self) -> list[str]:
        """Kind of each stimulus, the fitted ones first."""
        return [kind for part in (self.fitted, self.held_out) for kind, count in part for _ in range(count)]

    @property
    def fitted_count(self) -> int:
        """Number of stimuli that are fitted."""
        return sum(count for _, count in self.fitted)

    def rates(self) -> np.ndarray:
        """Rates in Hz, shape (stimuli, bins of 0.1 s); no two stimuli share random numbers."""
        bins, quiet = round(self.seconds / RATE_BIN), round(self.quiet / RATE_BIN)
        time = np.arange(bins - quiet) * RATE_BIN
        seeds = np.random.SeedSequence(self.seed).spawn(len(self.kinds))
        rows = [
            KINDS[kind](np.random.default_rng(s), time, self.highest)
            for kind, s in zip(self.kinds, seeds, strict=True)
        ]
        return np.pad(np.array(rows), ((0, 0), (quiet, 0)))


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def steps(rng: np.random.Generator, time: np.ndarray, highest: float) -> np.ndarray:
    """Constant rates, each for 10 to 60 s; a quarter of them zero, the others even in the logarithm."""
    rate = np.zeros_like(time)
    start = 0.0
    while start < time[-1]:
        level = 0.0 if rng.random() < 0.25 else _log_uniform(rng, highest / 100, highest)
        rate[time >= start] = level
        start += rng.uniform(10, 60)
    return rate


def bursts(rng: np.random.Generator, time: np.ndarray, highest: float) -> np.ndarray:
    """Bursts of 0.5 to 8 s at a random rate, over a weak background, with random pauses."""
    rate = np.full_like(time, highest * rng.uniform(0, 0.02))
    start = rng.exponential(10.0)
    while start < time[-1]:
        length = rng.uniform(0.5, 8)
        rate[(time >= start) & (time < start + length)] = _log_uniform(rng, highest / 5, highest)
        start += length + rng.exponential(15.0)
    return rate


def chirp(rng: np.random.Generator, time: np.ndarray, highest: float) -> np.ndarray:
    """A rate that swings ever faster (or ever slower), from one period in 100 s to one in 4 s."""
    slow, fast = 0.01, 0.25
    growth = np.log(fast / slow) / time[-1]
    phase = 2 * np.pi * slow * np.expm1(growth * time) / growth
    if rng.random() < 0.5:
        phase = phase[::-1]
    middle, depth = _log_uniform(rng, highest / 20, highest / 2), rng.uniform(0.5, 1)
    return middle * (1 + depth * np.sin(phase + rng.uniform(0, 2 * np.pi)))


def drift(rng: np.random.Generator, time: np.ndarray, highest: float) -> np.ndarray:
    """A rate whose logarithm drifts at random (Ornstein-Uhlenbeck, 5 to 40 s) around a random level."""
    tau, level = _log_uniform(rng, 5, 40), np.log(_log_uniform(rng, highest / 30, highest / 3))
    kept = np.exp(-RATE_BIN / tau)
    x, path = 0.0, np.empty_like(time)
    for i, kick in enumerate(rng.standard_normal(time.size)):
        x = kept * x + np.sqrt(1 - kept**2) * kick
        path[i] = x
    return np.minimum(np.exp(level + path), highest)


KINDS = {"steps": steps, "bursts": bursts, "chirp": chirp, "drift": drift}


@dataclass(frozen=True)
class Ensemble:
    """The tripartite synapses that are simulated, a population of astrocytes for each stimulus.

    The loop is closed: what an astrocyte releases lowers what its synapses release, and so what it senses. Release is
    averaged over the population; its astrocytes differ in how strongly glutamate drives them.

    Calcium oscillates in the AM regime of De Pittà & Brunel (2016): their AM and DEPRESSING sets, and the overrides of
    their figures (`rho_e`, `O_G`, `Omega_G`). Vesicles are as in Stimberg et al. (2019), example 2 (`rho_c`). The calcium
    threshold of release is their C_osc, for in this regime calcium hardly reaches the 0.5 umolar of the other one.

    Attributes
    ----------
    astrocytes, synapses : int
        Astrocytes for each stimulus, and synapses of each astrocyte.
    O_beta : float
        Median of the largest IP3 production by PLC-beta (umolar/second). De Pittà & Brunel (2016).
    spread : float
        Standard deviation of its logarithm between astrocytes.
    dt_ms, astrocyte_dt_ms : float
        Time step of the synapses and of the astrocytes.
    """

    astrocytes: int = 12
    synapses: int = 10
    O_beta: float = 1.0
    spread: float = 0.3
    dt_ms: float = 5.0
    astrocyte_dt_ms: float = 10.0

    def __post_init__(self) -> None:
        for name in ("astrocytes", "synapses", "O_beta", "dt_ms", "astrocyte_dt_ms"):
            positive(name, getattr(self, name), milliseconds=name.endswith("_ms"))
        if self.spread < 0:
            raise ValueError(f"spread can't be negative, got {self.spread}")

    @property
    def drives(self) -> np.ndarray:
        """O_beta of each astrocyte of a population (umolar/second): quantiles, the same for every stimulus."""
        ranks = (np.arange(self.astrocytes) + 0.5) / self.astrocytes
        return self.O_beta * np.exp(self.spread * ndtri(ranks))

    @property
    def astrocyte(self) -> Model:
        """What the astrocytes are."""
        model = AM(gchi + gliotransmission)
        return model(C_Theta=0.2 * umolar, rho_e=1e-4).per_cell("O_beta")

    @property
    def synapse(self) -> Model:
        """What the synapses are."""
        model = DEPRESSING(tsodyks_markram + cleft_glutamate + presynaptic_receptors)
        return model(rho_c=0.001, O_G=0.6 / umolar / second, Omega_G=1 / (20 * second))


@dataclass(frozen=True)
class Recording:
    """What was simulated, in tokens.

    Attributes
    ----------
    rate : ndarray, shape (stimuli, tokens)
        Presynaptic spikes per second and synapse, counted.
    modulation : ndarray, shape (stimuli, tokens)
        U_0/U_0* - 1 at the end of each token, averaged over the population: how much the astrocytes change the release
        probability, relative to what it is without them.
    kinds : list of str
    fitted_count : int
        The first so many stimuli are fitted, the others held out.
    ms_per_token : float
    """

    rate: np.ndarray
    modulation: np.ndarray
    kinds: list[str]
    fitted_count: int
    ms_per_token: float


def release_probability(Gamma_S: np.ndarray | float, synapse: Model) -> np.ndarray:
    """U_0 for a fraction of bound presynaptic receptors, as the model of the synapse declares it."""
    law = str_to_sympy(synapse.equations["U_0"].expr.code)
    values = {name: float(p.quantity) for name, p in synapse.parameters.items()}
    bound = symbol("Gamma_S")
    return sp.lambdify(bound, law.subs({symbol(n): v for n, v in values.items()}))(Gamma_S)


def simulate(
    protocol: Protocol, ensemble: Ensemble, ms_per_token: float = 500.0, progress: Progress | None = None
) -> Recording:
    """Simulate all stimuli at once, as independent astrocytes in one Brian2 network.

    Runs on whatever Brian2 target or device is in use, and seeds its random numbers.

    Parameters
    ----------
    protocol : Protocol
    ensemble : Ensemble
    ms_per_token : float
        A whole number of both time steps.
    progress : callable, optional
        Called with the stages ``"compile"`` and ``"simulate"``.

    Raises
    ------
    ValueError
        If a token isn't a whole number of time steps.
    TypeError
        If `ms_per_token` has a unit.
    """
    positive("ms_per_token", ms_per_token, milliseconds=True)
    for dt in (ensemble.dt_ms, ensemble.astrocyte_dt_ms):
        if not np.isclose(ms_per_token / dt, round(ms_per_token / dt)):
            raise ValueError(f"a token of {ms_per_token} ms isn't a whole number of time steps of {dt} ms")
    seed(protocol.seed)
    rates = protocol.rates()
    stimuli, per_stimulus = len(rates), ensemble.astrocytes * ensemble.synapses
    stimulus = TimedArray(rates.T * Hz, dt=RATE_BIN * second)
    step = ensemble.dt_ms * ms
    cells = stimuli * ensemble.astrocytes
    # neuron i belongs to stimulus i % stimuli, and astrocyte i % cells covers its synapse
    source = PoissonGroup(
        cells * ensemble.synapses,
        "stimulus(t, i % stimuli)",
        dt=step,
        namespace={"stimulus": stimulus, "stimuli": stimuli},
    )
    target = Neurons(1, "unused : 1", dt=step)
    astrocytes = AstrocyteGroup(cells, ensemble.astrocyte, dt=ensemble.astrocyte_dt_ms * ms)
    astrocytes.O_beta = np.repeat(ensemble.drives, stimuli) * umolar / second
    synapses = TripartiteSynapses(source, target, astrocytes, ensemble.synapse, dt=step)
    synapses.connect(i=np.arange(len(source)), j=np.zeros(len(source), int))
    synapses.cover(index=np.arange(len(source)) % cells)
    spikes = SpikeMonitor(source)
    receptors = StateMonitor(
        synapses.territories, "Gamma_S", record=np.arange(cells), dt=ms_per_token * ms, when="start"
    )
    # one step more, so that the end of the last token is recorded
    duration = protocol.seconds * second + step
    with reporting(progress, duration) as report:
        Network(source, target, astrocytes, synapses, spikes, receptors).run(duration, namespace={}, **report)
    tokens = round(protocol.seconds * 1000 / ms_per_token)
    token = np.rint(np.asarray(spikes.t / step)).astype(int) // round(ms_per_token / ensemble.dt_ms)
    counts = np.zeros((stimuli, tokens))
    within = token < tokens
    np.add.at(counts, (np.asarray(spikes.i)[within] % stimuli, token[within]), 1)
    rate = counts / (per_stimulus * ms_per_token / 1000)
    bound = np.asarray(receptors.Gamma_S).reshape(ensemble.astrocytes, stimuli, -1)[:, :, 1 : tokens + 1]
    modulation = (
        release_probability(bound, ensemble.synapse) / release_probability(0.0, ensemble.synapse) - 1
    ).mean(0)
    return Recording(rate, modulation, protocol.kinds, protocol.fitted_count, ms_per_token)
