"""What a backend can't express is refused with the object, the reason and the backends that can."""

import pytest
from brian2 import Network, NeuronGroup, ms, network_operation

from astrobrian import BackendError, use_backend
from astrobrian.backends import UnsupportedFeature
from astrobrian.backends.findings import Refusal, Rewriting, conclude


def test_everything_that_is_refused_is_named_with_what_to_use():
    refusals = [
        Refusal("store_restore", "network", "it has run"),
        Refusal("network_operation", "look", "it is Python"),
    ]
    with pytest.raises(BackendError) as raised:
        conclude("cuda", refusals, [])
    assert str(raised.value).splitlines() == [
        "the backend 'cuda' can't run this network:",
        "- network: it has run (store and restore: use 'numpy' or 'cython')",
        "- look: it is Python (network operations: use 'numpy' or 'cython')",
    ]
    assert raised.value.backend == "cuda" and raised.value.refusals == tuple(refusals)


def test_a_backend_that_refuses_is_not_recommended():
    with pytest.raises(
        UnsupportedFeature, match=r"one group of astrocytes: use 'numpy' or 'cython' or 'cpp' or 'cuda'\)$"
    ):
        conclude("genn", [Refusal("one_group", "astrocytes", "they are too many")], [])


def test_rewritings_are_reported(caplog):
    conclude("genn", [], [Rewriting("astrocyte_clock", "astrocytes", "it keeps its values in between")])
    assert "astrocytes, on 'genn': it keeps its values in between" in caplog.text


def test_cpp_refuses_before_anything_is_compiled(tmp_path):
    use_backend("cpp", directory=tmp_path)
    look = network_operation(dt=1 * ms)(lambda: None)
    with pytest.raises(UnsupportedFeature, match="network operations: use 'numpy' or 'cython'"):
        Network(NeuronGroup(1, "v : 1"), look).run(1 * ms)
    assert not (tmp_path / "main.cpp").exists()
