"""Compiling: what is kept, by how many processes at once, and what is said where it can't be done."""

import os
import subprocess
import sys

import pytest
import torch

from astrobrian.bridges.kernels import build
from astrobrian.standalone import programs

TEXT = 'extern "C" int answer() { return %d; }'

WALK = """
import sys, torch
torch.set_num_threads(1)
from astrobrian.bridges.kernels.operators import fused_scan
from astrobrian.bridges.torch_codegen import token_step
from astrobrian.equations.library.amsu import amsu_key
step = token_step(amsu_key)
x = torch.linspace(-1, 1, 40).view(1, 8, 5)
p = {"tau_r": torch.linspace(1, 2, 5)}
print(step.name, fused_scan(step, {"r": torch.zeros(1, 5)}, {"x_k": x}, p, 1.0)[1]["r"].sum().item().hex())
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ASTROBRIAN_CACHE", str(tmp_path))
    build.library.cache_clear()
    yield programs.folder()
    build.library.cache_clear()


def kept(folder):
    return sorted(folder.iterdir()) if folder.exists() else []


def process(tmp_path, **variables):
    environment = {**os.environ, "ASTROBRIAN_CACHE": str(tmp_path), **variables}
    command = [sys.executable, "-P", "-c", WALK]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_what_was_compiled_once_is_not_compiled_again(cache, monkeypatch):
    assert build.library(TEXT % 42).answer() == 42
    (library,) = kept(cache)
    build.library.cache_clear()
    monkeypatch.setattr(build.subprocess, "run", None)
    assert build.library(TEXT % 42).answer() == 42
    assert kept(cache) == [library]


def test_a_damaged_library_is_compiled_again(cache):
    build.library(TEXT % 1)
    (library,) = kept(cache)
    library.write_bytes(library.read_bytes()[:100])
    build.library.cache_clear()
    assert build.library(TEXT % 1).answer() == 1


def test_other_flags_are_another_library(cache, monkeypatch):
    build.library(TEXT % 1)
    build.library.cache_clear()
    monkeypatch.setattr(build, "FLAGS", (*build.FLAGS, "-DOTHER"))
    build.library(TEXT % 1)
    assert len(kept(cache)) == 2


def test_processes_that_compile_at_once_get_the_same(tmp_path):
    started = [process(tmp_path, PYTHONHASHSEED=str(seed)) for seed in range(2)]
    said = {each.communicate()[0] for each in started}
    assert len(said) == 1
    assert said.pop().startswith("r_")
    assert len(kept(tmp_path / "programs")) == 1


def test_where_nothing_can_be_kept_it_compiles_each_time(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv(
        "ASTROBRIAN_CACHE", str(tmp_path / "file")
    )  # not a folder: nothing can be written there
    build.library.cache_clear()
    assert build.library(TEXT % 7).answer() == 7
    build.library.cache_clear()


def test_a_missing_compiler_is_named_with_the_way_out(cache, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert not build.available()
    with pytest.raises(RuntimeError, match=r"no-such-compiler.*CXX.*fused=False"):
        build.library(TEXT % 1)


def test_a_compiler_that_fails_is_quoted(cache):
    with pytest.raises(RuntimeError, match=r"can't compile(.|\n)*fused=False(.|\n)*nonsense"):
        build.library("nonsense;")


def test_a_compiler_without_openmp_compiles_for_one_thread(cache, tmp_path, monkeypatch):
    wrapper = tmp_path / "modest"
    wrapper.write_text('#!/bin/sh\ncase "$*" in *-fopenmp*) exit 1;; esac\nexec g++ "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("CXX", str(wrapper))
    assert build.library(TEXT % 5).answer() == 5


def test_without_a_compiler_the_eager_loop_takes_its_place(tmp_path):
    code = (
        "import torch\nfrom astrobrian.bridges import AMSU\nfrom astrobrian.bridges.scan import FUSED\n"
        "layer = AMSU(width=8, units=8, heads=2, keys=4, ms_per_token=500)\n"
        "print(FUSED, layer.fused, layer(torch.randn(2, 5, 8))[0].shape == (2, 5, 8))"
    )
    environment = {**os.environ, "CXX": "no-such-compiler", "ASTROBRIAN_CACHE": str(tmp_path)}
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False", "False", "True"], done.stderr


def test_a_library_works_in_the_threads_of_torch():
    """Torch's OpenMP and the library's are one: threads that wait for work aren't there twice."""
    from astrobrian.bridges.kernels.operators import row_linear

    def threads():
        return len(os.listdir("/proc/self/task"))

    if not os.path.isdir("/proc/self/task"):
        pytest.skip("threads are counted in /proc")
    torch.set_num_threads(2)
    x, weight = torch.randn(600, 600), torch.randn(600, 600)
    torch.randn(3_000_000).exp_()
    before = threads()
    row_linear(x, weight)
    assert threads() <= before + (before == 1)
