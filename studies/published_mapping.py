"""Which astrocyte covers which synapse in the published script of figure 6, with its defects.

The script computes an index from the position of the postsynaptic neuron and a grid of astrocytes. Its positions are
centred on zero, so that half of the rows and columns are negative; it cuts fractions off towards zero; the number of
columns is not whole; rows and columns change places between the formula and the layout; and the inhibitory neurons
have no position, so that all of them are at the origin. ``docs/figure6.md`` says what comes of it.
"""

from __future__ import annotations

import numpy as np
from brian2 import Quantity


def published_index(excitatory: int, inhibitory: int, astrocytes: int, size: Quantity) -> np.ndarray:
    """Index of the astrocyte that covers the excitatory synapses of each neuron.

    Parameters
    ----------
    excitatory, inhibitory, astrocytes : int
        Numbers of cells.
    size : Quantity
        Side of the sheet.

    Returns
    -------
    array of int, shape (excitatory + inhibitory,)
        -1 where the formula gives a negative number: these synapses have no astrocyte.
    """
    rows = int(np.sqrt(excitatory))
    columns = excitatory // rows
    spacing = float(size) / columns
    i = np.arange(excitatory)
    # in the script's order of operations: rounding decides which side of a whole number some neurons are on
    x = np.append((i // rows) * spacing - rows / 2.0 * spacing, np.zeros(inhibitory))
    y = np.append((i % rows) * spacing - columns / 2.0 * spacing, np.zeros(inhibitory))
    astrocyte_columns, astrocyte_spacing = _astrocyte_grid(astrocytes, size)
    index = np.trunc(
        np.trunc(x / astrocyte_spacing) + astrocyte_columns * np.trunc(y / astrocyte_spacing)
    ).astype(int)
    return np.where(index < 0, -1, index)


def published_positions(astrocytes: int, size: Quantity) -> Quantity:
    """Positions of the astrocytes, shape (astrocytes, 2): column by column, centred on zero."""
    columns, spacing = _astrocyte_grid(astrocytes, size)
    rows = int(np.sqrt(astrocytes))
    i = np.arange(astrocytes)
    x = (i // rows) * spacing - rows / 2.0 * spacing
    y = (i % rows) * spacing - columns / 2.0 * spacing
    return Quantity(np.column_stack([x, y]), dim=size.dim)


def _astrocyte_grid(astrocytes: int, size: Quantity) -> tuple[float, float]:
    """Number of columns, which isn't whole, and spacing in metres."""
    rows = int(np.sqrt(astrocytes))
    return astrocytes / rows, float(size) / rows
