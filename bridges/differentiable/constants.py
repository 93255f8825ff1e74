"""The constants of a model as tensors: some trainable between bounds, the others fixed."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from brian2 import DimensionMismatchError, Quantity
from torch import nn

from astrobrian.bridges.differentiable.inputs import hint
from astrobrian.equations.model import Model, ModelError
from astrobrian.equations.quantity import in_unit, unit, written

Bounds = tuple[Quantity | float, Quantity | float]


class Constants(nn.Module):
    """Called, it gives the value of each parameter and input of a model, in SI units.

    A trainable value moves between its bounds along a logistic function of a parameter that starts at zero, where the
    value is exactly what it was.

    Parameters
    ----------
    model : Model
    trainable : mapping of str to (Quantity, Quantity)
        Lower and upper bound of each parameter or input that is trained.
    dtype : torch.dtype

    Raises
    ------
    ModelError
        If the model has no such parameter or input, or its value isn't between the bounds.
    DimensionMismatchError
        If a bound has the wrong unit.
    """

    def __init__(self, model: Model, trainable: Mapping[str, Bounds], dtype: torch.dtype) -> None:
        super().__init__()
        for name, item in model.constants.items():
            self.register_buffer(name, torch.tensor(float(item.quantity), dtype=dtype))
        self.free = nn.ParameterDict()
        for name, ends in trainable.items():
            low, high = _checked(model, name, ends)
            position = (float(model.constants[name].quantity) - low) / (high - low)
            offset = math.log(position / (1 - position))
            self.register_buffer(_bounds(name), torch.tensor([low, high, offset], dtype=dtype))
            self.free[name] = nn.Parameter(torch.zeros((), dtype=dtype))
        self._names = tuple(model.constants)

    def forward(self) -> dict[str, torch.Tensor]:
        values = {name: getattr(self, name) for name in self._names}
        for name, free in self.free.items():
            low, high, offset = getattr(self, _bounds(name)).unbind()
            moved = (high - low) * (torch.sigmoid(free + offset) - torch.sigmoid(offset))
            values[name] = torch.clamp(values[name] + moved, low, high)
        return values


def _bounds(name: str) -> str:
    return f"bounds_of_{name}"


def _checked(model: Model, name: str, ends: Bounds) -> tuple[float, float]:
    """Bounds in SI units."""
    if name not in model.constants:
        raise ModelError(f"{model.name} has no parameter {name}; {hint(name, model.constants)}")
    item = model.constants[name]
    try:
        low, high = (in_unit(end, item.unit) for end in ends)
    except DimensionMismatchError as error:
        raise DimensionMismatchError(f"bounds of {name} of {model.name}: {error.desc}") from None
    except (ValueError, TypeError) as error:
        raise ModelError(f"bounds of {name} of {model.name} should be two quantities: {error}") from None
    value = in_unit(item.quantity, item.unit)
    if not low < value < high:
        raise ModelError(
            f"{name} of {model.name} is {written(value, item.unit)}, which isn't between its bounds "
            f"{written(low, item.unit)} and {written(high, item.unit)}; "
            f"start elsewhere with {model.name}({name}=...), or move the bounds"
        )
    one = float(unit(item.unit))
    return low * one, high * one
