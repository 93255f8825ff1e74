"""What a run of training leaves behind, to go on from and to write text with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from astrobrian.bridges.astrosnn import AstroSNN, AstroSNNConfig, GRUModel, build_model
from astrobrian.bridges.corpus import Corpus
from astrobrian.bridges.unit import Unit
from astrobrian.files import write_whole
from astrobrian.sealed import SealedFileError, seal, unseal

if TYPE_CHECKING:
    from astrobrian.bridges.training import TrainingConfig

CHECKPOINT = "model.safetensors"
MAX_BYTES = 4 << 30


class CheckpointError(SealedFileError):
    """A checkpoint that is damaged, foreign, or of another run than the one that wants to go on from it."""


@dataclass
class Run:
    """A model in training, with all that a checkpoint holds."""

    model: AstroSNN | GRUModel
    optimiser: torch.optim.AdamW
    training: TrainingConfig
    corpus: Corpus
    unit: Unit | None
    step: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.history: list[dict] = []

    @property
    def identity(self) -> dict:
        """What must be the same for a run to go on from a checkpoint."""
        timeless = {k: v for k, v in asdict(self.training).items() if k != "checkpoint_seconds"}
        return {
            "model": self.model.config.to_json(),
            "training": timeless,
            "corpus": self.corpus.sha256,
            "unit": self.unit and self.unit.sha256,
        }

    def save(self, directory: Path, status: str) -> None:
        moments = {
            f"optimiser.{name}.{key}": value.numpy()
            for name, p in self.model.named_parameters()
            for key, value in self.optimiser.state.get(p, {}).items()
        }
        weights = {f"model.{name}": t.detach().numpy() for name, t in self.model.state_dict().items()}
        metadata = {
            **self.identity,
            "corpus_name": self.corpus.name,
            "step": self.step,
            "seconds": self.seconds,
            "history": self.history,
            "status": status,
        }
        write_whole(directory / CHECKPOINT, seal("checkpoint", {**weights, **moments}, metadata))

    def restore(self, path: Path) -> str:
        """Go on from a checkpoint; returns its status."""
        arrays, metadata = unseal(path, "checkpoint", MAX_BYTES, CheckpointError)
        for what, mine in json.loads(json.dumps(self.identity)).items():
            if metadata.get(what) != mine:
                raise CheckpointError(
                    f"{path} is of a run with another {what}: {_difference(metadata.get(what), mine)}; "
                    "remove it or choose another directory"
                )
        _load_weights(self.model, arrays, path)
        for name, p in self.model.named_parameters():
            prefix = f"optimiser.{name}."
            moments = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
            if moments:
                self.optimiser.state[p] = {k: torch.from_numpy(v.copy()) for k, v in moments.items()}
        self.step, self.seconds, self.history = metadata["step"], metadata["seconds"], metadata["history"]
        return metadata["status"]


def _difference(theirs: Any, mine: Any) -> str:
    """What differs, of dictionaries the entries that do."""
    if not (isinstance(theirs, dict) and isinstance(mine, dict)):
        return f"{theirs}, not {mine}"
    names = [name for name in {**theirs, **mine} if theirs.get(name) != mine.get(name)]
    return ", ".join(f"{name} {theirs.get(name)}, not {mine.get(name)}" for name in names)


def _load_weights(model: AstroSNN | GRUModel, arrays: dict[str, np.ndarray], path: Path) -> None:
    weights = {
        n.removeprefix("model."): torch.from_numpy(a.copy())
        for n, a in arrays.items()
        if n.startswith("model.")
    }
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f"{path} doesn't hold the weights of its own model: {error}") from None


def _checkpoint_at(path: Path) -> Path:
    if not path.is_dir():
        return path
    if (path / CHECKPOINT).exists():
        return path / CHECKPOINT
    below = sorted(path.glob(f"*/{CHECKPOINT}"))
    if len(below) == 1:
        return below[0]
    choice = f"; choose one of {', '.join(str(p.parent) for p in below)}" if below else ""
    raise FileNotFoundError(f"there is no {CHECKPOINT} in {path}{choice}")


def load_model(path: str | Path) -> AstroSNN | GRUModel:
    """The model of a checkpoint, or of the directory that holds one, itself or in the only sub-directory that has one.

    Raises
    ------
    CheckpointError
        If the file is damaged, cut short, changed, or not a checkpoint.
    FileNotFoundError
        If there is none, or one in each of several sub-directories, which are named.
    """
    path = _checkpoint_at(Path(path))
    arrays, metadata = unseal(path, "checkpoint", MAX_BYTES, CheckpointError)
    try:
        config = AstroSNNConfig.from_json(metadata["model"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} doesn't describe a model: {error}") from None
    model = build_model(config)
    _load_weights(model, arrays, path)
    return model.eval()
