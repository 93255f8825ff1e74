import numpy as np
import pytest

torch = pytest.importorskip("torch")

from astrobrian.studies.ratio.constants import ReadOut
from astrobrian.studies.ratio.liquids import Arm, Liquid, Units
from astrobrian.studies.ratio.read_outs.mlp import learn

READ_OUT = ReadOut(hidden=(16, 8), epochs=4, minibatch=40, rate=1e-2)
TRAIN, TEST = 150, 30


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def liquid(neurons, astrocytes, seed=0):
    return Liquid(Units.FORMAL, Arm.MIXED, neurons, astrocytes, seed)


def problem(liquids, width, classes=0):
    """Inputs of each liquid; the values are those of its seed."""
    random = np.random.default_rng(7)
    inputs = random.normal(size=(len(liquids), TRAIN + TEST, width)).astype(np.float32)
    drawn = {
        seed: random.integers(classes, size=TRAIN + TEST)
        if classes
        else random.normal(size=(TRAIN + TEST, 2)).astype(np.float32)
        for seed in {liquid.seed for liquid in liquids}
    }
    return torch.tensor(inputs), torch.tensor(np.stack([drawn[liquid.seed] for liquid in liquids]))


def trained_alone(liquid, inputs, values, classes):
    """The same read-out as a plain loop over one torch module."""
    seed = np.random.SeedSequence([21, liquid.neurons, liquid.astrocytes, liquid.seed]).generate_state(1)[0]
    torch.manual_seed(int(seed))
    layers = torch.nn
    network = layers.Sequential(
        layers.Linear(inputs.shape[1], 16),
        layers.ReLU(),
        layers.Linear(16, 8),
        layers.ReLU(),
        layers.Linear(8, classes or values.shape[1]),
    )
    loss = layers.CrossEntropyLoss() if classes else layers.MSELoss()
    adam = torch.optim.Adam(network.parameters(), lr=1e-2)
    random = np.random.default_rng([22, liquid.seed])
    with torch.no_grad():
        losses = [loss(network(inputs[:TRAIN]), values[:TRAIN]).item()]
    for _ in range(4):
        order = random.permutation(TRAIN)
        for first in range(0, TRAIN, 40):
            some = order[first : first + 40]
            adam.zero_grad()
            loss(network(inputs[some]), values[some]).backward()
            adam.step()
        with torch.no_grad():
            losses.append(loss(network(inputs[:TRAIN]), values[:TRAIN]).item())
    with torch.no_grad():
        return losses, network(inputs[TRAIN:]).numpy(), sum(each.numel() for each in network.parameters())


@pytest.mark.parametrize("classes", [0, 3])
def test_each_learns_as_one_network_in_a_plain_loop_does(classes):
    liquids = [liquid(8, 4), liquid(4, 8), liquid(8, 4, seed=1)]
    inputs, values = problem(liquids, 12, classes)
    found = learn(liquids, inputs, values, classes or 2, TRAIN, READ_OUT)
    for each, *its, learned in zip(liquids, inputs, values, found, strict=True):
        losses, predicted, parameters = trained_alone(each, *its, classes)
        assert learned.losses == pytest.approx(losses, rel=1e-4)
        assert learned.predicted == pytest.approx(predicted, abs=1e-3)
        assert learned.parameters == parameters


def test_company_changes_nothing_but_rounding():
    liquids = [liquid(neurons, 20 - neurons, seed) for neurons in (4, 10, 20) for seed in (0, 1)]
    inputs, values = problem(liquids, 20)
    together = learn(liquids, inputs, values, 2, TRAIN, READ_OUT)
    for number in range(len(liquids)):
        own = slice(number, number + 1)
        (alone,) = learn(liquids[own], inputs[own], values[own], 2, TRAIN, READ_OUT)
        assert together[number].losses == pytest.approx(alone.losses, rel=1e-4)
        assert together[number].predicted == pytest.approx(alone.predicted, abs=1e-3)


def test_the_same_batch_gives_the_same_bits():
    liquids = [liquid(8, 8), liquid(16, 0)]
    inputs, values = problem(liquids, 16)
    first, second = (learn(liquids, inputs, values, 2, TRAIN, READ_OUT) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.losses, other.losses)
        assert np.array_equal(one.predicted, other.predicted)


def test_torchs_own_random_numbers_are_left_alone():
    inputs, values = problem([liquid(8, 8)], 16)
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    learn([liquid(8, 8)], inputs, values, 2, TRAIN, READ_OUT)
    assert torch.equal(torch.rand(4), expected)


def test_arms_of_a_cell_begin_alike_and_other_cells_dont():
    mixed, other_cell = liquid(8, 4), liquid(4, 8)
    slow = Liquid(Units.FORMAL, Arm.SLOW, 8, 4, 0)
    inputs, values = problem([mixed], 12)
    inputs, values = inputs.expand(3, -1, -1).contiguous(), values.expand(3, -1, -1).contiguous()
    found = learn([mixed, slow, other_cell], inputs, values, 2, TRAIN, READ_OUT)
    assert np.array_equal(found[0].losses, found[1].losses)
    assert found[0].losses[0] != found[2].losses[0]


def test_a_linear_teacher_is_learned():
    inputs, _ = problem([liquid(8, 0)], 8)
    values = inputs @ torch.linspace(-1, 1, 16).reshape(8, 2)
    (learned,) = learn([liquid(8, 0)], inputs, values, 2, TRAIN, ReadOut(epochs=200, minibatch=50, rate=1e-2))
    assert learned.losses[-1] < 1e-2 * learned.losses[0]
    assert np.square(learned.predicted - values[0, TRAIN:].numpy()).mean() < 0.1 * values.var().item()


def test_a_loss_that_explodes_is_of_its_liquid_alone():
    liquids = [liquid(8, 0), liquid(0, 8)]
    inputs, values = problem(liquids, 8)
    fine, *_ = learn(liquids, inputs, values, 2, TRAIN, READ_OUT)
    inputs[1] *= 1e30
    other, exploded = learn(liquids, inputs, values, 2, TRAIN, READ_OUT)
    assert not np.isfinite(exploded.losses).all()
    assert np.array_equal(other.losses, fine.losses)
