"""Rows: how simulations are run."""

from __future__ import annotations

import os
import signal
import threading
import time
from functools import partial

import numpy as np
from brian2 import (
    Cylinder,
    Network,
    SpatialNeuron,
    SpikeMonitor,
    StateMonitor,
    cm,
    ms,
    mV,
    ohm,
    pA,
    second,
    uF,
    um,
    umolar,
)

from astrobrian import AstrocyteGroup, PhysicalRangeError, build
from astrobrian import sweep as run_sweep
from astrobrian.equations import chi, chi_stochastic
from astrobrian.studies.compatibility.parts import events, firing, loop, releasing, traces
from astrobrian.studies.compatibility.row import Objects, row

STRENGTHS = np.array([0.3, 0.5, 0.7])


@row(alone=True)
def several_runs() -> Objects:
    neurons, astrocytes = firing(), releasing()
    synapses = loop(neurons, astrocytes)
    cells = StateMonitor(astrocytes, ["Y_S", "C"], record=True)
    spikes = SpikeMonitor(neurons)
    network = Network(neurons, astrocytes, synapses, cells, spikes)
    network.run(100 * ms)
    neurons.I_ex = 180 * pA
    astrocytes.I = [0.9, 0.7] * umolar
    network.run(150 * ms)
    build()
    yield []
    return {**traces(cells), "spikes": events(spikes)}


@row(alone=True)
def values_between_runs() -> Objects:
    astrocytes = releasing()
    cells = StateMonitor(astrocytes, "C", record=True)
    network = Network(astrocytes, cells)
    network.run(100 * ms)
    astrocytes.I = 0.5 * astrocytes.C[:]
    network.run(100 * ms)
    build()
    yield []
    return traces(cells)


@row(statistics=True, repeated=True)
def seeds() -> Objects:
    astrocytes = AstrocyteGroup(500, chi_stochastic, check_range=False)
    astrocytes.C, astrocytes.h, astrocytes.I = 0.3 * umolar, "0.6 + 0.2*rand()", 0.5 * umolar
    yield [astrocytes]
    h = np.array(astrocytes.h)
    return {"h": h, "spread of h": abs(h - h.mean())}


@row()
def object_order() -> Objects:
    neurons = firing()
    neurons.run_regularly("v += 1*mV*int(i == 2)", dt=20 * ms, when="end")
    before = StateMonitor(neurons, "v", record=True)
    after = StateMonitor(neurons, "v", record=True, when="end")
    yield [neurons, before, after]
    return {"before": np.array(before.v), "after": np.array(after.v)}


@row()
def other_objects() -> Objects:
    cable = SpatialNeuron(
        Cylinder(length=100 * um, diameter=1 * um, n=5),
        "Im = 0.1*msiemens/cm**2*(-60*mV - v) : amp/meter**2\nI : amp (point current)",
        Cm=1 * uF / cm**2,
        Ri=100 * ohm * cm,
        method="exponential_euler",
    )
    cable.v, cable.I = -60 * mV, [5, 0, 0, 0, 0] * pA
    potential = StateMonitor(cable, "v", record=True)
    yield [cable, potential]
    return traces(potential)


def coupled_strongly() -> tuple[AstrocyteGroup, StateMonitor, Network]:
    """Astrocytes whose shared parameter is to be changed."""
    astrocytes = releasing()
    astrocytes.Y_S = [1, 0.5] * umolar
    cells = StateMonitor(astrocytes, "C", record=True)
    return astrocytes, cells, Network(astrocytes, cells)


def one_by_one() -> Objects:
    """The same as a sweep, in a loop."""
    found = []
    for strength in STRENGTHS:
        astrocytes, cells, network = coupled_strongly()
        astrocytes.O_beta = strength * umolar / second
        network.run(200 * ms)
        found.append(np.array(cells.C))
    yield []
    return {"C": np.array(found)}


@row(alone=True, reference=one_by_one)
def sweep() -> Objects:
    astrocytes, cells, network = coupled_strongly()
    network.run(200 * ms)
    points = [{astrocytes.O_beta: strength * umolar / second} for strength in STRENGTHS]
    found = [np.array(cells.C) for _ in run_sweep(points)]
    yield []
    return {"C": np.array(found)}


@row(options={"precision": "single"}, tolerance=1e-3)
def single_precision() -> Objects:
    neurons, astrocytes = firing(), releasing()
    synapses = loop(neurons, astrocytes)
    cells = StateMonitor(astrocytes, ["C", "G_A"], record=True)
    yield [neurons, astrocytes, synapses, cells]
    return traces(cells)


@row(alone=True)
def store_restore() -> Objects:
    neurons, astrocytes = firing(), releasing()
    synapses = loop(neurons, astrocytes)
    cells = StateMonitor(astrocytes, ["Y_S", "C"], record=True)
    network = Network(neurons, astrocytes, synapses, cells)
    network.run(50 * ms)
    network.store()
    network.run(100 * ms)
    first = traces(cells)
    network.restore()
    network.run(100 * ms)
    build()
    yield []
    again = traces(cells)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    return again


@row(alone=True)
def range_guard() -> Objects:
    astrocytes = AstrocyteGroup(3, chi, dt=1 * ms)
    astrocytes.J_ex = [0, -1, 0] * umolar / second
    cells = StateMonitor(astrocytes, "I", record=True)
    stopped = None
    try:
        Network(astrocytes, cells).run(1 * second)
        build()
    except PhysicalRangeError as error:
        stopped = error
    yield []
    assert stopped is not None and stopped.variable == "I"
    return {**traces(cells), "stopped": np.array([stopped.cell, stopped.value, stopped.time])}


@row(options={"threads": 2})
def threads() -> Objects:
    neurons, astrocytes = firing(), releasing()
    synapses = loop(neurons, astrocytes)
    cells = StateMonitor(astrocytes, ["Y_S", "C"], record=True)
    spikes = SpikeMonitor(neurons)
    yield [neurons, astrocytes, synapses, cells, spikes]
    return {**traces(cells), "spikes": events(spikes)}


def integrated(method: str) -> Objects:
    """Calcium by some method of integration."""
    astrocytes = releasing(2, chi, method=method)
    cells = StateMonitor(astrocytes, "C", record=True)
    yield [astrocytes, cells]
    return traces(cells)


@row(tolerance=1e-5, needs="gsl-config", reference=partial(integrated, "rk4"))
def gsl() -> Objects:
    return (yield from integrated("gsl_rk4"))


@row(alone=True)
def profiling() -> Objects:
    astrocytes = releasing()
    cells = StateMonitor(astrocytes, "C", record=True)
    network = Network(astrocytes, cells)
    network.run(200 * ms, profile=True)
    build()
    yield []
    updater = astrocytes.state_updater.name
    of_steps = [spent for name, spent in network.profiling_info if name.startswith(updater)]
    assert of_steps and of_steps[0] > 0 * second
    return traces(cells)


@row(alone=True)
def interrupt() -> Objects:
    astrocytes = releasing()
    cells = StateMonitor(astrocytes, "C", record=True, dt=10 * ms)
    threading.Thread(target=press_ctrl_c, daemon=True).start()
    Network(astrocytes, cells).run(1e5 * second)
    build()
    yield []
    assert 50 < len(cells.t) < 10**7
    return {"C": np.array(cells.C[:, :50])}


def press_ctrl_c() -> None:
    """What a terminal does: interrupt this process and what it has started, some time after the run has begun."""
    for _ in range(200):  # on "genn" it is another process that runs, and nobody says since when
        if Network._globally_running:
            break
        time.sleep(0.1)
    time.sleep(2)
    os.killpg(0, signal.SIGINT)
