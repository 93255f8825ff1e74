"""Steps with coefficients that are computed when they change: exact, whoever changes what they depend on."""

import shutil

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, StateMonitor, Synapses, TimedArray, ms, second
from brian2.groups.group import CodeRunner
from numpy.testing import assert_allclose

from astrobrian import TripartiteSynapses, build, use_backend
from astrobrian.writers import writing_clocks

needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None and shutil.which("clang++") is None, reason="no C++ compiler"
)

ONE_OF_EACH = """
    bound : 1/second (shared)
    dg/dt = bound*G_astro*(1 - g) - g/(50*ms) : 1
    dother/dt = (g - other)/(10*ms) : 1
    dcubic/dt = (G_astro - cubic**3)/(10*ms) : 1
    dforced/dt = (wave(t) - G_astro*forced)/(10*ms) : 1
    dquick/dt = -quick/(2*ms) : 1
    released : 1
"""


def simulate(form, method="euler"):
    """Astrocytes that step every 2 ms, and more often get a push from elsewhere."""
    wave = TimedArray([0.0, 1.0, 0.3], dt=3 * ms)
    source = SpikeGeneratorGroup(3, [0, 1, 2, 0, 1], [1, 2, 5.3, 9, 14.2] * ms)
    target = NeuronGroup(4, "x : 1")
    glia = NeuronGroup(3, "dG/dt = -G/(20*ms) : 1", method="exact", dt=2 * ms, name="glia*")
    glia.G = [0, 0.5, 2]
    glia.run_regularly("G += 0.1*i", dt=0.7 * ms)
    synapses = TripartiteSynapses(
        source, target, glia, ONE_OF_EACH, "x_post += g\nreleased += other + cubic + forced + quick",
        form=form, method=method, namespace={"wave": wave},
    )  # fmt: skip
    synapses.connect()
    synapses.cover(by="post", index=[0, 1, 2, -1])
    synapses.bound = 30 / second
    synapses.run_regularly("bound = bound*0.99", dt=0.5 * ms)
    monitors = {name: StateMonitor(synapses, name, record=np.arange(12)) for name in ("g", "cubic", "forced")}
    network = Network(source, target, glia, synapses, *monitors.values())
    network.run(20 * ms, namespace={"wave": wave})
    return synapses, {
        "x": np.array(target.x[:]),
        "released": np.array(synapses.released[:]),
        **{name: np.array(getattr(monitor, name)) for name, monitor in monitors.items()},
    }


def assert_same(found, expected):
    for name, values in expected.items():
        assert_allclose(found[name], values, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("method", ["euler", "rk2", "rk4"])
def test_any_method_gives_the_numbers_of_the_published_form(method):
    synapses, lifted = simulate("lifted", method)
    assert synapses.territories.state_updater.coefficients.keys() == {"g"}
    _, published = simulate("published", method)
    assert_same(lifted, published)
    assert np.ptp(published["g"]) > 0.1


def test_linear_equations_are_integrated_exactly():
    model = """
        dg/dt = G_astro/second - (G_astro/second + 1/(50*ms))*g : 1
    """
    glia = NeuronGroup(1, "G : 1")
    glia.G = 30
    source = SpikeGeneratorGroup(1, [], [] * ms)
    target = NeuronGroup(1, "x : 1")
    synapses = TripartiteSynapses(source, target, glia, model, "x_post += g", method="exact")
    synapses.connect()
    synapses.cover(by="post", index=[0])
    Network(source, target, glia, synapses).run(20 * ms)
    rate, rest = 30 + 1 / 0.05, 30 / (30 + 1 / 0.05)
    assert_allclose(synapses.g[0], rest * (1 - np.exp(-rate * 0.02)), rtol=1e-12)


@needs_compiler
def test_compiled_code_notices_every_change():
    _, published = simulate("published")
    use_backend("cpp")
    _, lifted = simulate("lifted")
    assert_same(lifted, published)


def simulate_twice(form):
    """Astrocytes that nobody but they themselves change, and the user between runs, amid one of their steps."""
    source = SpikeGeneratorGroup(1, [0, 0, 0, 0], [1, 5.4, 6, 11.1] * ms)
    target = NeuronGroup(3, "x : 1")
    glia = NeuronGroup(
        2,
        "dG/dt = -G/(20*ms) : 1",
        threshold="G < 0.4",
        reset="G += 1",
        method="exact",
        dt=2 * ms,
        name="glia*",
    )
    glia.G = [0.5, 1]
    model = "dg/dt = (30*G_astro*(1 - g) - g/(50*ms*Hz))*Hz : 1"
    synapses = TripartiteSynapses(source, target, glia, model, "x_post += g", form=form, method="exact")
    synapses.connect()
    synapses.cover(by="post", index=[0, 1, -1])
    monitor = StateMonitor(synapses, "g", record=np.arange(3))
    network = Network(source, target, glia, synapses, monitor)
    network.run(5.3 * ms)
    glia.G = [2, 0.7]
    network.run(7 * ms)
    build()
    return glia, synapses, {"x": np.array(target.x[:]), "g": np.array(monitor.g)}


@needs_compiler
def test_compiled_code_that_looks_only_when_astrocytes_step():
    _, _, published = simulate_twice("published")
    use_backend("cpp", build_on_run=False)
    glia, synapses, lifted = simulate_twice("lifted")
    assert writing_clocks(glia.variables["G"]) == {glia.clock}
    assert synapses.territories.state_updater.coefficients
    assert_same(lifted, published)


def test_everyone_who_changes_a_variable_is_found():
    glia = NeuronGroup(2, "dG/dt = -G/(20*ms) : 1\nfed : 1\nspare : 1\nread : 1", dt=2 * ms, method="euler")
    source = SpikeGeneratorGroup(1, [], [] * ms, dt=3 * ms)
    assert writing_clocks(glia.variables["G"]) == {glia.clock}
    assert writing_clocks(glia.variables["spare"]) == set()
    regular = glia[:1].run_regularly("spare = G", dt=5 * ms)
    pathway = Synapses(source, glia, on_pre="spare_post += 1", dt=3 * ms)
    sums = Synapses(glia, glia, "fed_post = read_pre : 1 (summed)")
    assert writing_clocks(glia.variables["spare"]) == {regular.clock, pathway.pre.clock}
    assert writing_clocks(glia.variables["fed"]) == {glia.clock}
    assert writing_clocks(glia.variables["read"]) == set()
    del sums


def test_an_object_that_was_never_finished_changes_nothing():
    glia = NeuronGroup(2, "dG/dt = -G/(20*ms) : 1", method="euler")
    unfinished = object.__new__(CodeRunner)
    CodeRunner.__instancefollower__.add(unfinished)
    assert writing_clocks(glia.variables["G"]) == {glia.clock}
