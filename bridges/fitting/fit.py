"""Parameters of a model from traces, by gradient descent on what its differentiable form predicts."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from brian2 import DimensionMismatchError, Quantity, have_same_dimensions, ms
from brian2.units.fundamentalunits import DIMENSIONLESS, Dimension, get_dimensions, get_unit

from astrobrian.bridges.fitting.bounds import Bounds
from astrobrian.bridges.fitting.intervals import (
    Estimate,
    Interval,
    Profile,
    autocorrelation,
    hessian_intervals,
    profiles,
)
from astrobrian.bridges.fitting.least_squares import (
    FitError,
    LeastSquares,
    Report,
    levenberg_marquardt,
    starting_points,
)
from astrobrian.bridges.fitting.observation import Affine, Direct
from astrobrian.bridges.fitting.result import FitWarning, ParameterFit, Value
from astrobrian.bridges.fitting.simulation import Drive, Simulation
from astrobrian.bridges.fitting.traces import Trace
from astrobrian.equations.model import Model, ModelError
from astrobrian.progress import Progress

Range = tuple[Value, Value]

# Iterations for which worse starts may go on to overtake one that has arrived.
_PATIENCE = 8
# A profile that comes across a better fit is begun again from there, at most so often.
_RESTARTS = 3
# Residuals with more autocorrelation than independent noise shows once in 15,000 times: four standard errors.
_CORRELATED = 4.0


def fit_parameters(
    model: Model,
    traces: Trace | Sequence[Trace],
    parameters: Mapping[str, Range],
    observed: str,
    inputs: Mapping[str, Drive] | Sequence[Mapping[str, Drive]] | None = None,
    initial: Mapping[str, Value | Range] | None = None,
    affine: bool = False,
    method: str = "rk4",
    dt: Quantity = 50 * ms,
    starts: int = 16,
    level: float = 0.95,
    profile: bool = True,
    compiled: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> ParameterFit:
    """Fit parameters of a model to traces, with confidence intervals.

    Least squares, from several starts at once (see `least_squares`). The noise is taken to be independent, normal and of
    one size in all traces; the intervals are about parameters of this model and hold if it is the right one.

    Parameters
    ----------
    model : Model
        Any model of `astrobrian.equations`, or a sum of them, with values for what isn't fitted.
    traces : Trace or sequence of Trace
        Each is simulated from its first time on, with the same parameters.
    parameters : Mapping[str, (Quantity, Quantity)]
        What is fitted: parameters, or inputs that stay as they are, of the model, each with its bounds. The search is on
        a logarithmic scale if both are positive.
    observed : str
        The variable that was recorded: a state, or a subexpression (whose first sample is one step after the initial
        state).
    inputs : Mapping, or one for each trace, optional
        What drives the model, by name: a quantity, a `brian2.TimedArray`, or a `Trace`; the latter two with one column
        for all cells or one for each. Averaged over each time step; times are those of the trace.
    initial : Mapping[str, Quantity or (Quantity, Quantity)], optional
        Initial values of states that aren't the model's own: one that is known, or bounds between which it is fitted
        for each cell.
    affine : bool, optional
        The trace is ``scale*observed + offset`` with unknown scale and offset of each cell, as of fluorescence (dF/F),
        instead of the variable itself.
    method : str, optional
        Integration, by Brian2's name.
    dt : Quantity, optional
        Time step; samples between steps are interpolated.
    starts : int, optional
        From how many points the search goes down; they are the best of 64 times as many that are tried.
    level : float, optional
        Of the intervals.
    profile : bool, optional
        Whether to profile the likelihood too, which takes longer than the fit.
    compiled : bool, optional
        Whether `torch.compile` makes one program of a time step. It takes a minute, so that it is for long traces.
    seed : int, optional
        Of the points that are tried.
    progress : callable, optional
        Called as ``progress(stage, done, words)`` with the stages ``"fit"`` and ``"profile"``.

    Raises
    ------
    ModelError
        If the model has no such parameter, input, state or variable, or can't have such values.
    DimensionMismatchError
        If a trace, bound, input or initial value has the wrong unit.
    ValueError
        If bounds bound nothing, there are fewer samples than unknowns, or a setting is out of range.
    FitError
        If the simulation diverges everywhere between the bounds.

    Warns
    -----
    FitWarning
        For each of the `ParameterFit.warnings`.

    Examples
    --------
    >>> fit = fit_parameters(
    ...     gchi, read_trace("calcium.csv", unit="umolar"), {"O_beta": (0.1*umolar/second, 3*umolar/second)}, "C",
    ...     inputs={"Y_S": stimulus})
    >>> fit.intervals["O_beta"]
    >>> AstrocyteGroup(100, fit.model)
    """
    if not 0 < level < 1:
        raise ValueError(f"the level of intervals is between 0 and 1, such as 0.95, not {level}")
    if starts < 1:
        raise ValueError(f"a fit needs at least one start, not {starts}")
    task = _Task.of(model, traces, parameters, observed, inputs, initial or {}, affine)
    simulation = task.simulation(method, dt, compiled)
    problem = task.problem(simulation)
    found, costs = _search(problem, starts, seed, _part(progress, "fit"))
    curves: dict[str, Profile] = {}
    if profile:
        curves, found = from_the_best(found, level, _part(progress, "profile"))
    result = task.result(simulation, found, costs, curves, level)
    for warning in result.warnings:
        warnings.warn(warning, FitWarning, stacklevel=2)
    return result


def _part(progress: Progress | None, stage: str) -> Report | None:
    return None if progress is None else lambda done, words: progress(stage, done, words)


def _search(
    problem: LeastSquares, count: int, seed: int, report: Report | None
) -> tuple[Estimate, torch.Tensor]:
    """The best fit, and the cost that each start arrived at, the best first."""
    begin = starting_points(problem, count, seed)
    z, costs = levenberg_marquardt(problem, begin, patience=_PATIENCE, report=report)
    best = int(costs.argmin())
    return Estimate(problem, z[best], float(costs[best])), costs.sort().values


def from_the_best(
    found: Estimate, level: float, report: Report | None
) -> tuple[dict[str, Profile], Estimate]:
    """Profiles about the best fit; begun again if they come across a better one."""
    for _ in range(_RESTARTS):
        curves, best = profiles(found, level, report)
        if best is found:
            return curves, found
        z, costs = levenberg_marquardt(found.problem, best.z[None])
        found = Estimate(found.problem, z[0], float(costs[0]))
    raise FitError(
        f"the profiles came across a better fit {_RESTARTS} times: take more starts, or profile=False"
    )


@dataclass(frozen=True, eq=False)
class _Task:
    """What is to be fitted to what, checked."""

    model: Model
    traces: tuple[Trace, ...]
    inputs: tuple[Mapping[str, Drive], ...]
    ranges: dict[str, Range]
    fitted_starts: dict[str, Range]
    known_starts: dict[str, Value]
    observed: str
    affine: bool

    @classmethod
    def of(
        cls,
        model: Model,
        traces: Trace | Sequence[Trace],
        parameters: Mapping[str, Range],
        observed: str,
        inputs: Mapping[str, Drive] | Sequence[Mapping[str, Drive]] | None,
        initial: Mapping[str, Value | Range],
        affine: bool,
    ) -> _Task:
        traces = (traces,) if isinstance(traces, Trace) else tuple(traces)
        if not traces:
            raise ValueError("there is no trace to fit to")
        drives = (
            (inputs or {},) * len(traces) if inputs is None or isinstance(inputs, Mapping) else tuple(inputs)
        )
        if len(drives) != len(traces):
            raise ValueError(f"there are {len(traces)} traces and inputs for {len(drives)}")
        _check_observed(model, observed, traces, affine)
        for name, ends in parameters.items():
            _check_range(name, ends)
            for end in ends:
                model(**{name: end})  # refuses what isn't a parameter, or can't be its value
        if both := parameters.keys() & {name for given in drives for name in given}:
            raise ModelError(f"{', '.join(both)} can't be both given and fitted")
        for name, value in initial.items():
            _check_start(model, name, value)
        return cls(
            model,
            traces,
            drives,
            dict(parameters),
            {name: value for name, value in initial.items() if isinstance(value, tuple)},
            {name: value for name, value in initial.items() if not isinstance(value, tuple)},
            observed,
            affine,
        )

    @property
    def cells(self) -> list[str]:
        """A name for each cell of each trace."""
        if len(self.traces) == 1:
            return list(self.traces[0].names)
        return [f"{name} of trace {i}" for i, trace in enumerate(self.traces) for name in trace.names]

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Of everything that is fitted, in SI units, in the order in which `Simulation.predict` takes it."""
        known = {name: (float(low), float(high)) for name, (low, high) in self.ranges.items()}
        cells = iter(self.cells)
        for trace in self.traces:
            here = [next(cells) for _ in trace.names]
            for name, (low, high) in self.fitted_starts.items():
                known |= {self._start_name(name, cell): (float(low), float(high)) for cell in here}
        return known

    def _start_name(self, state: str, cell: str) -> str:
        return f"{state}(0)" if len(self.cells) == 1 else f"{state}(0) of {cell}"

    def simulation(self, method: str, dt: Quantity, compiled: bool) -> Simulation:
        """The model under the inputs of each trace."""
        return Simulation(
            self.model,
            self.observed,
            self.traces,
            self.inputs,
            list(self.ranges),
            list(self.fitted_starts),
            {name: float(value) for name, value in self.known_starts.items()},
            method,
            dt,
            compiled,
        )

    def problem(self, simulation: Simulation) -> LeastSquares:
        """Its least squares."""
        samples = np.concatenate([np.asarray(trace.values)[trace.recorded] for trace in self.traces])
        counts = np.concatenate([trace.recorded.sum(1) for trace in self.traces])
        cell = torch.from_numpy(np.repeat(np.arange(len(counts)), counts))
        observation = Affine(cell) if self.affine else Direct()
        problem = LeastSquares(
            simulation.predict, torch.from_numpy(samples), Bounds(self.bounds), observation
        )
        if problem.degrees_of_freedom < 1:
            unknown = len(self.bounds) + observation.constants
            raise ValueError(f"{len(samples)} samples are too few to fit {unknown} unknowns and the noise")
        return problem

    def result(
        self,
        simulation: Simulation,
        found: Estimate,
        costs: torch.Tensor,
        curves: dict[str, Profile],
        level: float,
    ) -> ParameterFit:
        """What the user gets."""
        problem = found.problem
        values = {
            name: Quantity(float(value), dim=self._dimension(name))
            for name, value in zip(self.bounds, found.values, strict=True)
        }
        with torch.no_grad():
            paths = [path[0].numpy() for path in simulation.traces(found.values[None])]
            samples = simulation.predict(found.values[None])[0]
        scales, offsets = {}, {}
        dimension = get_dimensions(self.traces[0].values)
        if isinstance(problem.observation, Affine):
            scale, offset = problem.observation.constants_of(samples, problem.samples)
            per = dimension / self.model.equations[self.observed].dim
            scales = {cell: Quantity(float(a), dim=per) for cell, a in zip(self.cells, scale, strict=True)}
            offsets = {
                cell: Quantity(float(b), dim=dimension) for cell, b in zip(self.cells, offset, strict=True)
            }
            sizes = np.cumsum([len(trace.names) for trace in self.traces])[:-1]
            parts = zip(paths, np.split(scale.numpy(), sizes), np.split(offset.numpy(), sizes), strict=True)
            paths = [a[:, None] * path + b[:, None] for path, a, b in parts]
        predicted = tuple(Quantity(path, dim=dimension) for path in paths)
        hessian = hessian_intervals(found, level)
        intervals = {name: curve.interval for name, curve in curves.items()} or hessian
        return ParameterFit(
            model=self._fitted_model(values),
            values=values,
            units={name: self._unit(name) for name in values},
            bounds=self.bounds,
            level=level,
            hessian=hessian,
            profiles=curves,
            correlation=_correlation(found.covariance),
            noise=Quantity(found.noise, dim=dimension),
            traces=self.traces,
            observed=self.observed,
            predicted=predicted,
            scales=scales,
            offsets=offsets,
            errors=np.sqrt(costs.numpy() / len(problem.samples)),
            warnings=(
                *_warnings(found, intervals, costs, level),
                *self._warnings_of_residuals(predicted, scales),
            ),
        )

    def _declared(self, name: str) -> str:
        """The model's own name for what is fitted."""
        return name.partition("(0)")[0]

    def _dimension(self, name: str) -> Dimension:
        return self.model.equations[self._declared(name)].dim

    def _unit(self, name: str) -> str:
        """The unit that the model declares, without its scale for an initial value."""
        if name in self.ranges:
            return self.model.constants[name].unit
        return _unit_of(self.model.equations[self._declared(name)].dim)

    def _fitted_model(self, values: dict[str, Value]) -> Model:
        """With parameters, and with initial values if there is one cell, as fitted."""
        model = self.model(**{name: values[name] for name in self.ranges})
        begins = {name: values[f"{name}(0)"] for name in self.fitted_starts if len(self.cells) == 1}
        begins |= self.known_starts
        return replace(model, initial={**model.initial, **{n: _as_text(v) for n, v in begins.items()}})

    def _warnings_of_residuals(self, predicted: Sequence[Quantity], scales: Mapping[str, Value]) -> list[str]:
        rows = [
            row[there]
            for trace, fit in zip(self.traces, predicted, strict=True)
            for row, there in zip(np.asarray(trace.values - fit), trace.recorded, strict=True)
        ]
        told = [
            f"the scale of {cell} is negative: the trace falls where {self.observed} rises"
            for cell, scale in scales.items()
            if scale < 0
        ]
        correlation = autocorrelation(rows)
        if abs(correlation) > _CORRELATED / np.sqrt(sum(map(len, rows))):
            told.append(
                f"neighbouring residuals are correlated ({correlation:.2f}): the model or its inputs miss something, or "
                "the noise isn't independent, and the intervals are too narrow"
            )
        return told


def _check_observed(model: Model, observed: str, traces: Sequence[Trace], affine: bool) -> None:
    known = (*model.states, *model.subexpressions)
    if observed not in known:
        raise ModelError(f"{model.name} has no variable {observed}; it has {', '.join(known)}")
    first = traces[0]
    for i, trace in enumerate(traces):
        if not have_same_dimensions(trace.values, first.values):
            raise DimensionMismatchError(f"trace {i} has another unit than trace 0")
        if not affine and get_dimensions(trace.values) is not model.equations[observed].dim:
            raise DimensionMismatchError(
                f"{observed} of {model.name} is in {model.equations[observed].unit!r}, and the trace in "
                f"{trace.values.get_best_unit() if isinstance(trace.values, Quantity) else 1!r}; "
                "read it with its unit, or fit it with affine=True if it is fluorescence"
            )


def _check_range(name: str, ends: Range) -> None:
    if not isinstance(ends, tuple) or len(ends) != 2:
        raise ValueError(f"{name} needs two bounds, the lower one first, got {ends!r}")


def _check_start(model: Model, name: str, value: Value | Range) -> None:
    if name not in model.states:
        raise ModelError(f"{model.name} has no state {name}; it has {', '.join(model.states)}")
    if isinstance(value, tuple):
        _check_range(name, value)
    for each in value if isinstance(value, tuple) else (value,):
        if get_dimensions(each) is not model.equations[name].dim:
            raise DimensionMismatchError(
                f"the initial value of {name} of {model.name} is in {model.equations[name].unit!r}, got {each!r}"
            )


def _as_text(value: Value) -> str:
    """A value as Brian2 reads it in an expression."""
    return f"{float(value)!r}*{_unit_of(get_dimensions(value))}"


def _unit_of(dimension: Dimension) -> str:
    """The unit of this dimension without a scale, as text."""
    return "1" if dimension is DIMENSIONLESS else repr(get_unit(dimension))


def _correlation(covariance: np.ndarray) -> np.ndarray:
    errors = np.sqrt(np.diag(covariance))
    with np.errstate(invalid="ignore"):
        correlation = covariance / np.outer(errors, errors)
    correlation[~np.isfinite(errors)] = correlation[:, ~np.isfinite(errors)] = np.nan
    return correlation


def _warnings(
    found: Estimate, intervals: Mapping[str, Interval], costs: torch.Tensor, level: float
) -> list[str]:
    told = [f"not identified: {reason}" for reason in found.unidentified.values()]
    for name, interval in intervals.items():
        ends = [
            word
            for word, is_bound in (("lower", interval.low_is_bound), ("upper", interval.high_is_bound))
            if is_bound
        ]
        if ends:
            told.append(f"the {level:.0%} interval of {name} reaches its {' and its '.join(ends)} bound")
    near = costs < found.cost * (1 + 1e-3)
    if len(costs) > 1 and int(near.sum()) < 2:
        told.append(
            f"only one of {len(costs)} starts came to the best fit; more of them may find a better one"
        )
    return told
