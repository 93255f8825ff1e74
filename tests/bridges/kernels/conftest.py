"""Shared by the tests of the fused operators."""

import pytest

from astrobrian.bridges.kernels.operators import AVAILABLE


@pytest.fixture(autouse=True)
def _compiler():
    if not AVAILABLE:
        pytest.skip("there is no C++ compiler")
