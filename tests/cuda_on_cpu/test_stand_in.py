"""What the stand-in does as a GPU would, and what it finds."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from stand_in import compile_for_cpu, settings

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="no g++")

PROGRAM = Path(__file__).with_name("examples.cu")


def sanitizer(look_for):
    """Whether g++ has the library that it needs for this."""
    name = {"races": "libtsan.so", "addresses": "libasan.so"}[look_for]
    found = subprocess.run(["g++", f"-print-file-name={name}"], capture_output=True, text=True, check=False)
    return Path(found.stdout.strip()).is_absolute()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run one of the examples, compiled when it is first needed, and return how it ended."""
    programs = {}

    def call(example, look_for=None, **options):
        if look_for not in programs:
            if look_for and not sanitizer(look_for):
                pytest.skip(f"g++ has no library that looks for {look_for}")
            project = tmp_path_factory.mktemp("examples")
            shutil.copy(PROGRAM, project / "program.cu")
            programs[look_for] = compile_for_cpu(project, look_for)
        return subprocess.run(
            [programs[look_for], example],
            env={**os.environ, **settings(look_for, **options)},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def test_every_thread_runs_once_in_an_order_that_depends_on_the_seed(run):
    first, again, other = (run("order", order=seed).stdout.split() for seed in (1, 1, 2))
    assert first == again != other
    assert sorted(map(int, first)) == sorted(map(int, other)) == list(range(150))


def test_threads_of_a_block_meet_at_barriers_and_share_memory(run):
    assert run("barrier").stdout.split() == [str(63 - i) for i in range(64)] * 3


def test_different_barriers_end_the_program(run):
    done = run("different_barriers")
    assert done.returncode and "different barriers" in done.stderr


@pytest.mark.parametrize(
    ("example", "error"),
    [
        *((example, "invalid configuration argument") for example in ("no_blocks", "no_threads")),
        *((example, "invalid configuration argument") for example in ("too_many_threads", "too_much_shared")),
        *((example, "invalid argument") for example in ("copy_too_much", "copy_wrong_way", "free_twice")),
        ("too_much_memory", "out of memory"),
        ("odd_number_of_normals", "length not multiple"),
    ],
)
def test_what_a_gpu_refuses_is_refused(run, example, error):
    assert run(example).stdout.strip() == error


def test_host_memory_is_not_for_kernels(run):
    done = run("host_pointer")
    assert done.returncode and "twice was given a pointer to host memory" in done.stderr


def test_device_memory_is_not_for_the_host(run):
    assert run("host_reads").returncode == 0  # nobody looked
    done = run("host_reads", guard=True)
    assert done.returncode and "the host used device memory" in done.stderr
    assert run("barrier", guard=True).returncode == 0


def test_memory_that_nobody_wrote_is_no_number(run):
    assert run("unwritten").stdout.strip() in ("nan", "-nan")


def test_only_atomic_additions_are_free_of_races(run):
    assert run("atomic_sum", "races").stdout.strip() == "150"
    done = run("plain_sum", "races")
    assert done.returncode and "data race" in done.stderr
    assert run("barrier", "races").returncode == 0
    done = run("missing_barrier", "races")
    assert done.returncode and "data race" in done.stderr


def test_what_lies_outside_is_found(run):
    assert run("barrier", "addresses").returncode == 0
    for example in "one_too_far", "after_free":
        done = run(example, "addresses")
        assert done.returncode and "AddressSanitizer" in done.stderr


@pytest.mark.parametrize(
    ("example", "mean", "variance"),
    [
        *((f"uniform_{where}", 0.5, 1 / 12) for where in ("host", "device")),
        *((f"normal_{where}", 0, 1) for where in ("host", "device")),
        *((f"poisson_{where}", 3, 3) for where in ("host", "device")),
    ],
)
def test_random_numbers(run, example, mean, variance):
    numbers = np.array(run(example).stdout.split(), dtype=float)
    assert len(np.unique(numbers)) > (9000 if "poisson" not in example else 5)
    assert abs(numbers.mean() - mean) < 5 * np.sqrt(variance / len(numbers))
    assert abs(numbers.var() - variance) < 0.1 * variance
    assert run(example).stdout == run(example).stdout


def test_sorting_and_what_is_unique(run):
    keys, values, unique, first = run("sorted").stdout.splitlines()
    assert keys.split() == ["1", "1", "2", "3", "3"]
    assert sorted(values.split()[:2]) == ["1", "4"]
    assert (unique.split(), first.split()) == (["1", "2", "3"], ["0", "2", "3"])
