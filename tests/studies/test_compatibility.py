"""Every feature on every backend: the declared outcome, and the same answer everywhere."""

from functools import cache

import numpy as np
import pytest

from astrobrian.backends import obstacle
from astrobrian.backends.features import BACKENDS, FEATURES
from astrobrian.studies.compatibility import ROWS
from astrobrian.studies.compatibility.cell import DEPTHS
from astrobrian.studies.compatibility.comparison import compare
from astrobrian.studies.compatibility.runner import farthest, lacking, references, run_cells

CELLS = [(backend, feature) for backend in BACKENDS for feature in FEATURES]
# Ctrl-C can only be pressed in a run
GENERATED = [
    (each, feature) for each, feature in CELLS if each in ("cuda", "genn") and feature != "interrupt"
]


@cache
def reference():
    return references(FEATURES)


@cache
def cells(backend, depth, quick):
    """The cells of a backend that are quick, or those that aren't: as few programs as possible."""
    wanted = [feature for each, feature in CELLS if each == backend and is_quick(backend, feature) == quick]
    return run_cells(backend, [feature for feature in wanted if not is_reference(backend, feature)], depth)


def is_quick(backend, feature):
    """Whether a cell needs no compiler, or shares one program with others."""
    if backend in ("numpy", "cpp"):
        refused = FEATURES[feature].status(backend) == "refused"
        return backend == "numpy" or refused or not ROWS[feature].by_itself
    return False


def is_reference(backend, feature):
    """Whether the reference is this cell."""
    return backend == "numpy" and feature in reference() and reference()[feature].backend == backend


def marked(backend, feature):
    marks = [] if is_quick(backend, feature) else [pytest.mark.slow]
    return pytest.param(backend, feature, marks=marks, id=f"{backend}-{feature}")


def assert_declared(found):
    assert found.status == FEATURES[found.feature].status(found.backend), found.reason
    assert bool(found.reason) == (found.status != "works")


@pytest.mark.parametrize(("backend", "feature"), [marked(*each) for each in CELLS])
def test_outcome_is_the_declared_one_and_the_answer_the_same(backend, feature):
    depth, in_the_way = farthest(backend)
    if depth in (None, "generated"):
        pytest.skip(in_the_way.reason)
    if missing := lacking(feature, backend):
        pytest.skip(f"{missing} is not installed")
    if is_reference(backend, feature):
        assert_declared(reference()[feature])
        return
    found = cells(backend, depth, is_quick(backend, feature))[feature]
    assert_declared(found)
    if depth == "run" and found.status != "refused":
        comparison = compare(ROWS[feature], found.recorded, reference()[feature].recorded)
        assert comparison.agrees, str(comparison)


@pytest.mark.parametrize(("backend", "feature"), GENERATED, ids=lambda each: each)
def test_code_is_generated_or_refused_as_declared(backend, feature):
    if found := obstacle(backend, **DEPTHS["generated"]):
        pytest.skip(found.reason)
    assert_declared(cells(backend, "generated", False)[feature])


@pytest.mark.parametrize("feature", FEATURES)
def test_what_is_recorded_changes(feature):
    """Else it would be the same everywhere whatever a backend does."""
    recorded = reference()[feature].recorded
    assert recorded
    for name, values in recorded.items():
        assert values.size, name
        assert np.ptp(values) > 0, name
