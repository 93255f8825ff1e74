"""Brian2 on the target that compiles nothing, in a scope of its own, and left as it was found."""

import pytest
from brian2 import prefs, seed, set_device, start_scope
from brian2.devices.device import all_devices


@pytest.fixture(autouse=True)
def fresh_brian():
    start_scope()
    target, dtype = prefs.codegen.target, prefs.core.default_float_dtype
    prefs.codegen.target = "numpy"
    seed(1)
    yield
    for device in all_devices.values():
        device.reinit()
    set_device("runtime")
    prefs.codegen.target = target
    prefs.core.default_float_dtype = dtype
    prefs.devices.cpp_standalone.openmp_threads = 0
