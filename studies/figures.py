"""The published figures that can be run by name."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from brian2 import Quantity

from astrobrian.progress import Progress
from astrobrian.studies import closed_loop, coba, gchi, network, open_loop, ring
from astrobrian.studies.results import Results, ResultsError
from astrobrian.studies.statistics import Spikes


@dataclass(frozen=True)
class Study:
    """A published figure: a simulation and what is drawn of it.

    Parameters
    ----------
    name : str
        Name on the command line.
    number : int
        Number of the figure in Stimberg et al. (2019).
    module : module
        Has `simulate` and `plot`, and says in its first line what it is.
    """

    name: str
    number: int
    module: ModuleType

    @property
    def title(self) -> str:
        """What it shows, in a line."""
        return (self.module.__doc__ or "").splitlines()[0]

    @property
    def simulate(self) -> Callable[..., Any]:
        """Runs the simulation; returns what `plot` draws and what has `figures()`, the numbers it reports."""
        return self.module.simulate

    @property
    def plot(self) -> Callable[[Any], Any]:
        """Draws it: a matplotlib Figure."""
        return self.module.plot

    @property
    def settings(self) -> dict[str, Any]:
        """What can be set, with its default."""
        parameters = inspect.signature(self.simulate).parameters
        return {name: item.default for name, item in parameters.items() if name != "progress"}


figures: dict[str, Study] = {
    study.name: study
    for study in (
        Study("coba", 1, coba),
        Study("gchi", 2, gchi),
        Study("open-loop", 3, open_loop),
        Study("closed-loop", 4, closed_loop),
        Study("ring", 5, ring),
        Study("network", 6, network),
    )
}
"""Every figure by name."""


def find(name: str) -> Study:
    """A figure by its name, or by its number as in ``fig6``; raises ValueError with the names that there are."""
    found = {**figures, **{f"fig{study.number}": study for study in figures.values()}}
    if name not in found:
        known = ", ".join(f"{study.name} (fig{study.number})" for study in figures.values())
        raise ValueError(f"there is no figure {name!r}; there are {known}")
    return found[name]


def run_figure(name: str, out: str | Path, progress: Progress | None = None, **settings: Any) -> Results:
    """Simulate a figure, measure it, plot it, and leave all that in a folder.

    Parameters
    ----------
    name : str
        One of `figures`, or ``fig1`` to ``fig6``.
    out : str or Path
        The results folder.
    progress : Progress, optional
        Is told how far the simulation has come.
    **settings
        Arguments of its `simulate`, among them `backend` and `seed`; see `Study.settings`.

    Returns
    -------
    Results
        Its attribute `figures` has the numbers, and `folder` the files: ``summary.json``, ``data.npz`` and a plot.

    Raises
    ------
    ValueError
        If the name or a setting is unknown.
    ResultsError
        If the folder can't be written, or matplotlib isn't there to plot.

    Examples
    --------
    >>> run_figure("network", "results/network", backend="cpp", mapping="published")
    """
    study = find(name)
    if unknown := settings.keys() - study.settings.keys():
        raise ValueError(
            f"{study.name} has no setting {', '.join(sorted(unknown))}; it has {', '.join(study.settings)}"
        )
    check_plotting()
    settings = {**study.settings, **settings}
    with Results(out, f"simulate {study.name}", settings=_in_words(settings)) as results:
        results.seed, results.backend = settings.get("seed"), settings["backend"]
        results.stage("set up")
        found = study.simulate(**settings, progress=staged(results, progress))
        results.stage("measure")
        results.save_arrays("data", **arrays(found))
        results.figures |= found.figures()
        results.stage("plot")
        results.save_plot(study.plot(found), study.name)
    return results


def arrays(found: Any) -> dict[str, Any]:
    """The fields of what a simulation returns, spikes taken apart into times and cells."""
    flat: dict[str, Any] = {}
    for field in dataclasses.fields(found):
        value = getattr(found, field.name)
        if isinstance(value, Spikes):
            flat |= {
                f"{field.name}_t": value.t,
                f"{field.name}_i": value.i,
                f"{field.name}_cells": value.cells,
            }
        else:
            flat[field.name] = value
    return flat


def staged(results: Results, progress: Progress | None, part: str = "") -> Progress:
    """Tell progress, and keep the wall time of what it tells of, both with the name of a part before the stage."""
    now = ""

    def tell(stage: str, done: float, words: str) -> None:
        nonlocal now
        stage = f"{part}: {stage}" if part else stage
        if stage != now:
            now = stage
            results.stage(stage)
        if progress is not None:
            progress(stage, done, words)

    return tell


def _in_words(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Quantity) else value for name, value in settings.items()}


def check_plotting() -> None:
    """Raise ResultsError if matplotlib isn't there to plot."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ResultsError('plots need matplotlib: pip install "astrobrian[studies]"') from error
