"""How a signal without a unit drives a cell: as a current into a neuron, or as IP3 outside an astrocyte."""

from astrobrian.equations.library.shared import IP3
from astrobrian.equations.model import Model
from astrobrian.equations.parameter import Input, Parameter

_SIGNAL = Input("1", "signal", signed=True)

# at drive + b = 1 the neuron is at its rheobase
driven_current = Model(
    name="driven_current",
    text="I_ex = g_l*(V_th - E_l)*(drive + b) : amp",
    inputs={
        "drive": _SIGNAL,
        "b": Input("1", "bias", signed=True),
        "g_l": Input("nS", "leak conductance"),
        "V_th": Input("mV", "firing threshold", signed=True),
        "E_l": Input("mV", "leak reversal potential", signed=True),
    },
)

# Unlike in exogenous_drive the flux has no threshold, so that a small signal is not lost.
driven_ip3 = Model(
    name="driven_ip3",
    text="""
        J_ex = r_ex*(I_bias - I) : mmolar/second
        I_bias = I_0*clip(1 + drive, 0, inf) : mmolar
    """,
    parameters={
        "r_ex": Parameter(5, "1/second", "rate of exchange with the source", "chosen here"),
        "I_0": Parameter(0.3, "umolar", "IP3 of the source without a signal", "chosen here"),
    },
    inputs={"drive": _SIGNAL, "I": IP3},
)
