"""The lifted form gives the same numbers whatever compiles it."""

import shutil

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, StateMonitor, ms, run, umolar
from numpy.testing import assert_allclose

from astrobrian import AstrocyteGroup, TripartiteSynapses, use_backend
from astrobrian.covering import CoverError
from astrobrian.equations import (
    cleft_glutamate,
    gchi,
    gliotransmission,
    presynaptic_receptors,
    tsodyks_markram,
)

needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None and shutil.which("clang++") is None, reason="no C++ compiler"
)


def simulate(form):
    """Three objects on one group of astrocytes, with everything that generated code does for them."""
    times = np.random.default_rng(0).permuted(np.tile(np.arange(1, 200) / 5, (20, 1)), axis=1)[:, :10]
    source = SpikeGeneratorGroup(20, np.repeat(np.arange(20), 10), times.ravel() * ms)
    target = NeuronGroup(10, "dg_e/dt = -g_e/(5*ms) : siemens", method="exact")
    glia = AstrocyteGroup(4, gchi + gliotransmission, dt=1 * ms)
    glia.C, glia.I = "(0.45 + 0.02*i)*umolar", 0.8 * umolar
    model = tsodyks_markram + cleft_glutamate + presynaptic_receptors
    covered = TripartiteSynapses(
        source, target, glia, model, "g_e_post += 0.05*nS*r_S", form=form, delay=1 * ms
    )
    covered.connect("(i + j) % 3 != 0")
    covered.cover(by="post", index=[0, 0, 1, 1, 1, 2, 2, -1, 2, 2])
    writing = TripartiteSynapses(source, target, glia, "", "C_astro += 0.1*nmolar")
    writing.connect("i == j")
    writing.cover(index="int(j/3.0)")
    gamma = StateMonitor(covered, "Gamma_S", record=[0, 1, 5, 30])
    cells = StateMonitor(glia, ["Y_S", "G_A", "C"], record=True)
    conductance = StateMonitor(target, "g_e", record=True)
    run(60 * ms)
    traces = {name: np.array(getattr(cells, name)) for name in ("Y_S", "G_A", "C")}
    traces |= {
        "Gamma_S": np.array(gamma.Gamma_S),
        "g_e": np.array(conductance.g_e),
        "x_S": np.array(covered.x_S),
    }
    assert covered.uncovered == (covered.astrocyte_index == -1).sum() > 0
    return traces


@needs_compiler
@pytest.mark.parametrize(
    ("backend", "options"),
    [
        ("cpp", {}),
        pytest.param("cpp", {"threads": 2}, marks=pytest.mark.slow),
        pytest.param("cython", {}, marks=pytest.mark.slow),
    ],
)
def test_lifted_there_is_published_here(backend, options):
    here = simulate("published")
    use_backend(backend, **options)
    there = simulate("lifted")
    assert here["G_A"].max() > 0.01
    for name, values in here.items():
        assert_allclose(there[name], values, rtol=1e-9, atol=1e-9 * np.abs(values).max(), err_msg=name)


@needs_compiler
def test_array_for_synapses_that_python_does_not_know():
    use_backend("cpp", build_on_run=False)
    synapses = few_synapses()
    with pytest.raises(CoverError, match="only known when the standalone program runs"):
        synapses.cover(index=[0, 1])
    synapses.cover(by="post", index=[0, 1, -1])
    assert synapses.uncovered is None
    assert repr(synapses).startswith(f"<TripartiteSynapses {synapses.name!r}: ? synapses")


@needs_compiler
@pytest.mark.slow
def test_standalone_program_checks_expressions(capfd):
    use_backend("cpp")
    synapses = few_synapses()
    synapses.cover(index="i + 1")
    net = Network(synapses.source, synapses.astrocytes, synapses)
    with pytest.raises(RuntimeError, match="run failed"):
        net.run(1 * ms)
    assert "astrocyte 2 is out of range; indices go from 0 to 1" in capfd.readouterr().err


def few_synapses():
    neurons = NeuronGroup(3, "g : 1", threshold="False", name="few")
    glia = AstrocyteGroup(2, gchi, name="two")
    synapses = TripartiteSynapses(neurons, neurons, glia, tsodyks_markram + cleft_glutamate, name="checked")
    synapses.connect("i != j")
    return synapses
