"""One part of the study: a regime and a loop, distilled with every model beside it, in a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from astrobrian import use_backend
from astrobrian.bridges import (
    Distillation,
    Ensemble,
    Fit,
    Protocol,
    Trains,
    fit_recording,
    plot_distillation,
    plot_lost,
    plot_orders,
    select_order,
    simulate,
)
from astrobrian.bridges.distillation.reduction import BESIDE, ENSEMBLE, MS_PER_TOKEN, PROTOCOL, provenance
from astrobrian.bridges.protocols.ensemble import Loop, Regime
from astrobrian.progress import Progress
from astrobrian.studies.figures import staged
from astrobrian.studies.results import Results

UNIT_FILE = "unit.safetensors"
PLOTTED = ("C", "modulation")


@dataclass(frozen=True)
class Part:
    """What one process does.

    Attributes
    ----------
    regime, loop : str
        As in `Ensemble`.
    backend : str
    settings : Fit
        The number of heads is what the order selection begins from where there are no `orders`.
    protocol : Protocol
    natural : int
        Number of natural stimuli, which are never fitted.
    orders : tuple of int
        Numbers of heads to choose from; none keeps that of the settings.
    """

    regime: Regime
    loop: Loop
    backend: str
    settings: Fit
    protocol: Protocol = PROTOCOL
    natural: int = 8
    orders: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.regime}_{self.loop}"

    @property
    def ensemble(self) -> Ensemble:
        """What is simulated."""
        return replace(ENSEMBLE, regime=self.regime, loop=self.loop)

    @property
    def stamp(self) -> dict:
        """Its settings, as JSON holds them."""
        return json.loads(json.dumps(asdict(self)))

    def is_done(self, folder: Path) -> bool:
        """Whether its folder has it complete, with the same settings."""
        try:
            summary = json.loads((folder / "summary.json").read_text())
        except (OSError, ValueError):
            return False
        return summary.get("status") == "complete" and summary.get("settings") == self.stamp


def run_part(part: Part, folder: Path, given: Sequence[Trains], progress: Progress | None = None) -> None:
    """Simulate, choose the order, fit, and leave scores, plots, the unit and the data in the folder.

    The given stimuli are held out.
    """
    with Results(
        folder, f"distill {part.name}", part.protocol.seed, part.backend, settings=part.stamp
    ) as results:
        told = staged(results, progress)
        use_backend(part.backend)
        recording = simulate(part.protocol, part.ensemble, MS_PER_TOKEN, told, given)
        origin = provenance(part.protocol, part.ensemble, given)
        settings = part.settings
        if part.orders:
            order, by_order = select_order(recording, settings, origin, part.orders, progress=told)
            settings = replace(settings, heads=order)
            results.figures |= {"order": order, "score_by_order": {str(n): s for n, s in by_order.items()}}
            results.save_plot(plot_orders(by_order, order), "orders")
        found = fit_recording(recording, settings, origin, tuple(BESIDE), told)
        results.stage("plot")
        leave(found, results)


def leave(found: Distillation, results: Results) -> None:
    """Scores, the unit, plots and the data behind them, in the folder of the results."""
    results.figures |= {"scores": found.scores, "kinds_never_fitted": found.targets.never_fitted}
    found.unit.save(results.folder / UNIT_FILE)
    results.files.append(UNIT_FILE)
    results.save_plot(found.unit.plot(), "unit")
    for output in PLOTTED:
        results.save_plot(plot_distillation(found, output), output)
    results.save_plot(plot_lost(found, PLOTTED), "lost")
    targets = found.targets
    results.save_arrays(
        "held_out",
        kinds=targets.kinds[~targets.fitted],
        rate_Hz=targets.x[~targets.fitted] * targets.scale,
        **_held_out({"simulated": targets.outputs, **found.predicted}, ~targets.fitted),
    )


def _held_out(models: Mapping[str, Mapping[str, np.ndarray]], cells: np.ndarray) -> dict[str, np.ndarray]:
    return {
        f"{model}_{output}": values[cells].astype(np.float32)
        for model, outputs in models.items()
        for output, values in outputs.items()
    }
