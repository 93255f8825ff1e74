import numpy as np
import pandas as pd
import pytest

pytest.importorskip("statsmodels")

from astrobrian.studies.ratio.best_ratio import BestRatio, TooLittle, Verdict, best_ratio, judge, mixed_model

OCTAVES = 8 * 2 ** np.arange(6)


def log_size(size):
    return np.log2(size) / 3


def gains(curve, random_seed=0, seeds=10, noise=0.3, tilt=0.05, sizes=OCTAVES, size_effect=log_size):
    """Of liquids whose size, seed and ratio matter, the ratio more or less by seed."""
    random = np.random.default_rng(random_seed)
    neurons, astrocytes, seed = (each.ravel() for each in np.meshgrid(sizes, sizes, np.arange(seeds)))
    octaves, size = np.log2(astrocytes / neurons), neurons + astrocytes
    own, tilts = random.normal(0, 0.5, seeds), random.normal(0, tilt, seeds)
    gain = curve(octaves) + size_effect(size) + own[seed] + tilts[seed] * octaves
    gain += random.normal(0, noise, len(size))
    return pd.DataFrame({"log_ratio": octaves, "size": size, "seed": seed, "gain": gain})


def without_noise():
    """Liquids, and how many neurons and astrocytes they have."""
    liquids = gains(flat, noise=0)
    neurons = liquids["size"] / (1 + 2 ** liquids["log_ratio"])
    return liquids, neurons, liquids["size"] - neurons


def peak(at):
    return lambda octaves: np.exp(-(((octaves - at) / 2) ** 2))


def flat(octaves):
    return 0 * octaves


@pytest.mark.parametrize("at", [0, 1, 2])
def test_the_interval_covers_the_planted_ratio(at):
    found = [best_ratio(gains(peak(at), run), resamples=500) for run in range(60)]
    covered = np.mean([best.low <= 2**at <= best.high for best in found])
    assert covered >= 0.9
    assert np.median([best.ratio for best in found]) == pytest.approx(2**at, rel=0.07)


def test_with_two_to_one_planted_the_verdict_is_that_it_holds_and_else_not():
    verdicts = {
        at: [judge(best, best.p) for best in (best_ratio(gains(peak(at), run), 500) for run in range(30))]
        for at in (-1, 0, 1, 2)
    }
    assert verdicts[1].count(Verdict.HOLDS) >= 27
    assert verdicts[1].count(Verdict.CONTRADICTED) <= 3
    for at in (-1, 0, 2):
        assert verdicts[at].count(Verdict.HOLDS) == 0
        assert verdicts[at].count(Verdict.CONTRADICTED) >= 27


def test_where_nothing_is_planted_nothing_is_claimed():
    found = [best_ratio(gains(flat, run), resamples=200) for run in range(100)]
    claimed = [judge(best, best.p) is not Verdict.NO_EFFECT for best in found]
    assert np.mean(claimed) <= 0.12  # 5 %, and three standard deviations of a hundred runs
    assert np.median([best.at_edge for best in found]) > 0.2


@pytest.mark.parametrize("best", [0.5, 1, 2, 4])
def test_one_kind_for_the_other_has_its_best_ratio(best):
    liquids, neurons, astrocytes = without_noise()
    # for a size, the product of such powers is largest where the ratio is that of the powers
    found = best_ratio(liquids.assign(gain=np.log(neurons) + best * np.log(astrocytes)))
    assert found.ratio == pytest.approx(best, rel=0.1)


@pytest.mark.parametrize("best", [0.5, 1, 2, 4])
def test_where_the_scarcer_kind_counts_alone_the_kink_is_rounded(best):
    liquids, neurons, astrocytes = without_noise()
    found = best_ratio(liquids.assign(gain=np.log(np.minimum(neurons, astrocytes / best))))
    assert abs(np.log2(found.ratio / best)) < 0.6


@pytest.mark.parametrize(
    "size_effect",
    [lambda size: 1 - np.exp(-size / 60), lambda size: -16 / size, np.sqrt, lambda size: size / 512],
    ids=["saturates", "inverse", "root", "linear"],
)
def test_size_alone_isn_t_taken_for_an_effect_of_the_ratio(size_effect):
    scale = np.ptp(size_effect(np.array([16, 512])))
    liquids = gains(flat, noise=0, tilt=0, size_effect=lambda size: size_effect(size) / scale)
    # an effect of the ratio that is planted above has a range of 1
    assert np.ptp(best_ratio(liquids).curve) < 0.02


def test_a_best_ratio_beyond_the_grid_is_at_its_edge():
    best = best_ratio(gains(lambda octaves: octaves / 5))
    assert best.ratio == best.high == 32
    assert best.at_edge > 0.8
    assert judge(best, best.p) is Verdict.CONTRADICTED


def test_one_mixed_effects_model_finds_the_same():
    liquids = gains(peak(1))
    ratio, p = mixed_model(liquids)
    assert ratio == pytest.approx(best_ratio(liquids).ratio, rel=0.02)
    assert p < 1e-6
    assert mixed_model(gains(flat, tilt=0))[1] > 0.01


def test_the_same_trials_give_the_same_numbers_in_any_order():
    liquids = gains(peak(1))
    one, other = best_ratio(liquids), best_ratio(liquids.sample(frac=1, random_state=1))
    assert (one.low, one.high, one.at_edge) == (other.low, other.high, other.at_edge)
    assert one.p == pytest.approx(other.p)


def test_gains_in_another_unit_have_the_same_best_ratio():
    liquids = gains(peak(1))
    one, other = best_ratio(liquids), best_ratio(liquids.assign(gain=1000 * liquids["gain"] - 7))
    assert (one.ratio, one.low, one.high) == (other.ratio, other.low, other.high)
    assert one.p == pytest.approx(other.p, rel=1e-6)


def test_with_the_kinds_exchanged_the_ratio_is_turned_over():
    liquids = gains(peak(1))
    one, other = best_ratio(liquids), best_ratio(liquids.assign(log_ratio=-liquids["log_ratio"]))
    assert (other.ratio, other.low, other.high) == pytest.approx((1 / one.ratio, 1 / one.high, 1 / one.low))
    assert other.p == pytest.approx(one.p)


def test_some_lost_liquids_leave_an_estimate():
    liquids = gains(peak(1)).sample(frac=0.9, random_state=0)
    assert best_ratio(liquids).low < 2 < best_ratio(liquids).high


def test_a_seed_that_has_lost_most_of_its_liquids_is_left_out():
    liquids = gains(peak(1))
    kept = liquids[(liquids["seed"] != 3) | (liquids["size"] < 40)]
    assert best_ratio(kept).seeds == 9


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"seeds": 1}, "1 seeds have enough cells, and 5 are needed"),
        ({"seeds": 4}, "4 seeds"),
        ({"sizes": np.array([64])}, "the grid has 1 ratios"),
        ({"sizes": np.array([8, 64])}, "the grid has 4 cells"),
        ({"sizes": np.array([8, 32, 128])}, "the grid has 9 cells"),
    ],
)
def test_too_little_is_said_to_be(changed, says):
    with pytest.raises(TooLittle, match=says):
        best_ratio(gains(peak(1), **changed))


def test_four_octaves_of_each_are_enough():
    best = best_ratio(gains(peak(1), noise=0.1, sizes=OCTAVES[:4]))
    assert best.low < 2 < best.high


def interval(low, high):
    none = np.zeros(0)
    return BestRatio((low * high) ** 0.5, low, high, 0, 0, 0.001, 10, none, none, none, none)


@pytest.mark.parametrize(
    ("low", "high", "p", "verdict"),
    [
        (1.5, 2.6, 0.001, Verdict.HOLDS),
        (1.1, 3.9, 0.001, Verdict.HOLDS),
        (1.6, 1.9, 0.001, Verdict.HOLDS),
        (1.1, 1.9, 0.001, Verdict.CONTRADICTED),
        (0.9, 2.5, 0.001, Verdict.UNRESOLVED),
        (1.5, 4.0, 0.001, Verdict.UNRESOLVED),
        (2.9, 8.0, 0.001, Verdict.CONTRADICTED),
        (0.3, 0.6, 0.001, Verdict.CONTRADICTED),
        (1.5, 2.6, 0.051, Verdict.NO_EFFECT),
        (1.5, 2.6, float("nan"), Verdict.NO_EFFECT),
    ],
)
def test_the_rule_for_two_to_one(low, high, p, verdict):
    assert judge(interval(low, high), p) is verdict
