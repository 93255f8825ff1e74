"""Brian2 groups from models, on the target that compiles nothing."""

import pytest
from brian2 import prefs


@pytest.fixture(autouse=True)
def numpy_target():
    before = prefs.codegen.target
    prefs.codegen.target = "numpy"
    yield
    prefs.codegen.target = before


@pytest.fixture
def fill():
    """Give a Brian2 group a model's values."""

    def fill(group, model):
        for name, item in model.constants.items():
            setattr(group, name, item.quantity)
        for name, value in model.initial.items():
            setattr(group, name, value)
        return group

    return fill
