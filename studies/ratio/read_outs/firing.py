"""Which liquids fire as liquids should."""

from __future__ import annotations

import numpy as np
from brian2 import ms

from astrobrian.equations import coba_lif
from astrobrian.studies.ratio.constants import Biophysical
from astrobrian.studies.ratio.liquids import Liquid, Units
from astrobrian.studies.ratio.trials import Outcome

# events a step below which a unit is dead; part of the most that there can be above which it is saturated
_DEAD, _SATURATED = 0.001, 0.5


def firing(liquid: Liquid, rates: np.ndarray, values: Biophysical) -> Outcome:
    """An outcome that tells nothing yet but how the units fired.

    A formal unit spikes at most once a step, an integrate-and-fire neuron once in its refractory period. An astrocyte
    that hardly ever releases is counted as dead, although its calcium may tell something.

    Parameters
    ----------
    liquid : Liquid
    rates : array, shape (units,)
        Spikes or releases a step, neurons first.
    values : constants.Biophysical
        They say how long a step is.
    """
    refractory = coba_lif.parameters["tau_r"].quantity
    most = 1.0 if liquid.units is Units.FORMAL else float(values.sample * ms / refractory)
    dead, saturated = float(np.mean(rates < _DEAD)), float(np.mean(rates > _SATURATED * most))
    return Outcome(
        neuron_rate=_mean(rates[: liquid.neurons]),
        astrocyte_rate=_mean(rates[liquid.neurons :]),
        dead=dead,
        saturated=saturated,
        degenerate=dead + saturated > 0.5,
    )


def _mean(rates: np.ndarray) -> float | None:
    """Of none, None."""
    return float(rates.mean()) if len(rates) else None
