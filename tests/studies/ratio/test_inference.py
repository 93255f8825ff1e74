import numpy as np
import pandas as pd
import pytest
from scipy import stats

pytest.importorskip("statsmodels")
pytest.importorskip("sklearn")

from astrobrian.studies.ratio.arm_effects import arm_effects
from astrobrian.studies.ratio.best_ratio import Verdict
from astrobrian.studies.ratio.density import densities, smooth
from astrobrian.studies.ratio.liquids import Arm
from astrobrian.studies.ratio.optima import optima
from astrobrian.studies.ratio.regression import collinearity, regressions, width_alone
from astrobrian.studies.ratio.table import ALL_TASKS, LEARNING, MEASURES, cells, frame, health, mixed

ONE = {
    "units": ("formal",),
    "targets": {"lorenz": ("1 Lyapunov",)},
    "designs": ("wide",),
    "readers": ("mlp",),
}


def test_a_row_without_a_column_is_refused(plant):
    rows = plant(**ONE, seeds=1)
    with pytest.raises(ValueError, match="lack dead, saturated"):
        frame([{name: row[name] for name in row if name not in ("dead", "saturated")} for row in rows])


def test_a_study_without_trials_is_refused():
    with pytest.raises(ValueError, match="no trial"):
        frame([])


def test_gains_are_larger_for_the_better(plant):
    table = frame(plant(targets={"lorenz": ("1 Lyapunov",), "digits": ("class",)}, seeds=2))
    for measure in MEASURES:
        for _, one in measure.of(table).groupby("task"):
            planted = -one["learning_rate"] if measure.reader == "mlp" else one["gain"]
            assert stats.spearmanr(one["gain"], planted).statistic == pytest.approx(1)
    ridge = MEASURES[-1].of(table)
    errors = ridge[ridge["task"] == "lorenz"]
    assert np.allclose(errors["gain"], -np.log(errors["nrmse"]))
    assert np.allclose(*(ridge.loc[ridge["task"] == "digits", name] for name in ("gain", "score")))


def test_failed_trials_are_counted_and_left_out(plant):
    rows = plant(**ONE, seeds=2)
    rows[0] |= {"error": "it broke", "nrmse": None, "score": None, "learning_rate": None, "losses": "[]"}
    rows[1] |= {"nrmse": float("inf"), "score": float("inf")}
    rows[2]["degenerate"] = True
    table = frame(rows)
    assert table["failed"].sum() == 2
    assert len(LEARNING.of(table)) == len(rows) - 2
    assert cells(table)[["trials", "failed", "degenerate"]].sum().tolist() == [len(rows), 2, 1]
    assert health(table)[["liquids_driven", "trials", "failed", "degenerate"]].sum().tolist() == [
        len(rows),
        len(rows),
        2,
        1,
    ]


def test_best_ratios_of_targets_and_of_all_of_them(plant):
    targets = {"lorenz": ("1 Lyapunov",), "narma": ("y",)}
    table = frame(plant(**ONE | {"targets": targets}, effect=2, noise=0.2))
    found = optima(table)
    assert set(found["task"]) == {"lorenz", "narma", ALL_TASKS}
    assert (found["verdict"] == Verdict.HOLDS).all()
    assert np.allclose(found["ratio"], found["mixed_ratio"], rtol=0.02)
    assert (found["p_holm"] >= found["p"]).all()
    assert found["near_two"].min() > 0.95


def test_another_arm_has_a_best_ratio_of_its_own(plant):
    rows = plant(**ONE, effect=2, noise=0.2)
    random = np.random.default_rng(0)
    for row in rows:
        if row["arm"] == "slow":
            row["learning_rate"] = (np.log2(row["astrocytes"] / row["neurons"]) + 1) ** 2 + random.normal(
                0, 0.2
            )
    table = frame(rows)
    for arm, best, number in ((Arm.MIXED, 2, 1), (Arm.SLOW, 0.5, 0)):
        found = optima(table, targets=bool(number), arm=arm)
        ours = found[found["measure"] == "learning rate"]
        assert len(ours) == 1 + number
        assert ours["ratio"].to_numpy() == pytest.approx(best, rel=0.1)


def test_one_seed_has_no_best_ratio_and_says_why(plant):
    found = optima(frame(plant(**ONE, seeds=1)))
    assert (found["verdict"] == Verdict.TOO_LITTLE).all()
    assert found["why"].str.contains("1 seeds").all()


def test_least_squares_are_those_of_numpy_with_errors_clustered_by_seed(plant):
    table = frame(plant(**ONE))
    found = regressions(table).iloc[0]
    ours = LEARNING.of(table[table["arm"] == "mixed"])
    x = np.column_stack([np.ones(len(ours)), ours["neurons"] / 100, ours["astrocytes"] / 100])
    y = ours["learning_rate"].to_numpy()
    slopes, *_ = np.linalg.lstsq(x, y, rcond=None)
    residuals = y - x @ slopes
    scores = np.stack([(x * residuals[:, None])[ours["seed"] == seed].sum(axis=0) for seed in range(10)])
    bread, number, groups = np.linalg.inv(x.T @ x), len(y), 10
    meat = scores.T @ scores * groups / (groups - 1) * (number - 1) / (number - 3)
    errors = np.sqrt(np.diag(bread @ meat @ bread))
    assert found[["neurons", "astrocytes"]].to_list() == pytest.approx(slopes[1:])
    assert found[["neurons_se", "astrocytes_se"]].to_list() == pytest.approx(errors[1:])
    assert found["r2"] == pytest.approx(1 - residuals.var() / y.var())


def test_with_the_sum_only_two_combinations_are_estimated(plant):
    found = regressions(frame(plant(**ONE))).iloc[0]
    assert found["pseudo_neurons"] + found["pseudo_sum"] == pytest.approx(found["neurons"])
    assert found["pseudo_astrocytes"] + found["pseudo_sum"] == pytest.approx(found["astrocytes"])


def test_the_sum_is_seen_to_depend_on_the_others(plant):
    found = collinearity(frame(plant(**ONE, seeds=2))).set_index("regressors")
    assert found.loc["neurons, astrocytes, sum", "rank"] == 2
    assert np.isinf(found.loc["neurons, astrocytes, sum", ["condition_number", "largest_vif"]].tolist()).all()
    pair = found.loc["neurons, astrocytes"]
    assert pair["condition_number"] < 1.1
    assert pair["largest_vif"] == pytest.approx(1, abs=0.01)  # a grid without one corner


def test_lasso_keeps_what_was_planted_and_drops_the_rest(plant):
    table = frame(plant(**ONE, effect=0, noise=0.01))
    random = np.random.default_rng(0)
    table["learning_rate"] = -table["neurons"] * table["astrocytes"] / 1000 + random.normal(
        0, 0.5, len(table)
    )
    found = regressions(table).iloc[0]
    assert found["lasso_interaction"] < -0.9
    assert abs(found[["lasso_neurons", "lasso_astrocytes", "lasso_sum"]]).max() < 0.05


def test_the_width_of_the_read_out_says_what_it_was_made_to_say(plant):
    rows = plant(**ONE | {"designs": ("wide", "fixed")}, seeds=3)
    random = np.random.default_rng(0)
    for row in rows:
        wide = row["design"] == "wide"
        row["learning_rate"] = -np.log2(row["parameters"]) if wide else random.normal()
    found = width_alone(frame(rows)).set_index("design")["share"]
    assert found["wide"] == pytest.approx(1)
    assert found["fixed"] < 0.1


def test_arms_differ_by_what_was_planted(plant):
    table = frame(plant(**ONE, arm_effect=0.5, noise=0.25))
    found = arm_effects(table)
    found = found[(found["measure"] == "learning rate") & (found["task"] == "lorenz")].set_index("against")
    for arm in ("unconnected", "slow", "matched"):
        assert found.loc[arm, "low"] < 0.5 < found.loc[arm, "high"]
        assert found.loc[arm, "cells"] == 36
    gains = mixed(LEARNING.of(table)).groupby("seed")["gain"].mean()
    slow = LEARNING.of(table[table["arm"] == "slow"]).groupby("seed")["gain"].mean()
    assert found.loc["slow", "p"] == pytest.approx(stats.ttest_rel(gains, slow).pvalue)
    assert found.loc["slow", "d"] == pytest.approx(0.5 / np.hypot(0.25, 0.5), rel=0.25)  # noise and seed


def test_one_kind_alone_is_compared_at_the_same_size(plant):
    table = frame(plant(**ONE, effect=0, noise=1e-9))
    found = arm_effects(table)
    found = found[(found["measure"] == "learning rate") & (found["task"] == "lorenz")]
    alone = found[found["against"].isin(["neurons alone", "astrocytes alone"])]
    assert np.allclose(alone["difference"], 0, atol=1e-6)  # planted: the size alone counts, by its logarithm
    assert (alone["cells"] == 25).all()  # those of no more than 256 units


def test_where_arms_don_t_differ_few_are_said_to(plant):
    targets = {"lorenz": ("one step", "1 Lyapunov"), "narma": ("y",)}
    found = arm_effects(frame(plant(**ONE | {"targets": targets}, effect=0, arm_effect=0, noise=0.5)))
    assert (found["p_holm"] < 0.05).sum() <= 1
    assert (found["p_holm"] >= found["p"]).all()


def test_one_seed_has_differences_without_an_interval(plant):
    found = arm_effects(frame(plant(**ONE, seeds=1)))
    assert found["difference"].notna().all()
    assert found[["low", "high", "p", "p_holm"]].isna().all(axis=None)


def test_chance_isn_t_taken_for_an_excess_at_one_to_one(plant):
    table = frame(plant(**ONE, effect=0, noise=100, seeds=40))
    shares = densities(table)["formal", "wide"].table().set_index("octave")
    assert shares["all"].idxmax() == 0
    assert shares.loc[-2:2, "fastest_over_all"].between(0.5, 1.5).all()
    assert shares["all"].sum() == pytest.approx(1)


def test_size_makes_an_excess_that_is_gone_for_the_size(plant):
    table = frame(plant(**ONE, effect=0, noise=0.1, seeds=20))
    table["learning_rate"] = -np.log2(table["size"]) + np.random.default_rng(0).normal(0, 0.01, len(table))
    shares = densities(table)["formal", "wide"].table().set_index("octave")
    # the largest liquids are of equal numbers, or nearly
    assert shares.loc[-1:1, "fastest"].sum() > 0.8
    assert shares.loc[-1:1, "fastest_for_size"].sum() < 0.6


def test_densities_are_densities():
    at = np.linspace(-20, 20, 4001)
    curve = smooth(np.array([-1.0, 0.0, 1.0, 1.0]), at)
    assert np.trapezoid(curve, at) == pytest.approx(1)
    assert smooth(np.ones(5), at) is None


def test_a_table_of_failures_has_no_results(plant):
    table = frame([row | {"error": "it broke"} for row in plant(**ONE, seeds=2)])
    assert table["failed"].all()
    for results in (optima(table), arm_effects(table), regressions(table), width_alone(table)):
        assert isinstance(results, pd.DataFrame)
        assert results.empty
    assert densities(table) == {}
