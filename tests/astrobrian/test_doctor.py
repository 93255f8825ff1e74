"""The doctor finds what works, and for the rest gives a reason and a remedy."""

import subprocess

import pytest

from astrobrian import doctor as module
from astrobrian.doctor import BackendReport, _examine, _output, doctor


@pytest.fixture
def report(monkeypatch):
    """A report in which only "numpy" is really tried."""
    monkeypatch.setenv("CXX", "no-such-compiler")
    return doctor()


def test_numpy_works_here_and_was_tried(report):
    assert report.backends[0].works and report.backends[0].seconds > 0
    assert report.packages["brian2"] and report.packages["numpy"]
    assert report.python.startswith("3.")


def test_every_backend_that_does_not_work_has_a_reason_and_a_remedy(report):
    assert [backend.name for backend in report.backends] == ["numpy", "cython", "cpp", "cuda", "genn"]
    for backend in report.backends[1:]:
        assert not backend.works and backend.reason and backend.fix
    assert "no-such-compiler is not installed" in report.backends[2].reason
    assert report.tools["C++ compiler"] is None


def test_a_simulation_that_fails_or_hangs_is_reported(monkeypatch):
    monkeypatch.setattr(module, "SMOKE_TEST", "raise RuntimeError('the compiler is broken')")
    failed = _examine("numpy", timeout=60)
    assert not failed.works and failed.reason == "RuntimeError: the compiler is broken"
    monkeypatch.setattr(module, "SMOKE_TEST", "import time; time.sleep(60)")
    assert "longer than 0.5 s" in _examine("numpy", timeout=0.5).reason
    monkeypatch.setattr(module, "SMOKE_TEST", "import os; os._exit(3)")
    assert _examine("numpy", timeout=60).reason == "a tiny network ended with exit code 3"


def test_tools_that_are_missing_or_fail_are_none(monkeypatch):
    assert _output("no-such-program") is None
    assert _output("false") is None
    assert module._version("no-such-package") is None

    def hang(*args, **kwargs):
        raise subprocess.TimeoutExpired(args, 20)

    monkeypatch.setattr(module.subprocess, "run", hang)
    assert _output("nvidia-smi") is None


@pytest.mark.slow
def test_compiled_backends_are_tried():
    for name in ("cython", "cpp"):
        assert isinstance(found := _examine(name, timeout=300), BackendReport) and found.works, found
