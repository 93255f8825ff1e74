"""Parameters of a model fitted to a trace, with everything that came of it in a folder."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brian2 import Quantity

from astrobrian.bridges import FitWarning, ParameterFit, Trace, fit_parameters
from astrobrian.equations import Model
from astrobrian.progress import Progress
from astrobrian.studies.figures import check_plotting, staged
from astrobrian.studies.results import Results


def run_fit(
    out: str | Path,
    model: Model,
    trace: Trace,
    parameters: Mapping[str, tuple[Quantity | float, Quantity | float]],
    observed: str,
    seed: int = 0,
    progress: Progress | None = None,
    **settings: Any,
) -> Results:
    """Fit parameters to a trace, plot the fit, and leave all that in a folder.

    Parameters
    ----------
    out : str or Path
        The results folder.
    model, trace, parameters, observed, seed, progress, **settings
        As in `astrobrian.bridges.fit_parameters`.

    Returns
    -------
    Results
        Its attribute `figures` has the values and the ends of their intervals, and the warnings; the folder
        ``fit.json``, ``fit.png``, the trace with its fit in ``data.npz``, and the fitted model as text.

    Raises
    ------
    ResultsError
        If the folder can't be written, or matplotlib isn't there to plot.

    Examples
    --------
    >>> run_fit("results/fit", gchi, trace, {"O_beta": (0.1*umolar/second, 3*umolar/second)}, "C").figures
    """
    check_plotting()
    described = {"model": model.name, "observed": observed, "parameters": parameters, **settings}
    with Results(out, "fit", seed=seed, settings=described) as results, warnings.catch_warnings():
        # they are among the figures
        warnings.simplefilter("ignore", FitWarning)
        fit = fit_parameters(
            model, trace, parameters, observed, seed=seed, progress=staged(results, progress), **settings
        )
        results.stage("plot")
        results.figures |= figures(fit)
        results.save_plot(fit.plot(), "fit")
        results.save_arrays("data", times=trace.times, recorded=trace.values, fitted=fit.predicted[0])
        results.save_text(f"{fit.model}\n", "model.txt")
        results.save_text(json.dumps(fit.summary(), indent=2) + "\n", "fit.json")
    return results


def figures(fit: ParameterFit) -> dict[str, Any]:
    """The numbers that a fit reports, each parameter in the unit that its name ends in."""
    found: dict[str, Any] = {}
    for name, told in fit.summary()["parameters"].items():
        unit = "" if told["unit"] == "1" else f" ({told['unit']})"
        found |= {f"{name}{unit}": told["value"], f"{name} from": told["low"], f"{name} to": told["high"]}
    noise = fit.noise.in_best_unit(precision=3)
    return {**found, "noise": noise, "warnings": list(fit.warnings)}
