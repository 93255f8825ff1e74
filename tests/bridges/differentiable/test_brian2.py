"""A module does what Brian2 does: the same trajectory, step by step, of every model of the library."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from brian2 import (
    Equations,
    Network,
    NeuronGroup,
    Quantity,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    TimedArray,
    ms,
    seed,
)
from brian2.equations.equations import PARAMETER, SingleEquation

from astrobrian.bridges.differentiable.step import _applies
from astrobrian.equations import (
    Model,
    Parameter,
    cleft_glutamate,
    coba_lif,
    excitatory_conductance,
    exogenous_drive,
    first_order_unit,
    gchi,
    gliotransmission,
    models,
    presynaptic_receptors,
    rate_control,
    release_record,
    slow_inward_current,
    spike_trace,
    tsodyks_markram,
)
from astrobrian.equations.quantity import unit

STEPS = 300
RTOL = 1e-9
LOOP = (
    tsodyks_markram + presynaptic_receptors + cleft_glutamate + release_record + excitatory_conductance
).named("synapse_of_a_loop")
LIBRARY = [
    *models().values(),
    (gchi + gliotransmission + exogenous_drive + slow_inward_current).named("releasing_astrocyte"),
    LOOP,
    (first_order_unit + rate_control + spike_trace).named("controlled_unit"),
]
# what others have, which synapses read or add to
OTHERS = {"I": "umolar", "G_A": "umolar", "r_S": "1", **dict.fromkeys(("g_e", "g_i", "s_e", "s_i"), "nS")}


def of_post(text):
    """Plain Synapses have no third index."""
    return text.replace("_astro", "_post")


def is_synaptic(model):
    flags = {flag for eq in model.equations.values() for flag in eq.flags}
    return bool(model.on_pre) or bool(flags & {"clock-driven", "event-driven", "summed"})


def time_step(model):
    slow = {"C", "Gamma_A", "Ca", "H", "r", "I"} & {*model.equations.names}
    return (20 if slow and "v" not in model.states else 0.5) * ms


def recorded_of(model):
    written = {
        of.split()[0] for of in model.on_pre.splitlines() if of.split()[0].endswith(("_post", "_astro"))
    }
    kept = [*model.states, *model.subexpressions, *({"r_S"} & model.equations.names)]
    return [*kept, *sorted(written), *(["spikes"] if model.threshold else [])]


def dimension(model, name):
    plain = name.removesuffix("_post").removesuffix("_pre")
    return model.equations[name].dim if name in model.equations.names else Quantity(unit(OTHERS[plain])).dim


def variables_of(model, names, suffix):
    return [SingleEquation(PARAMETER, n.removesuffix(suffix), dimension(model, n)) for n in sorted(names)]


class InBrian2:
    """A group of a model, or synapses one to one, with the same drive."""

    def __init__(self, model, driven, dt, method, added=""):
        self.driven, self.dt = driven, dt
        model = replace(model, text=of_post(model.text), on_pre=of_post(model.on_pre))
        self.model = model.per_cell(*model.constants)
        self.inputs = {of_post(name): values for name, values in driven.inputs.items()}
        spikes = TimedArray(driven.spikes.T, dt=dt)
        outer = {n for n in self.inputs if n.endswith("_pre")}
        self.pre = NeuronGroup(
            len(driven.spikes),
            Equations([*variables_of(model, outer, "_pre"), *Equations("nothing : 1").values()]),
            threshold="spikes(t, i) > 0.5",
            dt=dt,
            namespace={"spikes": spikes},
        )
        self.feed(self.pre, {n: n.removesuffix("_pre") for n in outer})
        self.objects = [self.pre]
        self.outer = {}
        self.group = self.synapses(method) if is_synaptic(model) else self.neurons(method, added)
        for name, item in self.model.constants.items():
            if name not in self.inputs:
                setattr(self.group, name, item.quantity)
        for name, values in driven.state.items():
            setattr(self.group, name, Quantity(values, dim=model.equations[name].dim))

    def neurons(self, method, added):
        model = self.model
        group = NeuronGroup(
            len(self.driven.spikes),
            model.equations,
            method=method,
            threshold=model.threshold,
            reset=model.reset if model.threshold else None,
            refractory=model.refractory or False,
            dt=self.dt,
            namespace={},
        )
        self.feed(group, {name: name for name in self.inputs})
        self.objects.append(group)
        if added:
            self.objects.append(Synapses(self.pre, group, on_pre=added, dt=self.dt))
            self.objects[-1].connect(j="i")
        return group

    def synapses(self, method):
        model = self.model
        written = {line.split()[0] for line in model.on_pre.splitlines() if line.split()[0].endswith("_post")}
        written |= {name for name, eq in model.equations.items() if "summed" in eq.flags}
        read = {name for name in self.inputs if name.endswith("_post")}
        others = Equations(
            [*variables_of(model, written | read, "_post"), *Equations("nothing : 1").values()]
        )
        post = NeuronGroup(len(self.driven.spikes), others, dt=self.dt, namespace={})
        self.feed(post, {name: name.removesuffix("_post") for name in read})
        self.outer = {name: (post, name.removesuffix("_post")) for name in written}
        plain = {name for name in self.inputs if not name.endswith(("_post", "_pre"))}
        own = [*model.equations.values(), *variables_of(model, plain - model.equations.names, "_")]
        synapses = Synapses(
            self.pre,
            post,
            Equations(own) if own else None,
            on_pre=model.on_pre or None,
            method=method,
            dt=self.dt,
            namespace={},
        )
        synapses.connect(j="i")
        self.feed(synapses, {name: name for name in plain})
        self.objects += [post, synapses]
        return synapses

    def feed(self, group, names):
        """Set variables at the start of each step."""
        for ours, theirs in names.items():
            values = Quantity(self.inputs[ours].T, dim=dimension(self.model, ours))
            group.namespace[f"drive_{theirs}"] = TimedArray(values, dt=self.dt)
            group.run_regularly(f"{theirs} = drive_{theirs}(t, i)", when="start", dt=self.dt)

    def recorded(self, names):
        places = {
            name: self.outer.get(of_post(name), (self.group, name)) for name in names if name != "spikes"
        }
        monitors = {
            name: StateMonitor(group, variable, record=True, when="end", dt=self.dt)
            for name, (group, variable) in places.items()
        }
        spikes = [SpikeMonitor(self.group)] if "spikes" in names else []
        network = Network(self.objects, *monitors.values(), *spikes)
        network.run(self.driven.steps * self.dt)
        found = {name: np.asarray(getattr(m, places[name][1])) for name, m in monitors.items()}
        for monitor in spikes:
            found["spikes"] = np.zeros_like(self.driven.spikes)
            steps = np.rint(np.asarray(monitor.t) / float(self.dt)).astype(int)
            found["spikes"][np.array(monitor.i), steps] = 1
        return found


def assert_same(ours, theirs, model, driven):
    for name, values in theirs.items():
        mine = ours[name]
        # Brian2 brings them to the present at a spike, when they are read
        if name in model.equations.names and "event-driven" in model.equations[name].flags:
            mine, values = mine[driven.spikes == 1], values[driven.spikes == 1]
        # what synapses add is theirs summed, and ours by step
        if name not in model.equations.names and name != "spikes":
            mine = np.cumsum(mine, axis=-1)
        scale = np.abs(values).max()
        np.testing.assert_allclose(mine, values, rtol=RTOL, atol=RTOL * 1e-3 * scale, err_msg=name)


def methods(model):
    if not model.states:
        return ["euler"]  # there is nothing to integrate
    possible = (
        ("heun", "milstein")
        if model.equations.stochastic_variables
        else ("euler", "exponential_euler", "rk4")
    )
    return [m for m in possible if _applies(m, model.equations)]


# deriving stages by SymPy takes Brian2 a second
QUICK = {
    ("coba_lif", "rk4"),
    ("gchi", "rk4"),
    ("gliotransmission", "rk4"),
    ("synapse_of_a_loop", "rk4"),
    ("chi_stochastic", "milstein"),
}


def case(model, method):
    derived_slowly = method in ("rk4", "heun", "milstein") and (model.name, method) not in QUICK
    marks = [pytest.mark.slow] if derived_slowly else []
    return pytest.param(model, method, marks=marks, id=f"{model.name}-{method}")


@pytest.mark.parametrize(("model", "method"), [case(m, method) for m in LIBRARY for method in methods(m)])
def test_trajectories_are_those_of_brian2(model, method, drive, in_torch):
    dt = time_step(model)
    driven = drive(model, STEPS)
    record = recorded_of(model)
    reference = InBrian2(model, driven, dt, method)
    seed(7)
    theirs = reference.recorded(record)
    noise = np.random.RandomState(7).randn(STEPS, len(driven.spikes)).T.copy()
    more = {name: torch.from_numpy(noise) for name in model.equations.stochastic_variables}
    ours = in_torch(model, driven, dt, method, record, more)
    assert_same(ours, theirs, model, driven)
    for name, values in theirs.items():
        assert np.isfinite(values).all(), name
    if model.threshold:
        assert theirs["spikes"].any()


@pytest.mark.parametrize(
    ("added", "name", "amount"), [("g_e_post += 2*nS", "g_e", 2e-9), ("v_post += 3*mV", "v", 3e-3)]
)
def test_what_is_given_for_a_variable_is_added_as_by_synapses(added, name, amount, drive, in_torch):
    driven, record = drive(coba_lif, STEPS), ["v", "g_e", "spikes"]
    theirs = InBrian2(coba_lif, driven, 0.5 * ms, "exponential_euler", added).recorded(record)
    more = {name: torch.from_numpy(amount * driven.spikes)}
    ours = in_torch(coba_lif, driven, 0.5 * ms, "exponential_euler", record, more)
    assert theirs["spikes"].any()
    assert_same(ours, theirs, coba_lif, driven)


RATES = [
    "clip(x, 0.2, 0.6)",
    "clip(x, -inf, top)",
    "int(x > 0.5)*0.1 - int(1.7*x)",
    "exprel(x - 0.5)",
    "exprel(0*x)",
    "abs(x - 0.5) + sign(x - 0.4)",
    "x % 0.3",
    "log(1 + x) + log10(2 + x) + log1p(x) - expm1(x)",
    "sqrt(x**2 + 1)**top/pi + exp(-1)",
    "sin(20*t/second) + dt/second",
    "ceil(3*x) - floor(2*x)",
    "tanh(x)*cosh(x) - sinh(x)/cos(x) + arctan(x)",
    "5*mV/(2*mV) + 3e-7",
]


@pytest.mark.parametrize("rate", RATES)
def test_functions_of_brian2(rate, drive, in_torch):
    model = Model(
        "one",
        f"dx/dt = ({rate} - x)/tau : 1",
        {"tau": Parameter(50, "ms", "time"), "top": Parameter(0.4, "1", "end")},
    )
    driven = drive(model, 100)
    theirs = InBrian2(model, driven, ms, "rk2").recorded(["x"])
    assert_same(in_torch(model, driven, ms, "rk2", ["x"]), theirs, model, driven)


@pytest.mark.parametrize(
    ("threshold", "refractory"),
    [
        ("x > 0.6", None),
        ("x >= top and y < 0.8", "3*ms"),
        ("x > top or not (y > 0.1)", "4*ms*(1 + y)"),
        ("drop + x > top", "x > 0.3"),
        ("not (x < 0.7 or y > 0.9)", "not (x < 0.3 and y > 0.4)"),
        ("0.6 < x", "x > 0.3 or y < 0.4"),
    ],
)
def test_thresholds_and_refractoriness(threshold, refractory, drive, in_torch):
    model = Model(
        "two",
        """
        dx/dt = (1.2 - x)/tau : 1 (unless refractory)
        dy/dt = (x*drop - y)/tau : 1
        drop = 1 - y/2 : 1
        """,
        {"tau": Parameter(10, "ms", "time"), "top": Parameter(0.9, "1", "threshold")},
        threshold=threshold,
        reset="""
        jump = x - y/3
        x = 0.1*drop
        y += jump/2
        """,
        refractory=refractory,
    )
    if refractory is None:
        model = replace(model, text=model.text.replace("(unless refractory)", ""))
    driven, record = drive(model, STEPS), ["x", "y", "drop", "spikes"]
    theirs = InBrian2(model, driven, 0.5 * ms, "rk2").recorded(record)
    assert theirs["spikes"].sum() > 3
    assert_same(in_torch(model, driven, 0.5 * ms, "rk2", record), theirs, model, driven)


def test_additive_noise_of_two_sources(drive, in_torch):
    model = Model(
        "walk",
        """
        dx/dt = -x/tau + s*xi_1/tau**0.5 : 1
        dy/dt = (x - y)/tau + s*xi_2/tau**0.5 : 1
        """,
        {"tau": Parameter(50, "ms", "time"), "s": Parameter(0.3, "1", "strength")},
    )
    driven = drive(model, STEPS)
    reference = InBrian2(model, driven, ms, "euler")
    seed(3)
    theirs = reference.recorded(["x", "y"])
    drawn = np.random.RandomState(3).randn(STEPS, 2, len(driven.spikes))
    # Brian2 draws them in an order of its own
    either = [dict(zip(("xi_1", "xi_2"), order, strict=True)) for order in ((0, 1), (1, 0))]
    found = [
        in_torch(
            model,
            driven,
            ms,
            "euler",
            ["x", "y"],
            {n: torch.from_numpy(drawn[:, k].T.copy()) for n, k in e.items()},
        )
        for e in either
    ]
    closest = min(found, key=lambda ours: np.abs(ours["x"] - theirs["x"]).max())
    assert_same(closest, theirs, model, driven)
