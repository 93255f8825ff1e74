"""AstroBrian's own C++ device: Brian2's in everything that a user sees."""

import pytest
from brian2 import Network, NetworkOperation, NeuronGroup, get_device, ms, run, set_device

from astrobrian import build, use_backend
from astrobrian.backends import UnsupportedFeature
from astrobrian.standalone import has_template, standalone_device


def test_templates_of_both_places_are_found():
    use_backend("cpp")
    assert get_device() is standalone_device
    assert has_template("makefile")
    assert has_template("stateupdate")
    assert has_template("brian2/stateupdate")
    assert not has_template("no such template")


def test_other_devices_have_only_their_own_templates():
    set_device("cpp_standalone")
    assert has_template("stateupdate")
    assert not has_template("brian2/stateupdate")
    use_backend("numpy")
    assert has_template("stateupdate")
    assert not has_template("brian2/stateupdate")


def test_everything_can_be_deleted(tmp_path, caplog):
    use_backend("cpp", directory=tmp_path / "build")
    group = NeuronGroup(2, "dv/dt = 1/ms : 1", method="euler")
    run(1 * ms)
    assert group.v[0] > 0
    get_device().delete()
    assert not (tmp_path / "build").exists()
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_a_part_of_the_program_can_be_a_function(tmp_path):
    use_backend("cpp", directory=tmp_path, build_on_run=False)
    group = NeuronGroup(2, "dv/dt = 1/ms : 1", method="euler")
    with get_device().run_function("prepare"):
        group.v = 3
        group.v = "v + i"
    run(1 * ms)
    build()
    assert abs(group.v[1] - 5) < 1e-9
    assert "prepare();" in (tmp_path / "main.cpp").read_text()


def test_loops_may_be_vectorised_on_request(tmp_path):
    use_backend("cpp", directory=tmp_path)
    group = NeuronGroup(2, "dv/dt = 1/ms : 1", method="euler")
    run(1 * ms)
    assert abs(group.v[1] - 1) < 1e-9
    assert "-fopenmp-simd" in (tmp_path / "makefile").read_text()


def test_network_operations_are_refused_because_brian2_would_leave_them_out():
    use_backend("cpp")
    neurons = NeuronGroup(1, "v : 1")
    operation = NetworkOperation(lambda: None, name="forgotten")
    with pytest.raises(UnsupportedFeature, match="forgotten: the program can't call Python"):
        Network(neurons, operation).run(1 * ms)
