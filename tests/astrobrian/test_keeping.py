"""What lives once per territory reads as before, and is on the synapses for whoever asks for it there in time."""

import numpy as np
import pytest
from brian2 import (
    Network,
    SpikeGeneratorGroup,
    StateMonitor,
    Synapses,
    mmolar,
    ms,
    network_operation,
    start_scope,
)
from brian2.core.base import BrianObjectException
from numpy.testing import assert_allclose, assert_array_equal

from astrobrian import TripartiteSynapses, use_backend
from astrobrian.equations import Model, Parameter
from astrobrian.keeping import NotKept
from tests.astrobrian.test_tripartite import (
    FORMS,
    ON_PRE,
    assert_agree,
    cells,
    covered,
    full,
    spikes,
    targets,
)
from tests.astrobrian.test_tripartite_backends import needs_compiler

RESTING = {"Y_S": "summed once per territory", "Gamma_S": "once per territory"}


def monitored(*variables):
    return lambda s: StateMonitor(s, variables, record=np.arange(0, len(s), 5))


def assigned(variable, value, which=slice(None)):
    return lambda s: getattr(s, variable).__setitem__(s[0:3] if which == "subgroup" else which, value)


def connected_to(s):
    """Synapses from a neuron onto synapses."""
    neuron = SpikeGeneratorGroup(1, [0, 0], [5, 10] * ms)
    onto = Synapses(neuron, s, on_pre="Y_S_post += 1*mmolar\nGamma_S_post += 0.01")
    onto.connect(i=0, j=np.arange(10))
    return neuron, onto


def in_both_forms(do, duration=20 * ms):
    """All values, in both forms, of networks to whose synapses something is done."""
    results = []
    for form in FORMS:
        start_scope()
        network = covered(form)
        made = do(network.synapses)
        made = made if isinstance(made, tuple) else (made,) if made else ()
        glutamate = StateMonitor(network.glia, "Y_S", record=True)
        Network(*vars(network).values(), glutamate, *made).run(duration)
        traces = {"gathered": glutamate.Y_S, "g_e": network.target.g_e[:]}
        for name in ("x_S", "Gamma_S"):
            traces[f"{name} at the end"] = network.synapses.state(name)[:]
        for monitor in made:
            if isinstance(monitor, StateMonitor):
                traces |= {name: getattr(monitor, name) for name in monitor.record_variables}
        results.append(traces)
    return results, network.synapses


def places(synapses):
    return {name: decision.place for name, decision in synapses.decisions.items() if name in RESTING}


@pytest.mark.parametrize(
    ("do", "moved"),
    [
        (monitored("Gamma_S"), ()),
        (monitored("Gamma_S", "G_A_astro"), ()),
        (monitored("Y_S"), ("Y_S",)),
        (monitored("Y_S", "Gamma_S"), ("Y_S",)),
        (monitored("U_0"), ("Gamma_S",)),
        (lambda s: setattr(s, "x_S", s.U_0[:]), ()),
        (lambda s: setattr(s, "x_S", 1 - s.Y_S[:] / mmolar), ("Y_S",)),
        (lambda s: setattr(s, "x_S", "0.1 + Y_S/mmolar + Gamma_S"), ("Y_S",)),
        (lambda s: s.x_S["Y_S > 1*mmolar"].sum() and None, ("Y_S",)),
        (assigned("Y_S", "i*mmolar"), ("Y_S",)),
        (assigned("Gamma_S", 0.3), ()),
        (assigned("Gamma_S", "U_0_star/2"), ()),
        (assigned("Gamma_S", "rand()*0"), ("Gamma_S",)),
        (assigned("Gamma_S", "0.01*i"), ("Gamma_S",)),
        (assigned("Gamma_S", 0.2, 3), ("Gamma_S",)),
        (assigned("Gamma_S", 0.2, "i > 2"), ("Gamma_S",)),
        (assigned("Gamma_S", "0.1*j", "i > 2"), ("Gamma_S",)),
        (assigned("Gamma_S", 0.2, "subgroup"), ("Gamma_S",)),
        (lambda s: setattr(s, "Gamma_S", np.linspace(0, 1, len(s))), ("Gamma_S",)),
        (lambda s: setattr(s, "Gamma_S_", 0.5), ()),
        (lambda s: s.run_regularly("Gamma_S += 0.01*i", dt=5 * ms) and None, ("Gamma_S",)),
        (lambda s: s.run_regularly("Y_S *= 0.5", dt=5 * ms) and None, ("Y_S",)),
        (lambda s: s.run_regularly("x_S -= 0.01*Y_S/mmolar", dt=5 * ms) and None, ("Y_S",)),
        (lambda s: s.run_regularly("x_S -= 0.01*Gamma_S", dt=5 * ms) and None, ()),
        (connected_to, ("Gamma_S", "Y_S")),
        (lambda s: s.keep("Gamma_S", "x_S"), ("Gamma_S",)),
    ],
)
def test_asking_changes_where_a_variable_lives_and_nothing_else(do, moved):
    (published, lifted), synapses = in_both_forms(do)
    assert_agree(published, lifted)
    assert places(synapses) == RESTING | dict.fromkeys(moved, "on each synapse")
    for name in moved:
        assert "each synapse keeps its own" in synapses.decisions[name].reason
    assert np.max(lifted["Gamma_S at the end"]) > 0.1


def test_monitors_follow_a_variable_to_the_synapses():
    def do(s):
        monitor = StateMonitor(s, ["Gamma_S", "x_S"], record=True)
        s.Gamma_S = "0.01*i"
        return monitor

    (published, lifted), _ = in_both_forms(do)
    assert_agree(published, lifted)


def test_views_follow_a_variable_to_the_synapses():
    synapses = covered().synapses
    view = synapses.Gamma_S
    synapses.Gamma_S = "0.01*i"
    assert_allclose(view[:], 0.01 * synapses.i[:])
    view[:] = 0.1 * np.ones(len(synapses))
    assert_array_equal(synapses.Gamma_S, 0.1)


def test_initial_values_of_synapses_that_are_connected_later():
    ends = []
    for form in FORMS:
        start_scope()
        source, target, glia = spikes(), targets(), cells()
        synapses = TripartiteSynapses(source, target, glia, full, ON_PRE, form=form)
        synapses.connect("i == j")
        synapses.Gamma_S = 0.4
        synapses.connect("i == j + 1")
        synapses.cover(by="post", index=np.arange(8) % 3)
        ends.append({"Gamma_S": synapses.Gamma_S[:]})
        assert set(np.asarray(synapses.Gamma_S)) == {0, 0.4}
    assert_agree(*ends)
    assert "synapses were added" in synapses.decisions["Gamma_S"].reason


def test_initial_values_that_read_parameters():
    model = Model(
        "test",
        "dw/dt = (C_astro/mmolar - w)/second : 1 (clock-driven)",
        {"w_0": Parameter(0.5, "1", "where w starts")},
        initial={"w": "w_0"},
    )
    ends = []
    for form in FORMS:
        start_scope()
        synapses = TripartiteSynapses(spikes(), targets(), cells(), model, form=form)
        synapses.w_0 = 0.25
        synapses.connect("i == j")
        synapses.w_0 = 0.75
        synapses.connect("i == j + 1")
        synapses.cover(index="0")
        ends.append({"w": synapses.w[:]})
        assert set(np.asarray(synapses.w)) == {0.25, 0.75}
    assert_agree(*ends)


def test_one_of_two_objects_is_asked():
    results = []
    for asked in (False, True):
        start_scope()
        source, target, glia = spikes(), targets(), cells()
        both = [TripartiteSynapses(source, target, glia, full, ON_PRE) for _ in range(2)]
        for n, synapses in enumerate(both):
            synapses.connect(f"(i + j) % 2 == {n}")
            synapses.cover(by="post", index=np.arange(8) % 3)
        if asked:
            both[0].keep("Y_S", "Gamma_S")
        glutamate = StateMonitor(glia, "Y_S", record=True)
        Network(source, target, glia, both, glutamate).run(20 * ms)
        results.append({"Y_S": np.array(glutamate.Y_S), "g_e": np.array(target.g_e)})
    assert_agree(*results)


def test_unknown_variable():
    with pytest.raises(ValueError, match=r"no variable Y to keep; its model has .*Y_S"):
        covered().synapses.keep("Y")


def test_nothing_can_be_set_before_there_are_synapses():
    synapses = TripartiteSynapses(spikes(), targets(), cells(), full)
    with pytest.raises(TypeError, match="connect"):
        synapses.Gamma_S = 0.5


@pytest.mark.parametrize(
    "ask",
    [
        lambda s: s.Y_S,
        lambda s: s.x_S["Y_S > 1*mmolar"],
        lambda s: s.run_regularly("Y_S = 0*mmolar"),
        lambda s: setattr(s, "Y_S", 1 * mmolar),
        lambda s: s.keep("Y_S"),
        monitored("Y_S"),
    ],
)
def test_too_late_for_what_was_summed(ask):
    network = covered()
    Network(*vars(network).values()).run(1 * ms)
    with pytest.raises(
        NotKept, match=r"Y_S of .*summed once.*before the first run.*territories\.Y_S.*form='published'"
    ):
        ask(network.synapses)
    assert not hasattr(network.synapses, "Y_S")


def test_too_late_for_other_values():
    network = covered()
    Network(*vars(network).values()).run(1 * ms)
    with pytest.raises(
        NotKept, match=r"Gamma_S of .* has no other value for each synapse.*once per territory"
    ):
        network.synapses.Gamma_S = "rand()"
    network.synapses.Gamma_S = 0.5
    assert_array_equal(network.synapses.Gamma_S, 0.5)
    assert len(Synapses(network.source, network.synapses).variables) > 0


def test_too_late_during_a_run():
    network = covered()

    @network_operation(dt=1 * ms)
    def ask():
        network.synapses.Gamma_S[0] = 1

    with pytest.raises((NotKept, BrianObjectException)):
        Network(*vars(network).values(), ask).run(2 * ms)


def test_what_the_astrocytes_give_cannot_be_set():
    with pytest.raises(TypeError, match="G_A_astro can't be set"):
        covered().synapses.G_A_astro = 1 * mmolar


def test_several_runs_and_restoring_with_what_was_asked_for():
    network = covered()
    glutamate = StateMonitor(network.synapses, "Y_S", record=True)
    net = Network(*vars(network).values(), glutamate)
    net.store()
    net.run(10 * ms)
    net.run(10 * ms)
    in_two_runs = np.array(glutamate.Y_S)
    net.restore()
    net.run(20 * ms)
    assert_allclose(np.array(glutamate.Y_S), in_two_runs, rtol=1e-12)
    assert in_two_runs.max() > 0


def on(backend, form, when):
    source, target, glia = spikes(), targets(), cells()
    synapses = TripartiteSynapses(source, target, glia, full, ON_PRE, form=form)
    if form == "lifted" and when == "early":
        synapses.keep("Y_S", "Gamma_S")
    synapses.connect("(i + j) % 3 != 0")
    recorded = StateMonitor(synapses, ["Y_S", "Gamma_S", "U_0"], record=np.arange(0, 30, 5))
    synapses.Gamma_S = "0.01*i"
    synapses.cover(by="post", index=np.arange(8) % 4 - 1)
    glutamate = StateMonitor(glia, "Y_S", record=True)
    Network(source, target, glia, synapses, recorded, glutamate).run(20 * ms)
    traces = {name: np.array(getattr(recorded, name)) for name in recorded.record_variables}
    return traces | {"gathered": np.array(glutamate.Y_S), "x_S": np.array(synapses.x_S)}


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("when", ["early", "late"])
@pytest.mark.parametrize("backend", ["cpp", "cython"])
def test_asking_of_compiled_programs(backend, when):
    here = on("numpy", "published", when)
    use_backend(backend)
    assert_agree(here, on(backend, "lifted", when))
