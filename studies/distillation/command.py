"""A tripartite synapse distilled into an AM-SU, and how well the unit does on stimuli that it wasn't fitted to."""

from __future__ import annotations

from pathlib import Path

from astrobrian import use_backend
from astrobrian.bridges import Fit, Protocol, Unit, distill, plot_distillation
from astrobrian.progress import Progress
from astrobrian.studies.figures import check_plotting, staged
from astrobrian.studies.results import Results

UNIT_FILE = "unit.safetensors"


def run_distillation(
    out: str | Path, backend: str = "cpp", seed: int = 0, progress: Progress | None = None
) -> Results:
    """Distil a unit and leave it in a folder, with its scores, a plot and the data behind it.

    Parameters
    ----------
    out : str or Path
        The results folder.
    backend : str, optional
        As in `astrobrian.use_backend`.
    seed : int, optional
        Of the stimuli, the spikes and the fit.
    progress : Progress, optional

    Returns
    -------
    Results
        Its attribute `figures` has R2 of the unit and of a single exponential, fitted and held out.

    Raises
    ------
    ResultsError
        If the folder can't be written, or matplotlib isn't there to plot.

    Examples
    --------
    >>> run_distillation("results/unit", backend="cython").figures["R2_held_out"]
    """
    check_plotting()
    with Results(out, "distill", seed=seed, backend=backend) as results:
        distil_into(results, backend, seed, progress)
    return results


def distil_into(results: Results, backend: str, seed: int, progress: Progress | None, part: str = "") -> Unit:
    """Distil a unit as part of a longer command; its figures, files and wall times go to the results."""
    use_backend(backend)
    found = distill(Protocol(seed=seed), settings=Fit(seed=seed), progress=staged(results, progress, part))
    scores = found.scores
    results.figures |= {
        "R2_held_out": scores["held_out"]["unit"],
        "R2_held_out_single_exponential": scores["held_out"]["single_exponential"],
        "R2_fitted": scores["fitted"]["unit"],
        "R2_fitted_single_exponential": scores["fitted"]["single_exponential"],
        "R2_by_kind": scores["held_out_by_kind"],
    }
    results.stage("plot unit")
    found.unit.save(results.folder / UNIT_FILE)
    results.files.append(UNIT_FILE)
    results.save_plot(plot_distillation(found), "unit")
    recording = found.recording
    results.save_arrays(
        "unit_fit",
        rate_Hz=recording.rate,
        modulation=recording.modulation,
        unit=found.predicted,
        single_exponential=found.baseline,
        kinds=recording.kinds,
    )
    return found.unit
