"""Leaky integrate-and-fire neuron with conductance-based synapses."""

from astrobrian.equations.library.shared import STIMBERG
from astrobrian.equations.model import Model
from astrobrian.equations.parameter import Input, Parameter
from astrobrian.equations.references import STIMBERG_2019

coba_lif = Model(
    name="coba_lif",
    text="""
        dv/dt = (g_l*(E_l - v) + g_e*(E_e - v) + g_i*(E_i - v) + I_ex + I_sic)/C_m : volt (unless refractory)
        dg_e/dt = -g_e/tau_e : siemens
        dg_i/dt = -g_i/tau_i : siemens
    """,
    parameters={
        "C_m": Parameter(198, "pF", "membrane capacitance", STIMBERG),
        "g_l": Parameter(9.99, "nS", "leak conductance", STIMBERG),
        "E_l": Parameter(-60, "mV", "leak reversal potential", STIMBERG, signed=True),
        "E_e": Parameter(0, "mV", "excitatory reversal potential", STIMBERG, signed=True),
        "E_i": Parameter(-80, "mV", "inhibitory reversal potential", STIMBERG, signed=True),
        "tau_e": Parameter(5, "ms", "decay time of excitatory conductance", STIMBERG),
        "tau_i": Parameter(10, "ms", "decay time of inhibitory conductance", STIMBERG),
        "tau_r": Parameter(5, "ms", "refractory period", STIMBERG),
        "V_th": Parameter(-50, "mV", "firing threshold", STIMBERG, signed=True),
        "V_r": Parameter(-60, "mV", "reset potential", STIMBERG, signed=True),
    },
    inputs={
        "I_ex": Input("pA", "external current", signed=True, shared=True),
        "I_sic": Input("pA", "slow inward current from astrocytes", signed=True),
    },
    initial={"v": "E_l"},
    threshold="v > V_th",
    reset="v = V_r",
    refractory="tau_r",
    bounds={
        "v": ("-inf*volt", "inf*volt"),
        "g_e": ("0*siemens", "inf*siemens"),
        "g_i": ("0*siemens", "inf*siemens"),
    },
    references=(STIMBERG_2019,),
)
