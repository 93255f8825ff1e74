"""Groups take from their model what it gives, and stay ordinary Brian2 groups."""

import numpy as np
import pytest
from brian2 import (
    Equations,
    Network,
    NeuronGroup,
    SpikeMonitor,
    StateMonitor,
    TimedArray,
    mm,
    ms,
    mV,
    run,
    second,
    umolar,
)

from astrobrian import AstrocyteGroup, Grid, Neurons
from astrobrian.equations import (
    Input,
    Model,
    Parameter,
    chi,
    chi_stochastic,
    gchi,
    gliotransmission,
    li_rinzel,
)

LEAK = Model(
    "leak",
    "dv/dt = (E - v + drive)/tau : volt (unless refractory)",
    {"tau": Parameter(10, "ms", "time constant"), "E": Parameter(-60, "mV", "rest", signed=True)},
    {"drive": Input("mV", "what it is driven by", 20)},
    initial={"v": "E + 1*mV"},
    threshold="v > -45*mV",
    reset="v = E",
    refractory="5*ms",
)


def test_values_of_the_model_are_assigned():
    cells = Neurons(3, LEAK(tau=20 * ms))
    assert cells.tau == 20 * ms and cells.E == -60 * mV
    assert np.allclose(cells.drive / mV, 20)
    assert np.allclose(cells.v / mV, -59)
    assert cells.model.name == "leak" and cells.layout is None


def test_a_parameter_may_differ_between_cells():
    cells = Neurons(3, LEAK.per_cell("tau"))
    assert np.allclose(cells.tau / ms, 10)
    cells.tau = "(i + 1)*ms"
    assert np.allclose(cells.tau / ms, [1, 2, 3])


def test_initial_values_may_read_positions_and_the_names_of_the_caller():
    offset = 2 * mV
    model = Model("v", "dv/dt = -v/(10*ms) : volt", initial={"v": "offset + x/mmetre*mV"})
    cells = Neurons(2, model, layout=Grid([2, 1] * mm))
    assert np.allclose(cells.v / mV, [offset / mV + 0.5, offset / mV + 1.5])


def test_events_of_the_model_are_those_of_brian2():
    ours = Neurons(1, LEAK, method="euler")
    equations = "dv/dt = (-60*mV - v + 20*mV)/(10*ms) : volt (unless refractory)"
    theirs = NeuronGroup(
        1, equations, threshold="v > -45*mV", reset="v = -60*mV", refractory=5 * ms, method="euler"
    )
    theirs.v = -59 * mV
    spikes, expected = SpikeMonitor(ours), SpikeMonitor(theirs)
    Network(ours, theirs, spikes, expected).run(100 * ms)
    assert len(spikes.t) > 2
    assert np.array_equal(spikes.t, expected.t)


def test_events_given_by_keyword_go_before_those_of_the_model():
    cells = Neurons(1, LEAK, method="euler", threshold="v > -50*mV", reset="v = -61*mV", refractory=False)
    spikes, trace = SpikeMonitor(cells), StateMonitor(cells, "v", record=True)
    Network(cells, spikes, trace).run(50 * ms)
    assert len(spikes.t) > 3
    assert trace.v.max() <= -50 * mV and trace.v.min() < -60 * mV


def test_a_model_without_a_threshold_has_no_events():
    assert not AstrocyteGroup(2, li_rinzel).events
    assert AstrocyteGroup(2, gchi + gliotransmission).events == {"spike": "C > C_Theta"}


@pytest.mark.parametrize(("model", "method"), [(chi, "rk4"), (chi_stochastic, "milstein")])
def test_method_of_astrocytes(model, method):
    assert AstrocyteGroup(1, model).method_choice == method
    assert AstrocyteGroup(1, model, method="heun").method_choice == "heun"


def test_astrocytes_have_their_own_clock():
    astrocytes = AstrocyteGroup(1, chi, dt=10 * ms)
    trace = StateMonitor(astrocytes, "C", record=True)
    Network(astrocytes, trace).run(100 * ms)
    assert trace.C.shape == (1, 10)


def test_brian2_features_work():
    cells = Neurons(10, LEAK, namespace={"amplitude": 5 * mV}, method="euler", name="cells")
    cells.v = "E + i*mV"
    half = cells[5:]
    assert cells.name == "cells" and np.allclose(half.v / mV, [-55, -54, -53, -52, -51])
    cells.run_regularly("drive = amplitude", dt=1 * ms)
    Network(cells).run(1 * ms)
    assert np.allclose(cells.drive / mV, 5)


def test_names_are_numbered_as_in_brian2():
    first, second_one = AstrocyteGroup(1, chi), AstrocyteGroup(1, chi)
    assert second_one.name.startswith(first.name.split("_")[0] + "_")


def test_magic_run_and_names_from_the_script():
    stimulus = TimedArray([0, 1] * mV, dt=1 * ms)  # noqa: F841 (read by the equations)
    cells = Neurons(1, "v = stimulus(t) : volt")
    trace = StateMonitor(cells, "v", record=True)
    run(2 * ms)
    assert trace.v[0, -1] == 1 * mV


@pytest.mark.parametrize("N", [0, -1, 2.5, "C", None, np.nan])
def test_a_size_that_is_none_is_refused(N):
    with pytest.raises(ValueError, match="AstrocyteGroup needs a positive whole number of cells, got"):
        AstrocyteGroup(N, chi)


def test_a_size_may_be_a_whole_float():
    assert len(AstrocyteGroup(4e1, chi)) == 40


@pytest.mark.parametrize("model", [Equations("dv/dt = -v/second : 1"), 3, None])
def test_what_is_no_model_is_refused(model):
    with pytest.raises(TypeError, match="a model is needed"):
        Neurons(1, model)


def test_an_initial_value_outside_of_its_range_is_refused():
    model = Model(
        "calcium",
        "dC/dt = -C/second : mmolar",
        {"C_T": Parameter(2, "umolar", "total")},
        initial={"C": "3*umolar"},
        bounds={"C": ("0*mmolar", "C_T")},
    )
    with pytest.raises(
        ValueError, match=r"C of astrocytes\S* starts at 3\. uM, outside its physical range 0\. mM to 2\. uM"
    ):
        AstrocyteGroup(1, model)
    assert AstrocyteGroup(1, model(C_T=4 * umolar)).C[0] == 3 * umolar


def test_an_initial_value_that_is_random_is_not_checked_beforehand():
    model = Model("x", "dx/dt = -x/second : 1", initial={"x": "2 + rand()"}, bounds={"x": ("0", "1")})
    assert AstrocyteGroup(1, model, check_range=False).x[0] >= 2


def test_dt_of_the_simulation_is_the_default():
    astrocytes = AstrocyteGroup(1, chi)
    assert astrocytes.clock.dt == 0.1 * ms
    assert AstrocyteGroup(1, chi, dt=1 * second).clock.dt == 1 * second
