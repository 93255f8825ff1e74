"""What the source of a step calls: Brian2's functions, choices and events, in Torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

Tensor = torch.Tensor


def clip(x: Tensor, low: Tensor | float, high: Tensor | float) -> Tensor:
    """At an end the derivative is the one inside, so that what starts there can leave it."""
    if not isinstance(low, Tensor) and not isinstance(high, Tensor):
        return torch.clamp(x, low, high)
    return torch.clamp(x, *(torch.as_tensor(end, dtype=x.dtype, device=x.device) for end in (low, high)))


def exprel(x: Tensor) -> Tensor:
    """(exp(x) - 1)/x, and its limit at 0."""
    at_zero = x.abs() < 1e-16
    elsewhere = torch.where(at_zero, 1.0, x)
    return torch.where(at_zero, 1 + x / 2, torch.expm1(elsewhere) / elsewhere)


def int_(dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    """A function that makes 1 or 0 of a condition, and takes the fraction from a number."""
    return lambda x: x.to(dtype) if x.dtype == torch.bool else torch.trunc(x)


def timestep(time: Tensor, dt: Tensor) -> Tensor:
    """How many steps a time is, with Brian2's allowance for rounding."""
    return torch.trunc((time + 1e-3 * dt) / dt)


def happened(spikes: Tensor) -> Tensor:
    """Spikes as true and false."""
    return spikes.detach() > 0.5


def choose(spikes: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """The new value where there is a spike; differentiated as ``old + spikes*(new - old)``."""
    chosen = torch.where(happened(spikes), new, old)
    return chosen + (spikes - spikes.detach()) * (new - old) if spikes.requires_grad else chosen


def event(dtype: torch.dtype) -> Callable[[Tensor, Tensor | float], Tensor]:
    """A function that makes 1 or 0 of a condition, with the derivative of a second argument."""

    def of(condition: Tensor, relaxed: Tensor | float) -> Tensor:
        hard = condition.to(dtype)
        if isinstance(relaxed, Tensor) and relaxed.requires_grad:
            return hard + (relaxed - relaxed.detach())
        return hard

    return of


_SAME_IN_TORCH = (
    *("exp", "log", "log10", "expm1", "log1p", "sqrt", "sign", "floor", "where"),
    *("sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan"),
)

FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(torch, name) for name in _SAME_IN_TORCH},
    "Abs": torch.abs,
    "ceiling": torch.ceil,
    "Mod": torch.remainder,
    "clip": clip,
    "exprel": exprel,
    "timestep": timestep,
    "happened": happened,
    "choose": choose,
}
"""By the names that SymPy has for them."""
