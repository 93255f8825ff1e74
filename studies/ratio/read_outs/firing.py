"""Which liquids fire as liquids should."""

from __future__ import annotations

import numpy as np

from astrobrian.studies.ratio.liquids import Liquid
from astrobrian.studies.ratio.trials import Outcome

#: spikes a step below which a unit is dead, and above which it is saturated
DEAD, SATURATED = 0.001, 0.5


def firing(liquid: Liquid, rates: np.ndarray) -> Outcome:
    """An outcome that tells nothing yet but how the units fired.

    Parameters
    ----------
    liquid : Liquid
    rates : array, shape (units,)
        Spikes a step, neurons first.
    """
    dead, saturated = (float(part) for part in (np.mean(rates < DEAD), np.mean(rates > SATURATED)))
    return Outcome(
        neuron_rate=_mean(rates[: liquid.neurons]),
        astrocyte_rate=_mean(rates[liquid.neurons :]),
        dead=dead,
        saturated=saturated,
        degenerate=dead + saturated > 0.5,
    )


def _mean(rates: np.ndarray) -> float | None:
    return float(rates.mean()) if len(rates) else None
