"""The Astrocyte-Modulated Spiking Unit as a Torch layer, derived from `astrobrian.equations.library.amsu`.

Pure functions of a state (`amsu_step`, `amsu_sequence`) and a thin module on top. The matrix state doesn't depend on the
spikes of its own token, so a sequence is three walks: the traces of the keys, the matrix state, and the membranes.

By the fused operators a sequence and its tokens one by one give the same bits, for the layer walks a step as a sequence of
one token. The plain Torch path is what they are tested against; it gives the same numbers to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import torch
from torch import nn
from torch.utils._pytree import _register_namedtuple

from astrobrian.bridges import linear_attention
from astrobrian.bridges.checks import positive, whole
from astrobrian.bridges.kernels.operators import matrix_walk
from astrobrian.bridges.linear import RowLinear, together
from astrobrian.bridges.memory import chunked_memory, law
from astrobrian.bridges.scan import FUSED, advance, fusible, scan
from astrobrian.bridges.torch_codegen import TokenStep, token_step
from astrobrian.equations.library.amsu import amsu_astrocyte, amsu_key, amsu_linear_membrane, amsu_membrane

if TYPE_CHECKING:
    from astrobrian.bridges.unit import Unit

KEY, ASTROCYTE = token_step(amsu_key), token_step(amsu_astrocyte)
SIGMAS = {"tanh": amsu_membrane, "identity": amsu_linear_membrane}
"""The membrane by what makes a current of the presynaptic signal."""

SEQUENCE, STEP = ("batch", "tokens", "width"), ("batch", "width")
"""Axes of what a layer takes."""


def membrane_step(sigma: str = "tanh", reset: bool = True, astrocyte: bool = True) -> TokenStep:
    """One token of the membrane: with this sigma, with its reset or without, with what an astrocyte adds or without."""
    return _MEMBRANES[sigma, reset, astrocyte]


def _membranes(sigma: str) -> Iterator[tuple[tuple[str, bool, bool], TokenStep]]:
    step = token_step(SIGMAS[sigma])
    for reset, variant in ((True, step), (False, replace(step, reset={}))):
        yield (sigma, reset, True), variant
        yield (sigma, reset, False), variant.without("o")


# both made here, because torch.compile can't trace through SymPy
law(ASTROCYTE)
_MEMBRANES = {options: step for sigma in SIGMAS for options, step in _membranes(sigma)}
MEMBRANE, CUT_MEMBRANE = membrane_step(), membrane_step(astrocyte=False)


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
    phase : Tensor, shape (), int64
        Tokens since the astrocytes began their last step, less than ``astrocyte_every``; 0 where they begin one next.
    """

    r: torch.Tensor
    H: torch.Tensor
    u: torch.Tensor
    phase: torch.Tensor = torch.zeros((), dtype=torch.int64)

    def detach(self) -> AMSUState:
        """The same state without its history, to cut the gradient between two pieces of a sequence."""
        return AMSUState(*(tensor.detach() for tensor in self))


# torch.export asks for this before it saves a program that takes or gives a state; there is no public name for it
_register_namedtuple(AMSUState, serialized_type_name="astrobrian.bridges.AMSUState")


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
    drive: AMSUDrive,
    state: AMSUState,
    p: Mapping[str, torch.Tensor],
    dt: float,
    membrane: TokenStep = MEMBRANE,
    every: int = 1,
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
    membrane : TokenStep, optional
        From `membrane_step`.
    every : int, optional
        Tokens that a step of the astrocytes takes.

    Returns
    -------
    spikes, o : Tensor, shape (batch, units)
    state : AMSUState
    """
    batch, heads, values, keys = state.H.shape
    (k,) = KEY.functions["outputs"](state.r, drive.x_k, p["tau_r"], dt)
    _, key = advance(KEY, {"r": state.r}, {"x_k": drive.x_k}, p, dt)
    inputs = {
        "k": k.view(batch, heads, 1, keys),
        "v": drive.v.view(batch, heads, values, 1),
        "q": drive.q.view(batch, heads, 1, keys),
    }
    element = {name: p[name].view(heads, 1, 1) for name in ASTROCYTE.parameters}
    _, after = advance(ASTROCYTE, {"H": state.H}, inputs, element, dt * every)
    H = torch.where(state.phase.to(state.H.device) == 0, after["H"], state.H)
    (products,) = ASTROCYTE.functions["outputs"](
        H, *(inputs[n] for n in ASTROCYTE.inputs), *element.values(), dt * every
    )
    o = products.sum(-1).reshape(batch, heads * values)
    spikes, after = advance(membrane, {"u": state.u}, {"x": drive.x, "o": o}, p, dt)
    return spikes, o, AMSUState(key["r"], H, after["u"], (state.phase + 1) % every)


def amsu_read(
    drive: AMSUDrive,
    state: AMSUState,
    p: Mapping[str, torch.Tensor],
    dt: float,
    fused: bool = FUSED,
    chunk: int = 64,
    every: int = 1,
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
    (k,) = KEY.functions["outputs"](r, drive.x_k, p["tau_r"], dt)

    def by_head(y: torch.Tensor, size: int) -> torch.Tensor:
        return y.view(batch, tokens, heads, size).transpose(1, 2)

    walk = (ASTROCYTE, by_head(k, keys), by_head(drive.v, values), by_head(drive.q, keys), state.H, p, dt)
    if fused and fusible(*drive, state.H, *p.values()):
        o, H = matrix_walk(*walk, every, state.phase)
    elif fused and every == 1 and linear_attention.takes(*drive, state.H):
        o, H = linear_attention.library_memory(*walk)
    else:
        o, H = chunked_memory(*walk, chunk, every, state.phase)
    o = o.transpose(1, 2).reshape(batch, tokens, heads * values)
    return o, AMSUState(trajectory["r"][:, -1].clone(), H, state.u, (state.phase + tokens) % every)


def amsu_sequence(
    drive: AMSUDrive,
    state: AMSUState,
    p: Mapping[str, torch.Tensor],
    dt: float,
    fused: bool = FUSED,
    chunk: int = 64,
    membrane: TokenStep = MEMBRANE,
    every: int = 1,
) -> tuple[torch.Tensor, torch.Tensor, AMSUState]:
    """All tokens: the same as `amsu_step` for each; spikes and o have the shape (batch, tokens, units)."""
    o, state = amsu_read(drive, state, p, dt, fused, chunk, every)
    spikes, trajectory = scan(membrane, {"u": state.u}, {"x": drive.x, "o": o}, p, dt, fused)
    return spikes, o, state._replace(u=trajectory["u"][:, -1].clone())


def resampled(values: np.ndarray, count: int) -> torch.Tensor:
    """A bank of time constants with as many as asked for: quantiles of the logarithms of the given ones."""
    ranks = (np.arange(count) + 0.5) / count
    return torch.from_numpy(np.exp(np.quantile(np.log(values), ranks))).to(torch.get_default_dtype())


def distilled_constants(unit: Unit, heads: int) -> dict[str, torch.Tensor]:
    """Time constants (ms) of the astrocytes of a unit, for so many heads.

    The keys of a unit are prompt, so that the traces of a layer have none of it.
    """
    return {"tau_H": resampled(unit.values["tau_H"], heads)}


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
    sigma : {"tanh", "identity"}, optional
        What makes a current of the presynaptic signal.
    reset : bool, optional
        False leaves out the reset, a simplification: the membrane is then a linear recurrence, and its spikes are others.
    astrocyte_every : int, optional
        More than 1 is a simplification: the astrocytes are on a clock of their own, which ticks at this many tokens, at
        the first one of a sequence that begins without a state. A tick is one step of exponential Euler of that length,
        with the key and the value of its token; the matrix is held until the next, and every token reads it.
    fused : bool, optional
        Whether to use the fused operators, where there are some: on the CPU, in single or double precision, with a C++
        compiler; on a CUDA device with Triton, and with flash-linear-attention. They have first derivatives only; for
        higher ones pass False.
    chunk : int, optional
        Tokens in one matrix product, where the operators aren't fused.

    Raises
    ------
    ValueError
        If a size isn't a positive whole number, units aren't a multiple of heads, a time constant isn't positive and finite, there is no
        such sigma, or `fused` is asked for without a compiler. Later, if an input or a state has another shape, precision
        or device than the layer takes.
    TypeError
        If a time is given with a unit: times are plain numbers of milliseconds. Later, if a state isn't an `AMSUState`.

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
        sigma: str = "tanh",
        reset: bool = True,
        astrocyte_every: int = 1,
        fused: bool = FUSED,
        chunk: int = 64,
    ) -> None:
        super().__init__()
        sizes = {"width": width, "units": units, "heads": heads, "keys": keys, "chunk": chunk}
        for name, size in {**sizes, "astrocyte_every": astrocyte_every}.items():
            whole(name, size)
        if sigma not in SIGMAS:
            raise ValueError(f"sigma should be one of {', '.join(SIGMAS)}, not {sigma!r}")
        positive("ms_per_token", ms_per_token, milliseconds=True)
        if units % heads:
            raise ValueError(
                f"the number of units ({units}) should be a multiple of the number of heads ({heads})"
            )
        if fused and not FUSED:
            raise ValueError("the fused operators need a C++ compiler: install one, or pass fused=False")
        self.units, self.heads, self.keys = units, heads, keys
        self.ms_per_token, self.astrocyte = float(ms_per_token), astrocyte
        self.sigma, self.reset, self.astrocyte_every = sigma, reset, astrocyte_every
        self.fused, self.chunk = fused, chunk
        self.signal = RowLinear(width, units, fused=fused)
        self.key = RowLinear(width, heads * keys, fused=fused)
        self.value = RowLinear(width, units, fused=fused)
        self.query = RowLinear(width, heads * keys, fused=fused)
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
        self.g_H = nn.Parameter(torch.tanh(astrocyte_every * self.ms_per_token / (2 * tau)).rsqrt())

    @classmethod
    def from_unit(
        cls, unit: Unit, width: int, units: int, heads: int, keys: int, ms_per_token: float, **options: Any
    ) -> Self:
        """A layer that begins with the time constants of a distilled unit.

        A unit has its own numbers of astrocytes and keys: the layer's are quantiles of its banks, in the logarithm. Its
        membranes aren't distilled, and projections and gains are the layer's own.

        Parameters
        ----------
        unit : Unit
            From `astrobrian.bridges.load_unit`.
        width, units, heads, keys, ms_per_token
            As for a layer. The unit may have been fitted at another time step: its constants are in milliseconds.
        **options
            As for a layer, such as ``trainable_constants=False`` to keep what was distilled.

        Examples
        --------
        >>> layer = AMSU.from_unit(load_unit("results/demo/unit.safetensors"), 64, 64, 4, 16, ms_per_token=500)
        """
        options = {**distilled_constants(unit, heads), **options}
        return cls(width, units, heads, keys, ms_per_token, **options)

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
        zeros = {name: self.g_H.new_zeros(shape) for name, shape in self._shapes(batch).items()}
        return AMSUState(**zeros, phase=torch.zeros((), dtype=torch.int64, device=self.g_H.device))

    def _shapes(self, batch: int) -> dict[str, tuple[int, ...]]:
        return {
            "r": (batch, self.heads * self.keys),
            "H": (batch, self.heads, self.units // self.heads, self.keys),
            "u": (batch, self.units),
        }

    def _begin(self, x: torch.Tensor, state: AMSUState | None, axes: tuple[str, ...]) -> AMSUState:
        """The state to begin with, zero if none is given, once input and state are found to be what the layer takes."""
        width = self.signal.in_features
        if x.ndim != len(axes) or x.shape[-1] != width:
            takes = f"({', '.join(axes)}) with a width of {width}"
            raise ValueError(f"the input should have the shape {takes}, not {tuple(x.shape)}")
        if 0 in x.shape[1:]:
            raise ValueError(f"the input should have at least one token, its shape is {tuple(x.shape)}")
        if not torch.is_autocast_enabled(self.g_H.device.type):
            self._check("the input", x)
        if state is None:
            return self.initial_state(x.shape[0])
        if not isinstance(state, AMSUState):
            raise TypeError(f"the state should be an AMSUState, not {type(state).__name__}")
        for name, shape in self._shapes(x.shape[0]).items():
            value = getattr(state, name)
            if value.shape != shape:
                raise ValueError(
                    f"{name} of the state should have the shape {shape} for a batch of {x.shape[0]}, "
                    f"not {tuple(value.shape)}"
                )
            self._check(f"{name} of the state", value)
        phase = state.phase
        if phase.shape != () or phase.is_floating_point():
            raise ValueError(
                f"phase of the state should have the shape () and be a whole number, not {tuple(phase.shape)} of {phase.dtype}"
            )
        return state

    def _check(self, name: str, value: torch.Tensor) -> None:
        """Precision and device of a tensor are the layer's."""
        own = self.g_H
        if value.dtype != own.dtype or value.device != own.device:
            raise ValueError(
                f"{name} should be {own.dtype} on {own.device}, as the layer is, not {value.dtype} on "
                f"{value.device}: use .to() on one of them"
            )

    def rest_state(self, x: torch.Tensor) -> AMSUState:
        """Where traces, matrices and membranes come to rest under a constant input (batch, width) without spikes."""
        zero = self._begin(x, None, STEP)
        drive, p, dt = self.drive(x), self.constants, self.ms_per_token
        batch, heads, values, keys = zero.H.shape
        (r,) = KEY.torch(KEY.rest.values())(zero.r, drive.x_k, p["tau_r"], dt)
        (k,) = KEY.functions["outputs"](r, drive.x_k, p["tau_r"], dt)
        inputs = {
            "k": k.view(batch, heads, 1, keys),
            "v": drive.v.view(batch, heads, values, 1),
            "q": drive.q.view(batch, heads, 1, keys),
        }
        element = (p[name].view(heads, 1, 1) for name in ASTROCYTE.parameters)
        (H,) = ASTROCYTE.torch(ASTROCYTE.rest.values())(
            zero.H, *(inputs[n] for n in ASTROCYTE.inputs), *element, dt
        )
        membrane = membrane_step(self.sigma, astrocyte=False)
        (u,) = membrane.torch(membrane.rest.values())(zero.u, drive.x, p["tau_u"], p["theta"], dt)
        return AMSUState(r, H, u)

    def drive(self, x: torch.Tensor) -> AMSUDrive:
        """Signal, key, value and query of an input (..., width); under autocast too in the precision of the layer."""
        own = self.g_H.dtype
        sides = together((self.signal, self.key, self.value, self.query), x)
        x, x_k, v, q = (side.to(own) for side in sides)
        return AMSUDrive(x, x_k, v, q * self.keys**-0.5)

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
        return self._walk(x, self._begin(x, state, SEQUENCE))

    def step(self, x: torch.Tensor, state: AMSUState | None = None) -> tuple[torch.Tensor, AMSUState]:
        """One token: x has the shape (batch, width), without an axis for tokens, and the spikes (batch, units)."""
        state = self._begin(x, state, STEP)
        spikes, state = self._walk(x[:, None], state)
        return spikes[:, 0], state

    def read(self, x: torch.Tensor, state: AMSUState | None = None) -> tuple[torch.Tensor, AMSUState]:
        """What the astrocyte adds to the membranes, (batch, tokens, units), without walking the membranes."""
        state = self._begin(x, state, SEQUENCE)
        drive, dt = self.drive(x), self.ms_per_token
        with torch.autocast(x.device.type, enabled=False):
            return amsu_read(drive, state, self.constants, dt, self.fused, self.chunk, self.astrocyte_every)

    def _walk(self, x: torch.Tensor, state: AMSUState) -> tuple[torch.Tensor, AMSUState]:
        p, dt = self.constants, self.ms_per_token
        membrane = membrane_step(self.sigma, self.reset, self.astrocyte)
        if not self.astrocyte:
            inputs = {"x": self.signal(x).to(self.g_H.dtype)}
            spikes, trajectory = scan(membrane, {"u": state.u}, inputs, p, dt, self.fused)
            return spikes, state._replace(u=trajectory["u"][:, -1].clone())
        drive, every = self.drive(x), self.astrocyte_every
        with torch.autocast(x.device.type, enabled=False):
            spikes, _, state = amsu_sequence(drive, state, p, dt, self.fused, self.chunk, membrane, every)
        return spikes, state
