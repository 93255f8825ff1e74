"""A tripartite loop distilled into a unit, and how well it does on stimuli that it wasn't fitted to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from astrobrian import use_backend
from astrobrian.bridges import Fit, Unit, distill
from astrobrian.bridges.distillation.reduction import ENSEMBLE, PROTOCOL
from astrobrian.bridges.protocols.ensemble import Loop, Regime
from astrobrian.progress import Progress
from astrobrian.studies.distillation.part import leave
from astrobrian.studies.figures import check_plotting, staged
from astrobrian.studies.results import Results


def run_distillation(
    out: str | Path,
    regime: Regime = "AM",
    loop: Loop = "closed",
    backend: str = "cpp",
    seed: int = 0,
    effort: float = 1.0,
    progress: Progress | None = None,
) -> Results:
    """Distil a unit and leave it in a folder, with its scores, plots and the data behind them.

    Parameters
    ----------
    out : str or Path
        The results folder.
    regime : {"AM", "FM"}, optional
        Whether calcium oscillates with an amplitude or with a frequency that follows the input.
    loop : {"closed", "open"}, optional
        Whether what an astrocyte releases changes what it senses.
    backend : str, optional
        As in `astrobrian.use_backend`.
    seed : int, optional
        Of the stimuli, the spikes and the fit.
    effort : float, optional
        What the numbers of updates of the fit are multiplied with.
    progress : Progress, optional

    Returns
    -------
    Results
        Its figures are the scores of the unit and of a single exponential: fitted, held out and by kind.

    Raises
    ------
    ResultsError
        If the folder can't be written, or matplotlib isn't there to plot.
    ValueError
        If there is no such regime or loop.

    Examples
    --------
    >>> run_distillation("results/unit", regime="FM").figures["F1_held_out"]
    """
    check_plotting()
    replace(ENSEMBLE, regime=regime, loop=loop)
    settings = {"regime": regime, "loop": loop, "effort": effort}
    with Results(out, "distill", seed=seed, backend=backend, settings=settings) as results:
        distil_into(results, backend, seed, progress, regime=regime, loop=loop, effort=effort)
    return results


def distil_into(
    results: Results,
    backend: str,
    seed: int,
    progress: Progress | None,
    part: str = "",
    regime: Regime = "AM",
    loop: Loop = "closed",
    effort: float = 1.0,
) -> Unit:
    """Distil a unit as part of a longer command; its figures, files and wall times go to the results."""
    use_backend(backend)
    found = distill(
        replace(PROTOCOL, seed=seed),
        replace(ENSEMBLE, regime=regime, loop=loop),
        Fit(seed=seed, effort=effort),
        progress=staged(results, progress, part),
    )
    held_out, filtered = (found.scores[name]["held_out"] for name in ("unit", "single_exponential"))
    results.figures |= {
        "R2_held_out": held_out.get("modulation"),
        "R2_held_out_single_exponential": filtered.get("modulation"),
        "R2_calcium_held_out": held_out.get("C"),
        "R2_calcium_held_out_single_exponential": filtered.get("C"),
        "F1_held_out": held_out.get("F1"),
    }
    results.stage("plot unit")
    leave(found, results)
    return found.unit
