"""Settings that can't be are refused; of those that can, batches give each trial once."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from astrobrian.studies.ratio.constants import Constants, Series
from astrobrian.studies.ratio.job import Job
from astrobrian.studies.ratio.liquids import Arm, Liquid, Units
from astrobrian.studies.ratio.plan import FREE_RUN, plan
from astrobrian.studies.ratio.settings import Settings, quick
from astrobrian.studies.ratio.tasks import TASKS
from astrobrian.studies.ratio.trials import Design, Reader

SHORT = Constants(series=Series(washin=10, train=20, test=10, free=1))


def some_of(names):
    return st.lists(st.sampled_from(list(names)), min_size=1, unique=True).map(tuple)


def sizes():
    return st.lists(st.integers(0, 300), min_size=1, max_size=4, unique=True).filter(any).map(tuple)


@st.composite
def settings(draw):
    seeds = draw(st.integers(1, 5))
    return Settings(
        neurons=draw(sizes()),
        astrocytes=draw(sizes()),
        seeds=seeds,
        seed=draw(st.integers(0, 100)),
        units=draw(some_of(Units)),
        tasks=draw(some_of(set(TASKS) - {"lorenz", "digits"})),  # those take a while to make
        arms=draw(some_of(Arm)),
        designs=draw(some_of(Design)),
        readers=draw(some_of(Reader)),
        constants=SHORT,
        seeds_per_network=draw(st.integers(1, seeds)),
    )


def all_liquids(of):
    return [liquid for batch in plan(of) for liquid in Job(of, batch).liquids()]


def all_trials(of):
    jobs = [Job(of, batch) for batch in plan(of)]
    return [trial for job in jobs for trial in job.trials(job.liquids(), job.tasks())]


def of_grid(of):
    """The liquids that there should be, told without the plan."""
    cells = [(n, a) for n in of.neurons for a in of.astrocytes if n + a > 0]
    return {
        Liquid(units, arm, n, a, of.seed + k)
        for units in of.units
        for arm in of.arms
        for n, a in cells
        for k in range(of.seeds)
        if arm == "mixed" or n * a > 0
    }


@examples(max_examples=30, deadline=None)
@given(settings())
def test_each_trial_is_given_once(of):
    trials = all_trials(of)
    assert len(set(trials)) == len(trials)
    readings = len(of.designs) * len(of.readers)
    targets = sum(len(TASKS[task](0, SHORT.series).targets) for task in of.tasks)
    assert len(trials) == len(of_grid(of)) * targets * readings


@examples(max_examples=30, deadline=None)
@given(settings())
def test_all_liquids_of_the_grid_are_there_once_a_task(of):
    liquids = all_liquids(of)
    assert set(liquids) == of_grid(of)
    assert len(liquids) == len(of_grid(of)) * len(of.tasks)


@examples(max_examples=30, deadline=None)
@given(settings())
def test_how_many_seeds_share_a_network_changes_no_trial(of):
    assert set(all_trials(of)) == set(all_trials(replace(of, seeds_per_network=1)))


@examples(max_examples=30, deadline=None)
@given(settings())
def test_batches_have_names_of_their_own_and_first_seeds_come_first(of):
    batches = plan(of)
    assert len({batch.name for batch in batches}) == len(batches)
    firsts = [batch.seeds[0] for batch in batches]
    assert firsts == sorted(firsts)


def test_only_lorenz_runs_freely_and_only_by_ridge():
    of = Settings((0, 4), (0, 4), seeds=1, tasks=("lorenz", "memory"), constants=SHORT)
    free = [trial for trial in all_trials(of) if trial.target == FREE_RUN]
    assert {(trial.task, trial.reader) for trial in free} == {("lorenz", Reader.RIDGE)}
    assert len(free) == len(set(all_liquids(of))) * len(Design)
    without = replace(of, readers=(Reader.MLP,))
    assert not [trial for trial in all_trials(without) if trial.target == FREE_RUN]


def test_the_default_study_is_the_one_that_was_asked_for():
    of = Settings()
    assert len(plan(of)) == 2 * 5 * 10
    one = Job(of, plan(of)[0]).liquids()
    counts = {arm: sum(liquid.arm is arm for liquid in one) for arm in Arm}
    assert counts == {Arm.MIXED: 48, Arm.UNCONNECTED: 36, Arm.SLOW: 36, Arm.MATCHED: 36}
    assert max(liquid.size for liquid in one) == 512
    assert {task for task in of.tasks} == set(TASKS)
    assert len(quick().all_seeds) < len(of.all_seeds)


def test_names_may_be_given_as_text():
    of = Settings(units=("formal",), arms=("mixed",), readers=("ridge",))
    assert of.units == (Units.FORMAL,) and of.arms[0] is Arm.MIXED and of.readers[0] is Reader.RIDGE


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"neurons": (0, -8)}, "neurons.*-8"),
        ({"neurons": (8, 8)}, "neurons.*once"),
        ({"astrocytes": ()}, "astrocytes"),
        ({"neurons": (0,)}, "no network has both"),
        ({"seeds": 0}, "0 seeds"),
        ({"seeds": 2, "seeds_per_network": 3}, "3 in a network"),
        ({"seed": -1}, "-1"),
        ({"units": ("real",)}, "units 'real'; there are formal, biophysical"),
        ({"tasks": ("chess",)}, "tasks 'chess'; there are lorenz"),
        ({"arms": ()}, "arms are some of mixed"),
        ({"tasks": ("narma", "narma")}, "each once"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        Settings(**wrong)


def test_a_gpu_gets_all_seeds_of_a_task_in_one_network():
    assert [len(batch.seeds) for batch in plan(Settings(tasks=("narma",), backend="cuda"))] == [10, 10]
    assert {len(batch.seeds) for batch in plan(Settings(tasks=("narma",)))} == {1}


def test_settings_are_told_with_every_constant():
    described = Settings(constants=Constants().changed({"wiring.in_degree": 5})).described()
    assert described["wiring.in_degree"] == 5
    assert described["neurons"] == Settings().neurons
    assert np.isscalar(described["seeds"])
