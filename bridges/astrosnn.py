"""AstroSNN: a small spiking language model on bytes, its arm with the astrocytes cut off, and a GRU of equal size."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from astrobrian.bridges.amsu import AMSU, CUT_MEMBRANE, distilled_constants
from astrobrian.bridges.checks import positive
from astrobrian.bridges.linear import RowLinear
from astrobrian.bridges.scan import FUSED, scan
from astrobrian.bridges.unit import Unit

ARMS = ("astrocyte", "cut", "gru")
BYTES = 256


@dataclass(frozen=True)
class AstroSNNConfig:
    """Sizes of a model.

    Attributes
    ----------
    arm : str
        ``"astrocyte"``; ``"cut"``, the same network with its astrocytes cut off; ``"gru"``, a GRU with as many
        parameters as the first.
    width : int
        Features between blocks, and spiking units in each AM-SU layer.
    depth : int
        Blocks.
    heads, keys : int
        Astrocytes of a layer, and keys of each.
    expansion : int
        Units of the channel mixing, in widths.
    context : int
        Bytes seen at once in training.
    ms_per_token : float
        Time that a byte takes; it maps the time constants of a unit file to tokens. Chosen here: the bank of a distilled
        unit, half a second to 20 s, then spans fractions of a byte to a few bytes; that learnt fastest.
    tau_r, tau_H, tau_u, tau_channels : tuple of float
        Shortest and longest initial time constant in ms, spread evenly in the logarithm over keys, astrocytes, units of the
        AM-SU layers and units of the channel mixing. A unit file gives others for the astrocytes. Chosen here.
    trainable_constants : bool
        Whether time constants and thresholds are trained.
    """

    arm: str = "astrocyte"
    width: int = 160
    depth: int = 3
    heads: int = 5
    keys: int = 32
    expansion: int = 3
    context: int = 256
    ms_per_token: float = 4000.0
    tau_r: tuple[float, float] = (500.0, 16_000.0)
    tau_H: tuple[float, float] = (1000.0, 100_000.0)
    tau_u: tuple[float, float] = (1200.0, 8000.0)
    tau_channels: tuple[float, float] = (2000.0, 32_000.0)
    trainable_constants: bool = True

    def __post_init__(self) -> None:
        if self.arm not in ARMS:
            raise ValueError(f"the arm should be one of {', '.join(ARMS)}, not {self.arm!r}")
        for name in ("width", "depth", "heads", "keys", "expansion", "context"):
            positive(name, getattr(self, name))
        positive("ms_per_token", self.ms_per_token, milliseconds=True)
        for name in ("tau_r", "tau_H", "tau_u", "tau_channels"):
            low, high = getattr(self, name)
            for end in (low, high):
                positive(name, end, milliseconds=True)
            object.__setattr__(self, name, (float(low), float(high)))
            if not low <= high:
                raise ValueError(f"{name} should be a positive range, not {(low, high)}")
        if self.width % self.heads:
            raise ValueError(f"width ({self.width}) should be a multiple of heads ({self.heads})")

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> AstroSNNConfig:
        """A configuration from what `to_json` gave; ValueError names what doesn't belong."""
        if unknown := set(values) - {f.name for f in fields(cls)}:
            raise ValueError(f"a model has no {', '.join(sorted(unknown))}")
        given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**given)

    def with_arm(self, arm: str) -> AstroSNNConfig:
        """The same sizes for another arm."""
        return replace(self, arm=arm)

    def to_json(self) -> dict:
        """What JSON can hold of it."""
        return asdict(self)


def spread(low: float, high: float, count: int) -> torch.Tensor:
    """Time constants that are even in the logarithm."""
    return torch.from_numpy(np.geomspace(low, high, count)).to(torch.get_default_dtype())


def initial_constants(config: AstroSNNConfig, unit: Unit | None) -> dict[str, Any]:
    """Time constants (ms) that every AM-SU layer starts with: the configuration's; of the astrocytes, those of a unit."""
    own = {
        "tau_r": spread(*config.tau_r, config.keys).repeat(config.heads),
        "tau_H": spread(*config.tau_H, config.heads),
        "tau_u": spread(*config.tau_u, config.width),
    }
    return own if unit is None else own | distilled_constants(unit, config.heads)


def check_tokens(tokens: torch.Tensor) -> None:
    """A model takes bytes of the shape (batch, tokens), at least one token; ValueError otherwise."""
    if tokens.ndim != 2 or tokens.shape[1] == 0:
        raise ValueError(
            f"bytes should have the shape (batch, tokens) with at least one token, not {tuple(tokens.shape)}"
        )


class SpikingChannelMixing(nn.Module):
    """A layer of the same spiking units without astrocytes, between two linear maps."""

    def __init__(
        self, width: int, units: int, ms_per_token: float, tau_u: torch.Tensor, trainable: bool
    ) -> None:
        super().__init__()
        self.ms_per_token = ms_per_token
        self.up, self.down = RowLinear(width, units), RowLinear(units, width)
        self.log_tau_u = nn.Parameter(tau_u.log(), requires_grad=trainable)
        self.log_theta = nn.Parameter(torch.full_like(tau_u, 0.5).log(), requires_grad=trainable)

    def forward(self, x: torch.Tensor, u: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        signal = self.up(x)
        u = signal.new_zeros(signal.shape[0], signal.shape[2]) if u is None else u
        p = {"tau_u": self.log_tau_u.exp(), "theta": self.log_theta.exp()}
        spikes, after = scan(CUT_MEMBRANE, {"u": u}, {"x": signal}, p, self.ms_per_token, FUSED)
        return self.down(spikes), after["u"][:, -1].clone()


class Block(nn.Module):
    """x + mix(AM-SU(norm(x))), then x + channels(norm(x))."""

    def __init__(self, config: AstroSNNConfig, constants: dict[str, Any]) -> None:
        super().__init__()
        width, trainable = config.width, config.trainable_constants
        self.norm_tokens, self.norm_channels = nn.LayerNorm(width), nn.LayerNorm(width)
        self.amsu = AMSU(
            width,
            width,
            config.heads,
            config.keys,
            config.ms_per_token,
            **constants,
            trainable_constants=trainable,
            astrocyte=config.arm == "astrocyte",
        )
        self.mix = RowLinear(width, width)
        units = config.expansion * width
        self.channels = SpikingChannelMixing(
            width, units, config.ms_per_token, spread(*config.tau_channels, units), trainable
        )

    def forward(self, x: torch.Tensor, state: tuple | None) -> tuple[torch.Tensor, tuple]:
        tokens, channels = (None, None) if state is None else state
        spikes, tokens = self.amsu(self.norm_tokens(x), tokens)
        x = x + self.mix(spikes)
        change, channels = self.channels(self.norm_channels(x), channels)
        return x + change, (tokens, channels)


class AstroSNN(nn.Module):
    """Bytes in, logits of the next byte out, through blocks of AM-SUs.

    By the fused operators a text gives the same bits of logits and states at once, in pieces and byte by byte.

    Parameters
    ----------
    config : AstroSNNConfig
        With the arm ``"astrocyte"`` or ``"cut"``.
    unit : Unit, optional
        Gives the initial time constants of traces and astrocytes.

    Examples
    --------
    >>> logits, state = AstroSNN(AstroSNNConfig())(torch.randint(256, (1, 100)))
    """

    def __init__(self, config: AstroSNNConfig, unit: Unit | None = None) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(BYTES, config.width)
        constants = initial_constants(config, unit)
        self.blocks = nn.ModuleList(Block(config, constants) for _ in range(config.depth))
        self.norm, self.head = nn.LayerNorm(config.width), RowLinear(config.width, BYTES)

    def forward(self, tokens: torch.Tensor, state: list | None = None) -> tuple[torch.Tensor, list]:
        """Logits (batch, tokens, 256) of the byte after each, and the state to go on from."""
        check_tokens(tokens)
        x = self.embedding(tokens)
        states = []
        for i, block in enumerate(self.blocks):
            x, after = block(x, None if state is None else state[i])
            states.append(after)
        return self.head(self.norm(x)), states

    def used_parameters(self) -> list[nn.Parameter]:
        """The parameters that take part; those of astrocytes that are cut off don't."""
        layers = [m for m in self.modules() if isinstance(m, AMSU)]
        idle = {id(p) for layer in layers if not layer.astrocyte for p in layer.astrocyte_parameters}
        return [p for p in self.parameters() if id(p) not in idle]


class GRUModel(nn.Module):
    """The baseline: one GRU layer, as wide as the number of parameters of the AstroSNN allows.

    One layer, because it did better here than as many as the AstroSNN has blocks.
    """

    def __init__(self, config: AstroSNNConfig) -> None:
        super().__init__()
        self.config = config
        target = sum(p.numel() for p in AstroSNN(config.with_arm("astrocyte")).parameters())
        width = next(w for w in range(8, 100_000) if self._size(w + 1) > target)
        self.embedding = nn.Embedding(BYTES, width)
        self.gru = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, BYTES)

    @staticmethod
    def _size(width: int) -> int:
        return 2 * BYTES * width + BYTES + 6 * width * width + 6 * width

    def forward(
        self, tokens: torch.Tensor, state: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As `AstroSNN.forward`."""
        check_tokens(tokens)
        x, state = self.gru(self.embedding(tokens), state)
        return self.head(x), state

    def used_parameters(self) -> list[nn.Parameter]:
        """All parameters."""
        return list(self.parameters())


def build_model(config: AstroSNNConfig, unit: Unit | None = None) -> AstroSNN | GRUModel:
    """The model of a configuration; a unit gives a spiking one its initial time constants."""
    return GRUModel(config) if config.arm == "gru" else AstroSNN(config, unit)


def parameter_count(model: AstroSNN | GRUModel) -> int:
    """Number of parameters that take part in the model."""
    return sum(p.numel() for p in model.used_parameters())
