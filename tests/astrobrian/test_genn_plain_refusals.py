"""What GeNN can't do with plain objects of Brian2 is refused, with the feature and the reason."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import (
    Network,
    NeuronGroup,
    Soma,
    SpatialNeuron,
    StateMonitor,
    Synapses,
    TimedArray,
    check_units,
    implementation,
    linked_var,
    ms,
    network_operation,
    set_device,
    um,
)

from astrobrian.backends.findings import UnsupportedFeature
from astrobrian.genn import running
from astrobrian.genn.device import genn_device
from astrobrian.genn.rehearsal import rehearse


@pytest.fixture(autouse=True)
def on_the_stand_in(monkeypatch):
    """Programs are run by the stand-in for GeNN."""
    monkeypatch.setattr(running, "run", lambda program, *_: rehearse(program))
    set_device(genn_device())


def neurons(**kwargs):
    cells = NeuronGroup(
        8,
        "dv/dt = (g - v + I)/(10*ms) : 1\ndg/dt = -g/(5*ms) : 1\nI : 1",
        **{"threshold": "v > 1", "reset": "v = 0", "method": "exact", **kwargs},
    )
    cells.I, cells.v = np.linspace(0.8, 1.6, 8), np.linspace(0, 0.9, 8)
    return cells


def _a_network_operation():
    @network_operation
    def look():
        pass

    return [neurons(), look]


def _synapses(model="", *, target=None, source=None, **kwargs):
    cells = neurons()
    synapses = Synapses(cells, target or cells, model, **kwargs)
    synapses.connect()
    return [each for each in (cells, target, synapses) if each is not None]


def _a_linked_variable():
    cells = neurons()
    others = NeuronGroup(8, "x : 1 (linked)\ny = x : 1\ndz/dt = x*Hz : 1", method="euler")
    others.x = linked_var(cells, "v")
    return [cells, others]


def _a_function():
    @implementation("numpy", discard_units=True)
    @check_units(x=1, result=1)
    def double(x):
        return 2 * x

    return [NeuronGroup(1, "dx/dt = double(x)*Hz : 1", namespace={"double": double}, method="euler")]


def _a_long_table():
    long = TimedArray(np.zeros(200_000), dt=1 * ms, name="long")
    return [NeuronGroup(1, "dx/dt = long(t)*Hz : 1", namespace={"long": long}, method="euler")]


def _delays_of_all_sizes():
    cells, synapses = _synapses(on_pre="g_post += 1")
    synapses.delay = "(i + 8*j)*ms"
    return [cells, synapses]


def _compartments():
    return [SpatialNeuron(Soma(10 * um), "Im = 0*amp/metre**2 : amp/metre**2")]


def _synapses_of_synapses():
    cells, synapses = _synapses("w : 1", on_pre="g_post += w")
    copies = Synapses(cells, synapses, "w_post = v_pre : 1 (summed)")
    copies.connect()
    return [cells, synapses, copies]


def _a_sum_for_a_part():
    """Brian2 computes it after the step of the cells and before their thresholds."""
    cells = NeuronGroup(4, "dv/dt = -v*Hz : 1\ns : 1", threshold="v + s > 1", reset="v = 0", method="euler")
    synapses = Synapses(cells, cells[2:], "s_post = v_pre : 1 (summed)")
    synapses.connect()
    return [cells, synapses]


def _another_slot():
    cells, synapses = _synapses(on_pre="g_post += 1")
    synapses.pre.when = "after_resets"
    return [cells, synapses]


def _inactive():
    cells = neurons()
    cells.state_updater.active = False
    return [cells]


def _post_before_pre():
    cells, synapses = _synapses("w : 1", on_pre="g_post += w", on_post="w += 1")
    synapses.post.order = -2
    return [cells, synapses]


def _two_events():
    return [neurons(events={"high": "v > 0.9"})]


REFUSED = {
    "network operation": ("network_operation", _a_network_operation),
    "linked variable": ("linked_variables", _a_linked_variable),
    "user function": ("user_functions", _a_function),
    "table": ("timed_array", _a_long_table),
    "delays": ("different_delays", _delays_of_all_sizes),
    "delay of on_post": (
        "post_delays",
        lambda: _synapses("w : 1", on_post={"post": "w += 1"}, delay={"post": 1 * ms}),
    ),
    "compartments": ("other_objects", _compartments),
    "synapses of synapses": ("published_form", _synapses_of_synapses),
    "GSL": ("gsl", lambda: [neurons(method="gsl_rk4")]),
    "events": ("custom_events", _two_events),
    "reading the presynaptic neuron": ("presynaptic_variables", lambda: _synapses(on_pre="g_post += v_pre")),
    "changing the presynaptic neuron": ("spikes_elsewhere", lambda: _synapses(on_pre="g_pre += 1")),
    "setting": ("spikes_elsewhere", lambda: _synapses(on_pre="g_post = 1")),
    "spikes of both sides": ("spikes_elsewhere", lambda: _synapses(on_post="g_pre += 1")),
    "order of spikes": ("spikes_read_written", lambda: _synapses(on_pre="g_post += 0.1*(1 - g_post)")),
    "sum of what spikes change": (
        "sums_of_spikes",
        lambda: _synapses("w : 1\nI_post = w : 1 (summed)", on_pre="w += 0.1"),
    ),
    "sum of a variable that spikes change": (
        "sums_of_spikes",
        lambda: [*_synapses("I_post = g_pre : 1 (summed)", on_pre="g_post += 0.1")],
    ),
    "sum for a part, read by a threshold": ("sums_of_spikes", _a_sum_for_a_part),
    "equations that read neurons": (
        "clock_driven_synapses",
        lambda: _synapses("dw/dt = v_post*Hz : 1 (clock-driven)", method="euler", on_pre="g_post += w"),
    ),
    "random numbers for two": (
        "several_targets",
        lambda: _synapses(on_pre="r = rand()\ng_post += r\nv_post += r"),
    ),
    "order": ("object_order", lambda: [neurons(order=1)]),
    "schedule": ("object_order", _another_slot),
    "inactive": ("object_order", _inactive),
    "order of pathways": ("object_order", _post_before_pre),
    "a monitor at the end": (
        "object_order",
        lambda: [*(G := [neurons()]), StateMonitor(G[0], "v", record=True, when="end")],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_genn_cannot_do_is_refused_with_its_name(case, monkeypatch):
    monkeypatch.setattr(running, "run", lambda *_: pytest.fail("it was sent to GeNN"))
    feature, network = REFUSED[case]
    objects = network()
    with pytest.raises(UnsupportedFeature) as refused:
        Network(objects).run(1 * ms)
    assert feature in {each.feature for each in refused.value.refusals}
    assert "cython" in str(refused.value)


def test_all_reasons_are_given_at_once():
    with pytest.raises(UnsupportedFeature) as refused:
        Network(_a_network_operation(), _two_events()).run(1 * ms)
    assert {each.feature for each in refused.value.refusals} == {"network_operation", "custom_events"}
