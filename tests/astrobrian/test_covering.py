"""Which astrocyte covers which synapse, and what happens if it isn't said, or wrongly."""

import logging

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, second, um
from numpy.testing import assert_array_equal

from astrobrian import AstrocyteGroup, Positions, TripartiteSynapses, place
from astrobrian.covering import CoverError
from astrobrian.equations import cleft_glutamate, gchi, tsodyks_markram


@pytest.fixture
def neurons():
    group = NeuronGroup(6, "x : meter\ng : 1", threshold="False")
    group.x = np.arange(6) * 10 * um
    return group


@pytest.fixture
def synapses(neurons):
    glia = AstrocyteGroup(3, gchi, layout=Positions([5, 25, 45] * um), name="glia*")
    made = TripartiteSynapses(
        neurons, neurons, glia, tsodyks_markram + cleft_glutamate, "g_post += 1", name="exc*"
    )
    made.connect("i != j")
    return made


def test_by_the_nearest_astrocyte(synapses):
    synapses.cover(by="post")
    assert_array_equal(synapses.astrocyte_index, synapses.j[:] // 2)
    synapses.cover(by="pre")
    assert_array_equal(synapses.astrocyte_index, synapses.i[:] // 2)
    assert synapses.uncovered == 0


def test_nearest_needs_positions():
    neurons = NeuronGroup(6, "g : 1", threshold="False", name="nowhere*")
    synapses = TripartiteSynapses(
        neurons, neurons, AstrocyteGroup(3, gchi), tsodyks_markram + cleft_glutamate
    )
    synapses.connect()
    with pytest.raises(ValueError, match=r"nowhere.* has no positions"):
        synapses.cover(by="post")


def test_by_an_index_of_each_neuron(synapses):
    index = np.array([0, 0, 1, 2, -1, 2])
    synapses.cover(by="pre", index=index)
    assert_array_equal(synapses.astrocyte_index, index[synapses.i[:]])
    assert synapses.uncovered == 5


def test_by_an_index_of_each_synapse(synapses):
    index = np.arange(30) % 4 - 1
    synapses.cover(index=index)
    assert_array_equal(synapses.astrocyte_index, index)
    assert_array_equal(synapses.territories.N_synapses, [8, 7, 7, 8])  # the null cell comes last


def test_by_an_expression(synapses, neurons):
    width = 20 * um  # noqa: F841  (read by the expressions)
    synapses.cover(index="int(x_post/width)")
    assert_array_equal(synapses.astrocyte_index, synapses.j[:] // 2)
    synapses.astrocyte_index = "-1 + 2*int(x_pre > width)"
    assert set(synapses.astrocyte_index) == {-1, 1}
    assert_array_equal(synapses.i["astrocyte_index == 1"] > 2, True)


def test_names_of_the_caller(neurons):
    every, first = 2, 1
    synapses = TripartiteSynapses(
        neurons, neurons, AstrocyteGroup(3, gchi), tsodyks_markram + cleft_glutamate
    )
    synapses.connect("(i + j) % every == 0")
    synapses.astrocyte_index = "first + 0*i"
    synapses.x_S = "0.1*every"
    assert (len(synapses), set(synapses.astrocyte_index), set(synapses.x_S[:])) == (
        18,
        {first},
        {0.1 * every},
    )


def test_covering_again_changes_it(synapses):
    synapses.cover(by="post", index=np.zeros(6, int))
    synapses.cover(by="post", index=np.full(6, 2))
    assert_array_equal(synapses.astrocyte_index, 2)
    assert_array_equal(synapses.territories.N_synapses, [0, 0, 30, 0])


def test_uncovered_synapses_are_told(synapses, caplog):
    with caplog.at_level(logging.WARNING, logger="astrobrian"):
        synapses.cover(by="post", index=[0, 0, 1, 1, -1, -1])
    assert f"10 of 30 synapses of {synapses.name} are covered by no astrocyte" in caplog.text
    assert "except 10" in repr(synapses)


def test_running_uncovered(synapses):
    net = Network(synapses.source, synapses.astrocytes, synapses)
    assert "not covered yet" in repr(synapses)
    with pytest.raises(Exception, match="preparing an object") as error:
        net.run(0 * second)
    assert isinstance(error.value.__cause__, CoverError)
    assert f"call {synapses.name}.cover(by='post')" in str(error.value.__cause__)


def test_new_synapses_have_to_be_covered(synapses):
    synapses.cover(by="post")
    synapses.connect(i=[0], j=[0])
    assert synapses.uncovered is None
    synapses.cover(by="post")
    assert synapses.territories.N_synapses[0] == 11


def test_connecting_nothing_changes_nothing(synapses):
    assert_array_equal(synapses.astrocyte_index, -1)  # not covered yet
    synapses.cover(by="post")
    before = synapses.astrocyte_index
    synapses.connect("i == j + 100")
    assert synapses.uncovered == 0
    assert_array_equal(synapses.astrocyte_index, before)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            {"by": "post", "index": [0, 1, 2, 3, 0, 0]},
            r"exc.*: astrocyte 3 for neurons of .* 3 .*0 to 2, and -1",
        ),
        ({"by": "post", "index": [0, 1, -2, 0, 0, 0]}, "astrocyte -2"),
        ({"by": "post", "index": [0, 1, 0.5, 0, 0, 0]}, "astrocyte 0.5"),
        ({"by": "post", "index": [0, 1]}, r"index of shape \(2,\) for 6 neurons"),
        ({"index": np.zeros(7, int)}, r"index of shape \(7,\) for 30 synapses"),
        ({"index": np.full(30, 3)}, "astrocyte 3 for synapses 0 is out of range"),
        ({"index": "j"}, r"exc.*: astrocyte 3 .*out of range"),
        ({"index": "-2 + 0*j"}, r"exc.*: astrocyte -2 .*out of range"),
        ({"index": "j/10"}, r"exc.*: the index has to be a whole number.*j//10"),
        ({"by": "post", "index": "i//5"}, r"by='post'.*an array.*without by: cover\(index='i//5'\)"),
        ({"by": "post", "index": ["a"] * 6}, "index needs numbers.*each of the 6 neurons.*'a'"),
        ({"by": "nearest"}, "by='nearest', but synapses are covered by 'pre' or 'post'"),
        ({}, r"cover\(by='post'\)"),
    ],
)
@pytest.mark.parametrize("form", ["lifted", "published"])
def test_refusals(neurons, form, how, message):
    synapses = TripartiteSynapses(
        neurons, neurons, AstrocyteGroup(3, gchi), tsodyks_markram + cleft_glutamate, form=form, name="exc*"
    )
    synapses.connect("i != j")
    with pytest.raises(CoverError, match=message):
        synapses.cover(**how)
    assert synapses.uncovered is None


def test_nothing_to_cover(neurons):
    alone = TripartiteSynapses(neurons, neurons, None, tsodyks_markram)
    with pytest.raises(CoverError, match="has no astrocytes"):
        alone.cover(by="post")
    assert not hasattr(alone, "astrocyte_index")
    unconnected = TripartiteSynapses(
        neurons, neurons, AstrocyteGroup(3, gchi), tsodyks_markram + cleft_glutamate
    )
    with pytest.raises(CoverError, match=r"call connect\(\) before cover"):
        unconnected.cover(by="post")


def test_territory_is_only_set_by_cover(synapses):
    synapses.cover(by="post")
    with pytest.raises(TypeError, match="read-only"):
        synapses.territory = 1


def test_published_form_is_covered_once(neurons):
    glia = AstrocyteGroup(3, gchi)
    place(glia, Positions([5, 25, 45] * um))
    synapses = TripartiteSynapses(neurons, neurons, glia, tsodyks_markram + cleft_glutamate, form="published")
    synapses.connect("i != j")
    synapses.cover(by="post")
    with pytest.raises(CoverError, match="covered already"):
        synapses.cover(by="pre")
    with pytest.raises(CoverError, match=r"before you call cover\(\)"):
        synapses.connect(i=0, j=0)
