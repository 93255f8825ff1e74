"""What is asked of numbers that are given without a unit."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import torch
from brian2.units.allunits import msecond
from brian2.units.fundamentalunits import DIMENSIONLESS, get_dimensions


def positive(name: str, value: Any, milliseconds: bool = False) -> torch.Tensor:
    """A setting that is a plain number, or several: positive and finite.

    Parameters
    ----------
    name : str
        Of the setting, for the message.
    value : float, array_like or Tensor
    milliseconds : bool, optional
        Whether it is a time in milliseconds.

    Returns
    -------
    Tensor
        In Torch's default precision.

    Raises
    ------
    TypeError
        If it is a quantity with a unit: Brian2 would give it in SI units.
    ValueError
        If a number isn't positive, or not finite in this precision.

    Examples
    --------
    >>> positive("ms_per_token", 500, milliseconds=True)
    tensor(500.)
    """
    if not isinstance(value, torch.Tensor):
        dimensions = get_dimensions(value)
        if milliseconds and dimensions is msecond.dim:
            raise TypeError(
                f"{name} is a number of milliseconds, got {value}; pass {np.asarray(value / msecond)}"
            )
        if dimensions is not DIMENSIONLESS:
            raise TypeError(f"{name} is a number without a unit, got {value}")
    numbers = torch.as_tensor(value, dtype=torch.get_default_dtype())
    if not bool((torch.isfinite(numbers) & (numbers > 0)).all()):
        raise ValueError(f"{name} should be positive and finite, not {value}")
    return numbers


def whole(name: str, value: Any) -> int:
    """A setting that is a positive whole number, such as a size.

    Raises
    ------
    TypeError
        If it is a quantity with a unit.
    ValueError
        If it isn't positive, or is of a type for numbers that may have a fraction: ``8.0`` isn't a size.

    Examples
    --------
    >>> whole("units", 8)
    8
    """
    positive(name, value)
    try:
        return operator.index(value)
    except TypeError:
        raise ValueError(f"{name} should be a whole number, not {value}") from None
