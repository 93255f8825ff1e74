"""Wirings: what is connected to what, how strongly, and that it is always the same."""

from dataclasses import astuple, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobrian.studies.ratio.constants import Wiring
from astrobrian.studies.ratio.wiring import matrix, wire

VALUES = Wiring()
KINDS = ("synapses", "listening", "talking", "coupling")

sizes = st.integers(0, 40)
seeds = st.integers(0, 1000)


def all_weights(wired, neurons, astrocytes):
    return matrix(neurons, astrocytes, *(getattr(wired, kind) for kind in KINDS))


def radius(weights):
    return np.abs(np.linalg.eigvals(weights)).max()


def pairs(edges):
    return list(zip(edges.source.tolist(), edges.target.tolist(), strict=True))


def arrays(wired):
    edges = [value for kind in KINDS for value in astuple(getattr(wired, kind))]
    return [*edges, wired.cover, wired.inputs, wired.inhibitory]


@given(
    sizes,
    sizes,
    seeds,
    st.sampled_from([1, 3, 8]),
    st.integers(1, 16),
    st.sampled_from([0.0, 0.25, 0.75, 1.0]),
)
def test_synapses_of_any_liquid(neurons, astrocytes, seed, subnetworks, in_degree, local):
    values = replace(VALUES, subnetworks=subnetworks, in_degree=in_degree, local=local)
    wired = wire(neurons, astrocytes, seed, 2, values)
    found = pairs(wired.synapses)
    assert len(set(found)) == len(found)
    assert all(source != target for source, target in found)
    some = min(in_degree, max(neurons - 1, 0))
    assert np.array_equal(np.bincount(wired.synapses.target, minlength=neurons), np.full(neurons, some))
    for target in range(neurons):
        sources = wired.synapses.source[wired.synapses.target == target]
        at_home = np.count_nonzero(sources % subnetworks == target % subnetworks)
        others_at_home = np.count_nonzero(np.arange(neurons) % subnetworks == target % subnetworks) - 1
        wanted = min(round(local * some), others_at_home)
        # more of its own subnetwork only where there are too few elsewhere
        assert at_home == max(wanted, some - (neurons - 1 - others_at_home))
    assert wired.inhibitory.sum() == neurons // 5
    assert wired.inputs.shape == (neurons + astrocytes, 2)
    assert np.abs(wired.inputs).max(initial=0) <= values.input_scale / np.sqrt(2)


@given(sizes, st.integers(1, 40), seeds, st.sampled_from([1, 8]))
def test_an_astrocyte_of_the_subnetwork_covers_a_synapse_and_listens_and_talks(
    neurons, astrocytes, seed, subnetworks
):
    wired = wire(neurons, astrocytes, seed, 1, replace(VALUES, subnetworks=subnetworks))
    assert np.all((wired.cover >= 0) & (wired.cover < astrocytes))
    for target, cover in zip(wired.synapses.target, wired.cover, strict=True):
        if target % subnetworks < astrocytes:
            assert cover % subnetworks == target % subnetworks
    listening = zip(wired.synapses.source.tolist(), wired.cover.tolist(), strict=True)
    talking = zip(wired.cover.tolist(), wired.synapses.target.tolist(), strict=True)
    assert pairs(wired.listening) == sorted(set(listening))
    assert pairs(wired.talking) == sorted(set(talking))


@given(sizes, seeds, st.sampled_from([0, 2, 4, 8]))
def test_astrocytes_are_coupled_in_both_directions_on_a_ring(astrocytes, seed, neighbours):
    coupled = pairs(wire(0, astrocytes, seed, 1, replace(VALUES, coupling=neighbours)).coupling)
    expected = {
        (one, other)
        for one in range(astrocytes)
        for other in range(astrocytes)
        if 0 < min((one - other) % astrocytes, (other - one) % astrocytes) <= neighbours // 2
    }
    assert set(coupled) == expected
    assert len(coupled) == len(expected)


@given(sizes, sizes, seeds, st.sampled_from([0.45, 0.9, 1.8]), st.booleans())
def test_the_spectral_radius_is_what_was_asked_for(neurons, astrocytes, seed, asked, connected):
    wired = wire(neurons, astrocytes, seed, 1, replace(VALUES, spectral_radius=asked), connected)
    weights = all_weights(wired, neurons, astrocytes)
    if not weights.any():
        assert neurons < 2
        return
    found = radius(weights)
    if found < 1e-3 * asked:  # nothing comes back: then it is the norm
        found = np.linalg.norm(weights, 2)
    assert found == pytest.approx(asked, rel=1e-6)


@given(sizes, sizes, seeds, st.integers(1, 8))
def test_the_same_arguments_give_the_same_wiring(neurons, astrocytes, seed, channels):
    one, other = (wire(neurons, astrocytes, seed, channels, VALUES) for _ in range(2))
    assert all(map(np.array_equal, arrays(one), arrays(other)))


@pytest.mark.parametrize("changed", [(40, 32, 0), (32, 40, 0), (32, 32, 1)])
def test_another_cell_or_seed_is_another_wiring(changed):
    one, other = wire(32, 32, 0, 1, VALUES), wire(*changed, 1, VALUES)
    shared = min(len(one.synapses), len(other.synapses))
    assert not np.array_equal(one.synapses.weight[:shared], other.synapses.weight[:shared])
    assert not np.array_equal(one.inputs[:32], other.inputs[:32])


@given(st.integers(2, 40), st.integers(1, 40), seeds)
def test_without_connections_of_astrocytes_nothing_else_is_drawn_anew(neurons, astrocytes, seed):
    mixed, unconnected = (
        wire(neurons, astrocytes, seed, 3, VALUES, connected) for connected in (True, False)
    )
    assert not any(len(getattr(unconnected, kind)) for kind in KINDS[1:])
    assert np.all(unconnected.cover == -1)
    assert np.array_equal(mixed.inputs, unconnected.inputs)
    assert np.array_equal(mixed.inhibitory, unconnected.inhibitory)
    assert pairs(mixed.synapses) == pairs(unconnected.synapses)
    ratio = unconnected.synapses.weight / mixed.synapses.weight
    assert np.allclose(ratio, ratio[0])


@given(sizes, seeds)
def test_margins_have_one_kind_of_unit(number, seed):
    neurons_only, astrocytes_only = wire(number, 0, seed, 1, VALUES), wire(0, number, seed, 1, VALUES)
    assert np.all(neurons_only.cover == -1)
    assert not any(len(getattr(neurons_only, kind)) for kind in KINDS[1:])
    assert not any(len(getattr(astrocytes_only, kind)) for kind in KINDS[:3])
    assert len(neurons_only.inhibitory) == number
    assert len(astrocytes_only.inhibitory) == 0


def test_an_astrocyte_of_another_subnetwork_covers_where_there_is_none_at_home():
    wired = wire(64, 3, 0, 1, VALUES)
    away = wired.synapses.target % VALUES.subnetworks >= 3
    assert set(wired.cover[away]) == {0, 1, 2}


def test_weights_are_of_both_signs_and_each_is_its_own():
    wired = wire(64, 64, 0, 1, VALUES)
    for kind in KINDS:
        weight = getattr(wired, kind).weight
        assert len(np.unique(weight)) == len(weight)
        assert 0.4 < np.mean(weight > 0) < 0.6
