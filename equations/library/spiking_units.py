"""Spiking units of first and second order in discrete time, what is read from them and what controls their rate.

They are snnTorch's Leaky and Synaptic where a time step is one of its steps, `exponential_euler` integrates them, and a
reset comes in the step after its spike. The gain makes up for the part that a leaky integrator takes of its input in a
step: units of any time constants have the same potential under the same constant input. snnTorch has no gain; there a
unit of second order is given as much less input as its synaptic current adds up.
"""

from astrobrian.equations.model import Model
from astrobrian.equations.parameter import Input, Parameter
from astrobrian.equations.references import SNNTORCH

_HERE = "chosen here"
_MEMBRANE = {
    "tau_u": Parameter(10, "ms", "time constant of the membrane", _HERE),
    # 1/(1 - exp(-dt/tau_u)) for steps of 1 ms
    "g_u": Parameter(10.508, "1", "potential under a constant input of 1", _HERE),
    "theta_u": Parameter(1, "1", "threshold, and what a spike subtracts", SNNTORCH.key),
}
_INPUTS = {
    "I": Input("1", "input", signed=True),
    "b": Input("1", "bias", signed=True),
}

first_order_unit = Model(
    name="first_order_unit",
    text="du/dt = (g_u*(I + b) - u)/tau_u : 1",
    parameters=_MEMBRANE,
    inputs=_INPUTS,
    threshold="u > theta_u",
    reset="u -= theta_u",
    references=(SNNTORCH,),
)

second_order_unit = Model(
    name="second_order_unit",
    text="""
    dc/dt = (I + b - c)/tau_c : 1
    c_end = I + b + (c - I - b)*exp(-dt/tau_c) : 1
    du/dt = (g_u*c_end - u)/tau_u : 1
    """,
    parameters={**_MEMBRANE, "tau_c": Parameter(20, "ms", "time constant of the synaptic current", _HERE)},
    inputs=_INPUTS,
    threshold="u > theta_u",
    reset="u -= theta_u",
    references=(SNNTORCH,),
)

spike_trace = Model(
    name="spike_trace",
    text="dx/dt = -x/tau_x : 1",
    parameters={"tau_x": Parameter(10, "ms", "time constant of the trace of spikes", _HERE)},
    reset="x += 1 - exp(-dt/tau_x)",
)

rate_control = Model(
    name="rate_control",
    text="db/dt = eta_b*r_b : 1",
    parameters={
        "eta_b": Parameter(0.01, "1", "what a spike takes from the bias", _HERE),
        "r_b": Parameter(100, "Hz", "rate that the bias is led to", _HERE),
    },
    reset="b -= eta_b",
)
