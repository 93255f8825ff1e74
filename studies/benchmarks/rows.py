"""The rows of the table, in its order."""

from __future__ import annotations

from astrobrian.studies.benchmarks import (
    amsu,
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
        amsu.unit_and_layer,
        amsu.unit_and_spikingjelly,
        cuda.cuda,
        amsu.on_a_gpu,
        amsu.unit_and_spikingjelly_on_a_gpu,
    )
}
"""Every row by name."""
