"""The unit file: a distilled AM-SU, with the units of its values, where they come from, and a hash."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from astrobrian.bridges.amsu import AMSU
from astrobrian.files import write_whole
from astrobrian.sealed import SealedFileError, digest, seal, unseal

MAX_BYTES = 8 << 20
MAX_UNITS = MAX_KEYS = MAX_HEADS = 1024

UNITS = {
    "signal.weight": "1",
    "signal.bias": "1",
    "key.weight": "1",
    "key.bias": "1",
    "value.weight": "1",
    "value.bias": "1",
    "query.weight": "1",
    "query.bias": "1",
    "g_H": "1",
    "tau_r": "ms",
    "tau_H": "ms",
    "tau_u": "ms",
    "theta": "1",
    "readout.weight": "1",
    "readout.bias": "1",
}
"""Every value of a unit, with the unit that it is in."""

_SIDES = ("signal", "key", "value", "query")
POSITIVE = ("tau_r", "tau_H", "tau_u", "theta")


class UnitFileError(SealedFileError):
    """A unit file that is damaged, cut short, tampered with, foreign, or that describes an impossible unit."""


@dataclass(frozen=True)
class Unit:
    """A distilled AM-SU: one presynaptic signal, heads astrocytes with one row and a few keys each.

    Attributes
    ----------
    values : dict of str to ndarray
        By the names of `UNITS`; float64.
    ms_per_token : float
        Time step that it was fitted at.
    input_scale : float
        Presynaptic rate (Hz) that counts as a signal of 1.
    provenance : dict
        Model, parameter values, protocol, scores, versions, date; whatever JSON holds.
    """

    values: dict[str, np.ndarray]
    ms_per_token: float
    input_scale: float
    provenance: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        if set(self.values) != set(UNITS):
            raise UnitFileError(f"a unit has the values {sorted(UNITS)}, not {sorted(self.values)}")
        for name, shape in self._shapes().items():
            value = self.values[name]
            if value.dtype != np.float64 or value.shape != shape:
                raise UnitFileError(
                    f"{name} of a unit should be float64 {shape}, not {value.dtype} {value.shape}"
                )
            if not np.isfinite(value).all() or (name in POSITIVE and not (value > 0).all()):
                raise UnitFileError(f"{name} of a unit has a value that isn't finite, or not positive")
        for name in ("ms_per_token", "input_scale"):
            value = getattr(self, name)
            if not (isinstance(value, float) and np.isfinite(value) and value > 0):
                raise UnitFileError(f"{name} of a unit should be a positive number, not {value!r}")

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        sizes = {name: self.values[name].size for name in ("tau_H", "tau_u", "tau_r")}
        heads, units = sizes["tau_H"], sizes["tau_u"]
        if not (
            0 < heads <= MAX_HEADS and 0 < units <= MAX_UNITS and 0 < sizes["tau_r"] <= MAX_HEADS * MAX_KEYS
        ):
            raise UnitFileError(f"a unit can't have {heads} heads, {units} units and {sizes['tau_r']} keys")
        if units % heads or sizes["tau_r"] % heads:
            raise UnitFileError(f"{units} units and {sizes['tau_r']} keys don't divide among {heads} heads")
        sides = {"signal": units, "value": units, "key": sizes["tau_r"], "query": sizes["tau_r"]}
        shapes: dict[str, tuple[int, ...]] = {f"{side}.weight": (n, 1) for side, n in sides.items()}
        shapes |= {f"{side}.bias": (n,) for side, n in sides.items()}
        shapes |= {"g_H": (heads,), "tau_H": (heads,), "tau_r": (sizes["tau_r"],), "tau_u": (units,)}
        return shapes | {"theta": (units,), "readout.weight": (1, units), "readout.bias": (1,)}

    @classmethod
    def of(cls, layer: AMSU, readout: torch.nn.Linear, input_scale: float, provenance: dict) -> Unit:
        """What a layer and the read-out of its astrocytes hold."""
        tensors = {f"{side}.{n}": p for side in _SIDES for n, p in getattr(layer, side).named_parameters()}
        tensors |= {f"readout.{n}": p for n, p in readout.named_parameters()} | layer.constants
        values = {name: tensor.detach().double().numpy().copy() for name, tensor in tensors.items()}
        stamp = {
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "versions": {name: version(name) for name in ("astrobrian", "brian2", "numpy", "torch")},
        }
        return cls(values, layer.ms_per_token, float(input_scale), {**provenance, **stamp})

    @property
    def sha256(self) -> str:
        """Of its values."""
        return digest(self.values, "")

    def layer(self, ms_per_token: float | None = None) -> tuple[AMSU, torch.nn.Linear]:
        """The unit as a Torch layer of width 1 and the read-out of its astrocytes, in Torch's default precision.

        Parameters
        ----------
        ms_per_token : float, optional
            Another time step than the one it was fitted at.
        """
        heads, units = self.values["tau_H"].size, self.values["tau_u"].size
        constants: dict[str, Any] = {name: torch.from_numpy(self.values[name]) for name in POSITIVE}
        keys = self.values["tau_r"].size // heads
        ms_per_token = self.ms_per_token if ms_per_token is None else ms_per_token
        layer = AMSU(1, units, heads, keys, ms_per_token, **constants)
        readout = torch.nn.Linear(units, 1)
        with torch.no_grad():
            for side in _SIDES:
                for name, parameter in getattr(layer, side).named_parameters():
                    parameter.copy_(torch.from_numpy(self.values[f"{side}.{name}"]))
            layer.g_H.copy_(torch.from_numpy(self.values["g_H"]))
            for name, parameter in readout.named_parameters():
                parameter.copy_(torch.from_numpy(self.values[f"readout.{name}"]))
        return layer, readout

    def save(self, path: str | Path) -> None:
        """Write the unit file, whole or not at all.

        Raises
        ------
        OSError
            If it can't be written, for instance because the disk is full.
        """
        metadata = {
            "units": UNITS,
            "ms_per_token": self.ms_per_token,
            "input_scale_Hz": self.input_scale,
            "provenance": self.provenance,
        }
        write_whole(path, seal("unit", self.values, metadata))


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
        return Unit(values, metadata["ms_per_token"], metadata["input_scale_Hz"], metadata["provenance"])
    except KeyError as error:
        raise UnitFileError(f"{path} lacks {error}") from None
    except UnitFileError as error:
        raise UnitFileError(f"{path}: {error}") from None
