"""Rows: what drives the cells, and code that the user adds."""

from __future__ import annotations

import numpy as np
from brian2 import (
    EventMonitor,
    NeuronGroup,
    PoissonGroup,
    PoissonInput,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    TimedArray,
    check_units,
    implementation,
    linked_var,
    ms,
    mV,
    nS,
    pA,
    second,
    umolar,
)
from brian2 import network_operation as operation

from astrobrian import AstrocyteGroup, Neurons, TripartiteSynapses
from astrobrian.equations import Model, chi, coba_lif
from astrobrian.studies.compatibility.parts import (
    MODULATED,
    counts,
    events,
    firing,
    irregularity,
    releasing,
    traces,
)
from astrobrian.studies.compatibility.row import Objects, row


@row()
def run_regularly() -> Objects:
    neurons, astrocytes = firing(), releasing()
    neurons.run_regularly("I_ex += 5*pA", dt=20 * ms)
    astrocytes.run_regularly("I += 0.05*umolar*(1 - x_A)", dt=20 * ms)
    calcium = StateMonitor(astrocytes, "C", record=True)
    spikes = SpikeMonitor(neurons)
    yield [neurons, astrocytes, calcium, spikes]
    return {**traces(calcium), "spikes": events(spikes)}


@row()
def timed_array() -> Objects:
    stimulus = TimedArray([120, 180, 90, 200, 140] * pA, dt=50 * ms)
    neurons = Neurons(
        4,
        "dv/dt = (-60*mV - v + stimulus(t)*150*Mohm*(i + 1)/4)/(20*ms) : volt",
        threshold="v > -50*mV",
        reset="v = -60*mV",
        method="euler",
        namespace={"stimulus": stimulus},
    )
    neurons.v = -60 * mV
    potential = StateMonitor(neurons, "v", record=True)
    yield [neurons, potential]
    return traces(potential)


@row(statistics=True)
def poisson_input() -> Objects:
    neurons = Neurons(1000, coba_lif, method="euler", check_range=False)
    background = PoissonInput(neurons, "g_e", N=100, rate=20 * 1 / second, weight=0.5 * nS)
    spikes = SpikeMonitor(neurons)
    yield [neurons, background, spikes]
    return {"spikes": counts(spikes), "CV of intervals": irregularity(spikes)}


@row(statistics=True)
def poisson_group() -> Objects:
    source = PoissonGroup(1000, 40 / second)
    spikes = SpikeMonitor(source)
    yield [source, spikes]
    return {"spikes": counts(spikes), "CV of intervals": irregularity(spikes)}


@row()
def spike_generator() -> Objects:
    steps = np.random.default_rng(1).choice(np.arange(2, 480), (4, 15), replace=False)
    source = SpikeGeneratorGroup(4, np.repeat(np.arange(4), 15), steps.ravel() * 0.5 * ms)
    neurons, astrocytes = firing(2), releasing()
    synapses = TripartiteSynapses(source, neurons, astrocytes, MODULATED)
    synapses.connect(i=[0, 1, 2, 3, 3], j=[0, 0, 1, 0, 1])
    synapses.cover(by="post", index=[0, 1])
    conductance = StateMonitor(neurons, "g_e", record=True)
    cells = StateMonitor(astrocytes, ["Y_S", "C"], record=True)
    spikes = SpikeMonitor(source)
    yield [source, neurons, astrocytes, synapses, conductance, cells, spikes]
    return {**traces(conductance), **traces(cells), "spikes": events(spikes)}


@row(statistics=True)
def noise() -> Objects:
    noisy = Model("noisy_current", "dI_sic/dt = (-I_sic + 50*pA*(5*ms)**0.5*xi)/(5*ms) : amp")
    neurons = Neurons(1000, coba_lif(I_ex=120 * pA) + noisy, method="euler", check_range=False)
    spikes = SpikeMonitor(neurons)
    yield [neurons, spikes]
    return {"spikes": counts(spikes), "CV of intervals": irregularity(spikes)}


@implementation("cpp", "double steep(double x) { return x*x*x/(1 + x*x*x); }")
@implementation("cython", "cdef double steep(double x):\n    return x*x*x/(1 + x*x*x)")
@check_units(x=1, result=1)
def steep(x):
    """What a user has written: Python, and the same in C++."""
    return x**3 / (1 + x**3)


@row()
def user_functions() -> Objects:
    model = Model("activation", "da/dt = (steep(C/umolar) - a)/(50*ms) : 1")
    astrocytes = AstrocyteGroup(2, chi + model, check_range=False, namespace={"steep": steep})
    astrocytes.C, astrocytes.I = [0.2, 0.5] * umolar, [0.5, 1] * umolar
    activation = StateMonitor(astrocytes, "a", record=True)
    yield [astrocytes, activation]
    return traces(activation)


@row()
def custom_events() -> Objects:
    astrocytes = releasing(4, chi, events={"flood": "C > 0.6*umolar"})
    astrocytes.run_on_event("flood", "I = 0.99*I")
    floods = EventMonitor(astrocytes, "flood")
    calcium = StateMonitor(astrocytes, "C", record=True)
    yield [astrocytes, floods, calcium]
    return {**traces(calcium), "floods": events(floods)}


@row()
def linked_variables() -> Objects:
    astrocytes = releasing()
    followers = NeuronGroup(4, "C : mmolar (linked)\ndseen/dt = (C - seen)/(50*ms) : mmolar", method="euler")
    followers.C = linked_var(astrocytes, "C", index=np.array([0, 1, 1, 0]))
    followers.seen = np.linspace(0, 0.5, 4) * umolar
    seen = StateMonitor(followers, "seen", record=True)
    yield [astrocytes, followers, seen]
    return traces(seen)


@row()
def network_operation() -> Objects:
    astrocytes = releasing()

    @operation(dt=20 * ms)
    def stimulate() -> None:
        astrocytes.I += 0.1 * astrocytes.C

    calcium = StateMonitor(astrocytes, "C", record=True)
    yield [astrocytes, stimulate, calcium]
    return traces(calcium)
