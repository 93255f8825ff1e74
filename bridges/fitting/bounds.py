"""From bounded parameters to numbers without bounds, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch

# how near to an end, as a part of the way between both, still counts as inside (chosen here)
EDGE = 1e-4


@dataclass(frozen=True, eq=False)
class Bounds:
    """Ranges of parameters.

    A parameter moves freely as z: the logistic function of z is the part of its way from one end to the other, on a
    logarithmic scale where both ends are positive and on a linear one otherwise.

    Parameters
    ----------
    ranges : Mapping[str, tuple[float, float]]
        Both ends of each parameter, in SI units.

    Raises
    ------
    ValueError
        If there is none, or the ends of one aren't finite and in this order.

    Examples
    --------
    >>> Bounds({"tau": (0.1, 10.0)}).values(torch.zeros(1))
    tensor([1.])
    """

    ranges: Mapping[str, tuple[float, float]]

    def __post_init__(self) -> None:
        if not self.ranges:
            raise ValueError("there is no parameter to fit; give at least one with its bounds")
        for name, (low, high) in self.ranges.items():
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise ValueError(
                    f"the bounds of {name} should be finite, the lower one first, got {low:g} and {high:g}"
                )

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parameters."""
        return tuple(self.ranges)

    @property
    def ends(self) -> torch.Tensor:
        """Lower and upper ends, shape (2, parameters)."""
        return torch.tensor(list(self.ranges.values()), dtype=torch.float64).T

    @property
    def limit(self) -> float:
        """The |z| at which a parameter has come to its `EDGE`."""
        return math.log((1 - EDGE) / EDGE)

    @property
    def _logarithmic(self) -> torch.Tensor:
        return self.ends[0] > 0

    def _warped(self, values: torch.Tensor) -> torch.Tensor:
        """On the scale on which the way is measured."""
        return torch.where(self._logarithmic, values.abs().log(), values)

    def values(self, z: torch.Tensor) -> torch.Tensor:
        """The parameters at z, both of shape (..., parameters)."""
        low, high = self._warped(self.ends)
        warped = low + (high - low) * torch.sigmoid(z)
        return torch.where(self._logarithmic, warped.exp(), warped)

    def slopes(self, z: torch.Tensor) -> torch.Tensor:
        """Derivative of each parameter by its z."""
        low, high = self._warped(self.ends)
        way = torch.sigmoid(z)
        per_warped = torch.where(self._logarithmic, self.values(z), torch.ones_like(z))
        return per_warped * (high - low) * way * (1 - way)

    def free(self, values: torch.Tensor) -> torch.Tensor:
        """The z of parameters; what lies outside is taken to the edge."""
        low, high = self._warped(self.ends)
        inside = values.clamp(*self.ends)
        return torch.logit((self._warped(inside) - low) / (high - low)).clamp(-self.limit, self.limit)
