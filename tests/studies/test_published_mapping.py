"""The mapping of the published script, against numbers counted from its own formulas."""

import numpy as np
import pytest
from brian2 import mm, um

from astrobrian import neighbours
from astrobrian.studies.published_mapping import published_index, published_positions

SIZE = 3.75 * mm


def test_the_defects_of_the_published_index():
    index = published_index(3200, 800, 3200, SIZE)
    assert index.shape == (4000,)
    assert np.mean(index < 0) == pytest.approx(0.4145)  # these neurons' synapses have no astrocyte
    assert np.mean(index == 0) == pytest.approx(0.2015)
    assert np.all(index[3200:] == 0)  # all inhibitory neurons are at the origin
    assert index.max() == 1512
    assert len(np.unique(index[index >= 0])) == 1458  # of 3200


def test_the_published_index_is_not_spatial():
    index = published_index(3200, 800, 3200, SIZE)[:3200]
    spacing, i = SIZE / 57, np.arange(3200)
    neurons = np.stack([i // 56 - 28, i % 56 - 28.5], axis=1) * spacing
    apart = np.asarray((neurons - published_positions(3200, SIZE)[index]) / um)[index >= 0]
    distance = np.linalg.norm(apart, axis=1)
    assert np.median(distance) == pytest.approx(2196, abs=1)
    assert np.mean(distance < 75) < 0.002


def test_the_published_astrocytes_have_four_neighbours():
    i, _ = neighbours(published_positions(3200, SIZE), within=75 * um)
    assert 2 * len(i) / 3200 == pytest.approx(3.93, abs=0.005)
