"""A sweep runs one program with many values, and refuses what it can't set before anything runs."""

import numpy as np
import pytest
from brian2 import (
    DimensionMismatchError,
    Network,
    NeuronGroup,
    StateMonitor,
    Synapses,
    TimedArray,
    ms,
    set_device,
)

from astrobrian import AstrocyteGroup, BackendError, PhysicalRangeError, sweep, use_backend
from astrobrian.equations import chi
from astrobrian.standalone import standalone_device


def describe():
    """Cells that start at 2*E, get their E from a drive, and are connected at random."""
    cells = NeuronGroup(
        3,
        """dv/dt = (I - v)/tau : 1
           twice = 2*E : 1
           E : 1
           I : 1 (shared)
           kind : integer
           inverted : boolean (shared)
           tau : second (shared)""",
        method="exact",
        threshold="v > 100",
        reset="",
        name="cells",
    )
    cells.tau, cells.I, cells.E = 10 * ms, 1, [1, 2, 3]
    cells.v = "2*E + 0.001*rand()"
    drive = TimedArray([1.0, 2.0], dt=1 * ms, name="drive")
    cells.run_regularly("E = drive(t)", dt=1 * ms)
    cells.namespace["drive"] = drive
    synapses = Synapses(cells, cells, "w : 1", on_pre="v += w", name="synapses")
    synapses.connect(p=0.5)
    synapses.w = 1
    trace = StateMonitor(cells, "v", record=True, name="trace")
    network = Network(cells, synapses, trace)
    network.run(1 * ms)
    cells.I = 2
    network.run(1 * ms)
    return cells, drive, synapses, trace, network


@pytest.fixture
def described():
    use_backend("cpp", build_on_run=False)
    return describe()


def test_values_of_every_kind(described):
    cells, drive, synapses, trace, _ = described
    points = [
        {"seed": 3},
        {cells.E: 5, "seed": 4},
        {cells.E: [1, 2, 4]},
        {"cells.tau": 20 * ms, drive: [5, 6], cells.kind: 3, cells.inverted: True, synapses.w: 7},
        {cells.v: 0, cells.I: 0},
        {"drive": 8, "seed": 3},
    ]
    told = []
    starts, ends, seen, names = [], [], [], []
    for number, point in enumerate(sweep(points, progress=lambda *what: told.append(what))):
        starts.append(np.array(trace.v[:, 0]))
        ends.append(np.array(cells.v))
        seen.append((float(cells.tau[:] / ms), list(cells.kind), bool(cells.inverted[:]), set(synapses.w)))
        assert list(cells.E) == {3: [6] * 3, 5: [8] * 3}.get(number, [2] * 3)
        assert cells.I[:] == 2  # as the script sets it after its first run
        names.append(list(point))
    assert names[3:] == [
        ["cells.tau", "drive", "cells.kind", "cells.inverted", "synapses.w"],
        ["cells.v", "cells.I"],
        ["drive", "seed"],
    ]
    # what the script computes from E follows
    for start, expected in zip(
        starts, [[2, 4, 6], [10, 10, 10], [2, 4, 8], [2, 4, 6], [0, 0, 0]], strict=False
    ):
        assert np.all((start >= expected) & (start <= np.array(expected) + 0.001))
    assert np.array_equal(starts[0], starts[5])
    assert not np.array_equal(starts[0], starts[3])
    decay = np.exp(-0.1)
    assert np.allclose(ends[4], 2 - 2 * decay)  # I is 0 in the first run and 2 in the second
    assert np.allclose(ends[0], 2 + ((starts[0] - 1) * decay + 1 - 2) * decay)
    assert seen[3] == (20, [3, 3, 3], True, {7})
    assert seen[2] == seen[5] == (10, [0, 0, 0], False, {1})
    assert told[0] == ("sweep", 0, "0 of 6 points")
    assert told[-1] == ("sweep", 1, "6 of 6 points")
    # again, without another build
    for _ in sweep([{"seed": 3}]):
        assert np.array_equal(trace.v[:, 0], starts[0])


def test_what_leaves_its_range_is_told_with_the_point():
    use_backend("cpp", build_on_run=False)
    astrocytes = AstrocyteGroup(2, chi, dt=10 * ms, name="astrocytes")
    Network(astrocytes).run(20 * ms)
    runs = sweep([{}, {"astrocytes.h": [0.5, 3]}])
    assert next(runs) == {}
    with pytest.raises(PhysicalRangeError, match="h of cell 1") as caught:
        next(runs)
    assert caught.value.__notes__ == ["at the point 1 of the sweep, {'astrocytes.h': [0.5, 3]}"]


@pytest.mark.parametrize(
    ("point", "error", "message"),
    [
        (
            {"cells.F": 1},
            ValueError,
            "no 'cells.F' in the simulation that could be given a value; did you mean",
        ),
        ({"cell.E": 1}, ValueError, "did you mean 'cells.E'"),
        ({"cells.tau": 3}, DimensionMismatchError, "cells.tau has other units than 3"),
        ({"cells.tau": [1, 2] * ms}, ValueError, r"array of shape \(2,\), and needs one value$"),
        (
            {"cells.E": [1, 2]},
            ValueError,
            r"array of shape \(2,\), and needs one value, or an array of shape \(3,\)",
        ),
        ({"drive": [1, 2, 3]}, ValueError, r"drive is given an array of shape \(3,\)"),
        ({"synapses.w": [1, 2]}, ValueError, "how many there are is known when the program runs"),
        ({"cells.E": np.nan}, ValueError, "cells.E can't be given a value that is not a number"),
        ({"cells.E": "2"}, TypeError, "cells.E can only be given numbers in a sweep, got '2'"),
        ({"cells.kind": 1.5}, ValueError, "cells.kind is a whole number, got 1.5"),
        ({"seed": -1}, ValueError, "a seed is a whole number, not negative, got -1"),
        ({3: 4}, TypeError, "is a variable such as neurons.I_ex, a TimedArray or the name of one, got 3"),
        ("cells.E", TypeError, "a point of a sweep is a mapping"),
    ],
)
def test_points_that_make_no_sense(described, point, error, message):
    with pytest.raises(error, match=message):
        sweep([{}, point])
    assert not standalone_device.is_built


def test_variables_that_can_not_be_set(described):
    cells, *_ = described
    with pytest.raises(ValueError, match=r"cells.twice is computed from others"):
        sweep([{cells.twice: 1}])
    with pytest.raises(ValueError, match=r"cells.t can't be set"):
        sweep([{cells.t: 1 * ms}])
    with pytest.raises(ValueError, match=r"is a part of cells.E: give values of all its cells, as cells.E"):
        sweep([{cells[:2].E: 1}])
    with pytest.raises(ValueError, match=r"gives cells.E two values, 1 and 2"):
        sweep([{"cells.E": 1, cells.E: 2}])
    with pytest.raises(ValueError, match=r"the TimedArray \w+ isn't used"):
        sweep([{TimedArray([1], dt=1 * ms): 1}])


def test_other_backends_and_nothing_to_run():
    use_backend("numpy")
    with pytest.raises(BackendError, match=r'begin the script with use_backend\("cpp", build_on_run=False\)'):
        sweep([{}])
    set_device("cpp_standalone")
    with pytest.raises(BackendError, match="sweep runs a compiled program again and again"):
        sweep([{}])
    use_backend("cpp", build_on_run=False)
    with pytest.raises(BackendError, match=r"call run\(...\) before sweep"):
        sweep([{}])
