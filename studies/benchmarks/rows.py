"""The rows of the table, in its order."""

from __future__ import annotations

from astrobrian.studies.benchmarks import (
    brunel,
    chi_cells,
    compilation,
    cuda,
    figure6,
    liquids,
    scaling,
    sweep,
)
from astrobrian.studies.benchmarks.row import Row

ROWS: dict[str, Row] = {
    row.name: row
    for row in (
        figure6.published,
        figure6.without,
        brunel.brunel,
        chi_cells.chi_cells,
        scaling.scaling,
        sweep.parameter_sweep,
        compilation.compilation,
        liquids.liquids_of_the_ratio_study,
        cuda.cuda,
    )
}
"""Every row by name."""
