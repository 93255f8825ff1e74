"""What was simulated, as the signal and the trajectories that a follower is fitted to: every astrocyte is a cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from astrobrian.bridges.protocols.recording import Events, Recording

OBSERVED = {
    "C": 1000.0,
    "Gamma_S": 20_000.0,
    "h": 10_000.0,
    "I": 3000.0,
    "Gamma_A": 1000.0,
    "G_A": 500.0,
    "v": 500.0,
    "fired": 500.0,
}
"""What the first astrocytes of a bank begin as, in this order, with time constants (ms) to begin from. Chosen here."""

OUTPUTS = {"C": "umolar", "modulation": "1", "G_A": "umolar", "v": "mV", "fired": "Hz"}
"""What is read out, with its unit: of the postsynaptic neuron its potential and its rate, if there is one."""

_SCALE = {
    "umolar": 1e3,
    "mV": 1e3,
    "Hz": 1.0,
    "1": 1.0,
}  # from SI units, in which a concentration is in mmolar


@dataclass(frozen=True)
class Targets:
    """A recording, cell by cell.

    Attributes
    ----------
    x : ndarray, shape (cells, tokens)
        Presynaptic rate over `scale`.
    scale : float
        Rate (Hz) that counts as a signal of 1.
    observed : dict of str to ndarray, shape (cells, tokens)
        What is followed, with mean 0 and variance 1 over the fitted cells; not what is the same in all of them.
    outputs : dict of str to ndarray, shape (cells, tokens)
        What is read out, in the units of `OUTPUTS`.
    events : list of ndarray
        Times at which calcium rose through the threshold of release in each cell, in s.
    kinds : ndarray of str, shape (cells,)
    fitted : ndarray of bool, shape (cells,)
    ms_per_token : float
    """

    x: np.ndarray
    scale: float
    observed: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]
    events: list[np.ndarray]
    kinds: np.ndarray
    fitted: np.ndarray
    ms_per_token: float

    @property
    def never_fitted(self) -> list[str]:
        """The kinds of stimuli that nothing was fitted to."""
        return sorted(set(self.kinds[~self.fitted]) - set(self.kinds[self.fitted]))

    def tensor(self, names: tuple[str, ...]) -> torch.Tensor:
        """The observed trajectories of these names, shape (cells, tokens, names)."""
        return torch.from_numpy(np.stack([self.observed[name] for name in names], -1))


def targets(recording: Recording) -> Targets:
    """Make a recording comparable.

    Raises
    ------
    ValueError
        If the astrocytes did nothing to the release in the fitted stimuli: there is nothing to fit.
    """
    cells = {name: values.reshape(-1, values.shape[-1]) for name, values in recording.cells.items()}
    stimuli, astrocytes, tokens = recording.cells["rate"].shape
    if "v" in cells:
        cells["fired"] = _rates(
            recording.spikes, (stimuli, astrocytes, tokens), recording.ms_per_token / 1000
        )
    kinds = np.repeat(np.array(recording.kinds), astrocytes)
    fitted = np.repeat(np.arange(stimuli) < recording.fitted_count, astrocytes)
    if not cells["modulation"][fitted].std() > 1e-6:
        raise ValueError(
            "the astrocytes did nothing to the release in the fitted stimuli: give stronger or longer input, "
            "or astrocytes that release gliotransmitter"
        )
    scale = float(cells["rate"][fitted].max()) / 2
    return Targets(
        cells["rate"] / scale,
        scale,
        {
            name: _standard(cells[name], fitted)
            for name in OBSERVED
            if name in cells and np.ptp(cells[name][fitted])
        },
        {name: cells[name] * _SCALE[unit] for name, unit in OUTPUTS.items() if name in cells},
        [recording.events.of(i, j) for i in range(stimuli) for j in range(astrocytes)],
        kinds,
        fitted,
        recording.ms_per_token,
    )


def _rates(spikes: Events, shape: tuple[int, int, int], dt: float) -> np.ndarray:
    """Spikes per second in each token of each cell."""
    token = np.minimum(spikes.t // dt, shape[2] - 1).astype(int)
    counts = np.bincount(
        (spikes.stimulus * shape[1] + spikes.astrocyte) * shape[2] + token, minlength=np.prod(shape)
    )
    return counts.reshape(-1, shape[2]) / dt


def _standard(values: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    return (values - values[fitted].mean()) / values[fitted].std()
