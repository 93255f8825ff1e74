"""The closed loop of figure 6 with the same connections and initial values on GeNN and on a GPU, against "cpp"."""

import numpy as np
import pytest
from brian2 import Network, Quantity, SpikeMonitor, StateMonitor, defaultclock, ms, mV, pA, second, um, umolar

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
from astrobrian.studies.network import ASTROCYTES, EXCITATORY, INHIBITORY, SHEET

RELEASE = tsodyks_markram + cleft_glutamate + presynaptic_receptors + excitatory_conductance


def simulate(backend: str, scale: float, duration: Quantity) -> dict[str, np.ndarray]:
    """Spikes, releases and calcium of the network in Stimberg et al. (2019), so many times its size."""
    use_backend(backend)
    defaultclock.dt = 0.1 * ms
    rng = np.random.default_rng(28371)
    sheet = Grid(np.sqrt(scale) * SHEET)
    N_e, N_i, N_a = (round(scale * cells) for cells in (EXCITATORY, INHIBITORY, ASTROCYTES))
    neurons = Neurons(N_e + N_i, coba_lif, method="euler")
    excitatory, inhibitory = neurons[:N_e], neurons[N_e:]
    for population in (excitatory, inhibitory):
        place(population, sheet)
    neurons.v = (-60 + 10 * rng.random(len(neurons))) * mV
    neurons.I_ex = 120 * pA
    model = gchi(O_beta=5 * umolar / second, O_delta=1.2 * umolar / second) + gliotransmission
    astrocytes = AstrocyteGroup(N_a, model, layout=sheet, dt=10 * ms)
    synapses = TripartiteSynapses(excitatory, neurons, astrocytes, RELEASE)
    synapses.connect(**_pairs(rng, N_e, len(neurons), 0.05 / scale))
    synapses.cover(by="post")
    inhibition = TripartiteSynapses(inhibitory, neurons, model=tsodyks_markram + inhibitory_conductance)
    inhibition.connect(**_pairs(rng, N_i, len(neurons), 0.2 / scale))
    gap_junctions = GapJunctions(astrocytes, within=75 * um)
    spikes, releases = SpikeMonitor(neurons), SpikeMonitor(astrocytes)
    calcium = StateMonitor(astrocytes, ["C", "Y_S"], record=range(0, N_a, 8))
    objects = neurons, astrocytes, synapses, inhibition, gap_junctions
    Network(*objects, spikes, releases, calcium).run(duration)
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


def _agree_until(one: np.ndarray, other: np.ndarray) -> int:
    """The time step of the first event that only one of them has."""
    steps = [events[0] for events in set(map(tuple, one.T)) ^ set(map(tuple, other.T))]
    return min(steps, default=max(one[0].max(), other[0].max()) + 1)


@pytest.mark.slow
@pytest.mark.skipif(obstacle("genn") is not None, reason=f"GeNN: {obstacle('genn')}")
def test_a_thousand_neurons_do_the_same_as_on_cpp():
    expected, found = (simulate(backend, 0.25, 4 * second) for backend in ("cpp", "genn"))
    assert expected["spikes"].shape[1] > 1000 and expected["releases"].shape[1] > 100
    for events in ("spikes", "releases"):
        np.testing.assert_array_equal(found[events], expected[events])
    for variable in ("calcium", "glutamate"):
        atol = 1e-9 * expected[variable].max()
        np.testing.assert_allclose(found[variable], expected[variable], rtol=1e-9, atol=atol)


@pytest.mark.slow
@pytest.mark.skipif(obstacle("cuda") is not None, reason=f"CUDA: {obstacle('cuda')}")
def test_the_whole_network_on_a_gpu_is_that_of_cpp_until_chaos_sets_in():
    """Sums are added in another order there, and a last digit becomes another spike sooner or later."""
    expected, found = (simulate(backend, 1.0, 8 * second) for backend in ("cpp", "cuda"))
    same = _agree_until(expected["spikes"], found["spikes"])
    assert same > 1000
    calcium = slice(0, same // 100)  # on the astrocytes' clock
    np.testing.assert_allclose(found["calcium"][:, calcium], expected["calcium"][:, calcium], rtol=1e-6)
    for events in ("spikes", "releases"):
        assert found[events].shape[1] == pytest.approx(expected[events].shape[1], rel=0.05)


def test_events_agree_until_the_first_that_differs():
    events = np.array([[1, 2, 2, 5], [0, 0, 3, 1]])
    assert _agree_until(events, events) == 6
    assert _agree_until(events, events[:, :3]) == 5
    assert _agree_until(events, events + np.array([[0, 0, 0, 0], [0, 0, 1, 0]])) == 2
