"""What was simulated, in tokens and for each astrocyte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


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
    kinds : list of str
        Kind of each stimulus.
    fitted_count : int
        The first so many stimuli are fitted, the others held out.
    ms_per_token : float
    events : Events
        Releases of gliotransmitter: calcium rises through its threshold.
    spikes : Events
        Of the postsynaptic neurons, if there are any.
    """

    cells: Mapping[str, np.ndarray]
    kinds: list[str]
    fitted_count: int
    ms_per_token: float
    events: Events = field(default_factory=Events)
    spikes: Events = field(default_factory=Events)

    @property
    def rate(self) -> np.ndarray:
        """Presynaptic spikes per second and synapse of each population, shape (stimuli, tokens)."""
        return self.cells["rate"].mean(1)

    @property
    def modulation(self) -> np.ndarray:
        """U_0/U_0* - 1, averaged over each population, shape (stimuli, tokens)."""
        return self.cells["modulation"].mean(1)
