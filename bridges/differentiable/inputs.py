"""What a model is given at each step: checked, and as tensors."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

import numpy as np
import torch
from brian2 import DimensionMismatchError, Quantity, get_dimensions
from brian2.units.fundamentalunits import get_unit_for_display

from astrobrian.bridges.differentiable.source import names_in
from astrobrian.bridges.differentiable.step import SPIKES_PRE, Step, closed, variables
from astrobrian.equations.model import Model, ModelError

Tensor = torch.Tensor


class Inputs:
    """What can be given to a model, and what must be.

    Parameters
    ----------
    model : Model
    plan : Step

    Attributes
    ----------
    required, possible : set of str
        What a step reads without the model declaring it, and everything that may be given.
    noise : frozenset of str
    """

    def __init__(self, model: Model, plan: Step) -> None:
        self.model = model
        self.noise = frozenset(model.equations.stochastic_variables)
        by_subexpressions = names_in(closed(model, name) for name in model.subexpressions)
        ours = {*model.constants, *plan.fields, *self.noise, "t", "dt"}
        self.required = {name for name in plan.reads - ours if not name.startswith("_")}
        self.possible = {*model.constants, *variables(model), *self.noise, *self.required}
        self.possible |= by_subexpressions - ours

    def tensors(self, given: Mapping[str, Tensor | Quantity | float], like: Tensor) -> dict[str, Tensor]:
        """Inputs as tensors of the kind of `like`.

        Raises
        ------
        ModelError
            If the model has no such input, or its spikes aren't zeros and ones.
        DimensionMismatchError
            If a quantity has the wrong unit.
        """
        return {name: self._tensor(name, value, like) for name, value in given.items()}

    def _tensor(self, name: str, value: Tensor | Quantity | float, like: Tensor) -> Tensor:
        if name not in self.possible:
            raise ModelError(f"{self.model.name} has no input {name}; {hint(name, self.possible)}")
        if isinstance(value, Quantity):
            declared = self.model.equations
            if name in declared and declared[name].dim is not get_dimensions(value):
                raise DimensionMismatchError(
                    f"{name} of {self.model.name} should be in {get_unit_for_display(declared[name].dim)}, "
                    f"not {get_unit_for_display(get_dimensions(value))}"
                )
            value = np.asarray(value)
        tensor = torch.as_tensor(value, dtype=like.dtype, device=like.device)
        if name == SPIKES_PRE and not ((tensor == 0) | (tensor == 1)).all():
            raise ModelError(
                f"{SPIKES_PRE} of {self.model.name} should be 1 where there is a spike, and else 0"
            )
        return tensor

    def length(self, given: Mapping[str, Tensor], steps: int | None) -> int:
        """How many steps there are.

        Raises
        ------
        ValueError
            If inputs are of different lengths, or none tells.
        """
        lengths = {name: x.shape[-1] for name, x in given.items() if x.shape[-1] != 1}
        if steps is not None:
            lengths = {"steps": steps, **lengths}
        elif not lengths and given:
            lengths = {name: 1 for name in given}
        if not lengths:
            raise ValueError(f"how many steps {self.model.name} takes isn't known: give steps, or an input")
        if len(set(lengths.values())) > 1 or min(lengths.values()) < 1:
            told = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise ValueError(
                f"inputs of {self.model.name} should have as many steps, 1 or more; they have {told}"
            )
        return next(iter(lengths.values()))

    def shape(
        self, given: Mapping[str, Tensor], values: Mapping[str, Tensor], state: Mapping[str, Tensor]
    ) -> torch.Size:
        """The shape of cells and stimuli.

        Raises
        ------
        ValueError
            If inputs, of which the last axis is time, constants and states don't broadcast.
        """
        shapes = {name: x.shape[:-1] for name, x in given.items()}
        shapes |= {name: x.shape for name, x in values.items() if x.ndim and name not in given}
        shapes |= {f"the state's {name}": x.shape for name, x in state.items()}
        try:
            return torch.broadcast_shapes(*shapes.values())
        except RuntimeError:
            told = ", ".join(f"{name} {tuple(shape)}" for name, shape in shapes.items())
            raise ValueError(f"the shapes of {self.model.name} don't broadcast: {told}") from None

    def check_complete(self, given: Iterable[str], more: Iterable[str]) -> None:
        """Raise ModelError if something isn't given that a step, or what is recorded, reads."""
        wanted = self.required | {name for name in more if name in self.possible} - {*variables(self.model)}
        if missing := sorted(wanted - {*given} - self.noise):
            raise ModelError(
                f"{self.model.name} reads {', '.join(missing)}, which it doesn't declare: give it as an input"
            )


def hint(name: str, known: Iterable[str]) -> str:
    """What could have been meant by a name."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=3)
    return f"did you mean {' or '.join(close)}?" if close else f"it has {', '.join(known) or 'none'}"
