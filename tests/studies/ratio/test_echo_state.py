"""Echo state networks on the tasks: what they reach is of the order of what others report of theirs."""

import numpy as np
import pytest

pytest.importorskip("reservoirpy")

from astrobrian.studies.ratio.constants import Series
from astrobrian.studies.ratio.echo_state import reference
from astrobrian.studies.ratio.tasks import TASKS

SHORT = Series(washin=100, train=300, test=100, free=2)


def rows_of(task, units, seeds, series=Series()):  # noqa: B008
    """By target."""
    found = {}
    for row in reference([task], seeds, series, [units]):
        found.setdefault(row.target, []).append(row)
    return found


def test_there_is_a_row_for_each_size_seed_and_target():
    rows = reference(TASKS, [3, 4], SHORT, [20, 30])
    targets = {(name, target) for name, make in TASKS.items() for target in make(3, SHORT).targets}
    targets.add(("lorenz", "free run"))
    named = [(row.task, row.target, row.seed, row.units) for row in rows]
    assert len(named) == len(set(named))
    assert set(named) == {
        (*target, seed, units) for target in targets for seed in (3, 4) for units in (20, 30)
    }
    assert all((row.nrmse is None) == (row.task == "digits") for row in rows)
    assert all(row.nrmse == row.score for row in rows if row.target in ("one step", "84 steps", "next"))


def test_a_row_depends_on_nothing_else_that_is_asked():
    alone = reference(["memory"], [4], SHORT, [30])
    among = reference(["narma", "memory"], [3, 4], SHORT, [20, 30])
    assert alone[0] in among
    assert alone == reference(["memory"], [4], SHORT, [30])


def test_lorenz_is_predicted_and_gone_on_with():
    rows = rows_of("lorenz", 100, range(2))
    # others: 2.6e-4 and 4.9 Lyapunov times
    assert max(row.nrmse for row in rows["one step"]) < 2.6e-4
    assert all(4.9 < row.score < 15 for row in rows["free run"])
    assert max(row.nrmse for row in rows["free run"]) < 0.05


def test_no_network_remembers_more_than_it_has_units():
    (row,) = rows_of("memory", 12, [0])["delays"]
    assert 3 < row.score < 12


def test_digits_are_told_apart():
    (row,) = rows_of("digits", 100, [0])["digit"]
    assert row.score > 0.9


@pytest.mark.slow
def test_larger_networks_are_lost_later():
    """Of 100 and 300 units, others report 4.9 and 6.8 Lyapunov times."""
    times = {}
    for units in (100, 300):
        times[units] = [row.score for row in rows_of("lorenz", units, range(4))["free run"]]
    assert 4.9 < np.median(times[100]) < np.median(times[300])
    assert np.median(times[300]) > 6.8
