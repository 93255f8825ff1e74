"""A program is compiled once, whatever the values that it computes with."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, check_units, implementation, ms

from astrobrian import use_backend
from astrobrian.standalone import programs

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Visual Studio is called as Brian2 does it")

SCRIPT = """
import sys
from brian2 import *
from astrobrian import AstrocyteGroup, GapJunctions, TripartiteSynapses, Grid, use_backend
from astrobrian.equations import *
drive, concentration, initial, duration, number = map(float, sys.argv[1:])
use_backend("cpp")
seed(int(number))
neurons = NeuronGroup(8, "dv/dt = (I - v)/(10*ms) : 1\\nI : 1", threshold="v > 1", reset="v = 0", method="exact")
neurons.I = drive
neurons.v = initial*np.arange(8)
neurons.v[3] = initial
astrocytes = AstrocyteGroup(2, gchi(O_beta=concentration*umolar/second) + gliotransmission, layout=Grid(1*mm), dt=1*ms)
gap_junctions = GapJunctions(astrocytes, pairs=([0], [1]))
synapses = TripartiteSynapses(neurons, neurons, astrocytes, tsodyks_markram + cleft_glutamate + presynaptic_receptors)
synapses.connect(p=0.5)
synapses.cover(by="post", index=[0]*8)
spikes, calcium = SpikeMonitor(neurons), StateMonitor(astrocytes, "C", record=True)
run(duration*ms)
print(len(synapses), spikes.num_spikes, calcium.C.shape[1], float(astrocytes.O_beta[:]), float(neurons.I[0]))
"""


@pytest.fixture
def compiler(tmp_path, monkeypatch):
    """A compiler that notes its calls; it is asked how many there were."""
    log, program = tmp_path / "calls", tmp_path / "c++"
    program.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec g++ "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("CXX", str(program))
    monkeypatch.setenv("ASTROBRIAN_CACHE", str(tmp_path / "cache"))

    def calls():
        number = len(log.read_text().splitlines()) if log.exists() else 0
        log.unlink(missing_ok=True)
        return number

    return calls


def outcome(*values, hash_seed=0):
    done = subprocess.run(
        [sys.executable, "-P", "-c", SCRIPT, *map(str, values)],
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_other_values_in_another_process_start_no_compiler(compiler):
    first = outcome(1.5, 0.5, 0.1, 30, 1)
    assert compiler() > 1
    assert outcome(1.5, 0.5, 0.1, 30, 1, hash_seed=1) == first
    other = outcome(2.5, 0.75, 0.2, 20, 2, hash_seed=2)
    assert compiler() == 0
    assert other[2:] == ["20", "0.00075", "2.5"]
    assert other[:2] != first[:2]


def simulate(number=3, code="v += 1", directory=None, **names):
    use_backend("cpp", directory=directory)
    group = NeuronGroup(number, "dv/dt = 1/(10*ms) : 1", method="euler", name="cells", namespace=names)
    group.run_regularly(code, dt=1 * ms, name="regularly")
    Network(group).run(1 * ms)
    return group.v[:]


def kept():
    """Files of kept programs, and of what the compiler has answered."""
    return sorted(programs.folder().iterdir())


def test_other_code_is_another_program(compiler):
    assert np.allclose(simulate(), 1.1)
    assert compiler() > 0
    assert np.allclose(simulate(code="v += 2"), 2.1)
    assert compiler() > 0
    assert len(kept()) == 3


def test_a_directory_keeps_what_has_been_compiled(compiler, tmp_path):
    directory = tmp_path / "build"
    assert np.allclose(simulate(directory=directory), 1.1)
    calls = compiler()
    assert np.allclose(simulate(code="v += 2", directory=directory), 2.1)
    assert 0 < compiler() < calls
    assert np.allclose(simulate(directory=directory), 1.1)
    assert compiler() == 0


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ASTROBRIAN_CACHE", str(tmp_path / "cache"))


def test_a_damaged_program_is_as_if_it_werent_there(cache):
    programs.keep("key", b"program")
    assert programs.fetch("key") == b"program"
    kept()[0].write_bytes(b"prog")
    assert programs.fetch("key") is None
    assert not kept()
    assert programs.fetch("another") is None


def test_a_key_has_one_program(cache):
    programs.keep("key", b"program")
    programs.keep("key", b"other")
    assert programs.fetch("key") == b"other"
    assert len(kept()) == 1


def test_where_nothing_can_be_kept_nothing_is(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ASTROBRIAN_CACHE", str(tmp_path / "file"))
    programs.keep("key", b"program")
    assert programs.fetch("key") is None


def test_the_longest_unused_programs_go(cache, monkeypatch):
    monkeypatch.setattr(programs, "MOST", 2)
    for time, key in enumerate("abc"):
        programs.keep(key, b"program")
        os.utime(kept()[-1], (time, time))
    assert [entry.name[0] for entry in kept()] == ["b", "c"]
    assert programs.fetch("b")
    programs.keep("d", b"program")
    assert [entry.name[0] for entry in kept()] == ["b", "d"]
    monkeypatch.setattr(programs, "SPACE", 3)
    programs.keep("e", b"program")
    assert not kept()


def test_the_folder_of_the_user(monkeypatch, tmp_path):
    monkeypatch.delenv("ASTROBRIAN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert programs.folder() == tmp_path / "astrobrian" / "programs"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert programs.folder() == Path.home() / ".cache" / "astrobrian" / "programs"


def test_code_that_is_not_generated_is_always_compiled(compiler, tmp_path):
    @implementation("cpp", "", headers=['"mine.h"'], include_dirs=[str(tmp_path)])
    @check_units(x=1, result=1)
    def mine(x):
        raise NotImplementedError

    for factor in 2, 3:
        (tmp_path / "mine.h").write_text(f"inline double mine(double x) {{ return {factor}*x; }}")
        assert np.allclose(simulate(code="v = mine(1)", mine=mine), factor + 0.1)
        assert compiler() > 0


def test_random_numbers_without_a_seed_differ_each_time(compiler):
    first = simulate(code="v = rand()")
    compiler()
    assert not np.array_equal(simulate(code="v = rand()"), first)
    assert compiler() == 0
