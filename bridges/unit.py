"""The unit file: a distilled bank of astrocytes, with the units of its values, where they come from, and a hash."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from astrobrian.bridges.bank import Bank
from astrobrian.bridges.checks import positive
from astrobrian.files import write_whole
from astrobrian.sealed import SealedFileError, digest, seal, unseal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_BYTES = 8 << 20
MAX_HEADS = MAX_OUTPUTS = 1024
MAX_KEYS = 256
"""Of each head."""

MS_PER_TOKEN, INPUT_SCALE = (0.1, 1e7), (1e-6, 1e4)
"""Ranges of the length of a token (ms) and of the rate that counts as 1 (Hz)."""

UNITS = {
    "key_weight": "1",
    "key_bias": "1",
    "feedback": "1",
    "query": "1",
    "tau_H": "ms",
    "start": "1",
    "readout_weight": "units of the outputs",
    "readout_bias": "units of the outputs",
}
"""Every value of a unit, with the unit that it is in."""


class UnitFileError(SealedFileError):
    """A unit file that is damaged, cut short, tampered with, foreign, or that describes an impossible unit."""


@dataclass(frozen=True)
class Unit:
    """A distilled unit: a bank of astrocytes that hear themselves, and what is read out of them.

    Attributes
    ----------
    values : dict of str to ndarray
        By the names of `UNITS`; float64. With ``n`` heads of ``m`` keys: ``key_weight`` and ``key_bias`` (n*m), ``feedback``
        (n, n*m), ``query`` (n, m), ``tau_H`` and ``start``, the state at rest, (n), ``readout_weight`` (outputs, n),
        ``readout_bias`` (outputs).
    outputs : dict of str to str
        What is read out, with its unit.
    ms_per_token : float
        Time step that it was fitted at.
    input_scale : float
        Presynaptic rate (Hz) that counts as a signal of 1.
    provenance : dict
        Model, parameter values, protocol, scores, versions, date; whatever JSON holds.
    """

    values: dict[str, np.ndarray]
    outputs: dict[str, str]
    ms_per_token: float
    input_scale: float
    provenance: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        if set(self.values) != set(UNITS):
            raise UnitFileError(f"a unit has the values {sorted(UNITS)}, not {sorted(self.values)}")
        if not (
            isinstance(self.outputs, dict)
            and 0 < len(self.outputs) <= MAX_OUTPUTS
            and all(isinstance(word, str) for pair in self.outputs.items() for word in pair)
        ):
            raise UnitFileError(
                f"a unit should name its outputs, each with the unit that it is in, not {self.outputs!r}"
            )
        for name, shape in self._shapes().items():
            value = self.values[name]
            if value.dtype != np.float64 or value.shape != shape:
                raise UnitFileError(
                    f"{name} of a unit should be float64 {shape}, not {value.dtype} {value.shape}"
                )
            if not np.isfinite(value).all() or (name == "tau_H" and not (value > 0).all()):
                raise UnitFileError(f"{name} of a unit has a value that isn't finite, or not positive")
        for name, (low, high) in {"ms_per_token": MS_PER_TOKEN, "input_scale": INPUT_SCALE}.items():
            value = getattr(self, name)
            if not (isinstance(value, float) and low <= value <= high):
                raise UnitFileError(
                    f"{name} of a unit should be a number from {low} to {high}, not {value!r}"
                )

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        heads, queries = self.values["tau_H"].size, self.values["query"].size
        if not (0 < heads <= MAX_HEADS and 0 < queries <= heads * MAX_KEYS):
            raise UnitFileError(f"a unit can't have {heads} heads with {queries} keys in all")
        if queries % heads:
            raise UnitFileError(f"{queries} keys don't divide among {heads} heads")
        outputs = len(self.outputs)
        return {
            "key_weight": (queries,),
            "key_bias": (queries,),
            "feedback": (heads, queries),
            "query": (heads, queries // heads),
            "tau_H": (heads,),
            "start": (heads,),
            "readout_weight": (outputs, heads),
            "readout_bias": (outputs,),
        }

    @classmethod
    def of(
        cls,
        bank: Bank,
        start: torch.Tensor,
        readout_weight: np.ndarray,
        readout_bias: np.ndarray,
        outputs: dict[str, str],
        input_scale: float,
        provenance: dict,
    ) -> Unit:
        """What a bank, its state at rest and the read-out of its astrocytes hold."""
        feedback = torch.zeros(bank.heads, bank.heads * bank.keys) if bank.feedback is None else bank.feedback
        tensors = {
            "key_weight": bank.key_weight,
            "key_bias": bank.key_bias,
            "feedback": feedback,
            "query": bank.query,
            "tau_H": bank.tau_H,
            "start": start,
        }
        values = {name: tensor.detach().double().numpy().copy() for name, tensor in tensors.items()}
        values |= {"readout_weight": np.array(readout_weight), "readout_bias": np.array(readout_bias)}
        stamp = {
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "versions": {name: version(name) for name in ("astrobrian", "brian2", "numpy", "torch")},
        }
        return cls(values, outputs, bank.ms_per_token, float(input_scale), {**provenance, **stamp})

    @property
    def sha256(self) -> str:
        """Of its values."""
        return digest(self.values, "")

    def bank(self, dtype: torch.dtype | None = None) -> Bank:
        """The unit as a Torch module, trainable, in Torch's default precision unless another one is given."""
        heads, keys = self.values["query"].shape
        tau_H = torch.from_numpy(self.values["tau_H"])
        bank = Bank(heads, keys, self.ms_per_token, tau_H).to(dtype or torch.get_default_dtype())
        with torch.no_grad():
            bank.log_tau_H.copy_(tau_H.log())
            for name in ("key_weight", "key_bias", "feedback", "query"):
                getattr(bank, name).copy_(torch.from_numpy(self.values[name]))
        return bank

    def respond(self, rate: np.ndarray) -> dict[str, np.ndarray]:
        """What a unit at rest does under presynaptic rates.

        Parameters
        ----------
        rate : ndarray, shape (cells, tokens)
            Presynaptic spikes per second and synapse (Hz), in each token.

        Returns
        -------
        dict of str to ndarray, shape (cells, tokens)
            Each output, in its unit, at the end of each token.

        Examples
        --------
        >>> unit.respond(np.full((1, 240), 0.5))["C"]
        """
        x = torch.from_numpy(np.asarray(rate, float) / self.input_scale)
        bank = self.bank(torch.float64)
        with torch.no_grad():
            states, _ = bank(x, torch.from_numpy(self.values["start"]).expand(len(x), -1))
        read = states.numpy() @ self.values["readout_weight"].T + self.values["readout_bias"]
        return {name: read[..., i] for i, name in enumerate(self.outputs)}

    def plot(self, spikes: np.ndarray | None = None, synapses: int = 100, seconds: float = 120.0) -> Figure:
        """What the unit does to a spike train.

        Parameters
        ----------
        spikes : ndarray, optional
            Times (s) of the presynaptic spikes of all its synapses. Unless given, Poisson spikes: nothing, then a weak
            input, a strong one, and nothing again.
        synapses : int, optional
            How many synapses the spikes are of.
        seconds : float, optional

        Returns
        -------
        matplotlib.figure.Figure
            The rate, the astrocytes of the bank, and each output.

        Raises
        ------
        ValueError
            If a number isn't positive, a spike is outside of the time that is shown, or that is less than a token.

        Examples
        --------
        >>> load_unit("results/unit/unit.safetensors").plot().savefig("unit.png")
        """
        from astrobrian.bridges.distillation.plots import plot_response

        for name, value in {"synapses": synapses, "seconds": seconds}.items():
            positive(name, value)
        if spikes is None:
            spikes = _some_spikes(self.input_scale, synapses, seconds)
        spikes = np.asarray(spikes, float)
        if not ((spikes >= 0) & (spikes < seconds)).all():
            raise ValueError(f"spikes should be between 0 and {seconds} s; pass seconds for longer trains")
        tokens = int(seconds * 1000 / self.ms_per_token)
        if not tokens:
            raise ValueError(f"{seconds} s are less than a token of {self.ms_per_token} ms")
        return plot_response(self, spikes, synapses, tokens)

    def save(self, path: str | Path) -> None:
        """Write the unit file, whole or not at all.

        Raises
        ------
        OSError
            If it can't be written, for instance because the disk is full.
        """
        metadata = {
            "units": UNITS,
            "outputs": list(self.outputs.items()),  # in the order of the read-out
            "ms_per_token": self.ms_per_token,
            "input_scale_Hz": self.input_scale,
            "provenance": self.provenance,
        }
        write_whole(path, seal("unit", self.values, metadata))


def _named(pairs: Any) -> Any:
    """Names and units of outputs as a file has them; whatever else it is, a unit refuses."""
    try:
        return {name: unit for name, unit in pairs}
    except (TypeError, ValueError):
        return pairs


def _some_spikes(strong: float, synapses: int, seconds: float) -> np.ndarray:
    """A twelfth of the time nothing, a third a tenth of the strong rate (Hz), a third the strong rate, then nothing."""
    rng = np.random.default_rng(0)
    parts = [
        rng.uniform(begin * seconds, end * seconds, rng.poisson(rate * synapses * (end - begin) * seconds))
        for begin, end, rate in ((1 / 12, 5 / 12, strong / 10), (5 / 12, 3 / 4, strong))
    ]
    return np.sort(np.concatenate(parts))


def load_unit(path: str | Path) -> Unit:
    """Read a unit file.

    Raises
    ------
    UnitFileError
        If the file is damaged, cut short, changed, of another kind, too large, or describes an impossible unit.
    FileNotFoundError
        If there is none.

    Examples
    --------
    >>> unit = load_unit("results/demo/unit.safetensors")
    >>> unit.provenance["scores"]
    """
    values, metadata = unseal(path, "unit", MAX_BYTES, UnitFileError)
    if metadata.get("units") != UNITS or not isinstance(metadata.get("provenance"), dict):
        raise UnitFileError(f"{path} doesn't say what its values are, or where they come from")
    try:
        return Unit(
            values,
            _named(metadata["outputs"]),
            metadata["ms_per_token"],
            metadata["input_scale_Hz"],
            metadata["provenance"],
        )
    except KeyError as error:
        raise UnitFileError(f"{path} lacks {error}") from None
    except UnitFileError as error:
        raise UnitFileError(f"{path}: {error}") from None
