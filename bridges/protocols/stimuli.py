"""What the synapses of an ensemble are driven with: presynaptic rates, and spike trains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from astrobrian.bridges.checks import positive

RATE_BIN = 0.1  # s


@dataclass(frozen=True)
class Trains:
    """The spike trains of one stimulus, those of all synapses of a population of astrocytes.

    Parameters
    ----------
    kind : str
        What kind of stimulus it is.
    synapse : ndarray of int, shape (spikes,)
        Where each spike arrives: synapse s belongs to astrocyte ``s // synapses`` of the population.
    t : ndarray, shape (spikes,)
        When, in seconds from the beginning of the stimulus.

    Raises
    ------
    ValueError
        If the arrays differ in length, or a number in them is negative or isn't one.
    TypeError
        If the kind isn't a word.

    Examples
    --------
    >>> Trains("one spike each", synapse=[0, 1, 2], t=[1.0, 1.5, 2.0])
    """

    kind: str
    synapse: np.ndarray
    t: np.ndarray

    def __post_init__(self) -> None:
        if not isinstance(self.kind, str):
            raise TypeError(f"the kind of trains is a word, not {self.kind!r}")
        synapse, t = np.asarray(self.synapse), np.asarray(self.t, float)
        if synapse.ndim != 1 or synapse.shape != t.shape:
            raise ValueError(
                f"trains {self.kind!r} need a synapse and a time for each spike, not {synapse.shape} and {t.shape}"
            )
        if synapse.size and (synapse.dtype.kind not in "iu" or synapse.min() < 0):
            raise ValueError(f"synapses of trains {self.kind!r} are numbered 0, 1, 2, ...; got {synapse}")
        if not (np.isfinite(t) & (t >= 0)).all():
            raise ValueError(
                f"spike times of trains {self.kind!r} should be finite and not negative, got {t}"
            )
        object.__setattr__(self, "synapse", synapse.astype(np.int64))
        object.__setattr__(self, "t", t)

    def check(self, synapses: int, seconds: float) -> None:
        """Refuse spikes at synapses that there aren't, or after the end; raises ValueError."""
        if self.synapse.size and self.synapse.max() >= synapses:
            raise ValueError(
                f"trains {self.kind!r} reach synapse {self.synapse.max()}, but a population has {synapses} of them "
                f"(astrocytes times synapses of the ensemble)"
            )
        if self.t.size and self.t.max() >= seconds:
            raise ValueError(
                f"trains {self.kind!r} last until {self.t.max():g} s, but stimuli only {seconds:g} s: cut them, or give "
                "the protocol more seconds"
            )

    def in_steps(self, dt: float) -> tuple[np.ndarray, np.ndarray]:
        """Synapse and time step of each spike; several of a synapse within a step are one."""
        spikes = np.unique(np.stack([np.floor(self.t / dt + 1e-6).astype(np.int64), self.synapse]), axis=1)
        return spikes[1], spikes[0]


def poisson(rng: np.random.Generator, rate: np.ndarray, synapses: int, kind: str) -> Trains:
    """Independent Poisson spike trains at a common rate (Hz) in bins of 0.1 s."""
    expected = np.concatenate([[0.0], np.cumsum(rate)]) * RATE_BIN * synapses
    number = rng.poisson(expected[-1])
    # times by the inverse of the expected number of spikes until then
    t = np.interp(rng.uniform(0, expected[-1], number), expected, np.arange(expected.size) * RATE_BIN)
    return Trains(kind, rng.integers(synapses, size=number), t)


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
        positive("seconds", self.seconds)
        if not 0 <= self.quiet <= self.seconds - RATE_BIN:
            raise ValueError(
                f"quiet ({self.quiet} s) should be shorter than the stimulus ({self.seconds} s), by {RATE_BIN} s or more"
            )
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

    @property
    def _seeds(self) -> list[np.random.SeedSequence]:
        """One for each stimulus, so that no two of them share random numbers."""
        return np.random.SeedSequence(self.seed).spawn(len(self.kinds))

    def rates(self) -> np.ndarray:
        """Rates in Hz, shape (stimuli, bins of 0.1 s)."""
        bins, quiet = round(self.seconds / RATE_BIN), round(self.quiet / RATE_BIN)
        time = np.arange(bins - quiet) * RATE_BIN
        rows = [
            KINDS[kind](np.random.default_rng(s), time, self.highest)
            for kind, s in zip(self.kinds, self._seeds, strict=True)
        ]
        return np.pad(np.array(rows), ((0, 0), (quiet, 0)))

    def trains(self, synapses: int) -> list[Trains]:
        """Poisson spike trains at these rates, for so many synapses in each stimulus.

        They are the same for every ensemble of that size, whatever its time step, and on every backend.
        """
        return [
            poisson(np.random.default_rng(s.spawn(1)[0]), rate, synapses, kind)
            for s, rate, kind in zip(self._seeds, self.rates(), self.kinds, strict=True)
        ]


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
