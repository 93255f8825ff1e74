"""Every entry of the library: it builds, runs, starts inside its bounds and says where it comes from."""

import re

import numpy as np
import pytest
from brian2 import (
    DimensionMismatchError,
    Equations,
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    get_dimensions,
    ms,
    pA,
    second,
    umolar,
)
from scipy.integrate import solve_ivp

from astrobrian.equations import (
    AM,
    DEPRESSING,
    FACILITATING,
    FM,
    NADKARNI_JUNG,
    Model,
    ModelError,
    calcium_plasticity,
    chi,
    chi_stochastic,
    cleft_glutamate,
    coba_lif,
    double_exponential_sic,
    excitatory_conductance,
    exogenous_drive,
    fixed_points,
    gap_junction,
    gchi,
    gliotransmission,
    jump,
    li_rinzel,
    linear_gap_junction,
    models,
    nadkarni_jung,
    nadkarni_jung_synapse,
    parameter_sets,
    presynaptic_receptors,
    release_record,
    rhs,
    slow_inward_current,
    tsodyks_markram,
)
from astrobrian.equations.dynamics import value_of
from astrobrian.equations.quantity import unit
from astrobrian.equations.symbolic import symbol

# what a synapse reads or writes elsewhere needs a synapse around it
CELLS = [
    m
    for m in models().values()
    if not (
        m.on_pre or re.search(r"_astro|_pre|_post|event-driven|clock-driven", m.text) or m is release_record
    )
]


@pytest.mark.parametrize("model", CELLS, ids=lambda m: m.name)
def test_every_cell_runs_in_brian2_with_consistent_units(model, fill):
    group = NeuronGroup(
        2,
        model.equations,
        threshold=model.threshold,
        reset=(model.threshold and model.reset) or None,
        refractory=model.refractory or False,
        method="milstein" if model.equations.stochastic_variables else "rk4",
        dt=1 * ms,
    )
    fill(group, model)
    Network(group).run(3 * ms)
    for name in model.states:
        assert np.all(np.isfinite(np.asarray(getattr(group, name)[:]))), name


@pytest.mark.parametrize("model", models().values(), ids=list(models()))
def test_every_line_has_its_meaning_and_source(model):
    for name, parameter in model.parameters.items():
        assert parameter.meaning, name
        assert parameter.source, name
        shown = f"{name} : "
        assert any(line.startswith(shown) and "  # " in line for line in str(model).splitlines()), name
    for name, item in model.inputs.items():
        assert item.meaning, name
    read_somewhere = {parameter.source for parameter in model.parameters.values()} - {"chosen here"}
    assert model.references or not read_somewhere
    assert model.citation().count("@") == len(model.references)
    assert model.name in models()


@pytest.mark.parametrize("model", models().values(), ids=list(models()))
def test_printed_equations_are_brian2_equations(model):
    listing = []
    for line in str(model).splitlines()[1:]:
        if line.endswith(":"):
            break
        listing.append(line)
    assert set(map(str, Equations("\n".join(listing)).values())) == set(map(str, model.equations.values()))


@pytest.mark.parametrize("model", models().values(), ids=list(models()))
def test_initial_values_lie_within_the_bounds(model):
    for name, ends in model.bounds.items():
        low, high = (value_of(end, model) for end in ends)
        assert low <= value_of(model.initial.get(name, "0"), model) <= high, name


def test_initial_values_are_those_of_the_chapter():
    whole = gchi + gliotransmission
    assert whole.initial == {"C": "0.01*umolar", "h": "0.9", "I": "0.01*umolar", "x_A": "1"}
    assert tsodyks_markram.initial == {"x_S": "1"}


@pytest.mark.parametrize("values", parameter_sets().values(), ids=list(parameter_sets()))
def test_every_value_of_a_set_has_the_unit_of_some_parameter(values):
    found = {}
    for model in models().values():
        found |= {n: get_dimensions(i.quantity) for n, i in model.constants.items()}
    for name, (_, text) in values.values.items():
        if name != "F":  # two models have an F, a flux and a rate
            assert found[name] is get_dimensions(unit(text)), name


def test_a_set_changes_values_and_sources_of_what_a_model_has():
    changed = FM(gchi + gliotransmission + exogenous_drive)
    assert changed.parameters["K_delta"].value == 0.5
    assert "DePittaBrunel2016" in changed.parameters["K_delta"].source
    assert changed.parameters["C_T"].source == gchi.parameters["C_T"].source
    assert changed.inputs["I_bias"].default == 1
    assert "DePittaBrunel2016" in changed.citation()
    assert FM(gap_junction).parameters["F"].value == 2


def test_sets_differ_where_the_paper_says():
    assert AM(chi).parameters["K_P"].value == 0.1
    assert FM(chi).parameters["K_P"].value == 0.05
    synapse = tsodyks_markram + presynaptic_receptors
    assert DEPRESSING(synapse).parameters["alpha"].value == 0
    assert FACILITATING(synapse).parameters["U_0_star"].value == 0.15
    assert "FM" in str(FM)
    assert "K_P = 0.05 umolar" in str(FM)


def test_a_set_that_has_nothing_for_a_model_is_refused():
    with pytest.raises(ModelError, match="DEPRESSING has nothing for coba_lif"):
        DEPRESSING(coba_lif)


def test_nest_values_are_those_of_the_header():
    assert nadkarni_jung.parameters["d_5"].value == 0.08234
    assert nadkarni_jung.initial == {"C": "0.073*umolar", "h": "0.793", "I": "IP3_0"}
    assert NADKARNI_JUNG(li_rinzel).parameters["O_2"].quantity == 0.2 / umolar / second


def test_the_chapter_s_unit_of_o_2_would_be_refused():
    """Its printed table gives uM/s; with that unit tau_h isn't a time."""
    with pytest.raises(DimensionMismatchError, match="O_2 of li_rinzel"):
        li_rinzel(O_2=0.2 * umolar / second)


def synapse_pair(model, on_pre, spikes):
    """One synapse of a model, spiking at the given steps of 1 ms; returns source, synapses, target."""
    source = SpikeGeneratorGroup(1, np.zeros(len(spikes)), spikes * ms, dt=1 * ms)
    target = NeuronGroup(1, "g_e : siemens\nI : mmolar\nG_A_astro : mmolar", dt=1 * ms)
    synapses = Synapses(source, target, model, on_pre=on_pre, method="exact", dt=1 * ms)
    synapses.connect()
    return source, synapses, target


def test_releases_without_astrocyte_are_those_of_example_3(fill):
    """V7: r_S at each spike, of the published script."""
    spikes = np.array([0, 50, 100, 150, 200, 300, 310, 320, 330])
    model = tsodyks_markram + release_record
    source, synapses, target = synapse_pair(model.equations, model.on_pre, spikes)
    fill(synapses, model)
    monitor = StateMonitor(synapses, "r_S", record=True, dt=1 * ms, when="end")
    Network(source, synapses, target, monitor).run(331 * ms)
    expected = [0.6, 0.3671, 0.154, 0.1035, 0.0958, 0.1629, 0.0429, 0.022, 0.0201]
    np.testing.assert_allclose(monitor.r_S[0][spikes], expected, atol=5.1e-5)


def test_statements_of_a_synapse_run_in_the_order_of_the_chapter(fill):
    model = tsodyks_markram + cleft_glutamate + excitatory_conductance + release_record
    source, synapses, target = synapse_pair(model.equations, model.on_pre, np.array([0]))
    fill(synapses, model)
    Network(source, synapses, target).run(1 * ms)
    r = 0.6
    assert synapses.r_S[0] == pytest.approx(r, rel=1e-14)
    assert synapses.x_S[0] == pytest.approx(1 - r, rel=1e-14)
    assert synapses.Y_S[0] / umolar == pytest.approx(0.005 * 500e3 * r, rel=1e-12)
    assert float(target.g_e[0]) == pytest.approx(0.05e-9 * r, rel=1e-14)


def test_ip3_of_nest_jumps_at_a_spike(fill):
    source, synapses, target = synapse_pair(
        nadkarni_jung_synapse.equations, nadkarni_jung_synapse.on_pre, np.array([0])
    )
    fill(synapses, nadkarni_jung_synapse)
    Network(source, synapses, target).run(1 * ms)
    assert target.I[0] / umolar == pytest.approx(2e-4)


def fluxes(model, low, high, fill):
    """IP3 fluxes between two coupled cells."""
    cells = NeuronGroup(2, "I : mmolar\nJ_coupling : mmolar/second", dt=1 * ms)
    cells.I = [low, high] * umolar
    junctions = Synapses(cells, cells, model.equations, dt=1 * ms)
    junctions.connect(condition="i != j")
    fill(junctions, model)
    Network(cells, junctions).run(1 * ms)
    return cells.J_coupling[:] / (umolar / second)


def test_gap_junctions_carry_ip3_down_its_gradient_and_conserve_it(fill):
    for model in (gap_junction, linear_gap_junction):
        flux = fluxes(model, 0.2, 1.2, fill)
        np.testing.assert_allclose(flux, [0.09, -0.09], rtol=1e-5)
    below = fluxes(gap_junction, 0.2, 0.3, fill)
    assert 0 < below[0] < 1e-3 * 0.09
    assert fluxes(linear_gap_junction, 0.2, 0.3, fill)[0] == pytest.approx(0.009)


def test_one_release_per_crossing_however_long_calcium_stays_high(fill):
    calcium = "C = (0.4 + 0.2*int(t > 10*ms and t < 30*ms) + 0.2*int(t > 40*ms))*umolar : mmolar"
    model = gliotransmission + Model("calcium", calcium)
    group = NeuronGroup(
        1,
        model.equations,
        threshold=model.threshold,
        reset=model.reset,
        refractory=model.refractory,
        method="exact",
        dt=1 * ms,
    )
    fill(group, model)
    releases = SpikeMonitor(group)
    Network(group, releases).run(60 * ms)
    assert releases.count[0] == 2


def test_the_first_release_is_78_micromolar():
    """V7: the peak of G_A, rho_e G_T U_A."""
    values = {symbol(name): float(p.quantity) for name, p in gliotransmission.parameters.items()}
    released = jump(gliotransmission)["G_A"].subs({**values, symbol("G_A"): 0, symbol("x_A"): 1})
    assert float(released * 1e3) == pytest.approx(78, rel=1e-12)


@pytest.mark.parametrize(
    ("calcium", "logarithm"),
    [
        (0.20, 1.1969),
        (0.25, 3.9761),
        (0.30, 4.6377),
        (0.40, 5.3147),
        (0.50, 5.7148),
        (1.0, 6.6887),
        (0.19, 0),
        (0, 0),
    ],
)
def test_slow_inward_current_of_nest(calcium, logarithm, fill):
    """The table of NEST's formula, and nothing below its threshold."""
    group = NeuronGroup(1, slow_inward_current.equations, dt=1 * ms)
    fill(group, slow_inward_current)
    group.C = calcium * umolar
    assert group.I_sic[0] / pA == pytest.approx(logarithm, abs=5.1e-5)


def test_the_double_exponential_peaks_at_its_efficacy():
    """An instant amount of gliotransmitter q makes a peak of w_A q G_sic."""
    flow = rhs(double_exponential_sic)
    assert flow.states == ("g_sic", "B_sic")
    path = solve_ivp(flow, (0, 1), [0, 1], rtol=1e-10, atol=1e-12, max_step=1e-3)
    assert path.y[0].max() == pytest.approx(1, abs=1e-6)


def test_noise_moves_only_the_cells_that_have_it(fill):
    model = chi_stochastic
    group = NeuronGroup(2, model.equations, method="milstein", dt=1 * ms)
    fill(group, model)
    group.I = 0.5 * umolar
    group.noise = [0, 1]
    calm = NeuronGroup(1, chi.equations, method="euler", dt=1 * ms)
    fill(calm, chi)
    calm.I = 0.5 * umolar
    Network(group, calm).run(100 * ms)
    assert group.h[0] == pytest.approx(calm.h[0], rel=1e-12)
    assert abs(group.h[1] - group.h[0]) > 1e-6


def test_a_step_of_10_ms_survives_a_burst_of_glutamate(fill):
    """The clipped receptor of example 6: O_N*Y_S*dt is 4.5 here, far outside what Runge-Kutta can do."""
    group = NeuronGroup(1, gchi.equations, method="rk4", dt=10 * ms)
    fill(group, gchi)
    group.Y_S = 1500 * umolar
    Network(group).run(1 * second)
    assert 0 <= group.Gamma_A[0] < 10
    assert 0 <= group.C[0] <= 2 * umolar


def test_at_rest_a_plastic_synapse_is_weak_or_strong():
    points = fixed_points(calcium_plasticity, within={"C_syn": (-1, 0.9)})
    assert [round(float(p.values["W"]), 9) for p in sorted(points, key=lambda p: p.x[1])] == [0, 0.5, 1]
    assert [p.stable for p in sorted(points, key=lambda p: p.x[1])] == [True, False, True]


@pytest.mark.parametrize(("calcium", "sign"), [(0.5, 0), (1.1, -1), (1.5, 1)])
def test_calcium_decides_between_depression_and_potentiation(calcium, sign):
    """The drift of the weight at W_0, where the synapse itself has none."""
    flow = rhs(calcium_plasticity)
    assert np.sign(flow(0, np.array([calcium, 0.5]))[1]) == sign


def test_spikes_of_both_sides_bring_calcium(fill):
    model = tsodyks_markram + calcium_plasticity
    source = SpikeGeneratorGroup(1, [0], [0] * ms, dt=0.1 * ms)
    target = SpikeGeneratorGroup(1, [0], [10] * ms, dt=0.1 * ms)
    synapses = Synapses(
        source, target, model.equations, on_pre=model.on_pre, on_post="C_syn += Cpost", delay=13.7 * ms,
        method="euler", dt=0.1 * ms,
    )  # fmt: skip
    synapses.connect()
    fill(synapses, model)
    monitor = StateMonitor(synapses, "C_syn", record=True, dt=0.1 * ms, when="end")
    Network(source, target, synapses, monitor).run(20 * ms)
    assert monitor.C_syn[0][100] == pytest.approx(2, rel=1e-12)
    assert monitor.C_syn[0][137] - monitor.C_syn[0][136] == pytest.approx(0.6, abs=0.02)
