"""A recording reduced to a unit, with what it keeps and what is lost, beside models that people would use instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np
import torch

from astrobrian.bridges.distillation.arx import arx
from astrobrian.bridges.distillation.followers import BankFollower, GRUFollower
from astrobrian.bridges.distillation.scores import crossings, f1, r_squared
from astrobrian.bridges.distillation.targets import OBSERVED, OUTPUTS, Targets, targets
from astrobrian.bridges.distillation.windows import Fit, fit, run_freely
from astrobrian.bridges.protocols.ensemble import Ensemble
from astrobrian.bridges.protocols.recording import Recording
from astrobrian.bridges.protocols.simulation import simulate
from astrobrian.bridges.protocols.stimuli import Protocol, Trains
from astrobrian.bridges.unit import Unit
from astrobrian.progress import Progress

PROTOCOL = Protocol(
    fitted=(("steps", 32), ("bursts", 32), ("drift", 32)),
    held_out=(("steps", 8), ("bursts", 8), ("drift", 8), ("chirp", 16)),
)
"""Chirps are never fitted. Chosen here."""

ENSEMBLE = Ensemble(astrocytes=1, synapses=100, spread=0.0, postsynaptic=True)
"""One astrocyte, its synapses and the neuron behind them: what a unit is to be. Chosen here."""

MS_PER_TOKEN = 500.0
"""Chosen here."""

Report = Callable[[float, str], None]


@dataclass(frozen=True)
class Distillation:
    """What `distill` gives.

    Attributes
    ----------
    unit : Unit
    targets : Targets
    predicted : dict of str to dict of str to ndarray, shape (cells, tokens)
        Outputs according to each model, run freely.
    scores : dict
        By model: R2 of each output, F1 of calcium events, fitted, held out and by kind.
    """

    unit: Unit
    targets: Targets
    predicted: dict[str, dict[str, np.ndarray]]
    scores: dict


def distill(
    protocol: Protocol | None = None,
    ensemble: Ensemble | None = None,
    settings: Fit | None = None,
    ms_per_token: float = MS_PER_TOKEN,
    given: Sequence[Trains] = (),
    beside: tuple[str, ...] = ("single_exponential",),
    progress: Progress | None = None,
) -> Distillation:
    """Simulate tripartite loops and distil a unit from them.

    Parameters
    ----------
    protocol : Protocol, optional
        `PROTOCOL` unless given.
    ensemble : Ensemble, optional
        `ENSEMBLE` unless given; its threshold of release is the unit's.
    settings : Fit, optional
    ms_per_token : float, optional
        Time step of the unit.
    given : sequence of Trains, optional
        More stimuli, which are held out.
    beside : tuple of str, optional
        Which of `BESIDE` are fitted beside the unit.
    progress : callable, optional
        Called as ``progress(stage, done, message)`` with the stages ``"compile"``, ``"simulate"`` and ``"fit"``.

    Raises
    ------
    ValueError
        If the astrocytes did nothing to the release, so that there is nothing to fit, a token isn't a whole number of
        time steps, or a model isn't known.
    TypeError
        If `ms_per_token` has a unit: it is a plain number of milliseconds.

    Examples
    --------
    >>> result = distill(ensemble=Ensemble(astrocytes=1, synapses=100, spread=0, regime="FM"))
    >>> result.scores["unit"]["by_kind"]["chirp"]["F1"]
    >>> result.unit.save("unit.safetensors")
    """
    protocol, ensemble, settings = protocol or PROTOCOL, ensemble or ENSEMBLE, settings or Fit()
    _check_models(beside)
    recording = simulate(protocol, ensemble, ms_per_token, progress, given)
    return fit_recording(recording, settings, provenance(protocol, ensemble, given), beside, progress)


def provenance(protocol: Protocol, ensemble: Ensemble, given: Sequence[Trains] = ()) -> dict:
    """Where a recording comes from, for the unit file."""
    models = {"astrocyte": ensemble.astrocyte}
    models |= {f"synapse {i + 1}": pathway for i, pathway in enumerate(ensemble.pathways)}
    if ensemble.postsynaptic:
        models["neuron"] = ensemble.neuron
    return {
        "models": {role: model.name for role, model in models.items()},
        "parameters": {
            role: {name: str(p) for name, p in model.constants.items()} for role, model in models.items()
        },
        "citations": list(dict.fromkeys(str(r) for model in models.values() for r in model.references)),
        "protocol": asdict(protocol),
        "ensemble": asdict(ensemble),
        "given": [{"kind": trains.kind, "spikes": len(trains.t)} for trains in given],
        # umolar
        "C_Theta": float(ensemble.astrocyte.parameters["C_Theta"].quantity) * 1e3,
    }


def fit_recording(
    recording: Recording,
    settings: Fit,
    origin: Mapping,
    beside: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> Distillation:
    """Fit a bank, and models to compare it with, to a recording; see `distill`.

    Parameters
    ----------
    recording : Recording
    settings : Fit
    origin : mapping
        Where the recording comes from, as `provenance` gives it; its ``C_Theta`` is the threshold of calcium events in umolar.
    beside : tuple of str, optional
    progress : callable, optional

    Notes
    -----
    Repeats to the bit with the same number of Torch's threads. Another number adds in another order, so that the fit differs
    in its last digits, and then, for its free run is an oscillator's, in more of them.
    """
    _check_models(beside)
    found = targets(recording)
    models = ("unit", *beside)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        predicted = {}
        for i, name in enumerate(models):
            told = partial(_told, progress, name, i / len(models), 1 / len(models))
            torch.manual_seed(settings.seed)
            if name == "unit":
                unit, predicted[name] = _distilled(found, settings, origin, told)
            else:
                predicted[name] = BESIDE[name](found, settings, told)
    finally:
        torch.set_default_dtype(before)
    scores = {name: score(found, outputs, origin["C_Theta"]) for name, outputs in predicted.items()}
    unit.provenance.update(fit=asdict(settings), scores=scores, never_fitted=found.never_fitted)
    return Distillation(unit, found, predicted, scores)


def select_order(
    recording: Recording,
    settings: Fit,
    origin: Mapping,
    orders: Sequence[int] = (2, 4, 6, 8, 10),
    tolerance: float = 0.01,
    progress: Progress | None = None,
) -> tuple[int, dict[int, float]]:
    """How many astrocytes a bank needs: the fewest that are as good as the best, within a tolerance.

    Judged by held-out stimuli of the kinds that are fitted, so that the kinds that are never fitted stay unseen: by the mean
    of R2 of calcium and of the release modulation, and of F1 of calcium events.

    Returns
    -------
    order : int
    scores : dict of int to float

    Raises
    ------
    ValueError
        If no stimulus of a kind that is fitted is held out.
    """
    kinds = np.array(recording.kinds)
    known = set(kinds[: recording.fitted_count])
    if not known & set(kinds[recording.fitted_count :]):
        raise ValueError(
            f"an order is judged by held-out stimuli of the kinds that are fitted, and none of {', '.join(sorted(known))} is "
            "held out"
        )
    found: dict[int, float] = {}
    for i, order in enumerate(orders):
        told = (
            None
            if progress is None
            else _part_of(progress, f"{order} heads", i / len(orders), 1 / len(orders))
        )
        result = fit_recording(recording, replace(settings, heads=order), origin, progress=told)
        held_out = np.isin(result.targets.kinds, list(known)) & ~result.targets.fitted
        parts = _scores_of(result.targets, result.predicted["unit"], held_out, origin["C_Theta"])
        found[order] = float(np.mean([parts[name] for name in ("C", "modulation", "F1")]))
    best = max(found.values())
    return min(order for order, value in found.items() if value >= best - tolerance), found


def score(found: Targets, predicted: Mapping[str, np.ndarray], threshold: float) -> dict:
    """R2 of each output and F1 of calcium events: of the fitted cells, of those held out, and of these by kind."""
    held_out = ~found.fitted
    return {
        "fitted": _scores_of(found, predicted, found.fitted, threshold),
        "held_out": _scores_of(found, predicted, held_out, threshold),
        "by_kind": {
            str(kind): _scores_of(found, predicted, held_out & (found.kinds == kind), threshold)
            for kind in dict.fromkeys(found.kinds[held_out])
        },
    }


def _scores_of(
    found: Targets, predicted: Mapping[str, np.ndarray], cells: np.ndarray, threshold: float
) -> dict[str, float]:
    if not cells.any():
        return {}
    scores = {
        name: r_squared(found.outputs[name][cells], values[cells])
        for name, values in predicted.items()
        if np.ptp(found.outputs[name][cells])  # of what is constant there is nothing to explain
    }
    if "C" in predicted:
        events = [crossings(c, threshold, found.ms_per_token / 1000) for c in predicted["C"][cells]]
        scores["F1"] = f1([found.events[i] for i in np.flatnonzero(cells)], events)
    return scores


def _distilled(
    found: Targets, settings: Fit, origin: Mapping, told: Report
) -> tuple[Unit, dict[str, np.ndarray]]:
    follower = BankFollower(
        settings.heads, settings.keys, found.ms_per_token, _observed(found, settings.heads), settings.feedback
    )
    fit(follower, found, settings, told)
    states, first = _states(follower, found)
    weight, bias = _read_out(states, found)
    predicted = _outputs(states, found, weight, bias)
    start = follower.begin(first[None])[0]
    return Unit.of(
        follower.bank,
        start,
        weight,
        bias,
        {name: OUTPUTS[name] for name in found.outputs},
        found.scale,
        dict(origin),
    ), predicted


def _observed(found: Targets, heads: int) -> tuple[str, ...]:
    return tuple(name for name in OBSERVED if name in found.observed)[:heads]


def _states(follower: BankFollower | GRUFollower, found: Targets) -> tuple[np.ndarray, torch.Tensor]:
    """States of a free run, (cells, tokens, states), and what is observed at the beginning."""
    y = found.tensor(follower.observed)
    first = y[torch.from_numpy(found.fitted), 0].mean(0)
    _, states = run_freely(follower, torch.from_numpy(found.x), first)
    return states.numpy(), first


def _read_out(states: np.ndarray, found: Targets) -> tuple[np.ndarray, np.ndarray]:
    """The linear read-out of the outputs that fits best, and what it adds: (outputs, states) and (outputs,)."""
    known = states[found.fitted].reshape(-1, states.shape[-1])
    wanted = np.stack([values[found.fitted].ravel() for values in found.outputs.values()], -1)
    weights, *_ = np.linalg.lstsq(np.pad(known, ((0, 0), (0, 1)), constant_values=1.0), wanted, rcond=None)
    return weights[:-1].T, weights[-1]


def _outputs(
    states: np.ndarray, found: Targets, weight: np.ndarray, bias: np.ndarray
) -> dict[str, np.ndarray]:
    read = states @ weight.T + bias
    return {name: read[..., i] for i, name in enumerate(found.outputs)}


def _read_freely(follower: BankFollower | GRUFollower, found: Targets) -> dict[str, np.ndarray]:
    states, _ = _states(follower, found)
    return _outputs(states, found, *_read_out(states, found))


def _open_bank(found: Targets, settings: Fit, told: Report) -> dict[str, np.ndarray]:
    follower = BankFollower(
        settings.heads, settings.keys, found.ms_per_token, _observed(found, settings.heads), feedback=False
    )
    fit(follower, found, settings, told)
    return _read_freely(follower, found)


def _gru(found: Targets, settings: Fit, told: Report) -> dict[str, np.ndarray]:
    follower = GRUFollower(settings.heads, _observed(found, settings.heads))
    fit(follower, found, settings, told)
    return _read_freely(follower, found)


def _single_exponential(found: Targets, settings: Fit, told: Report) -> dict[str, np.ndarray]:
    """For each output one astrocyte that doesn't hear itself; two keys make one saturation and its offset."""
    followed = {"C": "C", "modulation": "Gamma_S"}
    outputs = {}
    for i, (output, name) in enumerate(followed.items()):
        follower = BankFollower(1, 2, found.ms_per_token, (name,), feedback=False)
        fit(follower, found, settings, partial(_share, told, i, len(followed)))
        outputs[output] = _read_freely(follower, found)[output]
    return outputs


def _share(told: Report, i: int, parts: int, done: float, message: str) -> None:
    told((i + done) / parts, message)


def _arx(found: Targets, settings: Fit, told: Report) -> dict[str, np.ndarray]:
    """One linear model for each output, with as many of its last values as the bank has astrocytes."""
    return {
        name: arx(found.x, found.outputs[name], found.fitted, settings.heads) for name in ("C", "modulation")
    }


BESIDE: dict[str, Callable[[Targets, Fit, Report], dict[str, np.ndarray]]] = {
    "open_bank": _open_bank,
    "single_exponential": _single_exponential,
    "arx": _arx,
    "gru": _gru,
}
"""What a unit is compared with: a bank without feedback, one filter, a linear model, a GRU of equal state size."""


def _check_models(names: tuple[str, ...]) -> None:
    for name in names:
        if name not in BESIDE:
            raise ValueError(f"there is no model {name!r} to compare with; there are {', '.join(BESIDE)}")


def _told(
    progress: Progress | None, name: str, start: float, share: float, done: float, message: str
) -> None:
    if progress is not None:
        progress("fit", start + share * done, f"{name.replace('_', ' ')}: {message}")


def _part_of(progress: Progress, name: str, start: float, share: float) -> Progress:
    def told(stage: str, done: float, message: str) -> None:
        progress(stage, start + share * done, f"{name}, {message}")

    return told
