"""One call switches the backend, and says what is in the way before anything is built."""

import errno
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, StateMonitor, defaultclock, get_device, ms, prefs, umolar

from astrobrian import AstrocyteGroup, BackendError, backends, build, use_backend
from astrobrian.backends import choice, obstacles
from astrobrian.equations import chi


def simulate():
    astrocytes = AstrocyteGroup(3, chi, dt=10 * ms)
    astrocytes.I = [0.1, 0.5, 1] * umolar
    trace = StateMonitor(astrocytes, "C", record=True)
    network = Network(astrocytes, trace)
    network.run(200 * ms)
    astrocytes.I[0] = 1 * umolar
    network.run(200 * ms)
    build()
    return np.array(trace.C / umolar)


def test_switching_there_and_back_changes_nothing_but_the_backend(tmp_path):
    defaultclock.dt = 0.2 * ms
    use_backend("numpy")
    expected = simulate()
    use_backend("cpp", directory=tmp_path / "build", build_on_run=False)
    assert defaultclock.dt == 0.2 * ms
    assert np.allclose(simulate(), expected, rtol=1e-10, atol=0)
    assert (tmp_path / "build" / "main.cpp").exists()
    use_backend("numpy")
    assert defaultclock.dt == 0.2 * ms
    assert np.array_equal(simulate(), expected)


@pytest.mark.slow
def test_threads_and_a_second_build_from_the_same_script(tmp_path):
    use_backend("numpy")
    expected = simulate()
    for _ in range(2):
        use_backend("cpp", threads=2, directory=tmp_path, build_on_run=False)
        assert np.allclose(simulate(), expected, rtol=1e-10, atol=0)
    assert "-fopenmp" in (tmp_path / "makefile").read_text()


def test_settings_of_each_backend():
    use_backend("cpp", threads=2)
    assert get_device().build_on_run
    assert prefs.devices.cpp_standalone.openmp_threads == 2
    use_backend("cpp")
    assert prefs.devices.cpp_standalone.openmp_threads == 0
    use_backend("cython")
    assert prefs.codegen.target == "cython"
    use_backend("numpy")
    assert prefs.codegen.target == "numpy"


def skipped_without(backend):
    """Where code for a backend can't even be generated."""
    found = backends.obstacle(backend, compile=False)
    return pytest.mark.skipif(found is not None, reason=found.reason if found else "")


@pytest.mark.parametrize(
    ("backend", "generated"),
    [
        ("cpp", "main.cpp"),
        pytest.param("cuda", "main.cu", marks=skipped_without("cuda")),
        pytest.param("genn", "code/magicnetwork_model.cpp", marks=skipped_without("genn")),
    ],
)
def test_code_is_generated_where_it_cannot_be_compiled(backend, generated, tmp_path):
    use_backend("numpy")
    use_backend(backend, directory=tmp_path, compile=False, precision="single")
    astrocytes = AstrocyteGroup(3, chi, dt=10 * ms)
    astrocytes.I = [0.1, 0.5, 1] * umolar
    Network(astrocytes).run(20 * ms)
    assert (tmp_path / generated).exists()
    use_backend("numpy")
    assert prefs.core.default_float_dtype == np.float64
    assert simulate()[1, -1] > 0


def test_without_a_directory_a_temporary_one_is_used():
    use_backend("cpp")
    first = get_device().build_options["directory"]
    use_backend("cpp")
    assert first != get_device().build_options["directory"]


def test_unknown_backends_are_refused_with_a_guess():
    with pytest.raises(
        ValueError,
        match=r"there is no backend 'cyton', only numpy, cython, cpp, cuda, genn; did you mean 'cython'?",
    ):
        use_backend("cyton")
    with pytest.raises(ValueError, match=r"there is no backend 'fortran', only .*genn$"):
        use_backend("fortran")


@pytest.mark.parametrize(
    ("backend", "option", "value", "theirs"),
    [
        ("numpy", "threads", 2, '"cpp"'),
        ("cuda", "threads", 2, '"cpp"'),
        ("genn", "threads", 2, '"cpp"'),
        ("cpp", "gpu", 0, '"cuda" and "genn"'),
        ("cython", "directory", "build", '"cpp" and "cuda" and "genn"'),
        ("genn", "build_on_run", False, '"cpp" and "cuda"'),
        ("numpy", "debug", True, '"cpp" and "cuda"'),
    ],
)
def test_options_of_one_backend_are_refused_elsewhere(backend, option, value, theirs):
    with pytest.raises(ValueError, match=f"^{option} is an option of {theirs}, not of '{backend}'$"):
        use_backend(backend, **{option: value})


def test_options_that_nobody_knows_are_refused():
    with pytest.raises(
        ValueError,
        match=r"thread is no option of the backend 'cpp'; it takes precision, threads, directory, build_on_run, compile, and",
    ):
        use_backend("cpp", thread=2)
    with pytest.raises(ValueError, match=r"thread is no option of the backend 'numpy'; it takes precision$"):
        use_backend("numpy", thread=2)


@pytest.mark.parametrize("gpu", [-1, 0.5, True, "0"])
def test_gpus_that_are_no_number_of_a_gpu(gpu):
    with pytest.raises(ValueError, match=f"gpu is the number of a GPU, .* got {gpu!r}"):
        use_backend("cuda", gpu=gpu)


@pytest.mark.parametrize("precision", ["float32", 32, None])
def test_precisions_that_there_are_not(precision):
    with pytest.raises(ValueError, match=f"precision is 'double' or 'single', got {precision!r}"):
        use_backend("numpy", precision=precision)


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True])
def test_threads_that_are_no_number_of_threads(threads):
    with pytest.raises(ValueError, match=r"threads must be a positive whole number, got"):
        use_backend("cpp", threads=threads)


@pytest.mark.parametrize("name", ["cython", "cpp"])
def test_a_missing_compiler_is_named_with_the_way_out(monkeypatch, name):
    monkeypatch.setenv("CXX", "no-such-compiler -O2")
    with pytest.raises(
        BackendError, match=r"compiler no-such-compiler is not installed; .*apt install g\+\+.*numpy"
    ):
        use_backend(name)
    use_backend("numpy")


def test_missing_make_cython_and_headers_are_named(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(
            obstacles.shutil, "which", lambda program: None if program == "make" else f"/bin/{program}"
        )
        assert "`make` is not installed" in backends.obstacle("cpp").reason
        assert backends.obstacle("cython") is None
    with monkeypatch.context() as patch:
        patch.setattr(obstacles, "find_spec", lambda name: None)
        assert backends.obstacle("cython").fix.startswith("`pip install cython`")
    with monkeypatch.context() as patch:
        patch.setattr(obstacles.sysconfig, "get_path", lambda name: "/nowhere")
        assert "Python.h" in backends.obstacle("cython").reason


def test_a_compiler_without_openmp_is_noticed(monkeypatch):
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(BackendError, match=r"needs OpenMP, which .*false doesn't support; leave threads out"):
        use_backend("cpp", threads=2)


def test_a_directory_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"can't be written to .*file.inside .*; give another directory"):
        use_backend("cpp", directory=tmp_path / "file" / "inside")


def test_a_full_disk(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(choice.shutil, "disk_usage", lambda path: usage._replace(free=5_000_000))
        with pytest.raises(OSError, match=r"has only 5 MB of free space left"):
            use_backend("cpp", directory=tmp_path)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(choice.tempfile, "TemporaryFile", full)
    with pytest.raises(OSError, match=r"No space left on device.*; give another directory"):
        use_backend("cpp", directory=tmp_path)


def test_groups_made_before_are_pointed_out(caplog):
    group = NeuronGroup(1, "v : 1")
    use_backend("numpy")
    assert f"{group.name} were made before use_backend" in caplog.text


def test_nothing_is_left_to_build_on_runtime_backends():
    use_backend("numpy")
    build()


INTERRUPTED = """
import os, signal, threading, time
from brian2 import Network, StateMonitor, ms, second
from astrobrian import AstrocyteGroup, use_backend
from astrobrian.equations import chi

def interrupt():
    while not Network._globally_running:
        time.sleep(0.1)
    time.sleep(3)
    os.killpg(0, signal.SIGINT)  # as a terminal does: to this process and the program that it started

os.setpgrp()
use_backend("cpp", directory="build")
astrocytes = AstrocyteGroup(300, chi)
trace = StateMonitor(astrocytes, "C", record=[0], dt=10*ms)
threading.Thread(target=interrupt, daemon=True).start()
Network(astrocytes, trace).run(100000*second)
assert 0 < trace.C.size < 10**6 and astrocytes.t < 100000*second
print("readable")
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="sends the signal of a POSIX terminal")
def test_what_was_simulated_before_ctrl_c_can_be_read(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=300,
    )
    assert done.stdout.endswith("readable\n"), done.stderr
