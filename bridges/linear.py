"""An affine map whose every row of results is bit for bit the same, however many rows are given.

A matrix product of a library chooses its order of summation by the number of rows, so that one token gives other last bits
than the same token in a sequence. A spike at the threshold then differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from astrobrian.bridges.kernels.operators import row_linear
from astrobrian.bridges.scan import FUSED, fusible


class RowLinear(nn.Linear):
    """`torch.nn.Linear` by the fused operator, where there is one; under autocast, and elsewhere, as Torch has it.

    Parameters
    ----------
    in_features, out_features : int
    bias : bool, optional
    fused : bool, optional
        False for derivatives higher than the first.

    Examples
    --------
    >>> layer, x = RowLinear(64, 32), torch.randn(100, 64)
    >>> torch.equal(layer(x)[:1], layer(x[:1]))
    True
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, fused: bool = FUSED, **options: Any
    ) -> None:
        super().__init__(in_features, out_features, bias, **options)
        self.fused = fused

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As `torch.nn.Linear`."""
        return _affine(x, self.weight, self.bias, self.fused)


def together(maps: Sequence[RowLinear], x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """What each of several maps with biases gives of the same input, to the bit, in one product: that is quicker."""
    weight, bias = torch.cat([each.weight for each in maps]), torch.cat([each.bias for each in maps])
    joint = _affine(x, weight, bias, all(each.fused for each in maps))
    return joint.split([each.out_features for each in maps], -1)


def _affine(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, fused: bool) -> torch.Tensor:
    if fused and not torch.is_autocast_enabled(weight.device.type) and fusible(x, weight):
        return row_linear(x, weight, bias)
    return nn.functional.linear(x, weight, bias)
