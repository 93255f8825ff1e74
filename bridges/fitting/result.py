"""What a fit gives: values, intervals, residuals, and the model with all that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from brian2 import Quantity
from brian2.units.fundamentalunits import DIMENSIONLESS, get_dimensions

from astrobrian.bridges.fitting.intervals import Interval, Profile
from astrobrian.bridges.fitting.traces import Trace
from astrobrian.equations.model import Model
from astrobrian.equations.quantity import in_unit, unit
from astrobrian.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Value: TypeAlias = Quantity | float


class FitWarning(UserWarning):
    """Something about a fit to beware of."""


@dataclass(frozen=True, eq=False)
class ParameterFit:
    """Parameters that were fitted to traces; see `fit_parameters`.

    Attributes
    ----------
    model : Model
        With the fitted values, so that it goes straight back to Brian2.
    values : dict of str to Quantity
        Fitted parameters, inputs and initial values (``"C(0)"``), in the order in which they were asked for.
    units : dict of str to str
        The unit of each, as its model declares it.
    bounds : dict of str to tuple
        In which each was looked for, in SI units.
    level : float
        Of the intervals.
    hessian : dict of str to Interval
        Intervals by the expected information, in SI units.
    profiles : dict of str to Profile
        Profiles of the likelihood, in SI units; empty if they weren't asked for.
    correlation : ndarray, shape (parameters, parameters)
        Of the estimates, by the expected information; NaN for a parameter that isn't identified.
    noise : Quantity
        Standard deviation of the noise, from the residuals.
    traces : tuple of Trace
    observed : str
        The variable that was recorded.
    predicted : tuple of Quantity
        What the fitted model gives at the times of each trace, shape (cells, samples), scaled as the trace is.
    scales, offsets : dict of str to Quantity
        Of each cell, if the trace is an affine function of the variable; otherwise empty.
    errors : ndarray
        Root mean square of the residuals that each start arrived at, the best first; infinite where it diverged.
    warnings : tuple of str
        What to beware of, each naming its parameter.
    """

    model: Model
    values: dict[str, Value]
    units: dict[str, str]
    bounds: dict[str, tuple[float, float]]
    level: float
    hessian: dict[str, Interval]
    profiles: dict[str, Profile]
    correlation: np.ndarray
    noise: Quantity
    traces: tuple[Trace, ...]
    observed: str
    predicted: tuple[Quantity | np.ndarray, ...]
    scales: dict[str, Value]
    offsets: dict[str, Value]
    errors: np.ndarray
    warnings: tuple[str, ...]

    @property
    def intervals(self) -> dict[str, tuple[Value, Value]]:
        """Both ends of each interval: by the profile where there is one, and otherwise by the Hessian."""
        return {
            name: (
                Quantity(one.low, dim=get_dimensions(value)),
                Quantity(one.high, dim=get_dimensions(value)),
            )
            for (name, value), one in zip(self.values.items(), self._intervals.values(), strict=True)
        }

    @property
    def _intervals(self) -> Mapping[str, Interval]:
        return {name: profile.interval for name, profile in self.profiles.items()} or self.hessian

    @property
    def residuals(self) -> tuple[Quantity | np.ndarray, ...]:
        """Trace less fit, shape (cells, samples) for each trace; NaN in its gaps."""
        return tuple(trace.values - fit for trace, fit in zip(self.traces, self.predicted, strict=True))

    def summary(self) -> dict[str, Any]:
        """Everything but the traces, made of what JSON knows; each value in the unit that stands beside it."""
        return {
            "model": self.model.name,
            "observed": self.observed,
            "level": self.level,
            "intervals_by": "profile" if self.profiles else "hessian",
            "parameters": {name: self._described(name) for name in self.values},
            "correlation": [[_finite(one) for one in row] for row in self.correlation.tolist()],
            "noise": str(self.noise),
            "scales": {cell: str(value) for cell, value in self.scales.items()},
            "offsets": {cell: str(value) for cell, value in self.offsets.items()},
            "samples": int(sum(trace.recorded.sum() for trace in self.traces)),
            "errors_of_starts": [_finite(error) for error in self.errors.tolist()],
            "warnings": list(self.warnings),
        }

    def _described(self, name: str) -> dict[str, Any]:
        one = float(unit(self.units[name]))
        interval, hessian = self._intervals[name], self.hessian[name]
        return {
            "value": in_unit(self.values[name], self.units[name]),
            "unit": self.units[name],
            "low": interval.low / one,
            "high": interval.high / one,
            "low_is_bound": interval.low_is_bound,
            "high_is_bound": interval.high_is_bound,
            "hessian": [hessian.low / one, hessian.high / one],
            "bounds": [end / one for end in self.bounds[name]],
        }

    def save(self, path: str | Path) -> None:
        """Write the `summary` as a JSON file, whole or not at all."""
        write_whole(path, (json.dumps(self.summary(), indent=2) + "\n").encode())

    def __str__(self) -> str:
        lines = [f"{self.model.name} fitted to {self.observed}: noise {self.noise.in_best_unit(precision=3)}"]
        for name in self.values:
            told = self._described(name)
            ends = f"{told['low']:.4g} to {told['high']:.4g}"
            lines.append(f"{name} = {told['value']:.4g} ({ends}) {told['unit']}")
        return "\n".join([*lines, *(f"beware: {warning}" for warning in self.warnings)])

    def plot(self) -> Figure:
        """Traces with their fit, and below the profile of each parameter, as a Matplotlib figure."""
        from matplotlib.figure import Figure

        cells = [
            (trace, fit, cell)
            for trace, fit in zip(self.traces, self.predicted, strict=True)
            for cell in range(len(trace.names))
        ]
        shown, columns = cells[:6], min(len(self.values), 4)
        rows = -(-len(self.values) // columns)
        figure = Figure(figsize=(8, 1.8 * len(shown) + 2.2 * rows), layout="constrained")
        above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[1.8 * len(shown), 2.2 * rows])[
            :, 0
        ]
        for axes, (trace, fit, cell) in zip(
            above.subplots(len(shown), 1, squeeze=False)[:, 0], shown, strict=True
        ):
            _plot_trace(axes, trace, np.asarray(fit)[cell], cell, self.observed)
        panels = below.subplots(rows, columns, squeeze=False).ravel()
        for axes, name in zip(panels, self.values, strict=False):
            self._plot_profile(axes, name)
        for axes in panels[len(self.values) :]:
            axes.set_axis_off()
        return figure

    def _plot_profile(self, axes: Any, name: str) -> None:
        """How far each value of a parameter is from the best fit, with its interval."""
        one = float(unit(self.units[name]))
        told = self._described(name)
        if name in self.profiles:
            profile = self.profiles[name]
            axes.plot(profile.values / one, np.abs(profile.distance), ".-", color="0.2", lw=1)
            axes.set_ylim(bottom=0)
        axes.axvspan(told["low"], told["high"], color="C0", alpha=0.2, lw=0)
        axes.axvline(told["value"], color="C0")
        axes.set_xlabel(f"{name} ({told['unit']})" if told["unit"] != "1" else name)
        axes.set_ylabel("distance (noise)")


def _plot_trace(axes: Any, trace: Trace, fit: np.ndarray, cell: int, observed: str) -> None:
    dimension = get_dimensions(trace.values)
    largest = Quantity(np.nanmax(np.abs(np.asarray(trace.values))), dim=dimension)
    shown = 1 if dimension is DIMENSIONLESS else largest.get_best_unit()
    times, one = np.asarray(trace.times), float(shown)
    axes.plot(times, np.asarray(trace.values)[cell] / one, ".", ms=2, color="0.6", label="recorded")
    axes.plot(times, fit / one, color="C0", label="fitted")
    axes.set(xlabel="time (s)", ylabel=observed if dimension is DIMENSIONLESS else f"{observed} ({shown})")
    axes.set_title(trace.names[cell], fontsize="medium")
    axes.legend(loc="upper right", fontsize="small")


def _finite(number: float) -> float | None:
    return number if np.isfinite(number) else None
