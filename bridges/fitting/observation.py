"""What lies between a variable of a model and what is recorded of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch


class Observation(Protocol):
    """How a recording comes about from a prediction.

    Attributes
    ----------
    constants : int
        Numbers of its own that it fits to the samples.
    """

    @property
    def constants(self) -> int: ...

    def residuals(self, predicted: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        """What the prediction (rows, samples) leaves unexplained of the samples (samples,)."""

    def derivatives(
        self, predicted: torch.Tensor, slopes: torch.Tensor, samples: torch.Tensor
    ) -> torch.Tensor:
        """Of the residuals, from the slopes of the prediction (rows, samples, parameters)."""


@dataclass(frozen=True)
class Direct:
    """The variable itself is recorded, as a concentration is with a calibrated indicator."""

    constants: int = 0

    def residuals(self, predicted: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        """The prediction less the samples."""
        return predicted - samples

    def derivatives(
        self, predicted: torch.Tensor, slopes: torch.Tensor, samples: torch.Tensor
    ) -> torch.Tensor:
        """The slopes themselves."""
        return slopes


@dataclass(frozen=True, eq=False)
class Affine:
    """Recorded is ``scale*variable + offset``, with a scale and an offset for each cell, as of fluorescence (dF/F).

    Both are found by linear least squares wherever they are needed, so that no search has to go about them, and count as
    fitted in the intervals of the parameters.

    Attributes
    ----------
    cell : Tensor, shape (samples,)
        The cell of each sample, counted from zero.
    """

    cell: torch.Tensor

    @property
    def _cells(self) -> int:
        return int(self.cell.max()) + 1

    @property
    def constants(self) -> int:
        """A scale and an offset for each cell."""
        return 2 * self._cells

    def _sums(self, of: torch.Tensor) -> torch.Tensor:
        """Over the samples of each cell, back at every sample; samples are the second axis."""
        per_cell = of.new_zeros(of.shape[0], self._cells, *of.shape[2:]).index_add(1, self.cell, of)
        return per_cell[:, self.cell]

    def _centred(self, of: torch.Tensor) -> torch.Tensor:
        count = self._sums(torch.ones_like(of[:1]))
        return of - self._sums(of) / count

    def scales(self, predicted: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        """The best scale of each sample's cell, shape (rows, samples); zero where the prediction is constant."""
        centred = self._centred(predicted)
        power = self._sums(centred.square())
        return self._sums(centred * samples) / torch.where(power > 0, power, 1.0)

    def constants_of(
        self, predicted: torch.Tensor, samples: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Best scale and offset of each cell, both of shape (cells,), for one prediction (samples,)."""
        scales = self.scales(predicted[None], samples)
        offsets = self._sums(samples - scales * predicted) / self._sums(torch.ones_like(scales))
        first = [int((self.cell == cell).nonzero()[0, 0]) for cell in range(self._cells)]
        return scales[0, first], offsets[0, first]

    def residuals(self, predicted: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        """With the best scales and offsets."""
        scaled = self.scales(predicted, samples) * self._centred(predicted)
        return scaled - self._centred(samples[None])

    def derivatives(
        self, predicted: torch.Tensor, slopes: torch.Tensor, samples: torch.Tensor
    ) -> torch.Tensor:
        """The part of the slopes that no change of scales and offsets can take up.

        The gradient of the squared residuals is exact with it, and their expected information is that of the parameters
        with scales and offsets unknown (variable projection, Kaufman 1975).
        """
        centred = self._centred(predicted)[..., None]
        power = self._sums(centred.square())
        own = self._centred(slopes * self.scales(predicted, samples)[..., None])
        return own - centred * self._sums(centred * own) / torch.where(power > 0, power, 1.0)
