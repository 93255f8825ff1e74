"""The loop that AstroBrian's astrocytes are timed beside computes the same."""

import numpy as np
import pytest
from brian2 import Network, ms

from astrobrian import AstrocyteGroup, GapJunctions
from astrobrian.backends import compiler
from astrobrian.equations import chi
from astrobrian.studies.benchmarks import chi_loop


@pytest.mark.skipif(compiler() is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("expert", [False, True])
def test_it_does_what_brian2_does(tmp_path, expert):
    astrocytes = AstrocyteGroup(50, chi, dt=10 * ms)
    rng = np.random.default_rng(1)
    start = {"C": rng.uniform(0, 5e-4, 50), "h": rng.uniform(0, 1, 50), "I": rng.uniform(0, 1.5e-3, 50)}
    for name, values in start.items():
        getattr(astrocytes, f"{name}_")[:] = values
    coupled = GapJunctions(astrocytes, pairs=(np.arange(50), np.roll(np.arange(50), -1)))
    found = chi_loop.run(
        chi_loop.compiled(tmp_path, expert), start, np.array(coupled.i), np.array(coupled.j), 0.01, 100
    )
    assert found.ns_per_cell_and_step > 0
    Network(astrocytes, coupled).run(1000 * ms)
    for name, values in found.states.items():
        np.testing.assert_allclose(values, getattr(astrocytes, f"{name}_"), rtol=1e-10)
