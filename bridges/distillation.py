"""Fitting an AM-SU to what simulated astrocytes do to the release of their synapses.

The target is the modulation U_0/U_0* - 1: release probability is the one thing of a synapse that the astrocyte acts on,
and a relative change of it is additive around zero, as what the unit's astrocyte adds is. The unit is driven with the
presynaptic rate alone; its astrocytes' output o is read out linearly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from astrobrian.bridges.amsu import AMSU, KEY
from astrobrian.bridges.astrosnn import spread
from astrobrian.bridges.checks import positive
from astrobrian.bridges.protocols import Ensemble, Protocol, Recording, simulate
from astrobrian.bridges.scan import FUSED, scan
from astrobrian.bridges.unit import Unit
from astrobrian.progress import Progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Fit:
    """How to fit. Chosen here.

    Attributes
    ----------
    heads, keys : int
        Time constants of the bank, and saturations of each.
    epochs : int
    learning_rate : float
        Of Adam, at the beginning; it falls to zero as a cosine.
    tau_r, tau_H : tuple of float
        Shortest and longest initial time constants (ms).
    seed : int
    """

    heads: int = 6
    keys: int = 4
    epochs: int = 500
    learning_rate: float = 0.02
    tau_r: tuple[float, float] = (1000.0, 20_000.0)
    tau_H: tuple[float, float] = (2000.0, 60_000.0)
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("heads", "keys", "epochs", "learning_rate"):
            positive(name, getattr(self, name))
        for name in ("tau_r", "tau_H"):
            for end in getattr(self, name):
                positive(name, end, milliseconds=True)


class SingleExponential(nn.Module):
    """The baseline: one saturating function of the rate, one trace, one read-out.

    It is fitted as the unit is, but from several time constants, of which the best fit counts. The trace follows the
    same law as the unit's own.
    """

    STARTS = (2000.0, 10_000.0, 50_000.0)  # ms

    def __init__(self, ms_per_token: float, tau: float) -> None:
        super().__init__()
        self.ms_per_token = ms_per_token
        self.saturation, self.readout = nn.Linear(1, 1), nn.Linear(1, 1)
        with torch.no_grad():
            self.saturation.weight.fill_(3.0)
        self.log_tau = nn.Parameter(torch.tensor([math.log(tau)]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Modulation (stimuli, tokens) for a signal (stimuli, tokens, 1)."""
        driven = torch.tanh(self.saturation(x))
        start = torch.tanh(self.saturation(x.new_zeros(x.shape[0], 1)))
        p = {"tau_r": self.log_tau.exp()}
        _, trajectory = scan(KEY, {"r": start}, {"x_k": driven}, p, self.ms_per_token, FUSED)
        return self.readout(trajectory["r"])[..., 0]


class DistilledUnit(nn.Module):
    """An AM-SU layer of width 1 at rest, driven with the rate, and a linear read-out of its astrocytes."""

    def __init__(self, layer: AMSU, readout: nn.Linear) -> None:
        super().__init__()
        self.layer, self.readout = layer, readout

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Modulation (stimuli, tokens) for a signal (stimuli, tokens, 1)."""
        o, _ = self.layer.read(x, self.layer.rest_state(x.new_zeros(x.shape[0], 1)))
        return self.readout(o)[..., 0]


def r_squared(target: np.ndarray, predicted: np.ndarray) -> float:
    """Share of the target's variance (about its own mean, over all its values) that a prediction explains."""
    return float(1 - np.square(target - predicted).sum() / np.square(target - target.mean()).sum())


def fit(
    model: SingleExponential | DistilledUnit,
    x: torch.Tensor,
    target: torch.Tensor,
    settings: Fit,
    report: Callable,
) -> float:
    """Least squares by Adam, all stimuli at once, from a read-out that is constant at the mean of the target.

    Returns
    -------
    float
        The error, as a share of the target's variance.

    Raises
    ------
    FloatingPointError
        If the error stops being finite.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(trained, lr=settings.learning_rate, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.epochs)
    variance = target.var()
    with torch.no_grad():
        model.readout.weight.zero_()
        model.readout.bias.fill_(target.mean())
    for epoch in range(settings.epochs):
        error = (model(x) - target).square().mean() / variance
        if not torch.isfinite(error):
            raise FloatingPointError(f"the fit diverged at epoch {epoch}; lower the learning rate")
        optimiser.zero_grad()
        error.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        schedule.step()
        report((epoch + 1) / settings.epochs, f"R2 {1 - error.item():.4f} on the fitted stimuli")
    return error.item()


@dataclass(frozen=True)
class Distillation:
    """What `distill` gives.

    Attributes
    ----------
    unit : Unit
    recording : Recording
    predicted, baseline : ndarray, shape (stimuli, tokens)
        Modulation according to the unit and to the single exponential.
    scores : dict
        R2 of both: fitted, held out (all together), and held out by kind.
    """

    unit: Unit
    recording: Recording
    predicted: np.ndarray
    baseline: np.ndarray
    scores: dict


def distill(
    protocol: Protocol | None = None,
    ensemble: Ensemble | None = None,
    settings: Fit | None = None,
    ms_per_token: float = 500.0,
    progress: Progress | None = None,
) -> Distillation:
    """Simulate tripartite synapses and fit an AM-SU to them.

    Parameters
    ----------
    protocol : Protocol, optional
    ensemble : Ensemble, optional
    settings : Fit, optional
    ms_per_token : float, optional
        Time step of the unit.
    progress : callable, optional
        Called as ``progress(stage, done, message)`` with the stages ``"simulate"`` and ``"fit"``.

    Raises
    ------
    ValueError
        If the astrocytes did nothing to the release, so that there is nothing to fit, or a token isn't a whole number of
        time steps.
    TypeError
        If `ms_per_token` has a unit: it is a plain number of milliseconds.

    Examples
    --------
    >>> result = distill()
    >>> result.scores["held_out"]
    >>> result.unit.save("unit.safetensors")
    """
    protocol, ensemble = protocol or Protocol(), ensemble or Ensemble()
    recording = simulate(protocol, ensemble, ms_per_token, progress)
    provenance = {
        "model": {"astrocyte": ensemble.astrocyte.name, "synapse": ensemble.synapse.name},
        "parameters": {
            name: str(p) for m in (ensemble.astrocyte, ensemble.synapse) for name, p in m.parameters.items()
        },
        "citations": [str(r) for m in (ensemble.astrocyte, ensemble.synapse) for r in m.references],
        "protocol": asdict(protocol),
        "ensemble": asdict(ensemble),
    }
    return fit_recording(recording, settings or Fit(), provenance, progress)


def fit_recording(
    recording: Recording, settings: Fit, provenance: dict, progress: Progress | None = None
) -> Distillation:
    """Fit an AM-SU and the baseline to a recording; see `distill`.

    Repeats to the bit with the same number of Torch's threads. Another number adds in another order, so that the fit differs
    in its last digits.
    """
    fitted = slice(recording.fitted_count)
    if not recording.modulation[fitted].std() > 1e-6:
        raise ValueError(
            "the astrocytes did nothing to the release in the fitted stimuli: give stronger or longer input, "
            "or astrocytes that release gliotransmitter"
        )
    scale = float(recording.rate[fitted].max()) / 2
    x = torch.from_numpy(recording.rate / scale)[..., None]
    target = torch.from_numpy(recording.modulation)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        torch.manual_seed(settings.seed)
        unit = _unit_to_fit(settings, recording.ms_per_token)
        told = partial(_report_part, progress)
        fit(unit, x[fitted], target[fitted], settings, told("AM-SU", 0.0, 0.7))
        baseline = _best_baseline(recording.ms_per_token, x[fitted], target[fitted], settings, told)
        with torch.no_grad():
            predicted, from_baseline = unit(x).numpy(), baseline(x).numpy()
    finally:
        torch.set_default_dtype(before)
    scores = _scores(recording, predicted, from_baseline)
    provenance = {**provenance, "fit": asdict(settings), "scores": scores}
    distilled = Unit.of(unit.layer, unit.readout, scale, provenance)
    return Distillation(distilled, recording, predicted, from_baseline, scores)


def _report_part(
    progress: Progress | None, name: str, start: float, share: float
) -> Callable[[float, str], None]:
    """A callback for one of several fits."""

    def told(done: float, message: str) -> None:
        if progress is not None:
            progress("fit", start + share * done, f"{name}: {message}")

    return told


def _best_baseline(
    ms_per_token: float, x: torch.Tensor, target: torch.Tensor, settings: Fit, told: Callable
) -> SingleExponential:
    """The single exponential that fits best, of those begun from several time constants."""
    starts = SingleExponential.STARTS
    models = [SingleExponential(ms_per_token, tau) for tau in starts]
    share = 0.3 / len(starts)
    errors = [
        fit(model, x, target, settings, told("single exponential", 0.7 + share * i, share))
        for i, model in enumerate(models)
    ]
    return models[int(np.argmin(errors))]


def _unit_to_fit(settings: Fit, ms_per_token: float) -> DistilledUnit:
    heads, keys = settings.heads, settings.keys
    layer = AMSU(
        1,
        heads,
        heads,
        keys,
        ms_per_token,
        tau_r=spread(*settings.tau_r, keys).repeat(heads),
        tau_H=spread(*settings.tau_H, heads),
    )
    with torch.no_grad():
        layer.g_H.fill_(1.0)
        # each key saturates at another rate
        layer.key.weight.uniform_(1, 6)
        layer.key.bias.uniform_(-2, 0)
    # the signal and the membrane take no part in what is fitted
    for p in (*layer.signal.parameters(), layer.log_constants["tau_u"], layer.log_constants["theta"]):
        p.requires_grad_(False)
    return DistilledUnit(layer, nn.Linear(heads, 1))


def _scores(recording: Recording, predicted: np.ndarray, baseline: np.ndarray) -> dict:
    split = np.arange(len(recording.kinds)) < recording.fitted_count
    kinds = np.array(recording.kinds)

    def both(rows: np.ndarray) -> dict:
        target = recording.modulation[rows]
        return {
            "unit": r_squared(target, predicted[rows]),
            "single_exponential": r_squared(target, baseline[rows]),
        }

    return {
        "fitted": both(split),
        "held_out": both(~split),
        "held_out_by_kind": {kind: both(~split & (kinds == kind)) for kind in dict.fromkeys(kinds[~split])},
        "kinds_never_fitted": sorted(set(kinds[~split]) - set(kinds[split])),
    }


def plot_distillation(result: Distillation) -> Figure:
    """Simulated and fitted modulation of one held-out stimulus of each kind, as a Matplotlib figure."""
    from matplotlib.figure import Figure

    recording = result.recording
    held_out = {kind: i for i, kind in enumerate(recording.kinds) if i >= recording.fitted_count}
    figure = Figure(figsize=(8, 2.2 * len(held_out)), layout="constrained")
    time = (np.arange(recording.rate.shape[1]) + 1) * recording.ms_per_token / 1000
    panels = figure.subplots(len(held_out), sharex=True, squeeze=False)[:, 0]
    for axes, (kind, i) in zip(panels, held_out.items(), strict=True):
        rate = axes.twinx()
        rate.fill_between(time, recording.rate[i], color="0.85", step="pre")
        rate.set_ylabel("rate (Hz)", color="0.5")
        axes.set_zorder(1)  # the curves over the rates
        axes.patch.set_visible(False)
        axes.plot(time, recording.modulation[i], "k", label="simulated")
        axes.plot(time, result.predicted[i], label="AM-SU")
        axes.plot(time, result.baseline[i], ":", label="single exponential")
        axes.set(title=f"{kind}, held out", ylabel="change of release\n(U_0/U_0* - 1)", xlim=(0, time[-1]))
    panels[-1].set_xlabel("time (s)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure
