"""A small AstroSNN trained on a text, beside the same network without astrocytes and a GRU of equal size."""

from __future__ import annotations

from pathlib import Path

from astrobrian.bridges import (
    ARMS,
    AstroSNNConfig,
    Corpus,
    TrainingConfig,
    Unit,
    generate,
    load_corpus,
    load_model,
    load_unit,
    plot_training,
    train,
)
from astrobrian.progress import Progress
from astrobrian.studies.figures import check_plotting
from astrobrian.studies.results import Results

PROMPT = b"\ndef "


def run_training(
    out: str | Path,
    unit: str | Path | None = None,
    text: str | Path | None = None,
    arm: str = "astrocyte",
    steps: int = TrainingConfig.steps,
    seed: int = 0,
    progress: Progress | None = None,
) -> Results:
    """Train one arm, or all of them on the same bytes; a run that was stopped goes on.

    Parameters
    ----------
    out : str or Path
        The results folder; each arm's checkpoint goes to a folder of its name in it.
    unit : str or Path, optional
        A unit file, for the time constants to start from.
    text : str or Path, optional
        The text; without it, the sources of Python's standard library.
    arm : {"astrocyte", "cut", "gru", "all"}, optional
    steps : int, optional
    seed : int, optional
    progress : Progress, optional

    Raises
    ------
    ValueError
        If there is no such arm, the text is too short, or the unit file is damaged or foreign.
    ResultsError
        If the folder can't be written, or matplotlib isn't there to plot.

    Examples
    --------
    >>> run_training("results/model", text="novel.txt", arm="all").figures
    """
    if arm not in (*ARMS, "all"):
        raise ValueError(f"the arm is one of {', '.join((*ARMS, 'all'))}, not {arm!r}")
    check_plotting()
    start = None if unit is None else load_unit(unit)
    config, training = AstroSNNConfig(), TrainingConfig(steps=steps, seed=seed)
    corpus = load_corpus(text, config.context)
    settings = {"unit": unit and str(unit), "text": corpus.name, "arm": arm, "steps": steps}
    with Results(out, "train", seed=seed, settings=settings) as results:
        arms = ARMS if arm == "all" else (arm,)
        train_into(results, corpus, arms, config, training, start, progress)
    return results


def train_into(
    results: Results,
    corpus: Corpus,
    arms: tuple[str, ...],
    config: AstroSNNConfig,
    training: TrainingConfig,
    unit: Unit | None,
    progress: Progress | None,
    resume: bool = True,
) -> None:
    """Train arms on the same bytes as part of a longer command, and let each write a sample.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, with the checkpoint written and the figures of what was trained kept.
    """
    trained = {}
    for arm in arms:
        results.stage(f"train {arm}")

        def tell(_: str, done: float, words: str, arm: str = arm) -> None:
            if progress is not None:
                progress(f"train {arm}", done, words)

        trained[arm] = train(
            config.with_arm(arm), corpus, training, results.folder / arm, unit, resume, progress=tell
        )
        results.figures |= {
            "text_bytes": corpus.train.size + corpus.held_out.size,
            "bits_per_byte_unigram": corpus.unigram_bits,
            f"bits_per_byte_{arm}": trained[arm]["bits_per_byte"],
            f"parameters_{arm}": trained[arm]["parameters"],
            f"bytes_per_s_{arm}": trained[arm]["tokens_per_second"],
        }
        results.files.append(f"{arm}/model.safetensors")
        results.save_plot(plot_training(trained), "training")
        if trained[arm]["status"] == "interrupted":
            raise KeyboardInterrupt
    results.stage("generate")
    for arm in arms:
        written = generate(load_model(results.folder / arm), PROMPT, length=600, seed=training.seed)
        results.save_text((PROMPT + written).decode(errors="replace"), f"sample_{arm}.txt")
