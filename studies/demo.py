"""The whole path in one go: the published network, a unit distilled from tripartite synapses, a language model."""

from __future__ import annotations

from pathlib import Path

from astrobrian.bridges import ARMS, AstroSNNConfig, TrainingConfig, load_corpus
from astrobrian.progress import Progress
from astrobrian.studies import network
from astrobrian.studies.distillation.command import distil_into
from astrobrian.studies.figures import arrays, check_plotting, staged
from astrobrian.studies.language import train_into
from astrobrian.studies.results import Results

EFFORT = 0.2
"""Of the fit of the unit: enough to see what a unit is. `astrobrian distill` has the whole of it."""


def demo(
    out: str | Path,
    backend: str = "cpp",
    seed: int = 0,
    text: str | Path | None = None,
    progress: Progress | None = None,
) -> Results:
    """Simulate the network at full size and plot it, distil a unit, train the three arms, and sample from them.

    Parameters
    ----------
    out : str or Path
        The results folder.
    backend : str, optional
        As in `astrobrian.use_backend`.
    seed : int, optional
    text : str or Path, optional
        What to train on; without it, the sources of Python's standard library.
    progress : Progress, optional

    Returns
    -------
    Results
        What each stage measured, and its wall time.

    Raises
    ------
    ValueError
        If the text is too short.
    ResultsError
        If the folder can't be written, or matplotlib isn't there to plot.

    Examples
    --------
    >>> demo("results/demo").figures["bits_per_byte_astrocyte"]
    """
    check_plotting()
    config = AstroSNNConfig()
    corpus = load_corpus(text, config.context)
    with Results(out, "demo", seed=seed, backend=backend, settings={"text": corpus.name}) as results:
        results.stage("set up network")
        activity = network.simulate(backend=backend, progress=staged(results, progress, "network"))
        results.figures |= activity.figures()
        results.stage("plot network")
        results.save_plot(network.plot(activity), "network")
        results.save_arrays("network", **arrays(activity))
        unit = distil_into(results, backend, seed, progress, "unit", effort=EFFORT)
        train_into(results, corpus, ARMS, config, TrainingConfig(seed=seed), unit, progress, resume=False)
    return results
