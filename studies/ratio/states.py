"""What the units of many liquids did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from astrobrian.studies.ratio.liquids import Liquid


@dataclass(frozen=True)
class States:
    """Of one batch.

    Parameters
    ----------
    of : Mapping[Liquid, array of float32, shape (samples, neurons + astrocytes)]
        What can be read, neurons first: low-pass filtered spikes, or the calcium of biophysical astrocytes.
    rates : Mapping[Liquid, array, shape (neurons + astrocytes,)]
        Spikes a step, or the events a step of biophysical astrocytes (calcium above the threshold of release), after
        the wash-in.
    bias : Mapping[Liquid, array, shape (neurons + astrocytes,)]
        Where the control of rates left the bias of each unit.
    """

    of: Mapping[Liquid, np.ndarray]
    rates: Mapping[Liquid, np.ndarray]
    bias: Mapping[Liquid, np.ndarray]
