"""The inputs of a read-out of fixed width: projections of the states of a liquid, whatever its size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from astrobrian.studies.ratio.liquids import Liquid

# the random numbers of a projection are those of nothing else
_STREAM = 20
# a unit that varies less, as a part of what the liveliest of its liquid does, isn't blown up to be as lively
_STILL = 1e-3


class Projection(NamedTuple):
    """From states to the inputs of a read-out: ``(states - mean) @ matrix``.

    Parameters
    ----------
    mean : Tensor, shape (units,)
    matrix : Tensor, shape (units, width)
    """

    mean: torch.Tensor
    matrix: torch.Tensor

    def __call__(self, states: torch.Tensor) -> torch.Tensor:
        """Of states of shape (samples, units), shape (samples, width)."""
        return (states - self.mean) @ self.matrix

    def then(self, linear: torch.Tensor) -> torch.Tensor:
        """A linear map of the inputs as one of the states; the last row is the intercept, of both.

        Parameters
        ----------
        linear : Tensor of float64, shape (width + 1, outputs)

        Returns
        -------
        Tensor of float64, shape (units + 1, outputs)
        """
        weights = self.matrix.double() @ linear[:-1]
        return torch.vstack([weights, linear[-1] - self.mean.double() @ weights])


def project(states: torch.Tensor, liquid: Liquid, width: int) -> Projection:
    """The inputs of a read-out of fixed width: standardised states, projected at random, of unit variance again.

    Parameters
    ----------
    states : Tensor, shape (samples, units)
        Only what there is to learn from.
    liquid : Liquid
        Two arms of one cell and seed are projected alike.
    width : int
        How many inputs.
    """
    random = np.random.default_rng([_STREAM, liquid.neurons, liquid.astrocytes, liquid.seed])
    directions = torch.as_tensor(random.normal(size=(liquid.size, width))).to(states)
    mean, spread = states.mean(dim=0), states.std(dim=0, correction=0)
    matrix = directions / _or_one(spread.clamp(min=_STILL * spread.max()))[:, None]
    variation = ((states - mean) @ matrix).std(dim=0, correction=0)
    return Projection(mean, matrix / _or_one(variation))


def _or_one(spread: torch.Tensor) -> torch.Tensor:
    """The same, but 1 for what doesn't vary at all: it stays 0."""
    return torch.where(spread > 0, spread, 1.0)
