"""The cells and the network of the benchmark beside NEST: what NEST said stands in ``nest_reference.json``."""

import json
import stat
from pathlib import Path

import numpy as np
import pytest
from brian2 import (
    Network,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    defaultclock,
    ms,
    mV,
    nS,
    pA,
    prefs,
    second,
    umolar,
)

from astrobrian import AstrocyteGroup, Neurons, TripartiteSynapses
from astrobrian.equations import release_record
from astrobrian.studies.benchmarks import brunel_astrocytes as brunel
from astrobrian.studies.benchmarks import nest
from astrobrian.studies.benchmarks import nest_reference as reference

NEST = json.loads(Path(__file__).with_name("nest_reference.json").read_text())
EVERY = nest.INTERVAL * ms


@pytest.fixture(autouse=True)
def numpy_at_a_tenth_of_a_millisecond():
    target = prefs.codegen.target
    prefs.codegen.target, defaultclock.dt = "numpy", brunel.DT
    yield
    prefs.codegen.target = target


def neuron(duration, dt=brunel.DT, method="rk2", **trains):
    """Spike times in ms and recorded variables of one neuron; trains are those of spikes."""
    defaultclock.dt = dt
    cell = Neurons(1, brunel.neuron, method=method)
    cell.I_ex = trains.pop("current", 0 * pA)
    spikes = SpikeMonitor(cell)
    trace = StateMonitor(cell, ["v", "w", "g_e", "g_i"], record=True, dt=EVERY, when="start")
    network = Network(cell, spikes, trace)
    for which, times in trains.items():
        source = SpikeGeneratorGroup(1, np.zeros(len(times), dtype=int), times * ms)
        code = f"s_{which}_post += exp(1)*weight"
        # what arrives is felt after the time step in which it arrives, whatever its length
        delay = brunel.DT - dt
        synapse = Synapses(source, cell, on_pre=code, delay=delay, namespace={"weight": reference.WEIGHT})
        synapse.connect()
        network.add(source, synapse)
    network.run(duration)
    return (spikes.t + dt) / ms, trace  # NEST stamps a spike with the end of the time step


def recorded(trace, name, unit):
    """At the times at which NEST recorded."""
    return getattr(trace, name)[0][1:] / unit


@pytest.mark.parametrize("number", range(len(reference.CURRENTS)), ids=str)
def test_neuron_under_a_current(number):
    current, theirs = reference.CURRENTS[number], NEST["currents"][number]
    spikes, _ = neuron(reference.CURRENT_DURATION, current=current)
    assert len(spikes) == len(theirs["spikes"])
    # the upswing of a spike ends within a time step, and the reset waits for its end
    np.testing.assert_allclose(np.diff(spikes), np.diff(theirs["spikes"]), atol=0.21, rtol=0.005)


def test_neuron_under_a_current_converges_to_that_of_nest():
    fine, _ = neuron(120 * ms, 0.01 * ms, "rk4", current=reference.CURRENTS[1])
    assert len(fine) > 4
    np.testing.assert_allclose(fine, NEST["currents"][1]["spikes"][: len(fine)], atol=0.1)


@pytest.mark.parametrize(("method", "conductance"), [("rk2", 0.02), ("rk4", 1e-5)])
def test_neuron_under_spikes(method, conductance):
    theirs = NEST["trains"]
    trains = {"e": NEST["excitatory"], "i": NEST["inhibitory"]}
    spikes, trace = neuron(reference.TRAIN_DURATION, method=method, **trains)
    assert len(spikes) == len(theirs["spikes"]) > 5
    np.testing.assert_allclose(spikes, theirs["spikes"], atol=0.5)
    for ours, name in (("g_e", "g_ex"), ("g_i", "g_in")):
        np.testing.assert_allclose(recorded(trace, ours, nS), theirs[name], atol=conductance)
    before = np.array(theirs["times"]) < theirs["spikes"][0] - 5
    np.testing.assert_allclose(recorded(trace, "v", mV)[before], np.array(theirs["V_m"])[before], atol=5e-3)


def test_releases_of_a_depressing_synapse():
    source = SpikeGeneratorGroup(1, np.zeros(len(reference.BURST), dtype=int), reference.BURST)
    target = Neurons(1, "x : 1")
    synapse = TripartiteSynapses(source, target, model=reference.DEPRESSING + release_record, method="exact")
    synapse.connect()
    trace = StateMonitor(synapse, "r_S", record=[0], when="end")
    Network(source, target, synapse, trace).run(reference.BURST_DURATION)
    at = np.round(reference.BURST / brunel.DT).astype(int)
    np.testing.assert_allclose(trace.r_S[0][at], NEST["releases"]["releases"], rtol=1e-5)


def astrocyte(duration, dt):
    """One astrocyte under the pulses of IP3, every 10 ms."""
    times = np.array(NEST["pulses"])
    cell = AstrocyteGroup(1, brunel.astrocyte, dt=dt)
    cell.I = reference.PULSED_IP3
    source = SpikeGeneratorGroup(1, np.zeros(len(times), dtype=int), times * ms)
    produced = {"produced": reference.PULSE_WEIGHT * brunel.excitation.parameters["delta_IP3"].quantity}
    synapse = Synapses(source, cell, on_pre="I_post += produced", namespace=produced)
    synapse.connect()
    trace = StateMonitor(cell, ["C", "I", "h", "I_sic"], record=True, dt=EVERY, when="start")
    Network(source, cell, synapse, trace).run(duration)
    return trace


@pytest.mark.parametrize(
    ("duration", "dt", "error"),
    [(1 * second, brunel.DT, 2e-4), (reference.PULSE_DURATION, brunel.SLOW_DT, 1e-3)],
    ids=str,
)
def test_astrocyte_under_pulses_of_ip3(duration, dt, error):
    trace = astrocyte(duration, dt)
    number = len(recorded(trace, "C", umolar))
    theirs = {name: np.array(values[:number]) for name, values in NEST["astrocyte"].items() if name != "nest"}
    assert np.ptp(theirs["Ca_astro"]) > 0.1
    np.testing.assert_allclose(recorded(trace, "C", umolar), theirs["Ca_astro"], rtol=error)
    np.testing.assert_allclose(recorded(trace, "h", 1), theirs["h_IP3R"], rtol=error)
    # a pulse at a time of recording is there a step earlier or later
    off = np.abs(recorded(trace, "I", umolar) - theirs["IP3"])
    assert np.quantile(off, 0.9) < error
    assert off.max() < reference.PULSE_WEIGHT * 2e-4 + error
    np.testing.assert_allclose(recorded(trace, "I_sic", pA), theirs["I_SIC"], atol=0.1)


def spread(name, part):
    """Mean and standard deviation over NEST's seeds."""
    values = [network[name][part] for network in NEST["networks"]]
    return np.mean(values), np.std(values, ddof=1)


def test_network_does_what_that_of_nest_does():
    """Means over six seeds of each differ by less than what their spread allows."""
    ours = [brunel.simulate(reference.SCALE, reference.NETWORK_DURATION, seed) for seed in reference.SEEDS]
    names = {"spikes": "spikes", "calcium": "Ca_astro", "IP3": "IP3", "current": "I_SIC"}
    for name, theirs in names.items():
        for part in range(2):
            values = [getattr(statistics, name)[part] for statistics in ours]
            mean, deviation = spread(theirs, part)
            error = np.hypot(deviation, np.std(values, ddof=1)) / np.sqrt(len(values))
            assert abs(np.mean(values) - mean) < 3.5 * error, (name, part)


def test_wiring_is_that_of_tripartite_connect():
    wires = brunel.wiring(0.2, seed=3)
    N_e, N_i, N_a = brunel.sizes(0.2)
    sources, targets = wires.excitatory
    assert len(sources) == pytest.approx(N_e * (N_e + N_i) * 0.5, rel=0.01)
    assert len(np.unique(sources.astype(np.int64) * (N_e + N_i) + targets)) == len(sources)
    assert np.any(sources == targets)  # as in NEST, a neuron may reach itself
    tripartite = wires.third >= 0
    assert tripartite.mean() == pytest.approx(0.5, abs=0.01)
    pool = [np.unique(wires.third[tripartite & (targets == neuron)]) for neuron in (0, 7, N_e + N_i - 1)]
    assert [len(astrocytes) for astrocytes in pool] == [brunel.POOL] * 3
    assert len(np.unique(wires.third)) == N_a + 1
    astrocytes, neurons, shared = wires.pairs
    assert shared.sum() == tripartite.sum()
    first = (neurons == 7).nonzero()[0]
    expected = [np.sum(wires.third[targets == 7] == a) for a in astrocytes[first]]
    np.testing.assert_array_equal(shared[first], expected)


@pytest.mark.parametrize("p", [0.02, 0.3, 1.0])
def test_bernoulli_pairs_are_drawn_independently(p):
    i, j = brunel.bernoulli(300, 500, p, np.random.default_rng(1))
    error = np.sqrt(300 * 500 * p * (1 - p))
    assert abs(len(i) - 300 * 500 * p) <= 4 * error
    assert i.min() >= 0
    assert (i.max(), j.max()) == (299, 499)
    assert len(np.unique(i * 500 + j)) == len(i)
    assert np.all(np.diff(i) >= 0)


def test_network_too_small_for_its_connections_is_refused():
    with pytest.raises(ValueError, match=r"scale is at least 0\.1 .*got 0\.05"):
        brunel.assemble(scale=0.05)


def test_network_runs_without_a_compiler():
    found = brunel.simulate(reference.SCALE, 5 * ms, backend="numpy")
    assert found.current == (0, 0)
    assert found.IP3[0] == pytest.approx(0.4, abs=0.01)
    assert 0.07 < found.calcium[0] < 0.1


@pytest.fixture
def named_python(monkeypatch):
    """Name an interpreter as that with NEST."""

    def name(path):
        monkeypatch.setenv(nest.ENVIRONMENT, str(path))
        nest.missing.cache_clear()

    yield name
    monkeypatch.undo()
    nest.missing.cache_clear()


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return path


def test_without_nest_it_is_said_how_to_get_it(named_python, tmp_path):
    named_python("")
    with pytest.raises(nest.NestError, match="no Python with NEST is named; install NEST in an environment"):
        nest.ask("version")
    named_python(tmp_path / "nowhere")
    assert "can't be run (No such file" in nest.missing()
    named_python(script(tmp_path / "without", "echo 'ModuleNotFoundError: No module' >&2; exit 1"))
    assert "can't import nest (ModuleNotFoundError: No module)" in nest.missing()


def test_an_error_of_nest_is_shown(named_python, tmp_path):
    named_python(
        script(tmp_path / "failing", 'if [ "$1" = -P ]; then echo "BadProperty: tau_w" >&2; exit 1; fi')
    )
    with pytest.raises(nest.NestError, match=r"(?s)failed at the task version.*BadProperty: tau_w"):
        nest.ask("version")


@pytest.mark.skipif(nest.missing() is not None, reason="needs NEST")
def test_reference_is_what_nest_says():
    assert nest.ask("version")["nest"] == NEST["nest"]
    again = nest.neuron(brunel.neuron, reference.CURRENT_DURATION, current=reference.CURRENTS[1])
    np.testing.assert_allclose(again["spikes"], NEST["currents"][1]["spikes"], rtol=1e-6)
