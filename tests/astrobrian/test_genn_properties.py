"""Any connections, territories, delays and clocks: the program for GeNN computes what Brian2 does."""

import numpy as np
import pytest
from brian2 import Network, StateMonitor, defaultclock, mmolar, ms, pA, set_device, start_scope, umolar
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from astrobrian import AstrocyteGroup, Neurons, TripartiteSynapses
from astrobrian.equations import (
    cleft_glutamate,
    coba_lif,
    excitatory_conductance,
    gchi,
    gliotransmission,
    presynaptic_receptors,
    tsodyks_markram,
)
from astrobrian.genn import running
from astrobrian.genn.device import genn_device
from astrobrian.genn.effects import inlined
from astrobrian.genn.rehearsal import rehearse
from astrobrian.genn.sites import Sites, occurrence, parts, same_rows
from astrobrian.links import statements

N, N_A = 5, 3
RELEASE = (tsodyks_markram + cleft_glutamate + presynaptic_receptors + excitatory_conductance).per_cell(
    "U_0_star", "Y_T"
)
neurons = st.integers(0, N - 1)
synapses = st.tuples(
    neurons, neurons, st.integers(-1, N_A - 1), st.integers(0, 3), st.sampled_from([0.4, 0.6]), st.booleans()
)


@st.composite
def networks(draw):
    """Rows of synapses, the astrocytes' clock, and how they gather."""
    rows = draw(st.lists(synapses, min_size=1, max_size=30))
    return rows, draw(st.sampled_from([1, 2, 5])), draw(st.sampled_from(["mean", "sum"]))


def simulate(rows, every, gather):
    start_scope()
    defaultclock.dt = 0.5 * ms
    cells = Neurons(N, coba_lif, method="euler")
    cells.v = "E_l + (i + 0.5)/N*(V_th - E_l)"
    cells.I_ex = 400 * pA
    glia = AstrocyteGroup(N_A, gchi + gliotransmission, dt=every * 0.5 * ms)
    glia.C = [0.6, 0.1, 0.49] * umolar
    glia.I = 0.5 * umolar
    i, j, covering, delay, released, many = (np.array(column) for column in zip(*rows, strict=True))
    loop = TripartiteSynapses(cells, cells, glia, RELEASE, gather=gather)
    loop.connect(i=i, j=j)
    loop.pre.delay = delay * ms
    loop.U_0_star = released
    loop.Y_T = np.where(many, 500, 100) * mmolar
    loop.cover(index=covering)
    monitors = StateMonitor(cells, ["v", "g_e"], record=True), StateMonitor(glia, ["Y_S", "C"], record=True)
    lifted = StateMonitor(loop, ["u_S", "x_S", "Gamma_S"], record=True)
    Network(cells, glia, loop, *monitors, lifted).run(30 * ms)
    return {
        name: np.array(getattr(monitor, f"{name}_"))
        for monitor in (*monitors, lifted)
        for name in monitor.record_variables
    }


@given(networks())
@settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_network_is_the_same(network):
    with pytest.MonkeyPatch.context() as patch:
        set_device("runtime")
        expected = simulate(*network)
        patch.setattr(running, "run", lambda program, *_: rehearse(program))
        set_device(genn_device())
        found = simulate(*network)
    for name, values in expected.items():
        np.testing.assert_allclose(
            found[name], values, rtol=1e-10, atol=1e-12 * np.abs(values).max(), err_msg=name
        )


pairs = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40).map(np.array)


@given(pairs)
def test_each_site_of_a_neuron_has_a_number_of_its_own(given_pairs):
    neuron, territory = given_pairs.T
    sites = Sites.of(neuron, territory, 5, null=4)
    np.testing.assert_array_equal(sites.territory[sites.of_synapse, neuron], territory)
    assert len(sites.territory) == max(len(np.unique(territory[neuron == each])) for each in range(5))


@given(pairs)
def test_rows_that_agree_become_one(given_pairs):
    first, count, which = same_rows(list(given_pairs.T))
    np.testing.assert_array_equal(given_pairs[first][which], given_pairs)
    np.testing.assert_array_equal(count, np.bincount(which))


@given(pairs, st.integers(0, 2**32 - 1))
def test_each_part_has_each_pair_once_in_order(given_pairs, seed):
    i, j = given_pairs.T
    key = np.random.default_rng(seed).integers(0, 3, len(i))
    found = parts(i, j, key)
    assert sorted(np.concatenate(found)) == list(range(len(i)))
    for rows in found:
        listed = list(zip(i[rows], j[rows], strict=True))
        assert listed == sorted(set(listed))
        assert len(set(key[rows])) == 1
    assert len(found) == len(
        {(each, number) for each, number in zip(key, occurrence(i, j, key), strict=True)}
    )


def test_what_is_the_same_at_all_synapses_is_written_out():
    lines = statements("a = 2*t\nx = 3\nb = a + 1\nc = b*x\nr = rand()\ny_post += c + r + a")
    assert [str(line) for line in inlined(lines, {"x"})] == [
        "x = 3",
        "c = ((2 * t) + 1) * x",
        "r = rand()",
        "y_post += c + r + (2 * t)",
    ]
