"""Fitting a follower in windows of growing length, each begun at what was simulated."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch

from astrobrian.bridges.checks import positive, whole
from astrobrian.bridges.distillation.followers import BankFollower, GRUFollower
from astrobrian.bridges.distillation.targets import Targets

# what is read out weighs more than what only helps to follow it; chosen here
_WEIGHTS = {"C": 2.0, "Gamma_S": 2.0}
_OTHERS = 0.5
_LOOK = 100  # updates between two looks at trajectories that run freely


@dataclass(frozen=True)
class Stage:
    """One length of windows.

    Attributes
    ----------
    tokens : int
        Length.
    updates : int
    windows : int
        In one update.
    learning_rate : float
        Of Adam, at the beginning; it falls as a cosine.
    """

    tokens: int
    updates: int
    windows: int
    learning_rate: float


STAGES = (
    Stage(1, 3000, 2048, 1e-2),
    Stage(8, 5000, 256, 5e-3),
    Stage(32, 2500, 192, 3e-3),
    Stage(96, 2000, 96, 1e-3),
)
"""Chosen here, on held-out stimuli of the fitted kinds."""


@dataclass(frozen=True)
class Fit:
    """How to fit. Chosen here.

    Attributes
    ----------
    heads, keys : int
        Astrocytes of the bank, and keys of each.
    feedback : bool
        Whether the astrocytes hear themselves.
    stages : tuple of Stage
    effort : float
        What the numbers of updates are multiplied with.
    noise : float
        Standard deviation of what is added to the states that windows begin at, so that a follower that strays comes back.
    seed : int
    """

    heads: int = 10
    keys: int = 12
    feedback: bool = True
    stages: tuple[Stage, ...] = STAGES
    effort: float = 1.0
    noise: float = 0.02
    seed: int = 0

    def __post_init__(self) -> None:
        positive("effort", self.effort)
        for name in ("heads", "keys"):
            whole(name, getattr(self, name))
        if self.noise < 0:
            raise ValueError(f"noise can't be negative, got {self.noise}")
        if not self.stages:
            raise ValueError("a fit needs at least one stage")
        for stage in self.stages:
            for name in ("tokens", "updates", "windows", "learning_rate"):
                positive(name, getattr(stage, name))


def run_freely(
    follower: BankFollower | GRUFollower, x: torch.Tensor, first: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Observed values and states under whole signals, from what is observed (names) at the first token of all of them."""
    with torch.no_grad():
        observed, states = follower(x, follower.begin(first.expand(x.shape[0], -1)))
    return observed, states


def fit(
    follower: BankFollower | GRUFollower,
    targets: Targets,
    settings: Fit,
    report: Callable[[float, str], None],
) -> float:
    """Least squares by Adam; of each length of windows, what followed best when run freely goes on.

    Returns
    -------
    float
        Mean squared error of the free run over the fitted cells, as a share of the variance.

    Raises
    ------
    FloatingPointError
        If it diverges from the beginning.
    ValueError
        If the stimuli are shorter than the windows of every stage.
    """
    x = torch.from_numpy(targets.x[targets.fitted])
    y = targets.tensor(follower.observed)[torch.from_numpy(targets.fitted)]
    stages = [s for s in settings.stages if s.tokens < x.shape[1]]
    if not stages:
        raise ValueError(f"stimuli of {x.shape[1]} tokens are shorter than the windows of every stage")
    weights = torch.tensor([_WEIGHTS.get(name, _OTHERS) for name in follower.observed])
    first = y[:, 0].mean(0)
    draw = torch.Generator().manual_seed(settings.seed)

    def free_error() -> float:
        error = (run_freely(follower, x, first)[0] - y).square().mean((0, 1))
        return float((weights * error).sum() / weights.sum())

    def update(stage: Stage, optimiser: torch.optim.Optimizer) -> None:
        cell = torch.randint(len(x), (stage.windows,), generator=draw)
        start = torch.randint(x.shape[1] - stage.tokens, (stage.windows,), generator=draw)
        token = start[:, None] + 1 + torch.arange(stage.tokens)
        begin = y[cell, start] + settings.noise * torch.randn(stage.windows, y.shape[-1], generator=draw)
        observed, _ = follower(x[cell[:, None], token], follower.begin(begin))
        error = (weights * (observed - y[cell[:, None], token]).square()).mean()
        optimiser.zero_grad()
        error.backward()
        # a relaxation oscillator has steep gradients where it jumps
        torch.nn.utils.clip_grad_norm_(follower.parameters(), 0.3)
        optimiser.step()

    best, kept = float("inf"), follower.state_dict()
    total, done = sum(s.updates for s in stages), 0
    for stage in stages:
        updates = max(1, round(stage.updates * settings.effort))
        optimiser = torch.optim.Adam(follower.parameters(), stage.learning_rate, (0.9, 0.99))
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            optimiser, updates, eta_min=0.02 * stage.learning_rate
        )
        # what is learnt one token ahead drifts off when it runs freely, an oscillator further than what it didn't learn at all
        judged = stage.tokens > 1 or stage is stages[-1]
        for i in range(updates):
            update(stage, optimiser)
            schedule.step()
            if (i + 1) % _LOOK == 0 or i + 1 == updates:
                error = free_error() if judged else best
                if error < best:
                    best, kept = error, copy.deepcopy(follower.state_dict())
                share = (done + stage.updates * (i + 1) / updates) / total
                free = f", free run R2 {1 - best:.3f}" if judged else ""
                report(share, f"windows of {stage.tokens} tokens{free}")
        done += stage.updates
        if judged:
            follower.load_state_dict(kept)
    if not best < float("inf"):
        raise FloatingPointError("the fit diverged: lower the learning rates of its stages")
    return best
