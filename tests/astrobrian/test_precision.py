"""Single precision gives the same answer to single precision, with the same topology."""

import shutil

import numpy as np
import pytest
from brian2 import (
    Network,
    SpikeMonitor,
    StateMonitor,
    TimedArray,
    ms,
    mV,
    pA,
    prefs,
    run,
    um,
    umolar,
)
from numpy.testing import assert_allclose

from astrobrian import (
    AstrocyteGroup,
    GapJunctions,
    Grid,
    Neurons,
    PhysicalRangeError,
    TripartiteSynapses,
    place,
    use_backend,
)
from astrobrian.equations import (
    chi,
    cleft_glutamate,
    coba_lif,
    excitatory_conductance,
    gchi,
    gliotransmission,
    presynaptic_receptors,
    tsodyks_markram,
)

needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None and shutil.which("clang++") is None, reason="no C++ compiler"
)


def closed_loop():
    """Neurons that excite each other, as many as are handled several at once, and their coupled astrocytes."""
    random = np.random.default_rng(1)
    neurons = Neurons(400, coba_lif, method="euler")
    place(neurons[:324], Grid(1000 * um))
    place(neurons[324:], Grid(1000 * um))
    neurons.v = (-60 + 10 * random.random(400)) * mV
    drive = TimedArray([120, 140] * pA, dt=50 * ms)
    neurons.run_regularly("I_ex = drive(t)", dt=50 * ms)
    glia = AstrocyteGroup(324, gchi + gliotransmission, layout=Grid(1000 * um), dt=10 * ms)
    glia.I = 0.01 * umolar
    glia.C = np.linspace(0.05, 0.3, 324) * umolar
    junctions = GapJunctions(glia, within=80 * um)
    release = tsodyks_markram + cleft_glutamate + presynaptic_receptors + excitatory_conductance
    synapses = TripartiteSynapses(neurons[:324], neurons, glia, release)
    i, j = np.nonzero(random.random((324, 400)) < 0.05)
    synapses.connect(i=i, j=j)
    synapses.cover(by="post")  # many neurons are as far from one astrocyte as from another
    spikes = SpikeMonitor(neurons)
    cells = StateMonitor(glia, ["C", "I", "h", "Gamma_A", "Y_S", "G_A"], record=True, dt=10 * ms)
    fibres = StateMonitor(neurons, ["v", "g_e"], record=True, dt=1 * ms)
    run(80 * ms, namespace={"drive": drive})
    traces = {name: np.array(getattr(cells, name)) for name in cells.record_variables}
    traces |= {name: np.array(getattr(fibres, name)) for name in fibres.record_variables}
    counts = {
        "spikes": np.array(spikes.count),
        "junctions": np.array([junctions.i[:], junctions.j[:]]),
        "astrocytes": synapses.astrocyte_index,
    }
    return traces, counts


@needs_compiler
@pytest.mark.parametrize("backend", ["numpy", "cpp", pytest.param("cython", marks=pytest.mark.slow)])
def test_a_closed_loop_in_single_precision(backend):
    use_backend("numpy")
    exact, expected = closed_loop()
    use_backend(backend, precision="single")
    traces, counts = closed_loop()
    assert expected["spikes"].sum() > 100 and exact["Y_S"].max() > 0
    for name, values in expected.items():
        assert np.array_equal(counts[name], values), name
    for name, values in exact.items():
        assert_allclose(traces[name], values, rtol=0, atol=1e-5 * np.abs(values).max(), err_msg=name)


def test_the_next_choice_is_double_again():
    use_backend("numpy", precision="single")
    assert AstrocyteGroup(1, chi).variables["C"].dtype == np.float32
    use_backend("numpy")
    assert prefs.core.default_float_dtype == np.float64
    assert AstrocyteGroup(1, chi).variables["C"].dtype == np.float64


def test_the_guard_allows_the_rounding_of_the_precision_and_no_more():
    use_backend("numpy", precision="single")
    astrocytes = AstrocyteGroup(2, chi, dt=0.1 * ms)
    astrocytes.h = [1 + 5e-7, 1]  # where rounding may leave it
    astrocytes.I, astrocytes.C = 0.1 * umolar, [1e-3, 0.1] * umolar
    Network(astrocytes).run(0.1 * ms)
    assert astrocytes.h[0] > 1
    astrocytes = AstrocyteGroup(2, chi, dt=0.1 * ms)
    astrocytes.h = [1, 1.001]
    with pytest.raises(PhysicalRangeError, match="h of cell 1"):
        Network(astrocytes).run(0.1 * ms)
