"""The Astrocyte-Modulated Spiking Unit (AM-SU).

From the authors' figure (Shen et al. 2023): the presynaptic signal x drives the current I = sigma(x); the astrocyte
holds a state H, written with a key k and a value v and read with a query q; its output o = H q is added to the membrane
potential u inside the spike function s = g(u + o). That is all that is taken from them.

Chosen here: sigma is tanh, or the identity, which makes the membrane a leaky integrator as others have it; g is a step at
theta; u leaks with one time constant and is reset by subtraction; the key is the saturated trace of a presynaptic signal;
H forgets with one time constant and is written with the product v k.

One token is one step of exponential Euler, in which everything but the integrated variable itself is held. The key that
writes at a token is therefore the trace that the tokens *before* it left: what came before is stored with what comes now.

A unit with many keys has one H for each of them, and o is the sum over them. A matrix H has one row for each unit.

A prompt key isn't a trace: it saturates what there is at this token. With prompt keys, of signals that hold what the
astrocytes gave at the token before, `amsu_bank` is a closed loop: the form that simulated astrocytes are distilled to.
"""

from dataclasses import replace

from astrobrian.equations.model import Model
from astrobrian.equations.parameter import Input, Parameter
from astrobrian.equations.references import SHEN_2023

_HERE = "chosen here"

amsu_key = Model(
    name="amsu_key",
    text="""
    dr/dt = (x_k - r)/tau_r : 1
    k = tanh(r) : 1
    """,
    parameters={"tau_r": Parameter(1000, "ms", "time constant of the presynaptic trace", _HERE)},
    inputs={"x_k": Input("1", "presynaptic signal that the key is the trace of", signed=True)},
    references=(SHEN_2023,),
)

amsu_astrocyte = Model(
    name="amsu_astrocyte",
    text="""
    dH/dt = (g_H*v*k - H)/tau_H : 1
    o = H*q : 1
    """,
    parameters={
        "tau_H": Parameter(30, "second", "time constant of the astrocyte's state", _HERE),
        "g_H": Parameter(1, "1", "gain of the write", _HERE),
    },
    inputs={
        "k": Input("1", "key, from the presynaptic side", signed=True),
        "v": Input("1", "value, along the astrocyte's processes", signed=True),
        "q": Input("1", "query, at the postsynaptic side", signed=True),
    },
    references=(SHEN_2023,),
)

amsu_prompt_key = Model(
    name="amsu_prompt_key",
    text="k = tanh(x_k) : 1",
    inputs={"x_k": Input("1", "presynaptic signal that the key saturates", signed=True)},
    references=(SHEN_2023,),
)

amsu_membrane = Model(
    name="amsu_membrane",
    text="""
    I = tanh(x) : 1
    du/dt = (I - u)/tau_u : 1
    """,
    parameters={
        "tau_u": Parameter(1000, "ms", "time constant of the membrane", _HERE),
        "theta": Parameter(0.5, "1", "threshold, and what a spike subtracts", _HERE),
    },
    inputs={
        "x": Input("1", "presynaptic signal", signed=True),
        "o": Input("1", "what the astrocyte adds to the membrane potential", signed=True),
    },
    threshold="u + o > theta",
    reset="u -= theta",
    references=(SHEN_2023,),
)

amsu_linear_membrane = replace(
    amsu_membrane, name="amsu_linear_membrane", text=amsu_membrane.text.replace("tanh(x)", "x")
)
"""The same membrane with the identity as sigma."""

amsu = (amsu_key + amsu_astrocyte + amsu_membrane).named("amsu")
amsu_bank = (amsu_prompt_key + amsu_astrocyte).named("amsu_bank")
