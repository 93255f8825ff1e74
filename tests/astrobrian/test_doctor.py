"""The doctor finds what works, and for the rest gives a reason and a remedy."""

import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from astrobrian import doctor as module
from astrobrian.backends import driver
from astrobrian.cli import app
from astrobrian.cuda import toolkit
from astrobrian.doctor import BackendReport, _compared, _examine, _genn, _python, doctor


@pytest.fixture(scope="module")
def report():
    """A report in which only "numpy" is really tried."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXX", "no-such-compiler")
        patch.setenv("GENN_PYTHON", "no-such-python")
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
    assert _examine("numpy", timeout=60).reason == "a small network ended with exit code 3"


def test_a_backend_that_gives_another_answer_does_not_work():
    numpy = BackendReport("numpy", works=True, calcium=(1.0, 2.0))
    assert _compared(numpy, numpy).works
    assert _compared(BackendReport("cpp", works=True, calcium=(1.0, 2.0 + 1e-9)), numpy).works
    other = _compared(BackendReport("cpp", works=True, calcium=(1.0, 2.1)), numpy)
    assert not other.works and "(1.0, 2.1) mM, and of (1.0, 2.0) mM on 'numpy'" in other.reason
    untried = BackendReport("genn", works=False, reason="GENN_PATH is not set", fix="set it")
    assert _compared(untried, numpy) == untried


def test_tools_that_are_missing_fail_or_hang_are_none(monkeypatch):
    assert driver.answer("no-such-program") is None
    assert driver.answer("false") is None

    def hang(*args, **kwargs):
        raise subprocess.TimeoutExpired(args, 20)

    monkeypatch.setattr(driver.subprocess, "run", hang)
    assert driver.answer("nvidia-smi") is None
    assert driver.driver_version() is None and driver.newest_cuda() is None


def test_what_was_found_is_shown_with_its_version(tmp_path, monkeypatch):
    curand = toolkit.Curand(Path("include"), Path("libcurand.so.10"))
    monkeypatch.setattr(toolkit, "nvcc", lambda: Path("bin/nvcc"))
    monkeypatch.setattr(toolkit, "version", lambda nvcc: 13.0)
    monkeypatch.setattr(toolkit, "curand", lambda nvcc: curand)
    monkeypatch.setattr(toolkit, "gpus", lambda: (toolkit.GPU("Example 9", 9.0),) * 2)
    monkeypatch.setattr(module, "driver_version", lambda: "580.65")
    monkeypatch.setattr(module, "newest_cuda", lambda: 13.0)
    tools = module._tools()
    assert tools["CUDA compiler"] == "bin/nvcc (CUDA 13.0)" and tools["cuRAND"] == "libcurand.so.10"
    assert tools["GPU driver"] == "580.65 (CUDA up to 13.0)"
    assert tools["GPU"].splitlines()[1] == "1: Example 9, compute capability 9.0"
    assert _genn(None) is None and _genn(tmp_path) == f"{tmp_path} (not GeNN)"
    (tmp_path / "version.txt").write_text("4.9.0")
    assert _genn(tmp_path) == f"{tmp_path} (GeNN 4.9.0)"
    versions = {"python": "3.11.7", "brian2genn": "1.7.0", "cython": None}
    monkeypatch.setattr(module, "versions_in", lambda python: versions)
    assert _python("python3") == "python3 (python 3.11.7, brian2genn 1.7.0)"


def test_the_command_line_prints_it_for_people_and_for_programs(monkeypatch):
    monkeypatch.setattr(module, "_examine", lambda name, timeout: BackendReport(name, works=True, seconds=1))
    assert "numpy" in CliRunner().invoke(app, ["doctor"]).output
    report = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).output)
    assert report["backends"][0]["works"] and "GENN_PATH" in report["tools"]


@pytest.mark.slow
def test_compiled_backends_are_tried():
    for name in ("cython", "cpp"):
        assert isinstance(found := _examine(name, timeout=300), BackendReport) and found.works, found
