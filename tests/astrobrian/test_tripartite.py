"""Tripartite synapses: both forms agree, and they are Brian2 synapses in everything."""

from types import SimpleNamespace

import numpy as np
import pytest
from brian2 import (
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    mmolar,
    ms,
    pA,
    second,
    start_scope,
    umolar,
)
from brian2.core.base import BrianObjectException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from astrobrian import AstrocyteGroup, Neurons, TripartiteSynapses
from astrobrian.equations import (
    Model,
    Parameter,
    cleft_glutamate,
    coba_lif,
    gchi,
    gliotransmission,
    presynaptic_receptors,
    tsodyks_markram,
)

released = tsodyks_markram + cleft_glutamate
full = released + presynaptic_receptors
ON_PRE = "g_e_post += 0.05*nS*r_S"
FORMS = ("published", "lifted")


def spikes(n=6, until=50, seed=0):
    """Neurons that fire ten times each, at random times."""
    random = np.random.default_rng(seed)
    times = [random.choice(np.arange(1, 5 * until), 10, replace=False) / 5 for _ in range(n)]
    return SpikeGeneratorGroup(n, np.repeat(np.arange(n), 10), np.concatenate(times) * ms)


def targets(n=8):
    return NeuronGroup(n, "dg_e/dt = -g_e/(5*ms) : siemens", method="exact")


def cells(n=3, dt=1 * ms):
    """Astrocytes, some of which release within milliseconds."""
    group = AstrocyteGroup(n, gchi + gliotransmission, dt=dt, name="glia*")
    group.C = "(0.45 + 0.04*i)*umolar"
    group.I = 0.8 * umolar
    return group


def constant_cells(n=3, dt=0.1 * ms):
    """Astrocytes that do nothing but hold values."""
    return NeuronGroup(n, "G_A : mmolar\nY_S : mmolar\nC : mmolar", dt=dt)


def covered(
    form="lifted", model=full, on_pre=ON_PRE, n_astro=3, source=None, target=None, glia=None, **kwargs
):
    source, target = source or spikes(), target or targets()
    glia = glia or cells(n_astro)
    synapses = TripartiteSynapses(source, target, glia, model, on_pre, form=form, **kwargs)
    synapses.connect("(i + j) % 3 != 0")
    synapses.cover(by="post", index=np.arange(len(target)) % (n_astro + 1) - 1)
    return SimpleNamespace(source=source, target=target, glia=glia, synapses=synapses)


def assert_agree(one, other, tolerance=1e-9):
    assert one.keys() == other.keys()
    for name in one:
        a, b = np.asarray(one[name]), np.asarray(other[name])
        assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.abs(a).max(initial=0), err_msg=name)


def record(network, duration=60 * ms, runs=1):
    """Traces of everything that the two forms must agree on."""
    monitors = [
        StateMonitor(network.glia, ["Y_S", "G_A", "C"], record=True),
        StateMonitor(network.synapses, "Gamma_S", record=np.arange(0, len(network.synapses), 5)),
        StateMonitor(network.target, "g_e", record=True),
    ]
    net = Network(network.source, network.target, network.glia, network.synapses, monitors)
    for _ in range(runs):
        net.run(duration / runs)
    traces = {n: np.array(getattr(m, n)) for m in monitors for n in m.record_variables}
    return traces | {"x_S": np.array(network.synapses.x_S)}


# ------------------------------------------------------------------------------------------- two forms of one network
@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_forms_agree_on_open_loop_networks(data):
    draw = data.draw
    n_pre, n_post, n_astro = (draw(st.integers(1, 6)) for _ in range(3))
    steps = draw(st.sampled_from([(0.1, 0.1), (0.1, 1.0), (0.2, 0.5), (0.5, 0.2), (0.1, 0.25)]))
    pairs = draw(
        st.lists(st.tuples(st.integers(0, n_pre - 1), st.integers(0, n_post - 1)), min_size=1, max_size=20)
    )
    i, j = np.array(pairs).T
    by, neurons = draw(st.sampled_from([("pre", n_pre), ("post", n_post), (None, len(i))]))
    index = draw(st.lists(st.integers(-1, n_astro - 1), min_size=neurons, max_size=neurons))
    gather = draw(st.sampled_from(["mean", "sum"]))
    delay = draw(st.sampled_from([None, 0.7, "each"]))
    results = {}
    for form in FORMS:
        start_scope()
        source, target, glia = spikes(n_pre, until=25), targets(n_post), cells(n_astro, dt=steps[1] * ms)
        constructor = {"delay": delay * ms} if isinstance(delay, float) else {}
        synapses = TripartiteSynapses(
            source, target, glia, full, ON_PRE, form=form, gather=gather, dt=steps[0] * ms, **constructor
        )
        synapses.connect(i=i, j=j)
        if delay == "each":
            synapses.pre.delay = np.linspace(0, 2, len(i)) * ms
        synapses.cover(by=by, index=index)
        results[form] = record(
            SimpleNamespace(source=source, target=target, glia=glia, synapses=synapses), 30 * ms
        )
    assert_agree(results["published"], results["lifted"])


def closed_loop(form):
    """Forty neurons that excite each other and eight astrocytes, in rounded copies of the published network."""
    neurons = Neurons(40, coba_lif(I_ex=130 * pA), method="euler")
    neurons.v = "E_l + (V_th - E_l)*i/40"
    glia = AstrocyteGroup(8, gchi + gliotransmission, dt=2 * ms)
    glia.C, glia.I = 0.4 * umolar, "(0.5 + 0.1*i)*umolar"
    excitatory = TripartiteSynapses(neurons[:30], neurons, glia, full, "g_e_post += 2*nS*r_S", form=form)
    excitatory.connect("(7*i + 3*j) % 11 < 3 and i != j")
    excitatory.cover(by="post", index=np.arange(40) // 5)
    inhibitory = TripartiteSynapses(neurons[30:], neurons, None, tsodyks_markram, "g_i_post += 5*nS*r_S")
    inhibitory.connect("(i + j) % 3 == 0")
    fired, released = SpikeMonitor(neurons), SpikeMonitor(glia)
    Network(neurons, glia, excitatory, inhibitory, fired, released).run(0.6 * second)
    return fired, released, np.array(excitatory.Gamma_S)


def test_forms_agree_on_a_closed_loop():
    (spikes_1, releases_1, gamma_1), (spikes_2, releases_2, gamma_2) = map(closed_loop, FORMS)
    assert spikes_1.num_spikes > 100
    assert releases_1.num_spikes > 0
    assert_array_equal(spikes_1.i, spikes_2.i)
    assert_array_equal(spikes_1.t, spikes_2.t)
    assert_array_equal(releases_1.t, releases_2.t)
    assert_allclose(gamma_1, gamma_2, rtol=1e-9)


@pytest.mark.parametrize(
    "model",
    [
        full.per_cell("O_G", "Omega_c"),
        full + Model("reader", "dm/dt = (Y_S/mmolar + Gamma_S - m)/(5*ms) : 1 (clock-driven)"),
    ],
    ids=["own rates", "read at every step"],
)
def test_what_stays_on_the_synapse_agrees_too(model):
    results = {}
    for form in FORMS:
        network = covered(form, model, method="rk4")
        if "Omega_c" in network.synapses.variables and not network.synapses.variables["Omega_c"].scalar:
            network.synapses.Omega_c = "(30 + i)/second"
            network.synapses.O_G = "(1 + 0.1*j)/umolar/second"
        results[form] = record(network)
    assert_agree(results["published"], results["lifted"])


@pytest.mark.parametrize("name", ["J_r", "O_P", "i", "C"])
def test_any_number_of_the_astrocytes_can_be_read(name):
    unit = {"J_r": "mmolar/second", "O_P": "mmolar/second", "i": "1", "C": "mmolar"}[name]
    model = Model("reader", f"dm/dt = {name}_astro/({unit})/second - m/second : 1 (clock-driven)")
    ends = [covered(form, full + model) for form in FORMS]
    for network in ends:
        Network(*vars(network).values()).run(20 * ms)
    assert_allclose(ends[0].synapses.m, ends[1].synapses.m, rtol=1e-9)
    assert np.max(ends[1].synapses.m) > 0
    assert ends[1].synapses.decisions["m"].place == "once per territory"


# ---------------------------------------------------------------------------------------------------- against formulas
@pytest.mark.parametrize("form", FORMS)
def test_receptors_approach_equilibrium_exponentially(form):
    glia = constant_cells()
    glia.G_A = [0, 10, 50] * umolar
    network = covered(form, presynaptic_receptors, "", glia=glia)
    gamma = StateMonitor(network.synapses, "Gamma_S", record=True)
    Network(network.source, network.target, glia, network.synapses, gamma).run(200 * ms)
    G_A = np.append([0, 10, 50], 0)[network.synapses.astrocyte_index][:, np.newaxis]
    rate, off = 1.5 * G_A + 0.5 / 60, 0.5 / 60
    exact = (rate - off) / rate * (1 - np.exp(-rate * np.asarray(gamma.t)))
    assert_allclose(gamma.Gamma_S, exact, rtol=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("gather", ["mean", "sum"])
def test_glutamate_decays_exponentially(form, gather):
    source = SpikeGeneratorGroup(2, [0], [5] * ms)
    synapses = TripartiteSynapses(
        source, targets(2), glia := constant_cells(2), released, form=form, gather=gather
    )
    synapses.connect()
    synapses.cover(by="post", index=[1, -1])
    glutamate = StateMonitor(glia, "Y_S", record=True)
    Network(source, synapses, synapses.target, glia, glutamate).run(30 * ms)
    released_at_once = 0.005 * 500 * 0.6 / (2 if gather == "mean" else 1)
    t = np.asarray(glutamate.t)
    exact = released_at_once * np.exp(-40 * (t - 5.1e-3)) * (t > 5.05e-3)
    # the monitor reads at the start of a step what was handed over in the step before
    assert_allclose(np.asarray(glutamate.Y_S[1])[1:], exact[:-1], rtol=1e-11, atol=1e-300)
    assert_array_equal(glutamate.Y_S[0], 0)  # no synapses: zero, not NaN


# ------------------------------------------------------------------------------------------- as Brian2's synapses are
def test_variables_read_as_in_the_published_form():
    values = {}
    for form in FORMS:
        network = covered(form)
        record(network)
        s = network.synapses
        views = [
            s.Gamma_S[:],
            s.Gamma_S[2:9],
            s.Gamma_S[[3, 1]],
            s.Gamma_S[1, :],
            s.Gamma_S[s[0:5]],
            s.Gamma_S["j > 3"],
        ]
        values[form] = {
            str(n): np.asarray(v) for n, v in enumerate([*views, s.U_0[:], s.G_A_astro[:], s.Gamma_S_[:4]])
        }
    assert max(values["lifted"]["0"]) > 0.01
    assert_agree(values["published"], values["lifted"])


def test_string_expressions_and_units():
    s = covered().synapses
    s.x_S = "0.1 + 0.01*j + 0*astrocyte_index"
    assert_allclose(s.x_S, 0.1 + 0.01 * s.j[:])
    s.Gamma_S = "0.1 + 0.2"
    assert_allclose(s.Gamma_S, 0.3)
    s.Gamma_S = "U_0_star/2"
    assert_allclose(s.Gamma_S, 0.3)
    s.Y_T = 250 * mmolar
    assert s.Y_T == 250 * mmolar


def test_uniform_value_may_be_set_before_covering():
    synapses = TripartiteSynapses(spikes(), targets(), cells(), full)
    synapses.connect()
    synapses.Gamma_S = 0.25
    synapses.cover(by="post", index=[-1, 0, 1, 2, 2, 2, 2, 2])
    assert_array_equal(synapses.Gamma_S, 0.25)


@pytest.mark.parametrize("form", FORMS)
def test_two_runs_are_one_run(form):
    assert_agree(record(covered(form)), record(covered(form), runs=2), 1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_store_and_restore(form):
    network = covered(form)
    net = Network(vars(network).values())
    net.run(20 * ms)
    net.store()
    ends = []
    for _ in range(2):
        net.run(30 * ms)
        ends.append(
            [np.array(network.glia.Y_S), np.array(network.synapses.Gamma_S), np.array(network.synapses.x_S)]
        )
        net.restore()
    assert_array_equal(np.concatenate(ends[0]), np.concatenate(ends[1]))


def test_subgroups_are_whole_groups_elsewhere():
    results = []
    for extra in (0, 4):
        source = NeuronGroup(6 + extra, "", threshold=f"(11*(i - {extra}) + t_in_timesteps) % 37 == 0")
        target, glia = targets(8 + 2 * extra), cells()
        synapses = TripartiteSynapses(source[extra:], target[extra : extra + 8], glia, full, ON_PRE)
        synapses.connect("(i + j) % 3 != 0")
        synapses.cover(by="post", index=np.arange(8) % 4 - 1)
        by_post = synapses.astrocyte_index
        synapses.cover(by="pre", index=[0, 1, 2, 2, 1, -1])
        monitor = StateMonitor(glia, "Y_S", record=True)
        Network(source, target, glia, synapses, monitor).run(20 * ms)
        results.append([by_post, synapses.astrocyte_index, monitor.Y_S, target.g_e[extra : extra + 8]])
    for small, large in zip(*results, strict=True):
        assert_allclose(small, large, rtol=1e-12)
        assert np.max(small) > 0


@pytest.mark.parametrize("form", FORMS)
def test_delay_moves_everything_that_a_spike_does(form):
    traces = {}
    for delay in (0, 3):
        network = covered(form, released, delay=delay * ms, source=spikes(until=15), glia=constant_cells())
        glutamate = StateMonitor(network.glia, "Y_S", record=True)
        conductance = StateMonitor(network.target, "g_e", record=True)
        Network(*vars(network).values(), glutamate, conductance).run(20 * ms)
        traces[delay] = np.concatenate([glutamate.Y_S, conductance.g_e])
    assert_allclose(traces[3][:, 30:], traces[0][:, :-30], rtol=1e-9, atol=1e-20)
    assert traces[3].max() > 0


def test_code_may_be_indented():
    on_pre = """
        g_e_post += (0.05*nS
                     *r_S)  # a comment
        Y_S += 1*mmolar
    """
    assert_agree(*(record(covered(form, on_pre=on_pre), 20 * ms) for form in FORMS))


def test_pathways_and_statements_of_both_ends():
    source, target = spikes(), SpikeGeneratorGroup(2, [0, 1], [10, 20] * ms)
    synapses = TripartiteSynapses(
        source, target, glia := constant_cells(), released, {"pre": "seen += 1", "late": "seen += 100"},
        on_post="Y_S += 1*mmolar", delay={"late": 5 * ms}, namespace={}
    )  # fmt: skip
    assert synapses.decisions["Y_S"].place == "summed once per territory"
    assert (synapses.late.delay, synapses.pre.name) == (5 * ms, f"{synapses.name}_pre")
    synapses.connect()
    synapses.cover(index="j")
    assert_array_equal(glia.Y_S, 0)


def test_explicit_names_and_repr():
    network = covered(name="excitatory")
    assert network.synapses.name == "excitatory"
    assert network.synapses.territories.name == "excitatory_territories"
    assert "lifted, covered by" in repr(network.synapses)
    assert f"except {network.synapses.uncovered}" in repr(network.synapses)
    assert "Gamma_S: once per territory" in network.synapses.explain()
    assert "published form" in covered("published").synapses.explain()


def test_model_gives_constants_and_initial_values():
    synapses = covered(model=full.per_cell("Y_T")(Y_T=100 * mmolar, alpha=1)).synapses
    assert_array_equal(synapses.x_S, 1)
    assert_array_equal(synapses.Y_T / mmolar, 100)
    assert synapses.alpha == 1
    synapses.x_S = 0.5
    synapses.connect(i=[0], j=[0])
    assert_array_equal(synapses.x_S[:-1], 0.5)
    assert synapses.x_S[-1] == 1


# ------------------------------------------------------------------------------------- several groups, or no astrocytes
@pytest.mark.parametrize("gather", ["mean", "sum"])
def test_splitting_synapses_into_two_objects_changes_nothing(gather):
    traces = []
    for parts in (["True"], ["j % 2 == 0", "j % 2 == 1"]):
        source, target, glia = spikes(), targets(), cells()
        synapses = [TripartiteSynapses(source, target, glia, full, ON_PRE, gather=gather) for _ in parts]
        for part, condition in zip(synapses, parts, strict=True):
            part.connect(f"(i + j) % 3 != 0 and ({condition})")
            part.cover(by="post", index=np.arange(8) % 4 - 1)
        monitor = StateMonitor(glia, ["Y_S", "C"], record=True)
        Network(source, target, glia, synapses, monitor).run(40 * ms)
        traces.append({"Y_S": monitor.Y_S, "C": monitor.C})
    assert_agree(*traces, 1e-12)


def test_inactive_synapses_are_not_gathered():
    results = []
    for number in (1, 2):
        source, target, glia = spikes(), targets(), cells()
        synapses = [TripartiteSynapses(source, target, glia, full) for _ in range(number)]
        for each in synapses:
            each.connect()
            each.cover(by="post", index=np.arange(8) % 3)
        for each in synapses[1:]:
            each.active = False
        Network(source, target, glia, synapses).run(20 * ms)
        results.append(np.array(glia.Y_S))
    assert_array_equal(*results)
    assert results[0].min() > 0


def test_two_astrocyte_groups():
    source, target, near, far = spikes(), targets(), cells(2), cells(3)
    one = TripartiteSynapses(source, target, near, full)
    two = TripartiteSynapses(source, target, far, full)
    for synapses, n in ((one, 2), (two, 3)):
        synapses.connect()
        synapses.cover(by="post", index=np.arange(8) % n)
    Network(source, target, near, far, one, two).run(30 * ms)
    assert np.min(near.Y_S) > 0
    assert np.min(far.Y_S) > 0


def test_without_astrocytes_nothing_astrocytic_is_carried():
    source, target = spikes(), targets()
    synapses = TripartiteSynapses(source, target, None, tsodyks_markram, ON_PRE)
    synapses.connect()
    assert "territory" not in synapses.variables
    assert synapses.territories is None
    plain = Synapses(
        source, target, "du_S/dt = -3.33/second*u_S : 1 (event-driven)\ndx_S/dt = 2/second*(1 - x_S) : 1 (event-driven)",
        on_pre=f"u_S += 0.6*(1 - u_S)\nr_S = u_S*x_S\nx_S -= r_S\n{ON_PRE}"
    )  # fmt: skip
    plain.connect()
    plain.x_S = 1
    Network(source, target, synapses, plain).run(50 * ms)
    assert_allclose(synapses.x_S, plain.x_S, rtol=1e-12)


def test_spikes_add_to_a_variable_of_the_astrocyte():
    glia = NeuronGroup(3, "load : 1\nseen : 1")
    model = Model("writer", parameters={"amount": Parameter(2, "1", "what a spike adds")})
    network = covered(model=model, on_pre="load_astro += amount\nseen_astro -= load_astro", glia=glia)
    counts = SpikeMonitor(network.source)
    Network(*vars(network).values(), counts).run(60 * ms)
    synapses = network.synapses
    per_synapse = np.asarray(counts.count)[synapses.i[:]]
    expected = [2 * per_synapse[synapses.astrocyte_index == n].sum() for n in range(3)]
    assert_allclose(glia.load, expected)
    assert (np.asarray(glia.seen) < 0).all()


# ------------------------------------------------------------------------------------------------------------ refusals
def test_astrocytic_variables_need_astrocytes():
    with pytest.raises(ValueError, match="uses G_A_astro, but no astrocytes are given"):
        TripartiteSynapses(spikes(), targets(), None, full)


def test_unknown_astrocytic_variable():
    with pytest.raises(ValueError, match=r"uses G_B_astro, but .* has no G_B; it has .*G_A"):
        TripartiteSynapses(spikes(), targets(), cells(), "", "g_e_post += nS*G_B_astro/mmolar")


def test_astrocytes_that_have_nothing_to_do_with_the_synapses():
    with pytest.raises(ValueError, match="nothing to do with each other"):
        TripartiteSynapses(spikes(), targets(), cells(), tsodyks_markram)


def test_subgroup_of_astrocytes():
    glia = cells()
    with pytest.raises(TypeError, match=r"whole NeuronGroup.*Subgroup.*cover\(index="):
        TripartiteSynapses(spikes(), targets(), glia[1:], full)


def test_event_driven_glutamate_is_not_known_between_spikes():
    model = Model("wrong", "dY_S/dt = -Y_S/(25*ms) : mmolar (event-driven)", on_pre="Y_S += 1*mmolar")
    with pytest.raises(ValueError, match=r"Y_S between spikes.*clock-driven"):
        TripartiteSynapses(spikes(), targets(), cells(), model)


@pytest.mark.parametrize("line", ["C_astro = 1*mmolar", "C_astro *= 2"])
def test_spikes_can_only_add_to_astrocytes(line):
    with pytest.raises(ValueError, match=r"C_astro.*only add"):
        TripartiteSynapses(spikes(), targets(), cells(), full, line)


def test_spikes_cannot_add_to_what_all_astrocytes_share():
    with pytest.raises(ValueError, match="O_P_astro can't be added to"):
        TripartiteSynapses(spikes(), targets(), cells(), full, "O_P_astro += umolar/second")


def test_published_form_copies_one_way_only():
    with pytest.raises(ValueError, match=r"C_astro \+= .*only possible in the lifted form"):
        TripartiteSynapses(spikes(), targets(), cells(), full, "C_astro += umolar", form="published")


def test_order_within_a_time_step():
    with pytest.raises(ValueError, match=r"order=1, but .* has order=0.*same order"):
        TripartiteSynapses(spikes(), targets(), cells(), full, order=1)


@pytest.mark.parametrize("form", FORMS)
def test_what_spikes_leave_on_the_synapse_may_be_gathered(form):
    synapses = covered(form, "Y_S : mmolar", "Y_S += 1*mmolar", gather="sum").synapses
    Network(synapses.source, synapses.target, synapses.astrocytes, synapses).run(60 * ms)
    expected = np.bincount(synapses.territory[:], np.asarray(synapses.Y_S), minlength=4)[:3]
    assert_allclose(synapses.astrocytes.Y_S / mmolar, expected)


def test_different_ways_of_gathering():
    glia = cells()
    existing = TripartiteSynapses(spikes(), targets(), glia, full, gather="mean", name="first")
    with pytest.raises(ValueError, match=r"gathers Y_S as a sum.*gathers it as a mean"):
        TripartiteSynapses(spikes(), targets(), glia, full, gather="sum")
    with pytest.raises(ValueError, match=rf"fed Y_S by {existing.name} already"):
        TripartiteSynapses(spikes(), targets(), glia, full, form="published")


@pytest.mark.parametrize("choice", [{"form": "fast"}, {"gather": "max"}])
def test_unknown_choice(choice):
    (name,) = choice
    with pytest.raises(ValueError, match=rf"{name}=.*one of"):
        TripartiteSynapses(spikes(), targets(), cells(), full, **choice)


# ----------------------------------------------------------------------------------------------- runs that were refused
def test_synapses_count_once_after_a_run_that_failed():
    results = []
    for fails in (False, True):
        source, target, glia = spikes(), targets(), cells()
        one, two = (TripartiteSynapses(source, target, glia, full, gather="sum") for _ in range(2))
        for synapses in (one, two):
            synapses.connect()
        one.cover(by="post", index=np.arange(8) % 3)
        net = Network(source, target, glia, one, two)
        if fails:
            with pytest.raises(BrianObjectException):
                net.run(20 * ms)
        two.cover(by="post", index=np.arange(8) % 3)
        net.run(20 * ms)
        results.append(np.array(glia.Y_S))
    assert_array_equal(*results)


def test_synapses_may_be_made_again():
    source, target, glia = spikes(), targets(), cells()

    def make(gather):
        synapses = TripartiteSynapses(source, target, glia, full, gather=gather, name="again")
        synapses.connect()
        synapses.cover(by="post", index=np.arange(8) % 3)
        return synapses

    for gather in ("mean", "mean", "sum"):
        synapses = None  # the old ones are gone, and with them how they fed the astrocytes
        synapses = make(gather)
    Network(source, target, glia, synapses).run(20 * ms)
    assert np.min(glia.Y_S) > 0


@pytest.mark.parametrize("form", FORMS)
def test_network_without_the_astrocytes_is_refused(form):
    network = covered(form)
    with pytest.raises(ValueError, match="not the object on which it depends"):
        Network(network.source, network.target, network.synapses).run(0 * ms)


# ------------------------------------------------------------------------------------ when astrocytic values are known
@pytest.mark.parametrize("form", FORMS)
def test_variables_of_the_astrocytes_are_known_once_covered(form):
    glia = constant_cells()
    glia.C = "(i + 1)*umolar"
    model = Model("reader", "difference = C_astro - C_post : mmolar\nw : mmolar")
    target = NeuronGroup(8, "C : mmolar")
    synapses = covered(form, model=model, on_pre="w += C_astro", target=target, glia=glia).synapses
    synapses.w = "C_astro"
    expected = np.where(synapses.astrocyte_index < 0, 0, 1 + synapses.astrocyte_index)
    assert_allclose(synapses.difference[:] / umolar, expected)
    assert_allclose(synapses.w[:] / umolar, expected)


def current_of(kind):
    """What neurons get through a summed variable that reads calcium which grows step by step."""
    glia = NeuronGroup(2, "dC/dt = C/ms + umolar/ms : mmolar", method="euler", name="growing*")
    target = NeuronGroup(3, "I : amp")
    if kind == "brian2":
        synapses = Synapses(glia, target, "I_post = C_pre*pA/umolar : amp (summed)")
        synapses.connect(j="i")
    else:
        synapses = TripartiteSynapses(
            target, target, glia, "I_post = C_astro*pA/umolar : amp (summed)", form=kind
        )
        synapses.connect(j="i")
        synapses.cover(index=[0, 1, -1])
    monitor = StateMonitor(target, "I", record=True)
    Network(glia, target, synapses, monitor).run(1 * ms)
    return np.array(monitor.I)


@pytest.mark.parametrize("form", FORMS)
def test_summed_variables_read_the_astrocytes_as_in_brian2(form):
    assert_allclose(current_of(form), current_of("brian2"), rtol=1e-12)


def test_gathered_subexpressions_read_the_astrocytes_as_they_are():
    results = []
    for form in FORMS:
        glia = NeuronGroup(3, "dC/dt = C/ms + umolar/ms : mmolar\nY_S : mmolar", method="euler", name="glow*")
        network = covered(form, model="Y_S = C_astro*(i + 1) : mmolar", on_pre="", glia=glia)
        monitor = StateMonitor(glia, "Y_S", record=True)
        Network(*vars(network).values(), monitor).run(1 * ms)
        results.append({"Y_S": monitor.Y_S})
    assert_agree(*results, 1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_errors_show_where_the_user_made_an_object(form):
    network = covered(form, on_pre="g_e_post += unknown")
    with pytest.raises(BrianObjectException, match=r"test_tripartite\.py.*\n.*TripartiteSynapses\("):
        Network(*vars(network).values()).run(0 * ms)
    for made in (
        network.glia,
        network.synapses,
        *network.glia.contained_objects,
        *network.synapses.contained_objects,
    ):
        assert "test_tripartite.py" in made._creation_stack
        assert "astrobrian/tripartite.py" not in made._full_creation_stack
