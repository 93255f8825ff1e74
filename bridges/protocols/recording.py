"""What was simulated, in tokens and for each astrocyte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from astrobrian.bridges.checks import positive
from astrobrian.files import write_whole
from astrobrian.sealed import SealedFileError, seal, unseal

MAX_BYTES = 1 << 30


class RecordingFileError(SealedFileError):
    """A file of a recording that is damaged, cut short, tampered with, foreign, or that contradicts itself."""


@dataclass(frozen=True)
class Events:
    """When something happened at which astrocyte of which stimulus, in the order of time.

    Attributes
    ----------
    stimulus, astrocyte : ndarray of int, shape (events,)
    t : ndarray, shape (events,)
        Seconds from the beginning of the stimulus.
    """

    stimulus: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    astrocyte: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    t: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def of(self, stimulus: int, astrocyte: int) -> np.ndarray:
        """Times of one astrocyte under one stimulus (s)."""
        return self.t[(self.stimulus == stimulus) & (self.astrocyte == astrocyte)]

    def __len__(self) -> int:
        return self.t.size


@dataclass(frozen=True)
class Recording:
    """What was simulated.

    Attributes
    ----------
    cells : dict of str to ndarray, shape (stimuli, astrocytes, tokens)
        For each astrocyte, in SI units (concentrations in mmolar):

        - ``rate``: presynaptic spikes per second and synapse, counted;
        - ``C``, ``I``, ``h``, ``Gamma_A``: calcium, IP3, the channels that aren't inactivated and the bound receptors of the
          astrocyte, at the end of each token;
        - ``G_A``: gliotransmitter, its mean over each token;
        - ``Gamma_S``: fraction of bound presynaptic receptors at the end of each token;
        - ``modulation``: U_0/U_0* - 1 at the end of each token, how much the astrocyte changes the release probability,
          relative to what it is without it;
        - ``v``: potential of the postsynaptic neuron, its mean over each token, if there is one.

        Of these ``rate`` and ``modulation`` are always there.
    kinds : list of str
        Kind of each stimulus.
    fitted_count : int
        The first so many stimuli are fitted, the others held out.
    ms_per_token : float
    events : Events
        Releases of gliotransmitter: when calcium rose through its threshold, to a time step of the astrocytes.
    spikes : Events
        Of the postsynaptic neurons, one of each astrocyte, if there are any.

    Raises
    ------
    ValueError
        If shapes or numbers contradict each other, or a value isn't finite.
    """

    cells: Mapping[str, np.ndarray]
    kinds: list[str]
    fitted_count: int
    ms_per_token: float
    events: Events = field(default_factory=Events)
    spikes: Events = field(default_factory=Events)

    def __post_init__(self) -> None:
        if missing := {"rate", "modulation"} - self.cells.keys():
            raise ValueError(f"a recording needs {' and '.join(sorted(missing))} of each astrocyte")
        shape = self.cells["rate"].shape
        for name, values in self.cells.items():
            if values.shape != shape or len(shape) != 3:
                raise ValueError(
                    f"{name} of a recording should have the shape (stimuli, astrocytes, tokens) that rate has: "
                    f"{values.shape}, {shape}"
                )
            if not np.isfinite(values).all():
                raise ValueError(f"{name} of a recording has values that aren't finite")
        if not isinstance(self.kinds, list) or not all(isinstance(kind, str) for kind in self.kinds):
            raise ValueError(f"kinds of a recording are a list of words, not {self.kinds!r}")
        if len(self.kinds) != shape[0] or self.fitted_count not in range(shape[0] + 1):
            raise ValueError(
                f"a recording of {shape[0]} stimuli can't have {len(self.kinds)} kinds and {self.fitted_count} fitted ones"
            )
        positive("ms_per_token", self.ms_per_token, milliseconds=True)
        for what in ("events", "spikes"):
            self._check(what, getattr(self, what))

    def _check(self, what: str, events: Events) -> None:
        stimuli, astrocytes, _ = self.cells["rate"].shape
        if not events.stimulus.shape == events.astrocyte.shape == events.t.shape == (len(events),):
            raise ValueError(f"{what} of a recording need a stimulus, an astrocyte and a time each")
        for name, indices, end in (
            ("stimuli", events.stimulus, stimuli),
            ("astrocytes", events.astrocyte, astrocytes),
        ):
            if indices.dtype.kind not in "iu" or not ((indices >= 0) & (indices < end)).all():
                raise ValueError(f"{what} of a recording are of {name} that aren't 0 to {end - 1}")
        if not (np.isfinite(events.t) & (events.t >= 0)).all():
            raise ValueError(f"{what} of a recording have times that aren't finite, or negative")

    @property
    def rate(self) -> np.ndarray:
        """Presynaptic spikes per second and synapse of each population, shape (stimuli, tokens)."""
        return self.mean("rate")

    @property
    def modulation(self) -> np.ndarray:
        """U_0/U_0* - 1, averaged over each population, shape (stimuli, tokens)."""
        return self.mean("modulation")

    def mean(self, name: str) -> np.ndarray:
        """A variable averaged over each population, shape (stimuli, tokens)."""
        return self.cells[name].mean(1)

    def save(self, path: str | Path) -> None:
        """Write a recording file: safetensors with a hash, whole or not at all.

        Raises
        ------
        OSError
            If it can't be written.

        Examples
        --------
        >>> recording.save("recording.safetensors")
        """
        arrays = {f"cells.{name}": values for name, values in self.cells.items()}
        for what in ("events", "spikes"):
            events = getattr(self, what)
            arrays |= {f"{what}.{name}": getattr(events, name) for name in ("stimulus", "astrocyte", "t")}
        metadata = {
            "kinds": self.kinds,
            "fitted_count": self.fitted_count,
            "ms_per_token": self.ms_per_token,
        }
        write_whole(path, seal("recording", arrays, metadata))


def load_recording(path: str | Path) -> Recording:
    """Read a recording file, which holds no code.

    Raises
    ------
    RecordingFileError
        If the file is damaged, changed, too large or of another kind.
    FileNotFoundError
        If there is none.

    Examples
    --------
    >>> load_recording("recording.safetensors").mean("C")
    """
    arrays, metadata = unseal(path, "recording", MAX_BYTES, RecordingFileError)
    parts: dict[str, dict[str, np.ndarray]] = {"cells": {}, "events": {}, "spikes": {}}
    try:
        for name, array in arrays.items():
            part, _, own = name.partition(".")
            parts[part][own] = array
        events, spikes = Events(**parts["events"]), Events(**parts["spikes"])
        return Recording(parts["cells"], events=events, spikes=spikes, **metadata)
    except (ValueError, TypeError, KeyError) as reason:
        raise RecordingFileError(f"{path} isn't a recording that makes sense: {reason}") from None
