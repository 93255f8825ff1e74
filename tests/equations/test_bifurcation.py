"""Folds, Hopf points and their criticality, against numbers computed independently (V1, V3) and normal forms."""

import matplotlib
import numpy as np
import pytest
from brian2 import DimensionMismatchError, second, umolar

from astrobrian.equations import (
    AM,
    FM,
    NADKARNI_JUNG,
    Input,
    Model,
    ModelError,
    bifurcations,
    chi,
    exogenous_drive,
    fixed_points,
    gchi,
    gliotransmission,
    li_rinzel,
    limit_cycle,
    plot_bifurcations,
    presynaptic_receptors,
)
from astrobrian.equations.lyapunov import first_lyapunov_coefficient

NEST = NADKARNI_JUNG(li_rinzel)
RANGE = (0.1 * umolar, 1.3 * umolar)


@pytest.fixture(scope="module")
def nest():
    return bifurcations(NEST, "I", RANGE)


@pytest.fixture(scope="module")
def chapter():
    return bifurcations(li_rinzel, "I", RANGE)


def test_v1_hopf_points_of_the_nest_set(nest):
    assert nest.folds == ()
    assert len(nest.branches) == 1
    low, high = nest.hopf_points
    assert low.value / umolar == pytest.approx(0.354534, abs=1e-6)
    assert low.point.values["C"] / umolar == pytest.approx(0.15569, abs=1e-5)
    assert low.period / second == pytest.approx(12.554, abs=1e-3)
    assert high.value / umolar == pytest.approx(0.636882, abs=1e-6)
    assert high.point.values["C"] / umolar == pytest.approx(0.32330, abs=1e-5)
    assert high.period / second == pytest.approx(10.495, abs=1e-3)


def test_v3_folds_and_hopf_points_of_the_chapter_s_set(chapter):
    assert [f.value / umolar for f in chapter.folds] == pytest.approx([0.480859, 0.550558], abs=1e-6)
    lower, upper = chapter.hopf_points
    assert lower.value / umolar == pytest.approx(0.536194, abs=1e-6)
    assert upper.value / umolar == pytest.approx(0.864046, abs=1e-6)
    assert upper.point.values["C"] / umolar == pytest.approx(0.39276, abs=1e-5)
    assert upper.period / second == pytest.approx(9.915, abs=1e-3)
    assert not upper.supercritical


def test_at_a_located_point_the_condition_holds_to_rounding(chapter):
    for hopf in chapter.hopf_points:
        pair = hopf.point.eigenvalues[0]
        assert abs(pair.real) < 1e-9 * abs(pair.imag)
    for fold in chapter.folds:
        assert np.min(np.abs(fold.point.eigenvalues)) < 1e-6 * np.max(np.abs(fold.point.eigenvalues))


def test_fixed_points_number_one_outside_the_folds_and_three_between(chapter):
    first, last = (fold.value for fold in chapter.folds)
    width = 1e-5 * umolar
    for value, number in ((first - width, 1), (first + width, 3), (last - width, 3), (last + width, 1)):
        assert len(fixed_points(li_rinzel, I=value)) == number


def test_a_branch_is_stable_up_to_its_hopf_point(chapter):
    (branch,) = chapter.branches
    lower, upper = (hopf.value for hopf in chapter.hopf_points)
    values, calcium = branch.values, branch.states["C"]
    assert np.all(branch.stable[(values < lower) & (calcium < 0.0497 * umolar)])
    assert not np.any(branch.stable[(calcium > 0.06 * umolar) & (values < upper * 0.9999)])
    assert np.all(branch.stable[values > upper * 1.0001])


def test_near_a_supercritical_point_the_cycle_is_small_and_near_a_subcritical_one_it_coexists(nest):
    low, high = nest.hopf_points
    assert low.supercritical
    assert not high.supercritical
    near = limit_cycle(NEST, I=low.value + 0.001 * umolar, start=low.point.x * 1.001, longest=2e4)
    assert near.period / second == pytest.approx(low.period / second, rel=0.02)
    swing = (near.maximum["C"] - near.minimum["C"]) / umolar
    assert 0 < swing < 0.06
    # above the subcritical point the focus is stable, and yet the large cycle goes on
    inside = limit_cycle(NEST, I=high.value - 0.002 * umolar)
    beyond = limit_cycle(NEST, I=high.value + 0.001 * umolar, start=inside.x)
    assert beyond.maximum["C"] - beyond.minimum["C"] > 0.1 * umolar


def test_v5_the_am_set_of_de_pitta_and_brunel_lies_just_above_its_upper_hopf_point():
    diagram = bifurcations(AM(chi + exogenous_drive), "I_bias", (0.7 * umolar, 1 * umolar), within=UP_TO_3)
    (hopf,) = diagram.hopf_points
    assert hopf.value / umolar == pytest.approx(0.786616, abs=1e-6)
    assert hopf.supercritical


def test_v5_the_fm_set_of_de_pitta_and_brunel_oscillates_at_its_drive():
    diagram = bifurcations(FM(chi + exogenous_drive), "I_bias", (0.5 * umolar, 1.3 * umolar), within=UP_TO_3)
    assert len(diagram.folds) == 2
    lower, upper = diagram.hopf_points
    assert lower.value < 1 * umolar < upper.value


UP_TO_3 = {"I": (0 * umolar, 3 * umolar)}


def normal_form(cubic):
    """A Hopf point at mu = 0 with period 1 s, whose cycle is born stable if cubic is negative."""
    return Model(
        "normal_form",
        f"""
        dx/dt = (mu*x - 2*pi*y + {cubic}*x*(x**2 + y**2))/second : 1
        dy/dt = (2*pi*x + mu*y + {cubic}*y*(x**2 + y**2))/second : 1
        """,
        inputs={"mu": Input("1", "distance to the Hopf point", signed=True)},
        bounds={"x": ("-1", "1"), "y": ("-1", "1")},
    )


@pytest.mark.parametrize("cubic", [-1, 1])
def test_criticality_of_the_normal_form(cubic):
    (hopf,) = bifurcations(normal_form(cubic), "mu", (-0.45, 0.5)).hopf_points
    assert float(hopf.value) == pytest.approx(0, abs=1e-12)
    assert hopf.period / second == pytest.approx(1)
    assert hopf.supercritical == (cubic < 0)
    # z' = (mu + i omega) z + cubic |x|^2 z with |x|^2 = 2 |z|^2, divided by omega; the box has width 2
    assert hopf.lyapunov == pytest.approx(4 * 2 * cubic / (2 * np.pi))


def test_quadratic_terms_enter_the_lyapunov_coefficient():
    """The planar formula with second derivatives only (Guckenheimer & Holmes, section 3.4), for random ones."""
    random = np.random.default_rng(0)
    omega = 1.7
    jacobian = np.array([[0, -omega], [omega, 0]])
    second_order = random.normal(size=(2, 2, 2))
    second_order = second_order + second_order.transpose(0, 2, 1)
    third_order = np.zeros((2, 2, 2, 2))
    f, g = second_order
    planar = (
        f[0, 1] * (f[0, 0] + f[1, 1]) - g[0, 1] * (g[0, 0] + g[1, 1]) - f[0, 0] * g[0, 0] + f[1, 1] * g[1, 1]
    ) / (16 * omega)
    # their a multiplies r^3; with q of length 1, r^2 = 2 |z|^2, and l_1 is divided by omega
    assert first_lyapunov_coefficient(jacobian, second_order, third_order) == pytest.approx(
        2 * planar / omega
    )


def test_a_pitchfork_keeps_both_curves_and_has_no_fold_where_they_cross():
    model = Model(
        "pitchfork",
        "dx/dt = (mu*x - x**3)/second : 1",
        inputs={"mu": Input("1", "control", signed=True)},
        bounds={"x": ("-2", "2")},
    )
    diagram = bifurcations(model, "mu", (-1, 1.1))
    ends = sorted(round(float(v), 3) for b in diagram.branches for v in (b.values[0], b.values[-1]))
    assert ends == [-1, 1.1, 1.1, 1.1]
    assert len(diagram.branches) == 2


def test_an_isolated_loop_of_fixed_points_is_found_once():
    model = Model(
        "isola",
        "dx/dt = (0.25 - mu**2 - x**2)/second : 1",
        inputs={"mu": Input("1", "control", signed=True)},
        bounds={"x": ("-1", "1")},
    )
    diagram = bifurcations(model, "mu", (-1, 1.1))
    assert len(diagram.branches) == 1
    assert [float(f.value) for f in diagram.folds] == pytest.approx([-0.5, 0.5], abs=1e-12)
    assert diagram.hopf_points == ()


def test_a_neutral_saddle_is_no_hopf_point():
    model = Model(
        "saddle",
        "dx/dt = (1 + mu)*x/second : 1\ndy/dt = -y/second : 1",
        inputs={"mu": Input("1", "control", signed=True)},
        bounds={"x": ("-1", "1"), "y": ("-1", "1")},
    )
    assert bifurcations(model, "mu", (-0.45, 0.5)).hopf_points == ()


def test_what_is_not_read_cannot_be_varied():
    with pytest.raises(ModelError, match="no parameter nothing"):
        bifurcations(li_rinzel, "nothing", (0, 1))
    with pytest.raises(ModelError, match="don't read C_Theta"):
        bifurcations(gliotransmission, "C_Theta", (0 * umolar, 1 * umolar))
    with pytest.raises(ModelError, match="the range of I is empty"):
        bifurcations(li_rinzel, "I", (1 * umolar, 1 * umolar))


def test_the_range_must_have_the_unit_of_the_parameter():
    with pytest.raises(DimensionMismatchError):
        bifurcations(li_rinzel, "I", (0 * umolar, 1 * second))


def test_what_nothing_declares_can_be_varied_in_si_units():
    diagram = bifurcations(presynaptic_receptors, "G_A_astro", (0, 1e-3))
    (branch,) = diagram.branches
    bound = branch.states["Gamma_S"][-1]
    assert float(bound) == pytest.approx(1.5 / (1.5 + 0.5 / 60), rel=1e-12)
    assert np.all(branch.stable)


def test_a_kink_at_the_end_of_the_range_is_no_obstacle():
    """Without glutamate the bound receptors sit at the lower end of their clip."""
    within = {"I": (0 * umolar, 5 * umolar), "Gamma_A": (0, 1)}
    diagram = bifurcations(gchi, "Y_S", (0 * umolar, 1 * umolar), within=within)
    (branch,) = diagram.branches
    assert branch.values[0] / umolar == pytest.approx(0, abs=1e-9)
    assert branch.values[-1] / umolar == pytest.approx(1)


def test_the_diagram_prints_what_it_found(chapter):
    text = str(chapter)
    assert "li_rinzel along I" in text
    assert text.count("fold at") == 2
    assert text.count("subcritical Hopf point") == 2


def test_the_plot_shows_branches_points_and_cycles(chapter):
    matplotlib.use("Agg")
    from matplotlib import pyplot

    cycle = limit_cycle(li_rinzel, I=0.7 * umolar)
    figure, ax = pyplot.subplots()
    assert plot_bifurcations(chapter, "C", [(0.7 * umolar, cycle)], ax=ax) is ax
    assert ax.get_xlabel() == "I (µM)"
    assert ax.get_ylabel() == "C (µM)"
    assert len(ax.lines) == 2 * len(chapter.branches) + 2 + 2 + 2
    highest = max(np.nanmax(line.get_ydata()) for line in ax.lines)
    assert highest == pytest.approx(1.0694, abs=1e-3)
    pyplot.close(figure)
