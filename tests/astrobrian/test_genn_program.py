"""Programs for GeNN, and how they get to the interpreter that runs them."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from brian2 import (
    Network,
    NeuronGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    TimedArray,
    ms,
    prefs,
    seed,
    set_device,
)
from hypothesis import given
from hypothesis import strategies as st

from astrobrian.backends import BackendError, obstacle
from astrobrian.backends.genn_installation import genn_python, versions_in
from astrobrian.genn import running, sending
from astrobrian.genn.code import Resolver, earlier, number_text, when
from astrobrian.genn.device import genn_device
from astrobrian.genn.program import Generator, Population, Program, Projection, Recording, start_of
from astrobrian.genn.rehearsal import rehearse
from astrobrian.links import statements

LACKING = obstacle("genn")
needs_genn = pytest.mark.skipif(LACKING is not None, reason=LACKING.reason if LACKING else "")
needs_brian2genn = pytest.mark.skipif(
    not (versions_in(genn_python()) or {}).get("brian2genn"), reason="brian2genn is not installed"
)


# -------------------------------------------------------------------------------------------------------------- code
def resolved(expression, model="v : 1\nw = -v**2 : 1\nx = w + k : 1", **namespace):
    """An expression of a group, with its names and numbers in the code of a program."""
    group = NeuronGroup(3, model)
    names = set(group.variables) | set(namespace)
    variables = group.resolve_all(names, namespace)
    return Resolver(variables, lambda _, variable: variable.name, {}, 1e-4).expression(expression)


def test_expressions_of_a_group_are_written_out():
    assert resolved("x*2", k=-3.0) == "(-v ** 2 + -3.0) * 2"


@given(st.floats(allow_nan=False))
def test_numbers_are_what_they_were_also_where_they_are_a_base(value):
    text = number_text(value)
    assert eval(text, {"inf": np.inf}) == value
    if np.isfinite(value) and abs(value) < 1e100:
        assert eval(resolved("k**2", k=value)) == value**2


def test_a_number_is_one_also_where_the_name_is_a_unit():
    assert eval(resolved("k*ms", k=2.0, ms=ms)) == 0.002


def test_the_time_of_the_step_before():
    (line,) = earlier(statements("x = exp(-(t - last)/2)"), 0.5)
    assert line.expression == "exp(-(t - 0.5 - last) / 2)"


def test_a_condition_of_what_is_stored_only():
    stored, own = when("on", statements("k = x + 1\nx += k"), {"x"})[::-1]
    assert str(stored) == "x = choose(on, x + (k), x)"
    assert str(own) == "k = x + 1"


# ----------------------------------------------------------------------------------------------------------- programs
def small_program():
    """Cells that count to ten, one of which gets input from a generator and tells the others."""
    program = Program(1e-3, 20)
    cells = Population("cells", 3, threshold="n >= 10", reset="n = 0.0")
    cells.variable("n", [0.0, 1.0, 2.0])
    cells.add("integrate", "n = n + 1")
    cells.copied.add("n")
    program.populations["cells"] = cells
    program.generators["clock"] = Generator("clock", 1, np.array([0, 0]), np.array([2, 9]))
    program.projections["kick"] = Projection(
        "kick", "clock", "cells", np.array([0]), np.array([1]), {"w": np.array([0.5])}, "w += 1\nn_post += w"
    )
    program.projections["tell"] = Projection(
        "tell", "cells", "cells", np.array([0, 1]), np.array([2, 2]), on_pre="n_post += 0.25", delay=3
    )
    program.spikes |= {"cells", "clock"}
    program.recordings.append(Recording("n", "cells", start_of("n"), np.array([1, 2]), every=2))
    return program


def test_a_step_has_its_stages_in_order():
    cells = small_program().populations["cells"]
    cells.add("pending", "a")
    cells.add("gather", ["b"])
    assert cells.code().splitlines() == ["a", "start_of_n = n", "b", "n = n + 1"]
    assert cells.initial().keys() == {"n", "start_of_n"}


def test_a_program_is_text_and_arrays(tmp_path):
    sending.write(small_program(), tmp_path, None, True)
    described = json.loads((tmp_path / "program.json").read_text())
    assert described["projections"]["tell"]["delay"] == 3
    with np.load(tmp_path / "arrays.npz") as arrays:
        assert arrays["projections/kick/j"] == [1]
        assert arrays["variables/cells/n"].tolist() == [0, 1, 2]


def test_a_spike_arrives_a_step_later():
    found = rehearse(small_program())
    steps = found.spikes("clock")[1]
    assert steps.tolist() == [2, 9]
    assert found.recording("n")[0, :3].tolist() == [1, 3, 6.5]
    assert found.final("kick", "w") == [2.5]


@needs_genn
@pytest.mark.slow
def test_genn_runs_a_program_as_its_stand_in_does():
    expected, got = rehearse(small_program()), running.run(small_program(), None)
    for name in ("cells", "clock"):
        np.testing.assert_array_equal(got.spikes(name), expected.spikes(name))
    np.testing.assert_array_equal(got.recording("n"), expected.recording("n"))
    np.testing.assert_array_equal(got.final("kick", "w"), expected.final("kick", "w"))


# ------------------------------------------------------------------------------------------------------------ worker
def test_what_the_worker_says_is_in_the_error(monkeypatch, tmp_path):
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho 'there is something wrong with P0 and S1'\nexit 3\n")
    script.chmod(0o755)
    monkeypatch.setenv("GENN_PYTHON", str(script))
    with pytest.raises(BackendError, match="something wrong with cells and tell"):
        running.run(small_program(), None)


def test_a_python_without_brian2genn_says_so(monkeypatch):
    if (versions_in(sys.executable) or {}).get("brian2genn"):
        pytest.skip("this Python has brian2genn")
    monkeypatch.setenv("GENN_PYTHON", sys.executable)
    with pytest.raises(BackendError, match="brian2genn"):
        running.run(small_program(), None)


def network():
    """With conditions, a table, delays and a sum, to be generated."""
    drive = TimedArray([0.5, 1.5], dt=1 * ms, name="drive")
    cells = NeuronGroup(
        4,
        "dv/dt = (drive(t) + s - v)/(10*ms) : 1 (unless refractory)\ns : 1",
        threshold="v > 1",
        reset="v = 0",
        refractory=2 * ms,
        method="euler",
        namespace={"drive": drive},
    )
    slow = NeuronGroup(2, "dx/dt = (1 - x)/(10*ms) : 1", method="euler", dt=1 * ms)
    excitatory = Synapses(cells, cells, "w : 1", on_pre="v_post += w", delay=0.5 * ms)
    excitatory.connect(i=[3, 1, 0], j=[0, 2, 1])
    modulating = Synapses(slow, cells, "s_post = x_pre : 1 (summed)")
    modulating.connect()
    return [cells, slow, excitatory, modulating, SpikeMonitor(cells), StateMonitor(slow, "x", record=True)]


@needs_brian2genn
def test_code_is_generated_where_there_is_no_genn(monkeypatch, tmp_path):
    monkeypatch.delenv("GENN_PATH", raising=False)
    set_device(genn_device(), directory=tmp_path, compile=False)
    Network(network()).run(5 * ms)
    model = (tmp_path / "code" / "magicnetwork_model.cpp").read_text()
    assert "if ($(q" in model
    assert "begin_only" not in model
    assert "_drive_" in model
    assert "delaySteps = 5" in model


# --------------------------------------------------------------------------------------------------------------- GeNN
def noise(number):
    """Values of cells with noise, after brian2.seed was given a number."""
    set_device(genn_device())
    seed(number)
    cells = NeuronGroup(50, "dv/dt = -v/(10*ms) + xi/(10*ms)**0.5 : 1", method="euler")
    Network(cells).run(20 * ms)
    return np.array(cells.v)


@needs_genn
@pytest.mark.slow
def test_a_seed_gives_the_same_noise_again_and_another_one_another():
    first, again, other = noise(1), noise(1), noise(2)
    np.testing.assert_array_equal(first, again)
    assert np.all(first != other)
    assert 0.3 < first.std() < 1.2


@needs_genn
@pytest.mark.slow
def test_single_precision():
    def outcome():
        seed(1)
        objects = network()
        Network(objects).run(20 * ms)
        return np.array(objects[1].x)

    expected = outcome()
    prefs.core.default_float_dtype = np.float32
    set_device(genn_device())
    got = outcome()
    np.testing.assert_allclose(got, expected, rtol=1e-4)
    assert not np.array_equal(got, expected)
