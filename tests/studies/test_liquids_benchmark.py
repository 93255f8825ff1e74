"""The liquids that a row of benchmarks writes in snnTorch are those of the ratio study."""

from collections import Counter

import numpy as np
import pytest
from brian2 import get_device, set_device

from astrobrian.studies.benchmarks import liquids, needs
from astrobrian.studies.ratio.constants import Constants, Series
from astrobrian.studies.ratio.formal import simulate
from astrobrian.studies.ratio.liquids import Arm, Liquid, Units
from astrobrian.studies.ratio.tasks import TASKS

CONSTANTS = Constants(series=Series(washin=150, train=200, test=50, free=0))


@pytest.fixture
def device():
    """Whatever is chosen here is chosen for nothing else."""
    before = get_device()
    yield
    set_device(before)


@pytest.mark.parametrize("name", ["lorenz", "digits"])
def test_a_liquid_in_snntorch_does_what_ours_does(device, name):
    pytest.importorskip("snntorch")
    import torch

    from astrobrian.studies.benchmarks import snntorch_liquid

    several = [Liquid(Units.FORMAL, Arm.MIXED, *cells, seed=1) for cells in ((0, 8), (8, 0), (24, 40))]
    task = TASKS[name](1, CONSTANTS.series)
    ours = simulate(several, {1: task}, CONSTANTS, backend="numpy")
    for liquid in several:
        theirs = snntorch_liquid.simulate(liquid, task, CONSTANTS, torch.float64)
        assert theirs.shape == ours.of[liquid].shape
        assert np.abs(theirs - ours.of[liquid]).max() < liquids.SAME
        assert theirs.max() > 0.1  # there are spikes


def test_those_that_are_measured_in_snntorch_are_like_all():
    def mean(which):
        return np.mean([liquid.size for liquid in which])

    assert len(liquids.LIQUIDS) == 48
    assert mean(liquids.SOME) == pytest.approx(mean(liquids.LIQUIDS), rel=0.05)
    assert len(Counter(liquid.neurons for liquid in liquids.SOME)) == 7


def test_a_missing_snntorch_is_told(monkeypatch):
    monkeypatch.setattr(needs, "find_spec", lambda name: None)
    assert "pip install 'snntorch" in needs.no_snntorch()
