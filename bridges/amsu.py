"""The Astrocyte-Modulated Spiking Unit as a Torch layer, derived from `astrobrian.equations.library.amsu`.

Pure functions of a state (`amsu_step`, `amsu_sequence`) and a thin module on top. The matrix state doesn't depend on the
spikes of its own token, so a sequence is three walks: the traces of the keys, the matrix state in chunks of matrix
products, and the membranes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import nn

from astrobrian.bridges.checks import positive
from astrobrian.bridges.memory import chunked_memory
from astrobrian.bridges.scan import FUSED, advance, scan
from astrobrian.bridges.torch_codegen import token_step
from astrobrian.equations.library.amsu import amsu_astrocyte, amsu_key, amsu_membrane

KEY, ASTROCYTE, MEMBRANE = (token_step(model) for model in (amsu_key, amsu_astrocyte, amsu_membrane))
CUT_MEMBRANE = MEMBRANE.without("o")

SEQUENCE, STEP = ("batch", "tokens", "width"), ("batch", "width")
"""Axes of what a layer takes."""


class AMSUState(NamedTuple):
    """What a unit carries from token to token: its size doesn't grow with the sequence.

    Attributes
    ----------
    r : Tensor, shape (batch, heads * keys)
        Presynaptic traces.
    H : Tensor, shape (batch, heads, units // heads, keys)
        The astrocyte's matrix.
    u : Tensor, shape (batch, units)
        Membrane potentials.
    """

    r: torch.Tensor
    H: torch.Tensor
    u: torch.Tensor


class AMSUDrive(NamedTuple):
    """What the unit is driven with; each with the shape (batch, tokens, ...) in a sequence, (batch, ...) in a step.

    Attributes
    ----------
    x : Tensor, shape (..., units)
        Presynaptic signal.
    x_k, q : Tensor, shape (..., heads * keys)
        What the key is the trace of; the query.
    v : Tensor, shape (..., units)
        The value.
    """

    x: torch.Tensor
    x_k: torch.Tensor
    v: torch.Tensor
    q: torch.Tensor


def amsu_step(
    drive: AMSUDrive, state: AMSUState, p: Mapping[str, torch.Tensor], dt: float
) -> tuple[torch.Tensor, torch.Tensor, AMSUState]:
    """One token, straight from the element laws.

    Parameters
    ----------
    drive : AMSUDrive
    state : AMSUState
    p : mapping of str to Tensor
        ``tau_r`` (heads * keys), ``tau_H`` and ``g_H`` (heads), ``tau_u`` and ``theta`` (units).
    dt : float
        Time that a token takes, in the unit of the time constants.

    Returns
    -------
    spikes, o : Tensor, shape (batch, units)
    state : AMSUState
    """
    batch, heads, values, keys = state.H.shape
    (k,) = KEY.torch([KEY.outputs["k"]])(state.r, drive.x_k, p["tau_r"], dt)
    _, key = advance(KEY, {"r": state.r}, {"x_k": drive.x_k}, p, dt)
    inputs = {
        "k": k.view(batch, heads, 1, keys),
        "v": drive.v.view(batch, heads, values, 1),
        "q": drive.q.view(batch, heads, 1, keys),
    }
    element = {name: p[name].view(heads, 1, 1) for name in ASTROCYTE.parameters}
    _, after = advance(ASTROCYTE, {"H": state.H}, inputs, element, dt)
    (products,) = ASTROCYTE.torch([ASTROCYTE.outputs["o"]])(
        after["H"], *(inputs[n] for n in ASTROCYTE.inputs), *element.values(), dt
    )
    o = products.sum(-1).reshape(batch, heads * values)
    spikes, membrane = advance(MEMBRANE, {"u": state.u}, {"x": drive.x, "o": o}, p, dt)
    return spikes, o, AMSUState(key["r"], after["H"], membrane["u"])


def amsu_read(
    drive: AMSUDrive, state: AMSUState, p: Mapping[str, torch.Tensor], dt: float, fused: bool, chunk: int
) -> tuple[torch.Tensor, AMSUState]:
    """What the astrocyte adds to the membrane at every token, and the state after the last (membrane untouched).

    Returns
    -------
    o : Tensor, shape (batch, tokens, units)
    state : AMSUState
    """
    batch, heads, values, keys = state.H.shape
    tokens = drive.x_k.shape[1]
    _, trajectory = scan(KEY, {"r": state.r}, {"x_k": drive.x_k}, p, dt, fused)
    # the key that writes at a token is the trace that the tokens before it left
    r = torch.cat([state.r[:, None], trajectory["r"][:, :-1]], 1)
    (k,) = KEY.torch([KEY.outputs["k"]])(r, drive.x_k, p["tau_r"], dt)

    def by_head(y: torch.Tensor, size: int) -> torch.Tensor:
        return y.view(batch, tokens, heads, size).transpose(1, 2)

    o, H = chunked_memory(
        ASTROCYTE, by_head(k, keys), by_head(drive.v, values), by_head(drive.q, keys), state.H, p, dt, chunk
    )
    return o.transpose(1, 2).reshape(batch, tokens, heads * values), AMSUState(
        trajectory["r"][:, -1], H, state.u
    )


def amsu_sequence(
    drive: AMSUDrive,
    state: AMSUState,
    p: Mapping[str, torch.Tensor],
    dt: float,
    fused: bool = FUSED,
    chunk: int = 64,
) -> tuple[torch.Tensor, torch.Tensor, AMSUState]:
    """All tokens: the same as `amsu_step` for each; spikes and o have the shape (batch, tokens, units)."""
    o, state = amsu_read(drive, state, p, dt, fused, chunk)
    spikes, membrane = scan(MEMBRANE, {"u": state.u}, {"x": drive.x, "o": o}, p, dt, fused)
    return spikes, o, state._replace(u=membrane["u"][:, -1])


class AMSU(nn.Module):
    """A layer of Astrocyte-Modulated Spiking Units.

    Signal, key, value and query are affine in the layer's input. Each head is one astrocyte with its own time constant and
    its own matrix, ``units // heads`` rows by `keys` columns.

    Parameters
    ----------
    width : int
        Features of the input.
    units : int
        Spiking units; a multiple of `heads`.
    heads, keys : int
        Astrocytes, and keys of each.
    ms_per_token : float
        Time that a token takes. It maps every time constant from milliseconds to tokens.
    tau_r, tau_H, tau_u : Tensor or float, optional
        Initial time constants in ms, of the traces (heads * keys), the astrocytes (heads) and the membranes (units).
    theta : Tensor or float, optional
        Initial threshold (units).
    trainable_constants : bool, optional
        Whether time constants and thresholds are trained or stay as they are.
    astrocyte : bool, optional
        False cuts the astrocyte off: o is zero and nothing is written or read. May be changed at any time.
    fused : bool, optional
        Whether to use the fused operator, where there is one: on the CPU, in single or double precision, with numba. It
        has first derivatives only; for higher ones pass False.
    chunk : int, optional
        Tokens in one matrix product.

    Raises
    ------
    ValueError
        If a size isn't positive, units aren't a multiple of heads, a time constant isn't positive and finite, or `fused` is
        asked for without numba. Later, if an input or a state has another shape than the layer takes.
    TypeError
        If a time is given with a unit: times are plain numbers of milliseconds.

    Examples
    --------
    >>> layer = AMSU(width=64, units=64, heads=4, keys=16, ms_per_token=500)
    >>> spikes, state = layer(torch.randn(8, 256, 64))
    >>> more, state = layer.step(torch.randn(8, 64), state)
    """

    def __init__(
        self,
        width: int,
        units: int,
        heads: int,
        keys: int,
        ms_per_token: float,
        tau_r: torch.Tensor | float | None = None,
        tau_H: torch.Tensor | float | None = None,
        tau_u: torch.Tensor | float | None = None,
        theta: torch.Tensor | float | None = None,
        trainable_constants: bool = True,
        astrocyte: bool = True,
        fused: bool = FUSED,
        chunk: int = 64,
    ) -> None:
        super().__init__()
        sizes = {"width": width, "units": units, "heads": heads, "keys": keys, "chunk": chunk}
        for name, size in sizes.items():
            positive(name, size)
        positive("ms_per_token", ms_per_token, milliseconds=True)
        if units % heads:
            raise ValueError(
                f"the number of units ({units}) should be a multiple of the number of heads ({heads})"
            )
        if fused and not FUSED:
            raise ValueError("the fused operator needs numba: pip install numba, or pass fused=False")
        self.units, self.heads, self.keys = units, heads, keys
        self.ms_per_token, self.astrocyte, self.fused, self.chunk = (
            float(ms_per_token),
            astrocyte,
            fused,
            chunk,
        )
        self.signal = nn.Linear(width, units)
        self.key = nn.Linear(width, heads * keys)
        self.value = nn.Linear(width, units)
        self.query = nn.Linear(width, heads * keys)
        with torch.no_grad():  # what the astrocyte adds is small beside the threshold at first; chosen here
            for p in self.query.parameters():
                p.mul_(0.2)
        declared = {**amsu_key.parameters, **amsu_astrocyte.parameters, **amsu_membrane.parameters}
        given = {"tau_r": tau_r, "tau_H": tau_H, "tau_u": tau_u, "theta": theta}
        lengths = {"tau_r": heads * keys, "tau_H": heads, "tau_u": units, "theta": units}
        self.log_constants = nn.ParameterDict()
        for name, value in given.items():
            if value is None:
                quantity = declared[name].quantity
                value = float(quantity) * (1000 if name.startswith("tau") else 1)  # ms
            value = positive(name, value, name.startswith("tau")).expand(lengths[name])
            self.log_constants[name] = nn.Parameter(value.log(), requires_grad=trainable_constants)
        # so that what is read has the variance of what is written, were all the writes independent
        # with the decay a of a token that is sqrt((1 + a)/(1 - a)), here without the difference of close numbers
        tau = self.log_constants["tau_H"].detach().exp()
        self.g_H = nn.Parameter(torch.tanh(self.ms_per_token / (2 * tau)).rsqrt())

    @property
    def constants(self) -> dict[str, torch.Tensor]:
        """Time constants (ms), thresholds and write gains, by the names of the declaration."""
        return {name: value.exp() for name, value in self.log_constants.items()} | {"g_H": self.g_H}

    @property
    def astrocyte_parameters(self) -> list[nn.Parameter]:
        """What the layer doesn't use while its astrocyte is cut off."""
        projections = [*self.key.parameters(), *self.value.parameters(), *self.query.parameters()]
        return [*projections, self.log_constants["tau_r"], self.log_constants["tau_H"], self.g_H]

    def initial_state(self, batch: int) -> AMSUState:
        """Traces, matrices and membranes at zero."""
        return AMSUState(**{name: self.g_H.new_zeros(shape) for name, shape in self._shapes(batch).items()})

    def _shapes(self, batch: int) -> dict[str, tuple[int, ...]]:
        return {
            "r": (batch, self.heads * self.keys),
            "H": (batch, self.heads, self.units // self.heads, self.keys),
            "u": (batch, self.units),
        }

    def _begin(self, x: torch.Tensor, state: AMSUState | None, axes: tuple[str, ...]) -> AMSUState:
        """The state to begin with, zero if none is given, once the shapes of input and state are found right."""
        width = self.signal.in_features
        if x.ndim != len(axes) or x.shape[-1] != width:
            takes = f"({', '.join(axes)}) with a width of {width}"
            raise ValueError(f"the input should have the shape {takes}, not {tuple(x.shape)}")
        if 0 in x.shape[1:]:
            raise ValueError(f"the input should have at least one token, its shape is {tuple(x.shape)}")
        if state is None:
            return self.initial_state(x.shape[0])
        for name, shape in self._shapes(x.shape[0]).items():
            if getattr(state, name).shape != shape:
                raise ValueError(
                    f"{name} of the state should have the shape {shape} for a batch of {x.shape[0]}, "
                    f"not {tuple(getattr(state, name).shape)}"
                )
        return state

    def rest_state(self, x: torch.Tensor) -> AMSUState:
        """Where traces, matrices and membranes come to rest under a constant input (batch, width) without spikes."""
        zero = self._begin(x, None, STEP)
        drive, p, dt = self.drive(x), self.constants, self.ms_per_token
        batch, heads, values, keys = zero.H.shape
        (r,) = KEY.torch(KEY.rest.values())(zero.r, drive.x_k, p["tau_r"], dt)
        (k,) = KEY.torch([KEY.outputs["k"]])(r, drive.x_k, p["tau_r"], dt)
        inputs = {
            "k": k.view(batch, heads, 1, keys),
            "v": drive.v.view(batch, heads, values, 1),
            "q": drive.q.view(batch, heads, 1, keys),
        }
        element = (p[name].view(heads, 1, 1) for name in ASTROCYTE.parameters)
        (H,) = ASTROCYTE.torch(ASTROCYTE.rest.values())(
            zero.H, *(inputs[n] for n in ASTROCYTE.inputs), *element, dt
        )
        (u,) = CUT_MEMBRANE.torch(CUT_MEMBRANE.rest.values())(zero.u, drive.x, p["tau_u"], p["theta"], dt)
        return AMSUState(r, H, u)

    def drive(self, x: torch.Tensor) -> AMSUDrive:
        """Signal, key, value and query of an input (..., width)."""
        return AMSUDrive(self.signal(x), self.key(x), self.value(x), self.query(x) * self.keys**-0.5)

    def forward(self, x: torch.Tensor, state: AMSUState | None = None) -> tuple[torch.Tensor, AMSUState]:
        """All tokens of a sequence at once.

        Parameters
        ----------
        x : Tensor, shape (batch, tokens, width)
        state : AMSUState, optional

        Returns
        -------
        spikes : Tensor, shape (batch, tokens, units)
        state : AMSUState
        """
        state = self._begin(x, state, SEQUENCE)
        if self.astrocyte:
            spikes, _, state = amsu_sequence(
                self.drive(x), state, self.constants, self.ms_per_token, self.fused, self.chunk
            )
            return spikes, state
        inputs = {"x": self.signal(x)}
        spikes, after = scan(
            CUT_MEMBRANE, {"u": state.u}, inputs, self.constants, self.ms_per_token, self.fused
        )
        return spikes, state._replace(u=after["u"][:, -1])

    def step(self, x: torch.Tensor, state: AMSUState | None = None) -> tuple[torch.Tensor, AMSUState]:
        """One token: x has the shape (batch, width), without an axis for tokens, and the spikes (batch, units)."""
        state = self._begin(x, state, STEP)
        if self.astrocyte:
            spikes, _, state = amsu_step(self.drive(x), state, self.constants, self.ms_per_token)
            return spikes, state
        inputs = {"x": self.signal(x)}
        spikes, after = advance(CUT_MEMBRANE, {"u": state.u}, inputs, self.constants, self.ms_per_token)
        return spikes, state._replace(u=after["u"])

    def read(self, x: torch.Tensor, state: AMSUState | None = None) -> tuple[torch.Tensor, AMSUState]:
        """What the astrocyte adds to the membranes, (batch, tokens, units), without walking the membranes."""
        state = self._begin(x, state, SEQUENCE)
        return amsu_read(self.drive(x), state, self.constants, self.ms_per_token, self.fused, self.chunk)
