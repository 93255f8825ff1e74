"""What a model predicts for the samples of traces, as a function of its parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from brian2 import Quantity, TimedArray, second
from torch import nn
from torch.func import functional_call

from astrobrian.bridges.differentiable.inputs import Inputs
from astrobrian.bridges.differentiable.module import Differentiable
from astrobrian.bridges.fitting.traces import Trace
from astrobrian.equations.model import Model, ModelError

# moments of a time step over which an input is averaged, as it may jump within a step
_WITHIN = 8

Drive: TypeAlias = Quantity | float | TimedArray | Trace


@dataclass(frozen=True, eq=False)
class Part:
    """One trace as it is simulated: from its first time on, all its cells at once.

    Attributes
    ----------
    cells : tuple of str
    inputs : dict of str to Tensor, shape (cells or 1, steps or 1)
        Means over each step, in SI units.
    steps : int
    before : Tensor of int, shape (samples,)
        For each time of the trace, the step from whose end it goes on.
    way : Tensor, shape (samples,)
        How far it is from there to the end of the next one.
    recorded : bool Tensor, shape (cells, samples)
    """

    cells: tuple[str, ...]
    inputs: dict[str, torch.Tensor]
    steps: int
    before: torch.Tensor
    way: torch.Tensor
    recorded: torch.Tensor

    @classmethod
    def of(cls, trace: Trace, inputs: Mapping[str, Drive], known: Inputs, dt: float, lead: int) -> Part:
        """A trace with what drives it (see `fit_parameters`), simulated from so many steps before its first time."""
        times = np.asarray(trace.times)
        begin = times[0]
        # through 9 digits, so that a sample at the end of a step is there and not just before or after
        position = np.round((times - begin) / dt, 9)
        steps = max(math.ceil(position[-1]), 1)
        before = np.minimum(np.floor(position), steps - 1)
        within = (np.arange(_WITHIN) + 0.5) / _WITHIN
        moments = begin + dt * (np.arange(-lead, steps)[:, None] + within)
        driven = {
            name: _driven(name, drive, known, moments, len(trace.names)) for name, drive in inputs.items()
        }
        return cls(
            tuple(trace.names),
            driven,
            lead + steps,
            torch.from_numpy(before.astype(int)),
            torch.from_numpy(position - before),
            torch.from_numpy(trace.recorded),
        )


def _driven(name: str, drive: Drive, known: Inputs, moments: np.ndarray, cells: int) -> torch.Tensor:
    """The mean of an input over each step, in SI units, from moments of shape (steps, moments of a step)."""
    times = moments.ravel()
    match drive:
        case TimedArray():
            found: Any = drive(times * second) if drive.values.ndim == 1 else _columns(drive, times)
        case Trace():
            found = Quantity(drive.at(times), dim=drive.values.dim)
        case _:
            found = drive
    like = torch.zeros((), dtype=torch.float64)
    values = torch.atleast_2d(known.tensors({name: Quantity(found)}, like)[name])
    if values.shape[1] == len(times):
        values = values.unflatten(1, moments.shape).mean(-1)
    if values.shape[0] not in (1, cells) or values.shape[1] not in (1, len(moments)):
        raise ValueError(
            f"the input {name} has {values.shape[0]} cells and the trace {cells}; give one value, a TimedArray or "
            "a Trace with one column for all cells or one for each"
        )
    if not values.isfinite().all():
        raise ValueError(f"the input {name} isn't finite everywhere")
    return values


def _columns(drive: TimedArray, times: np.ndarray) -> Quantity:
    """Values of an array of several cells, shape (cells, times)."""
    columns = [np.asarray(drive(times * second, cell)) for cell in range(drive.values.shape[1])]
    return Quantity(np.array(columns), dim=drive.dim)


class Simulation(nn.Module):
    """A model under the inputs of each trace.

    Parameters
    ----------
    model : Model
    observed : str
        A state of the model, or a subexpression.
    traces : sequence of Trace
    inputs : sequence of Mapping
        What drives the model, for each trace.
    parameters : sequence of str
        Parameters and inputs of the model that are fitted, one value for all cells.
    starts : sequence of str
        States of which initial values are fitted, one for each cell.
    known : Mapping[str, float]
        Other initial values that aren't those of the model.
    method : str
    dt : Quantity
    compiled : bool, optional
        See `Differentiable`.

    Raises
    ------
    ModelError
        If the model is stochastic, has no such input, or the method isn't for it.
    """

    def __init__(
        self,
        model: Model,
        observed: str,
        traces: Sequence[Trace],
        inputs: Sequence[Mapping[str, Drive]],
        parameters: Sequence[str],
        starts: Sequence[str],
        known: Mapping[str, float],
        method: str,
        dt: Quantity,
        compiled: bool = False,
    ) -> None:
        super().__init__()
        if noise := model.equations.stochastic_variables:
            raise ModelError(
                f"{model.name} is stochastic (it reads {', '.join(sorted(noise))}), so that there is no one path to fit; "
                "fit its deterministic counterpart"
            )
        self.cell = Differentiable(model, dt, method, spike="none", compiled=compiled, dtype=torch.float64)
        # a subexpression is known at the ends of steps only
        lead = int(observed not in model.states)
        self.parts = [
            Part.of(trace, drives, self.cell.inputs, self.cell.dt, lead)
            for trace, drives in zip(traces, inputs, strict=True)
        ]
        self.observed, self.known = observed, dict(known)
        self.parameters_fitted, self.starts = tuple(parameters), tuple(starts)

    def predict(self, values: torch.Tensor) -> torch.Tensor:
        """Samples that were recorded, shape (rows, samples), for values of shape (rows, parameters): those of the
        parameters, then for each trace and each state the initial values of its cells.
        """
        recorded = zip(self.traces(values), self.parts, strict=True)
        return torch.cat([trace[:, part.recorded] for trace, part in recorded], -1)

    def traces(self, values: torch.Tensor) -> list[torch.Tensor]:
        """All samples, shape (rows, cells, samples) for each trace."""
        count = len(self.parameters_fitted)
        constants = {
            f"cell.constants.{name}": values[:, i, None] for i, name in enumerate(self.parameters_fitted)
        }
        found = []
        for part in self.parts:
            sizes = [len(part.cells)] * len(self.starts)
            begins = dict(
                zip(
                    self.starts,
                    values[:, count:].split_with_sizes([*sizes, values.shape[1] - count - sum(sizes)], 1),
                    strict=False,
                )
            )
            count += sum(sizes)
            found.append(functional_call(self, constants, (part, begins, len(values))))
        return found

    def forward(self, part: Part, starts: Mapping[str, torch.Tensor], rows: int) -> torch.Tensor:
        """One trace, shape (rows, cells, samples)."""
        shape = (rows, len(part.cells))
        state = self.cell.initial_state(*shape)
        begin = {name: torch.full(shape, value, dtype=torch.float64) for name, value in self.known.items()}
        state = state._replace(**begin, **starts)
        recorded, _ = self.cell(part.inputs, state, part.steps, [self.observed])
        path = recorded[self.observed]
        if self.observed in state._fields:
            path = torch.cat([getattr(state, self.observed)[..., None], path], -1)
        return torch.lerp(path[..., part.before], path[..., part.before + 1], part.way)
