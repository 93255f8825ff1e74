import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from astrobrian.studies.ratio.read_outs.ridge import learn, regress

PENALTIES = (1e-8, 1e-4, 1e-2, 1.0)


def draw(seed, liquids=3, samples=100, width=6, outputs=2, noise=0.5):
    """Inputs that aren't centred, and a linear map of them with noise."""
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(liquids, samples, width)) * random.uniform(0.1, 3, width) + random.normal(
        size=width
    )
    values = inputs @ random.normal(size=(liquids, width, outputs)) + random.normal(size=outputs)
    return torch.tensor(inputs), torch.tensor(values + noise * random.normal(size=values.shape))


def by_scikit_learn(inputs, values):
    """Weights and intercept, the penalty chosen on the last fifth."""
    linear_model = pytest.importorskip("sklearn.linear_model")

    def fitted(penalty, samples):
        return linear_model.Ridge(samples * penalty).fit(inputs[:samples], values[:samples])

    known = len(inputs) - len(inputs) // 5
    errors = [
        np.square(fitted(penalty, known).predict(inputs[known:]) - values[known:]).mean()
        for penalty in PENALTIES
    ]
    best = fitted(PENALTIES[int(np.argmin(errors))], len(inputs))
    return np.vstack([best.coef_.T, best.intercept_])


@pytest.mark.parametrize("noise", [0.0, 0.5, 20.0])
def test_maps_are_those_of_scikit_learn(noise):
    inputs, values = draw(0, samples=103, noise=noise)
    (maps,) = regress(inputs, [values], PENALTIES)
    for its_map, *its in zip(maps, inputs, values, strict=True):
        assert its_map.numpy() == pytest.approx(
            by_scikit_learn(*(each.numpy() for each in its)), rel=1e-7, abs=1e-9
        )


def test_more_inputs_than_samples_are_no_problem():
    inputs, values = draw(1, samples=20, width=40)
    (maps,) = regress(inputs, [values], PENALTIES)
    for its_map, *its in zip(maps, inputs, values, strict=True):
        assert its_map.numpy() == pytest.approx(
            by_scikit_learn(*(each.numpy() for each in its)), rel=1e-4, abs=1e-5
        )


def test_each_target_has_its_own_penalty():
    inputs, values = draw(2)
    noise = torch.tensor(np.random.default_rng(0).normal(size=values.shape))
    together = regress(inputs, [values, noise], PENALTIES)
    for both, alone in zip(together, (values, noise), strict=True):
        assert torch.allclose(both, regress(inputs, [alone], PENALTIES)[0], rtol=1e-9)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 1000), shift=st.floats(-100, 100))
def test_where_inputs_lie_doesnt_matter(seed, shift):
    inputs, values = draw(seed)
    (here,), (there,) = (learn(each, [values], 80, PENALTIES) for each in (inputs, inputs + shift))
    for one, other in zip(here, there, strict=True):
        assert one.predicted == pytest.approx(other.predicted, rel=1e-6, abs=1e-6)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 1000), width=st.integers(1, 30))
def test_a_linear_teacher_is_recovered(seed, width):
    inputs, values = draw(seed, width=width, noise=0.0)
    (learned,) = learn(inputs, [values], 80, (1e-12, 1.0))
    for its_values, each in zip(values, learned, strict=True):
        assert each.predicted == pytest.approx(its_values[80:].numpy(), rel=1e-4, abs=1e-4)
        assert each.parameters == (width + 1) * 2
        assert each.losses is None


def test_inputs_that_never_change_weigh_nothing():
    inputs, values = draw(3)
    inputs[:, :, 0] = 1.0
    (maps,) = regress(inputs, [values], PENALTIES)
    assert maps[:, 0].abs().max() < 1e-6
    assert maps.isfinite().all()


def test_overflow_is_of_its_liquid_alone():
    inputs, values = draw(4)
    (fine,) = regress(inputs, [values], PENALTIES)
    inputs[1] *= 1e200
    (maps,) = regress(inputs, [values], PENALTIES)
    assert not maps[1].isfinite().all()
    assert torch.equal(maps[[0, 2]], fine[[0, 2]])
