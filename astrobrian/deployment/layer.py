"""What a trained AM-SU layer computes with, as arrays; and the file of a stack of layers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from astrobrian.equations import Model, amsu_linear_membrane, amsu_membrane
from astrobrian.equations.library.amsu_unit import amsu_unit
from astrobrian.files import write_whole
from astrobrian.sealed import SealedFileError, seal, unseal

MAX_BYTES = 1 << 30
MAX_LAYERS, MAX_KEYS = 256, 256
"""Of what can be deployed: each layer is a group of its own, and the equations of a unit are written for each key."""

MEMBRANES = {"tanh": amsu_membrane, "identity": amsu_linear_membrane}
"""Declarations of the membrane, by the name of their sigma."""

TIMES = ("tau_r", "tau_H", "tau_u")


class DeploymentError(SealedFileError):
    """A layer or a file of layers that is impossible, damaged, or of another kind."""


@dataclass(frozen=True, eq=False)
class TrainedLayer:
    """The numbers of a trained AM-SU layer.

    Signal, key, value and query are affine in the layer's input: each is ``input @ weight.T + bias``. A layer whose
    astrocyte is cut off has its signal only.

    Attributes
    ----------
    values : dict of str to ndarray
        float64. ``x.weight`` (units, width) and ``x.bias`` (units) of the signal, ``v.weight`` and ``v.bias`` likewise of
        the value, ``x_k.weight`` (heads * keys, width), ``x_k.bias``, ``q.weight`` and ``q.bias`` of key and query;
        ``tau_r`` (heads * keys), ``tau_H`` (heads) and ``tau_u`` (units) in ms, ``g_H`` (heads), ``theta`` (units).
    ms_per_token : float
        Time that a token takes.
    sigma : {"tanh", "identity"}
        What makes the current of the signal.
    reset : bool
        Whether a spike subtracts the threshold.

    Raises
    ------
    DeploymentError
        If a value is missing, has another shape, isn't finite, or a time constant or threshold isn't positive; if an
        astrocyte has more than 256 keys.

    Examples
    --------
    >>> layer = load_layers("layer.safetensors")[0]
    >>> layer.units, layer.keys
    """

    values: Mapping[str, np.ndarray]
    ms_per_token: float
    sigma: str = "tanh"
    reset: bool = True

    def __post_init__(self) -> None:
        self._check_options()
        self._check_sizes()
        shapes = self._shapes()
        if strange := self.values.keys() ^ shapes.keys():
            raise DeploymentError(
                f"a layer should have {', '.join(shapes)} and nothing else; "
                f"missing or too much: {', '.join(sorted(strange))}"
            )
        for name, shape in shapes.items():
            value = self.values[name]
            if value.dtype != np.float64 or value.shape != shape:
                raise DeploymentError(
                    f"{name} of a layer should be float64 {shape}, not {value.dtype} {value.shape}"
                )
            if not np.isfinite(value).all() or (name in (*TIMES, "theta") and not (value > 0).all()):
                raise DeploymentError(f"{name} of a layer has a value that isn't finite, or not positive")

    def _check_options(self) -> None:
        if self.sigma not in MEMBRANES:
            raise DeploymentError(
                f"sigma of a layer should be one of {', '.join(MEMBRANES)}, not {self.sigma!r}"
            )
        if not isinstance(self.reset, bool):
            raise DeploymentError(f"reset of a layer should be true or false, not {self.reset!r}")
        ms = self.ms_per_token
        if not (isinstance(ms, float) and np.isfinite(ms) and ms > 0):
            raise DeploymentError(f"ms_per_token of a layer should be a positive number, not {ms!r}")

    def _check_sizes(self) -> None:
        """Of the arrays that all other shapes follow from."""
        # a layer with an astrocyte has both of the last two
        needed = ("x.weight", "tau_r", "tau_H") if self.values.keys() & {"tau_r", "tau_H"} else ("x.weight",)
        for name in needed:
            if name not in self.values:
                raise DeploymentError(f"a layer needs {name}, and has {', '.join(self.values) or 'nothing'}")
        weight = self.values["x.weight"]
        if weight.ndim != 2 or 0 in weight.shape:
            raise DeploymentError(
                f"x.weight of a layer should have the shape (units, width), not {weight.shape}"
            )
        if "tau_r" in self.values:
            heads, traces = self.values["tau_H"].size, self.values["tau_r"].size
            if not (heads and traces) or self.units % heads or traces % heads:
                raise DeploymentError(
                    f"{self.units} units and {traces} keys don't divide among {heads} heads"
                )
            if self.keys > MAX_KEYS:
                raise DeploymentError(
                    f"an astrocyte of a layer may have {MAX_KEYS} keys, for each is written into the equations of its "
                    f"units; this one has {self.keys}: train with fewer, and more heads"
                )

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        units, width = self.units, self.width
        shapes: dict[str, tuple[int, ...]] = {
            "x.weight": (units, width),
            "x.bias": (units,),
            "tau_u": (units,),
            "theta": (units,),
        }
        if not self.keys:
            return shapes
        heads, traces = self.heads, self.heads * self.keys
        shapes |= {"v.weight": (units, width), "v.bias": (units,), "tau_H": (heads,), "g_H": (heads,)}
        for side in ("x_k", "q"):
            shapes |= {f"{side}.weight": (traces, width), f"{side}.bias": (traces,)}
        return shapes | {"tau_r": (traces,)}

    @property
    def width(self) -> int:
        """Features of the input."""
        return self.values["x.weight"].shape[1]

    @property
    def units(self) -> int:
        """Spiking units."""
        return self.values["x.weight"].shape[0]

    @property
    def heads(self) -> int:
        """Astrocytes; 0 where they are cut off."""
        return self.values["tau_H"].size if "tau_H" in self.values else 0

    @property
    def keys(self) -> int:
        """Keys of each astrocyte; 0 where they are cut off."""
        return self.values["tau_r"].size // self.heads if self.heads else 0

    @cached_property
    def model(self) -> Model:
        """The declaration of its units."""
        membrane = MEMBRANES[self.sigma]
        return amsu_unit(self.keys, membrane if self.reset else replace(membrane, reset=""))

    @cached_property
    def drives(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Of each input of a unit's declaration: weight (units, width) and bias (units)."""
        sides = {"x": ("x", np.arange(self.units))}
        if self.keys:
            sides["v"] = ("v", np.arange(self.units))
            for side, number in itertools.product(("x_k", "q"), range(self.keys)):
                sides[f"{side}_{number}"] = (side, self.astrocytes * self.keys + number)
        return {
            name: (self.values[f"{side}.weight"][rows], self.values[f"{side}.bias"][rows])
            for name, (side, rows) in sides.items()
        }

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """Of each parameter of a unit's declaration: the value for each unit; times in ms."""
        values = {name: self.values[name] for name in ("tau_u", "theta")}
        if self.keys:
            values |= {name: self.values[name][self.astrocytes] for name in ("tau_H", "g_H")}
            for number in range(self.keys):
                values[f"tau_r_{number}"] = self.values["tau_r"][self.astrocytes * self.keys + number]
        return values

    @property
    def astrocytes(self) -> np.ndarray:
        """Which astrocyte each unit belongs to."""
        return np.arange(self.units) // (self.units // self.heads)


def check_stack(layers: Sequence[TrainedLayer]) -> None:
    """Raise ValueError if there is no layer or too many, or one can't get the spikes of the one before, TypeError if it isn't one."""
    if not layers:
        raise ValueError("there is no layer to deploy")
    _check_number(len(layers))
    for layer in layers:
        if not isinstance(layer, TrainedLayer):
            raise TypeError(
                f"a TrainedLayer is needed, not a {type(layer).__name__}: load_layers reads them from a file, and "
                "astrobrian.bridges.trained_layers takes them from Torch"
            )
    for before, after in itertools.pairwise(layers):
        if before.units != after.width:
            raise ValueError(f"a layer of width {after.width} can't follow one with {before.units} units")
        if before.ms_per_token != after.ms_per_token:
            raise ValueError(
                f"a token takes {before.ms_per_token:g} ms in one layer and {after.ms_per_token:g} ms in the next"
            )


def _check_number(layers: int) -> None:
    if layers > MAX_LAYERS:
        raise DeploymentError(f"a stack may have {MAX_LAYERS} layers, not {layers}")


def save_layers(layers: Sequence[TrainedLayer], path: str | Path) -> None:
    """Write a stack of layers to a file, whole or not at all.

    Raises
    ------
    ValueError
        If there is no layer, there are more than 256, or one can't get the spikes of the one before.
    OSError
        If it can't be written, for instance because the disk is full.

    Examples
    --------
    >>> save_layers([first, second], "network.safetensors")
    """
    check_stack(layers)
    arrays = {f"{n}.{name}": value for n, layer in enumerate(layers) for name, value in layer.values.items()}
    about = [
        {"ms_per_token": layer.ms_per_token, "sigma": layer.sigma, "reset": layer.reset} for layer in layers
    ]
    write_whole(path, seal("layers", arrays, {"layers": about}))


def load_layers(path: str | Path) -> list[TrainedLayer]:
    """Read a stack of layers; needs no Torch.

    Raises
    ------
    DeploymentError
        If the file is damaged, cut short, changed, of another kind, too large, or describes an impossible layer.
    FileNotFoundError
        If there is none.

    Examples
    --------
    >>> deployed = deploy(load_layers("network.safetensors"), source)
    """
    arrays, metadata = unseal(path, "layers", MAX_BYTES, DeploymentError)
    about = metadata.get("layers")
    if not isinstance(about, list) or not about:
        raise DeploymentError(f"{path} has no layers")
    values: dict[str, dict[str, np.ndarray]] = {str(number): {} for number in range(len(about))}
    try:
        _check_number(len(about))
        for name, value in arrays.items():
            number, _, own = name.partition(".")
            values[number][own] = value
        return [
            TrainedLayer(own, each["ms_per_token"], each["sigma"], each["reset"])
            for own, each in zip(values.values(), about, strict=True)
        ]
    except (KeyError, TypeError) as error:
        raise DeploymentError(f"{path} doesn't say what its layers are: {error!r}") from None
    except DeploymentError as error:
        raise DeploymentError(f"{path}: {error}") from None
