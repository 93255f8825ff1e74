"""Every row, in the order of the table."""

from __future__ import annotations

from astrobrian.backends.features import FEATURES
from astrobrian.studies.compatibility import astrocytes, inputs, monitors, running, synapses, territories
from astrobrian.studies.compatibility.row import Row, rows_of

_found: dict[str, Row] = {}
for module in (astrocytes, territories, synapses, inputs, monitors, running):
    _found |= rows_of(vars(module))

ROWS: dict[str, Row] = {key: _found[key] for key in FEATURES if key in _found}
"""Every row by the key of its feature."""
