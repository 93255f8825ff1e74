"""What a unit does to a spike train, and what it keeps of what was simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import welch

from astrobrian.bridges.distillation.scores import crossings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from astrobrian.bridges.distillation.reduction import Distillation
    from astrobrian.bridges.unit import Unit

_LABELS = {
    "C": "calcium",
    "modulation": "change of release\n(U_0/U_0* - 1)",
    "G_A": "gliotransmitter",
    "v": "potential",
}
_COLOURS = {"unit": "C0", "single_exponential": "C1", "gru": "C2", "arx": "C3", "open_bank": "C4"}


def _label(name: str, unit: str) -> str:
    return _LABELS.get(name, name) + ("" if unit == "1" else f"\n({unit})")


def plot_response(unit: Unit, spikes: np.ndarray, synapses: int, tokens: int) -> Figure:
    """The rate of spikes (s), the astrocytes of a unit and its outputs, as a Matplotlib figure; see `Unit.plot`."""
    from matplotlib.figure import Figure

    dt = unit.ms_per_token / 1000
    rate = np.histogram(spikes, tokens, (0, tokens * dt))[0] / (synapses * dt)
    outputs = unit.respond(rate[None])
    time = (np.arange(tokens) + 1) * dt
    figure = Figure(figsize=(8, 1.6 * (1 + len(outputs))), layout="constrained")
    panels = figure.subplots(1 + len(outputs), sharex=True, squeeze=False)[:, 0]
    panels[0].fill_between(time, rate, color="0.8", step="pre")
    panels[0].set_ylabel("presynaptic rate\n(Hz)")
    for axes, (name, values) in zip(panels[1:], outputs.items(), strict=True):
        axes.plot(time, values[0])
        axes.set_ylabel(_label(name, unit.outputs[name]))
        threshold = unit.provenance.get("C_Theta")
        if name == "C" and isinstance(threshold, int | float):
            axes.axhline(threshold, color="0.7", lw=0.8)
            events = crossings(values[0], threshold, dt)
            axes.plot(events, np.full(len(events), threshold), "k^", ms=4)
    panels[-1].set(xlabel="time (s)", xlim=(0, tokens * dt))
    return figure


def plot_distillation(result: Distillation, output: str = "modulation") -> Figure:
    """Simulated and fitted output of one held-out cell of each kind, as a Matplotlib figure."""
    from matplotlib.figure import Figure

    found = result.targets
    held_out = {str(kind): i for i, kind in enumerate(found.kinds) if not found.fitted[i]}
    figure = Figure(figsize=(8, 2.0 * len(held_out)), layout="constrained")
    panels = figure.subplots(len(held_out), sharex=True, squeeze=False)[:, 0]
    time = (np.arange(found.x.shape[1]) + 1) * found.ms_per_token / 1000
    for axes, (kind, i) in zip(panels, held_out.items(), strict=True):
        rate = axes.twinx()
        rate.fill_between(time, found.x[i] * found.scale, color="0.88", step="pre")
        rate.set_ylabel("rate (Hz)", color="0.5")
        axes.set_zorder(1)  # the curves over the rates
        axes.patch.set_visible(False)
        axes.plot(time, found.outputs[output][i], "k", label="simulated")
        _curves(axes, time, result, output, i)
        never = ", a kind never fitted" if kind in found.never_fitted else ", held out"
        axes.set(title=kind + never, xlim=(0, time[-1]))
        axes.set_ylabel(_label(output, result.unit.outputs[output]))
    panels[-1].set_xlabel("time (s)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=6)
    return figure


def _curves(axes: Axes, time: np.ndarray, result: Distillation, output: str, cell: int) -> None:
    for name, outputs in result.predicted.items():
        if output in outputs:
            line = {"lw": 1.2} if name == "unit" else {"lw": 0.8, "ls": ":"}
            axes.plot(time, outputs[output][cell], color=_COLOURS[name], label=name.replace("_", " "), **line)


def plot_lost(result: Distillation, outputs: tuple[str, ...] = ("C", "modulation")) -> Figure:
    """What is lost: residuals of the unit over time and in value, and spectra of target, unit and residual, held out."""
    from matplotlib.figure import Figure

    found = result.targets
    figure = Figure(figsize=(10, 2.8 * len(outputs)), layout="constrained")
    cells = ~found.fitted
    for row, output in zip(figure.subplots(len(outputs), 3, squeeze=False), outputs, strict=True):
        target, predicted = found.outputs[output][cells], result.predicted["unit"][output][cells]
        label = _label(output, result.unit.outputs[output])
        time = (np.arange(target.shape[1]) + 1) * found.ms_per_token / 1000
        row[0].plot(time, (predicted - target).T, color="C0", lw=0.3, alpha=0.5)
        row[0].set(xlabel="time (s)", ylabel=f"residual of\n{label}")
        row[1].hist2d(target.ravel(), predicted.ravel(), 60, cmin=1, norm="log", cmap="Blues")
        row[1].axline((target.min(),) * 2, slope=1, color="0.5", lw=0.6)
        row[1].set(xlabel=f"simulated {label}", ylabel="unit")
        for name, values in {"simulated": target, "unit": predicted, "residual": predicted - target}.items():
            frequency, power = welch(values, 1000 / found.ms_per_token, nperseg=min(256, target.shape[1]))
            row[2].loglog(frequency[1:], power.mean(0)[1:], label=name)
        row[2].set(xlabel="frequency (Hz)", ylabel="power density")
        row[2].legend(fontsize=8)
    return figure


def plot_orders(scores: dict[int, float], chosen: int) -> Figure:
    """Held-out score against the number of astrocytes of the bank."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot(list(scores), list(scores.values()), "o-")
    axes.axvline(chosen, color="0.7", ls="--", label=f"chosen: {chosen}")
    axes.set(
        xlabel="astrocytes of the bank", ylabel="mean of R2 (C, release)\nand F1, held out", ylim=(None, 1)
    )
    axes.legend()
    return figure
