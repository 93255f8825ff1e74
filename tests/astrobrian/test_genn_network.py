"""A closed loop of 1,000 neurons and 800 astrocytes on GeNN, against the backend "cpp"."""

import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, StateMonitor, defaultclock, mm, ms, mV, pA, second, um, umolar

from astrobrian import AstrocyteGroup, GapJunctions, Grid, Neurons, TripartiteSynapses, place, use_backend
from astrobrian.backends import obstacle
from astrobrian.equations import (
    cleft_glutamate,
    coba_lif,
    excitatory_conductance,
    gchi,
    gliotransmission,
    inhibitory_conductance,
    presynaptic_receptors,
    tsodyks_markram,
)

EXCITATORY, INHIBITORY, ASTROCYTES = 800, 200, 800
DURATION = 4 * second
RELEASE = tsodyks_markram + cleft_glutamate + presynaptic_receptors + excitatory_conductance


def simulate(backend: str) -> dict[str, np.ndarray]:
    """Spikes, releases and calcium of the network of figure 6 in Stimberg et al. (2019), a quarter of its size."""
    use_backend(backend)
    defaultclock.dt = 0.1 * ms
    rng = np.random.default_rng(28371)
    sheet = Grid(1.875 * mm)
    neurons = Neurons(EXCITATORY + INHIBITORY, coba_lif, method="euler")
    excitatory, inhibitory = neurons[:EXCITATORY], neurons[EXCITATORY:]
    for population in (excitatory, inhibitory):
        place(population, sheet)
    neurons.v = (-60 + 10 * rng.random(len(neurons))) * mV
    neurons.I_ex = 120 * pA
    model = gchi(O_beta=5 * umolar / second, O_delta=1.2 * umolar / second) + gliotransmission
    astrocytes = AstrocyteGroup(ASTROCYTES, model, layout=sheet, dt=10 * ms)
    synapses = TripartiteSynapses(excitatory, neurons, astrocytes, RELEASE)
    synapses.connect(**_pairs(rng, EXCITATORY, len(neurons), 0.2))
    synapses.cover(by="post")
    inhibition = TripartiteSynapses(inhibitory, neurons, model=tsodyks_markram + inhibitory_conductance)
    inhibition.connect(**_pairs(rng, INHIBITORY, len(neurons), 0.8))
    gap_junctions = GapJunctions(astrocytes, within=75 * um)
    spikes, releases = SpikeMonitor(neurons), SpikeMonitor(astrocytes)
    calcium = StateMonitor(astrocytes, ["C", "Y_S"], record=range(0, ASTROCYTES, 8))
    objects = neurons, astrocytes, synapses, inhibition, gap_junctions
    Network(*objects, spikes, releases, calcium).run(DURATION)
    return {
        "spikes": _events(spikes),
        "releases": _events(releases),
        "calcium": np.array(calcium.C),
        "glutamate": np.array(calcium.Y_S),
    }


def _pairs(rng: np.random.Generator, sources: int, targets: int, p: float) -> dict[str, np.ndarray]:
    i, j = np.nonzero(rng.random((sources, targets)) < p)
    return {"i": i, "j": j}


def _events(monitor: SpikeMonitor) -> np.ndarray:
    """Time steps and cells."""
    steps = np.round(np.asarray(monitor.t) / 1e-4).astype(int)
    order = np.lexsort((monitor.i, steps))
    return np.stack([steps[order], np.asarray(monitor.i)[order]])


@pytest.mark.slow
@pytest.mark.skipif(obstacle("genn") is not None, reason=f"GeNN: {obstacle('genn')}")
def test_a_thousand_neurons_do_the_same_as_on_cpp():
    expected, found = simulate("cpp"), simulate("genn")
    assert expected["spikes"].shape[1] > 1000 and expected["releases"].shape[1] > 100
    for events in ("spikes", "releases"):
        np.testing.assert_array_equal(found[events], expected[events])
    for variable in ("calcium", "glutamate"):
        atol = 1e-9 * expected[variable].max()
        np.testing.assert_allclose(found[variable], expected[variable], rtol=1e-9, atol=atol)
