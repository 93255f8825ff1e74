"""The benchmark on a GPU: what is read off a repetition, and what is refused. Nothing here needs a GPU."""

import pytest

from astrobrian.studies.benchmarks.cuda import DEVICES, SCALES, cuda, pays_from, same_rates


def repetition(faster_by, spikes=1.0):
    """One in which the GPU is so many times as fast at each scale, and its neurons fire so many times as often."""
    found = {}
    for name, times in zip(SCALES, faster_by, strict=True):
        for backend, taken, fired in (("cpp", times, 1000), ("cuda", 1.0, 1000 * spikes)):
            found[f"{backend} {name}"] = {
                "run_s_per_s": taken,
                "excitatory_spikes": fired,
                "inhibitory_spikes": fired,
            }
    return found


@pytest.mark.parametrize(
    "faster_by, size",
    [
        ((0.1, 0.5, 2, 9, 30), 3.0),
        ((2, 2, 2, 9, 30), 0.25),
        ((2, 0.5, 2, 9, 30), 3.0),
        ((0.1, 0.1, 0.1, 0.1, 0.2), float("inf")),
    ],
)
def test_a_gpu_pays_from_the_size_after_which_it_is_always_faster(faster_by, size):
    assert pays_from(repetition(faster_by)) == size


def test_the_bar_is_at_a_hundred_times_the_size():
    (barred,) = [ratio for ratio in cuda.ratios if ratio.bar is not None]
    assert (barred.bar, barred.direction) == (20, "at least")
    assert barred.of(repetition((1, 2, 3, 4, 5))) == 5
    assert list(DEVICES) == ["cpp", "cuda"]


def test_networks_that_fire_otherwise_are_not_compared():
    same_rates(repetition((1, 1, 1, 1, 1), spikes=1.04))
    with pytest.raises(ArithmeticError, match=r"cpp and cuda differ at 1x: excitatory_spikes 1000 and 1100"):
        same_rates(repetition((1, 1, 1, 1, 1), spikes=1.1))
