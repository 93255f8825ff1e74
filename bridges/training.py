"""Training a byte model: equal tokens, a held-out split, checkpoints that survive being stopped."""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from astrobrian.bridges.astrosnn import ARMS, AstroSNN, AstroSNNConfig, GRUModel, build_model, parameter_count
from astrobrian.bridges.checkpoint import CHECKPOINT, Run
from astrobrian.bridges.checks import positive
from astrobrian.bridges.corpus import Corpus
from astrobrian.bridges.unit import Unit
from astrobrian.files import write_whole
from astrobrian.progress import Progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METRICS = "metrics.json"


class TrainingError(RuntimeError):
    """Training that can't go on, such as one whose loss isn't finite any more."""


@dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    Attributes
    ----------
    steps, batch : int
        Optimiser steps, and sequences in each.
    learning_rate : float
        Of AdamW, at its highest: it rises over the first tenth of the steps (at most 100) and falls as a cosine to a
        twentieth.
    weight_decay, clip : float
        Of AdamW; largest norm of a gradient.
    seed : int
        Of initial weights and of the order of the text; from 0 to 2**32 - 1.
    evaluations : int
        How often bits per byte on the held-out part are measured on the way.
    windows : int
        Contexts of held-out text in the last such measurement; those on the way use a quarter.
    checkpoint_seconds : float
        Longest work that being killed can cost.
    """

    steps: int = 500
    batch: int = 8
    learning_rate: float = 4e-3
    weight_decay: float = 0.05
    clip: float = 1.0
    seed: int = 0
    evaluations: int = 8
    windows: int = 256
    checkpoint_seconds: float = 60.0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "learning_rate", "clip", "evaluations", "windows"):
            positive(name, getattr(self, name))
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed should be between 0 and 2**32 - 1, not {self.seed}")

    def rate_at(self, step: int) -> float:
        """Learning rate of a step."""
        warm = max(1, min(100, self.steps // 10))
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        done = (step - warm) / max(1, self.steps - warm)
        return self.learning_rate * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * done)))


def bits_per_byte(model: AstroSNN | GRUModel, data: np.ndarray, windows: int, batch: int = 16) -> float:
    """Mean bits per byte over windows of one context spread evenly over the data, each begun without memory."""
    context = model.config.context
    starts = np.unique(np.linspace(0, len(data) - context - 1, windows).astype(int))
    total = 0.0
    with torch.no_grad():
        for group in np.array_split(starts, math.ceil(len(starts) / batch)):
            text = _windows(data, group, context)
            total += _loss(model, text).item() * len(group)
    return total / len(starts) / math.log(2)


def _windows(data: np.ndarray, starts: np.ndarray, context: int) -> torch.Tensor:
    return torch.from_numpy(np.stack([data[s : s + context + 1] for s in starts]).astype(np.int64))


def _loss(model: AstroSNN | GRUModel, text: torch.Tensor) -> torch.Tensor:
    logits, _ = model(text[:, :-1])
    return cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten())


@contextmanager
def _interrupt_noted() -> Iterator[threading.Event]:
    """Ctrl-C is noted instead of raised, so that no step is left half done; a second one is raised."""
    noted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return

    def note(*_: object) -> None:
        noted.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


def train(
    config: AstroSNNConfig,
    corpus: Corpus,
    training: TrainingConfig,
    directory: str | Path,
    unit: Unit | None = None,
    resume: bool = True,
    progress: Progress | None = None,
) -> dict:
    """Train one model; leaves a checkpoint and its metrics in a directory.

    Parameters
    ----------
    config : AstroSNNConfig
    corpus : Corpus
    training : TrainingConfig
    directory : path
    unit : Unit, optional
        Gives a spiking model its initial time constants.
    resume : bool
        Go on from the checkpoint in the directory, if there is one: the result is that of a run never stopped.
    progress : callable, optional
        Called as ``progress("train", done, message)``.

    Returns
    -------
    dict
        Figures that JSON can hold: ``status`` ("done", or "interrupted" by Ctrl-C, be it after the last step),
        ``bits_per_byte`` on the held-out part, ``unigram_bits``, ``parameters``, ``steps``, ``tokens``, ``seconds``,
        ``tokens_per_second``, ``history``, ``checkpoint``.

    Raises
    ------
    TrainingError
        If the loss stops being finite.
    CheckpointError
        If the checkpoint to go on from is damaged or of another run.
    ValueError
        If the corpus is shorter than the context.
    """
    directory = Path(directory)
    for part, data in (("training", corpus.train), ("held-out", corpus.held_out)):
        if len(data) <= config.context:
            raise ValueError(
                f"{corpus.name}: its {part} part has {len(data)} bytes, a context of {config.context} needs more"
            )
    torch.manual_seed(training.seed)
    model = build_model(config, unit)
    optimiser = torch.optim.AdamW(
        _groups(model, training.weight_decay), lr=training.learning_rate, betas=(0.9, 0.99)
    )
    run = Run(model, optimiser, training, corpus, unit)
    report = progress or (lambda *_: None)
    status = "new"
    if resume and (directory / CHECKPOINT).exists():
        status = run.restore(directory / CHECKPOINT)
    with _interrupt_noted() as interrupted:
        if status != "done":
            status = _steps(run, directory, interrupted, report)
            run.save(directory, status)
        report("train", run.step / training.steps, "bits per byte on the held-out part")
        summary = _summary(run, directory, status)
        if interrupted.is_set():  # be it after the last step: what would come next shouldn't start
            summary["status"] = "interrupted"
        write_whole(directory / METRICS, json.dumps(summary, indent=1).encode())
    return summary


def _groups(model: AstroSNN | GRUModel, weight_decay: float) -> list[dict]:
    """Matrices decay; biases, time constants and gains don't."""
    used = [p for p in model.used_parameters() if p.requires_grad]
    return [
        {"params": [p for p in used if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in used if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _steps(run: Run, directory: Path, interrupted: threading.Event, report: Progress) -> str:
    training, context = run.training, run.model.config.context
    every = max(1, training.steps // training.evaluations)
    saved = started = time.monotonic()
    before, first = run.seconds, run.step
    while run.step < training.steps:
        # seeded by the step, so that a run that goes on reads what it would have read
        starts = np.random.default_rng((training.seed, run.step)).integers(
            0, len(run.corpus.train) - context, training.batch
        )
        for group in run.optimiser.param_groups:
            group["lr"] = training.rate_at(run.step)
        loss = _loss(run.model, _windows(run.corpus.train, starts, context))
        if not torch.isfinite(loss):
            raise TrainingError(
                f"the loss of the {run.model.config.arm} model isn't finite at step {run.step}; lower the learning "
                f"rate (it is {training.learning_rate:g})"
            )
        run.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(run.model.used_parameters(), training.clip, error_if_nonfinite=False)
        run.optimiser.step()
        run.step += 1
        now = time.monotonic()
        run.seconds = before + now - started
        bits = loss.item() / math.log(2)
        if run.step % every == 0 and run.step < training.steps:
            held_out = bits_per_byte(run.model, run.corpus.held_out, max(1, training.windows // 4))
            run.history.append({"step": run.step, "train": bits, "held_out": held_out})
        speed = (run.step - first) * training.batch * context / (now - started)
        report("train", run.step / training.steps, f"{bits:.2f} bits per byte, {speed:,.0f} bytes/s")
        if interrupted.is_set():
            return "interrupted"
        if now - saved > training.checkpoint_seconds:
            run.save(directory, "interrupted")
            saved = now
    return "done"


def _summary(run: Run, directory: Path, status: str) -> dict:
    training, config = run.training, run.model.config
    tokens = run.step * training.batch * config.context
    return {
        "status": status,
        "arm": config.arm,
        "parameters": parameter_count(run.model),
        "steps": run.step,
        "tokens": tokens,
        "bits_per_byte": bits_per_byte(run.model, run.corpus.held_out, training.windows),
        "unigram_bits": run.corpus.unigram_bits,
        "seconds": run.seconds,
        "tokens_per_second": tokens / run.seconds if run.seconds else 0.0,
        "history": run.history,
        "model": config.to_json(),
        "training": asdict(training),
        "corpus": {"name": run.corpus.name, "sha256": run.corpus.sha256},
        "checkpoint": str(directory / CHECKPOINT),
    }


def compare_arms(
    config: AstroSNNConfig,
    corpus: Corpus,
    training: TrainingConfig,
    directory: str | Path,
    unit: Unit | None = None,
    resume: bool = True,
    progress: Progress | None = None,
) -> dict[str, dict]:
    """Train the three arms on the same bytes in the same order, each in its own sub-directory.

    Returns
    -------
    dict
        What `train` returns for each arm. Stops at the first that is interrupted.

    Examples
    --------
    >>> results = compare_arms(AstroSNNConfig(), load_corpus(), TrainingConfig(), "results/arms")
    >>> {arm: result["bits_per_byte"] for arm, result in results.items()}
    """
    results: dict[str, dict] = {}
    for i, arm in enumerate(ARMS):

        def told(stage: str, done: float, message: str, i: int = i, arm: str = arm) -> None:
            if progress:
                progress(stage, (i + done) / len(ARMS), f"{arm}: {message}")

        results[arm] = train(
            config.with_arm(arm), corpus, training, Path(directory) / arm, unit, resume, told
        )
        if results[arm]["status"] != "done":
            break
    return results


def plot_training(results: dict[str, dict]) -> Figure:
    """Held-out bits per byte along the training of each arm, as a Matplotlib figure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    for arm, result in results.items():
        last = {"step": result["steps"], "held_out": result["bits_per_byte"]}
        points = [*result["history"], last]
        axes.plot([p["step"] for p in points], [p["held_out"] for p in points], "o-", label=arm)
    axes.set(xlabel="step", ylabel="bits per byte, held-out part")
    axes.legend()
    return figure
