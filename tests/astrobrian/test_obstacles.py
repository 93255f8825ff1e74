"""What each backend lacks on a machine is said, with the command that fixes it: on machines that are made up."""

import json
import shutil
import sys
from types import SimpleNamespace

import pytest

from astrobrian import BackendError, use_backend
from astrobrian.backends import genn_installation, obstacle, obstacles
from astrobrian.cuda import toolkit

CARD = "NVIDIA Example 9, 9.0"


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder that is all of the path: it has a C++ compiler and make, and what a test puts into it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("c++", "g++", "make"):
        script(folder / name, "exit 0")
    monkeypatch.setenv("PATH", str(folder))
    for name in ("CXX", "CUDA_VISIBLE_DEVICES", "CUDA_PATH", "CUDA_HOME", "GENN_PATH", "GENN_PYTHON"):
        monkeypatch.delenv(name, raising=False)
    for cached in (toolkit.gpus, toolkit.version):
        cached.cache_clear()
    yield folder
    for cached in (toolkit.gpus, toolkit.version):
        cached.cache_clear()


@pytest.fixture
def python312(monkeypatch):
    """A Python with the versions that "cuda" needs."""
    python = SimpleNamespace(version_info=(3, 12), platform="linux", executable=sys.executable)
    monkeypatch.setattr(obstacles, "sys", python)
    monkeypatch.setattr(obstacles, "installed", {"brian2cuda": "1.0b1", "brian2": "2.10.1"}.get)


@pytest.fixture
def cuda(tmp_path, programs, python312, monkeypatch):
    """A CUDA toolkit of version 13.0 that compiles for 7.5 to 12.0."""
    folder = tmp_path / "cuda"
    answers = 'case "$1" in --version) echo "tools, release 13.0, V13.0.88";; *) echo compute_75; echo compute_90; echo compute_120;; esac'
    script(folder / "bin" / "nvcc", answers)
    for part in ("include/curand.h", "lib64/libcurand.so"):
        (folder / part).parent.mkdir(exist_ok=True)
        (folder / part).touch()
    monkeypatch.setenv("CUDA_PATH", str(folder))
    return folder


def driver(programs, cards=(CARD,), cuda="13.0"):
    lines = "; ".join(f'echo "{card}"' for card in cards) or "exit 0"
    script(
        programs / "nvidia-smi",
        f'case "$1" in *name*) {lines};; *driver*) echo 580.65;; *) echo "| CUDA Version: {cuda} |";; esac',
    )


def test_with_everything_there_is_none(cuda, programs):
    driver(programs)
    assert obstacle("cuda") is None
    assert obstacle("cuda", gpu=0) is None


def test_an_older_python(monkeypatch, programs):
    monkeypatch.setattr(obstacles, "sys", SimpleNamespace(version_info=(3, 11), platform="linux"))
    found = obstacle("cuda")
    assert "Brian2CUDA needs Python 3.12" in found.reason and "make cuda-env" in found.fix


@pytest.mark.parametrize(
    ("package", "there", "reason"),
    [
        ("brian2cuda", None, "brian2cuda 1.0b1 is needed and none is installed"),
        ("brian2cuda", "1.0a7", "brian2cuda 1.0b1 is needed and 1.0a7 is installed"),
        ("brian2", "2.10.0", "brian2 2.10.1 is needed and 2.10.0 is installed"),
    ],
)
def test_packages_of_other_versions(cuda, monkeypatch, package, there, reason):
    monkeypatch.setattr(obstacles, "installed", {**obstacles.FOR_CUDA, package: there}.get)
    found = obstacle("cuda", run=False)
    assert found.reason == reason
    assert found.fix == "`pip install brian2cuda==1.0b1 brian2==2.10.1`"


def test_no_cuda_compiler(programs, python312, monkeypatch):
    monkeypatch.setattr(toolkit, "nvcc", lambda: None)
    found = obstacle("cuda")
    assert "nvcc, is not installed" in found.reason and "developer.nvidia.com" in found.fix
    assert obstacle("cuda", compile=False) is None  # code is generated without it


def test_no_host_compiler(cuda, programs):
    (programs / "make").unlink()
    assert "`make` is not installed" in obstacle("cuda").reason


def test_no_random_numbers(cuda, monkeypatch):
    (cuda / "include" / "curand.h").unlink()
    monkeypatch.setattr(toolkit, "_packages", list)
    found = obstacle("cuda", run=False)
    assert "cuRAND, are not installed" in found.reason and found.fix == "`pip install nvidia-curand`"


def test_no_gpu_still_compiles(cuda):
    found = obstacle("cuda")
    assert "nvidia-smi doesn't answer" in found.reason
    assert found.fix.endswith('or use_backend("cuda", run=False) to compile only')
    assert obstacle("cuda", run=False) is None


def test_a_gpu_that_is_not_there(cuda, programs):
    driver(programs)
    assert (
        obstacle("cuda", gpu=2).reason == "there is no GPU 2 that programs may use, only 0 (NVIDIA Example 9)"
    )
    driver(programs, cards=())
    toolkit.gpus.cache_clear()
    assert obstacle("cuda").reason == "there is no GPU 0 that programs may use, only none"


@pytest.mark.parametrize(
    ("visible", "names"), [("1,0", ["Old", "New"]), ("1", ["Old"]), ("", []), ("GPU-5fd3", ["New", "Old"])]
)
def test_gpus_that_are_made_visible(programs, monkeypatch, visible, names):
    driver(programs, cards=["New, 9.0", "Old, 7.5"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [gpu.name for gpu in toolkit.gpus()] == names


def test_a_driver_that_is_older_than_the_compiler(cuda, programs):
    driver(programs, cuda="12.8")
    found = obstacle("cuda")
    assert found.reason == "nvcc is of CUDA 13.0, and the driver only runs programs of CUDA 12.8"
    assert "CUDA_PATH=/usr/local/cuda-12" in found.fix


@pytest.mark.parametrize(("capability", "way_out"), [("6.1", "an older CUDA"), ("13.0", "a newer CUDA")])
def test_a_gpu_that_the_compiler_does_not_know(cuda, programs, capability, way_out):
    driver(programs, cards=[f"Other, {capability}"])
    found = obstacle("cuda")
    assert (
        f"Other has compute capability {capability}, for which nvcc of CUDA 13.0 can't compile"
        == found.reason
    )
    assert way_out in found.fix


@pytest.fixture
def genn(tmp_path, programs, monkeypatch):
    """GeNN 4.9.0, and a Python with all that "genn" needs."""
    versions = {
        "python": "3.11.7",
        "brian2genn": "1.7.0",
        "brian2": "2.5.4",
        "numpy": "1.26.4",
        "cython": "3.0.12",
    }
    folder = tmp_path / "genn"
    script(folder / "bin" / "genn-buildmodel.sh", "exit 0")
    (folder / "version.txt").write_text("4.9.0\n")
    monkeypatch.setenv("GENN_PATH", str(folder))
    monkeypatch.setenv("GENN_PYTHON", str(programs / "python"))

    def install(**others):
        script(programs / "python", f"echo '{json.dumps({**versions, 'setuptools': '80.9.0', **others})}'")

    install()
    return SimpleNamespace(folder=folder, install=install, python=programs / "python")


def test_with_all_of_genn_there_is_none(genn):
    assert obstacle("genn") is None


def test_no_python_for_genn(genn, monkeypatch):
    genn.python.unlink()
    assert obstacle("genn").reason == f"GENN_PYTHON={genn.python} isn't a Python that can be started"
    genn.install(brian2genn=None)
    assert obstacle("genn").reason == f"brian2genn is not installed in {genn.python}"
    assert "make genn-env" in obstacle("genn").fix
    monkeypatch.delenv("GENN_PYTHON")
    monkeypatch.setattr(obstacles, "versions_in", lambda python: {"brian2genn": None})
    assert "in this Python, and GENN_PYTHON is not set" in obstacle("genn").reason


@pytest.mark.parametrize(
    ("package", "version", "reason", "fix"),
    [
        ("brian2genn", "1.6", "brian2genn 1.7.0 is needed and 1.6 is installed in", "brian2genn==1.7.0`"),
        ("numpy", "2.3.5", "numpy 2.3.5 is installed in", "'numpy<2'`"),
        ("cython", "3.1.0rc1", "cython 3.1.0rc1 is installed in", "'cython<3.1'`"),
        ("setuptools", "82.0.0", "setuptools 82.0.0 is installed in", "'setuptools<82'`"),
    ],
)
def test_versions_that_genn_cannot_do_with(genn, package, version, reason, fix):
    genn.install(**{package: version})
    found = obstacle("genn")
    assert found.reason.startswith(reason) and found.fix.endswith(fix)


def test_no_genn(genn, programs, monkeypatch):
    monkeypatch.delenv("GENN_PATH")
    assert obstacle("genn").reason == "GENN_PATH is not set"
    assert "git clone --branch 4.9.0" in obstacle("genn").fix
    script(programs / "genn-buildmodel.sh", "exit 0")  # found in the path, but not with the rest of GeNN
    assert obstacle("genn").reason.endswith("is not GeNN")


def test_another_genn(genn):
    (genn.folder / "version.txt").write_text("5.1.0\n")
    assert obstacle("genn").reason == f"GENN_PATH={genn.folder} is GeNN 5.1.0, and brian2genn needs GeNN 4"
    (genn.folder / "version.txt").unlink()
    assert obstacle("genn").reason == f"GENN_PATH={genn.folder} is not GeNN"


def test_genn_needs_a_compiler_and_only_with_gpu_a_gpu(genn, cuda, programs):
    assert obstacle("genn") is None
    assert obstacle("genn", gpu=0).fix.endswith("or leave gpu out to run on the CPU")
    driver(programs)
    assert obstacle("genn", gpu=0) is None
    (programs / "make").unlink()
    assert "`make` is not installed" in obstacle("genn").reason


def test_versions_are_asked_of_the_other_python():
    here = genn_installation.versions_in(sys.executable)
    assert here["python"].startswith("3.") and here["brian2"] and here["numpy"]
    assert genn_installation.versions_in("no-such-python") is None


def test_what_stands_in_the_way_ends_use_backend(genn):
    shutil.rmtree(genn.folder)
    with pytest.raises(
        BackendError, match=r"^the backend 'genn' can't be used here: GENN_PATH=.* is not GeNN; `git"
    ):
        use_backend("genn")
