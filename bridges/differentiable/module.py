"""Any model as a differentiable `torch.nn.Module` that takes the steps that Brian2 takes."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from brian2 import DimensionMismatchError, Quantity, get_dimensions, have_same_dimensions, second
from brian2.units.fundamentalunits import get_unit_for_display
from torch import nn

from astrobrian.bridges.differentiable.constants import Bounds, Constants
from astrobrian.bridges.differentiable.inputs import Inputs, hint
from astrobrian.bridges.differentiable.recompute import recomputed
from astrobrian.bridges.differentiable.source import Function, function
from astrobrian.bridges.differentiable.step import (
    ELAPSED,
    METHODS,
    RELAXED,
    Step,
    addition,
    alike,
    closed,
    step,
    threshold_dimension,
    variables,
    width,
)
from astrobrian.equations.model import Model, ModelError

Tensor = torch.Tensor
State = Any  # the named tuple that a module makes for its model

_NEVER = -1e4  # second; what Brian2 has for the last spike of a cell that never spiked
_SPIKES = "spikes"


class _Watch(NamedTuple):
    """What is recorded: names for a number of steps, of which others than results of a step are computed."""

    steps: int
    names: tuple[str, ...]
    others: Function
    shape: torch.Size


class Differentiable(nn.Module):
    """A model as a differentiable module.

    One step is what Brian2 does in one: its own state updater, then threshold, synapses and reset. Values are in SI
    units. Cells and stimuli are leading axes of the inputs and of the state, which broadcast.

    Parameters
    ----------
    model : Model
        Any model of `astrobrian.equations`, or a sum of them.
    dt : Quantity
        Time step.
    method : str, optional
        Brian2's name of the integration: "exact", "exponential_euler", "euler", "rk2", "rk4"; for stochastic models
        "euler" (where the noise is additive), "heun", "milstein".
    trainable : mapping of str to (Quantity, Quantity), optional
        Parameters or inputs that are trained, each between two bounds. The others are buffers.
    spike : {"surrogate", "straight_through", "none"}, optional
        What a spike is differentiated as, of the distance to the threshold: an arctangent, that distance itself, or a
        constant, which is the true derivative wherever there is one.
    width : Quantity, optional
        The unit of that distance: how far the model's initial state is from the threshold, if not given.
    checkpoint_every : int, optional
        Keep the states of every so many steps for the backward pass, and compute the others again.
    compiled : bool, optional
        Whether `torch.compile` makes one program of a step: it needs a compiler and, once in a process, a minute, and
        then about a tenth of the time.
    dtype : torch.dtype, optional
        Torch's default if not given.

    Attributes
    ----------
    State : type
        Named tuple of the model's variables, and of what refractoriness (``not_refractory``, ``lastspike``) and time
        (``timestep``) need where the model has them.
    recordable : tuple of str
        What `forward` can record.
    constants : Constants
        The parameters; those that are trained are ``constants.free``, by name.

    Raises
    ------
    ModelError
        If the method isn't for this model, a bound doesn't hold its value, or a name is unknown.
    DimensionMismatchError
        If a time step or a bound has the wrong unit.

    Examples
    --------
    >>> cell = Differentiable(gchi, 10*ms, "rk4", trainable={"O_beta": (0*umolar/second, 5*umolar/second)})
    >>> recorded, state = cell({"Y_S": torch.full((3, 1000), 1e-3)}, record=["C"])
    >>> recorded["C"].amax(-1).sum().backward()
    """

    _dt: Tensor

    def __init__(
        self,
        model: Model,
        dt: Quantity,
        method: str = "exponential_euler",
        trainable: Mapping[str, Bounds] | None = None,
        spike: str = "surrogate",
        *,
        width: Quantity | float | None = None,
        checkpoint_every: int | None = None,
        compiled: bool = False,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        _check("method", method, METHODS)
        _check("spike", spike, RELAXED)
        if checkpoint_every is not None and checkpoint_every < 1:
            raise ValueError(f"checkpoint_every should be a number of steps, not {checkpoint_every!r}")
        self.model, self.method, self.spike = model, method, spike
        self.checkpoint_every, self.compiled = checkpoint_every, compiled
        self.dt = _time_step(dt)
        dtype = dtype or torch.get_default_dtype()
        self.register_buffer("_dt", torch.tensor(self.dt, dtype=dtype), persistent=False)
        self.constants = Constants(model, trainable or {}, dtype)
        self._alike = alike(model)
        plan = step(self._alike, method, frozenset(), spike)
        self.inputs = Inputs(model, plan)
        clock = ["timestep"] if plan.reads & {"t", ELAPSED} else []
        self.State = _state_type([*plan.fields, *clock])
        self._results = tuple(plan.results)
        self.recordable = (*self._results, *model.subexpressions)
        self._widths = self._find_widths(plan, width)

    def values(self) -> dict[str, Tensor]:
        """The value of each parameter, and of each input unless it is given, in SI units."""
        return self.constants()

    def initial_state(self, *shape: int) -> State:
        """The model's initial values, for cells and stimuli of this shape.

        Raises
        ------
        ModelError
            If an initial value is random, or depends on something that the model doesn't declare.
        """
        initial = _evaluation(self.model, variables(self.model), self._dt.dtype, initial=True)
        values = self.values()
        if missing := set(initial.arguments) - values.keys():
            raise ModelError(
                f"initial values of {self.model.name} depend on {missing.pop()}, which it doesn't declare; make a State"
            )
        state: dict[str, Any] = {
            "not_refractory": torch.tensor(True),
            "lastspike": torch.tensor(_NEVER, dtype=torch.float64),
            "timestep": torch.tensor(0),
            **{name: torch.as_tensor(x, dtype=self._dt.dtype) for name, x in initial(values).items()},
        }
        return self._expanded(
            self.State(*(state[name].to(self._dt.device) for name in self.State._fields)), shape
        )

    def step(
        self,
        state: State,
        inputs: Mapping[str, Tensor | Quantity | float] | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[State, Tensor | None]:
        """One time step.

        Parameters
        ----------
        state : State
        inputs : mapping of str to Tensor, optional
            As in `forward`, without the axis of time.
        generator : torch.Generator, optional
            Draws the noise that isn't given.

        Returns
        -------
        state : State
        spikes : Tensor or None
            1 or 0 for each cell; None if the model has no threshold.
        """
        given = {name: x.unsqueeze(-1) for name, x in self.inputs.tensors(inputs or {}, self._dt).items()}
        recorded, state = self._walk(given, state, 1, self._recording(None), generator)
        return state, recorded[_SPIKES][..., 0] if _SPIKES in recorded else None

    def forward(
        self,
        inputs: Mapping[str, Tensor | Quantity | float] | None = None,
        state: State | None = None,
        steps: int | None = None,
        record: Iterable[str] | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[dict[str, Tensor], State]:
        """A number of time steps.

        Parameters
        ----------
        inputs : mapping of str to Tensor, shape (..., steps), optional
            By the names of inputs or parameters, and of what the model reads without declaring it: ``G_A_astro``, the
            noise ``xi`` (standard normal numbers), ``spikes_pre`` (1 where a presynaptic spike arrives in a step). What
            is given for a variable of the model is added to it in each step, where Brian2's synapses do so. The last
            axis may have length 1, for a value that stays.
        state : State, optional
            The initial one unless given.
        steps : int, optional
            Needed unless an input has an axis of time that tells.
        record : iterable of str, optional
            Variables, subexpressions, "spikes", or what `on_pre` adds to variables of others; all but the
            subexpressions if not given.
        generator : torch.Generator, optional
            Draws the noise that isn't given.

        Returns
        -------
        recorded : dict of str to Tensor, shape (..., steps)
            At the end of each step, as a `brian2.StateMonitor` with ``when="end"``.
        state : State
            After the last step.

        Raises
        ------
        ModelError
            If an input is unknown, missing or not of its unit, or nothing of a name can be recorded.
        ValueError
            If shapes don't fit.
        """
        given = self.inputs.tensors(inputs or {}, self._dt)
        given = {name: x if x.ndim else x[None] for name, x in given.items()}
        return self._walk(given, state, self.inputs.length(given, steps), self._recording(record), generator)

    def _walk(
        self,
        given: dict[str, Tensor],
        state: State | None,
        steps: int,
        names: tuple[str, ...],
        generator: torch.Generator | None,
    ) -> tuple[dict[str, Tensor], State]:
        values = self.values()
        watched = _evaluation(self._alike, tuple(n for n in names if n not in self._results), self._dt.dtype)
        self.inputs.check_complete({*given, *values}, watched.arguments)
        shape = self.inputs.shape(given, values, self._fields(state))
        state = self.initial_state(*shape) if state is None else self._expanded(state, shape)
        for name in self.inputs.noise - given.keys():
            given[name] = torch.randn(
                *shape, steps, generator=generator, dtype=self._dt.dtype, device=self._dt.device
            )
        size = self.checkpoint_every or steps
        pieces = []
        for start in range(0, steps, size):
            until = min(start + size, steps)
            piece = {n: x if x.shape[-1] == 1 else x[..., start:until] for n, x in given.items()}
            part, state = self._run(state, values, piece, _Watch(until - start, names, watched, shape))
            pieces.append(part)
        return {name: torch.cat([part[name] for part in pieces], -1) for name in names}, state

    def _run(
        self, state: State, values: dict[str, Tensor], given: dict[str, Tensor], watch: _Watch
    ) -> tuple[dict[str, Tensor], State]:
        """Some steps, whose inner values are kept or computed again."""
        if not self.checkpoint_every:
            return self._piece(state, values, given, watch)
        n, m = len(state), len(state) + len(values)

        def run(*flat: Tensor) -> tuple[Tensor, ...]:
            names = dict(zip(values, flat[n:m], strict=True)), dict(zip(given, flat[m:], strict=True))
            part, after = self._piece(self.State(*flat[:n]), *names, watch)
            return (*part.values(), *after)

        results = recomputed(run, *state, *values.values(), *given.values())
        recorded = dict(zip(watch.names, results, strict=False))
        return recorded, self.State(*results[len(recorded) :])

    def _piece(
        self,
        state: State,
        values: dict[str, Tensor],
        given: dict[str, Tensor],
        watch: _Watch,
    ) -> tuple[dict[str, Tensor], State]:
        """Some steps, one after the other."""
        added = frozenset(given) & set(variables(self.model))
        advance = _advance(self._alike, self.method, added, self._dt.dtype, self.spike, self.compiled)
        given = {addition(name) if name in added else name: x for name, x in given.items()}
        fixed = values | self._widths | {"dt": self._dt}
        fixed |= {name: x[..., 0] for name, x in given.items() if x.shape[-1] == 1}
        # unbound once: indexing x[..., i] in the loop would make the backward pass quadratic in the number of steps
        moving = {name: x.unbind(-1) for name, x in given.items() if x.shape[-1] > 1}
        recorded: dict[str, list[Tensor]] = {name: [] for name in watch.names}
        for i in range(watch.steps):
            scope = fixed | {name: x[i] for name, x in moving.items()} | self._time(state)
            results = advance(scope | state._asdict())
            state = self._next(state, results)
            results |= watch.others(scope | results)
            for name in watch.names:
                value = torch.as_tensor(results[name], dtype=self._dt.dtype, device=self._dt.device)
                recorded[name].append(value.broadcast_to(watch.shape))
        return {name: torch.stack(x, -1) for name, x in recorded.items()}, state

    def _time(self, state: State) -> dict[str, Tensor]:
        if "timestep" not in state._fields:
            return {}
        # in double precision, for differences of times of a long simulation
        time = state.timestep.to(torch.float64) * self.dt
        # event-driven variables have their initial values at the first step
        return {"t": time, ELAPSED: torch.where(state.timestep > 0, self._dt, 0.0)}

    def _next(self, state: State, results: Mapping[str, Tensor]) -> State:
        kept = {name: results[name].to(x.dtype) for name, x in state._asdict().items() if name in results}
        return state._replace(
            **kept, **({"timestep": state.timestep + 1} if "timestep" in state._fields else {})
        )

    def _fields(self, state: State | None) -> dict[str, Tensor]:
        if state is not None and getattr(state, "_fields", None) != self.State._fields:
            raise ValueError(
                f"a state of {self.model.name} has {', '.join(self.State._fields) or 'no fields'}, not {state!r}"
            )
        return {} if state is None else state._asdict()

    def _expanded(self, state: State, shape: Iterable[int]) -> State:
        fields = state._asdict().items()
        return self.State(*(x if name == "timestep" else x.broadcast_to(tuple(shape)) for name, x in fields))

    def _recording(self, names: Iterable[str] | None) -> tuple[str, ...]:
        if names is None:
            return tuple(n for n in self._results if n not in ("not_refractory", "lastspike"))
        names = tuple(names)
        for name in names:
            if name not in self.recordable:
                raise ModelError(f"{self.model.name} has no {name} to record; {hint(name, self.recordable)}")
        return names

    @torch.no_grad()
    def _find_widths(self, plan: Step, given: Quantity | float | None) -> dict[str, float]:
        """The width of each comparison in the threshold."""
        if not plan.distances or self.spike == "none":
            return {}
        if given is not None:
            return dict.fromkeys(map(width, range(len(plan.distances))), _width(given, self.model))
        distances = function({}, {width(k): d for k, d in enumerate(plan.distances)}, self._dt.dtype)
        scope = {**self.values(), **self.initial_state()._asdict()}
        if missing := set(distances.arguments) - scope.keys():
            raise ModelError(
                f"the threshold of {self.model.name} reads {missing.pop()}, which it doesn't declare: give a width"
            )
        widths = {name: abs(float(d)) for name, d in distances(scope).items()}
        if not all(0 < w < float("inf") for w in widths.values()):
            raise ModelError(f"the initial state of {self.model.name} is at its threshold: give a width")
        return widths


@lru_cache(maxsize=256)
def _advance(
    model: Model, method: str, added: frozenset[str], dtype: torch.dtype, spike: str, compiled: bool
) -> Function:
    """One step as a function."""
    plan = step(model, method, added, spike)
    made = function(plan.assignments, plan.results, dtype)
    return made.compiled() if compiled else made


@lru_cache(maxsize=256)
def _evaluation(model: Model, names: tuple[str, ...], dtype: torch.dtype, initial: bool = False) -> Function:
    """Subexpressions, or initial values, as a function."""
    texts = {name: model.initial.get(name, "0") if initial else name for name in names}
    return function({}, {name: closed(model, text) for name, text in texts.items()}, dtype)


def _state_type(fields: list[str]) -> Any:
    return namedtuple("State", fields)


def _time_step(dt: Quantity) -> float:
    if not have_same_dimensions(dt, second):
        raise DimensionMismatchError(f"dt should be a time, not {dt!r}")
    if not 0 < float(dt) < float("inf"):
        raise ValueError(f"dt should be positive, not {dt!r}")
    return float(dt)


def _width(given: Quantity | float, model: Model) -> float:
    dimension = threshold_dimension(model)
    if dimension is not None and dimension is not get_dimensions(given):
        raise DimensionMismatchError(
            f"the width of the threshold of {model.name} should be in {get_unit_for_display(dimension)}, not {given!r}"
        )
    if not 0 < float(given) < float("inf"):
        raise ValueError(f"width should be positive, not {given!r}")
    return float(given)


def _check(what: str, given: str, known: Iterable[str]) -> None:
    if given not in known:
        raise ValueError(f"{what} should be one of {', '.join(known)}, not {given!r}")
