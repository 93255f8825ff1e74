"""Adaptive exponential integrate-and-fire neuron with alpha-shaped conductances, and the synapses of such neurons."""

from astrobrian.equations.model import Model
from astrobrian.equations.parameter import Input, Parameter
from astrobrian.equations.references import BRETTE_GERSTNER_2005, NEST_AEIF, NEST_BRUNEL

_NEST = NEST_AEIF.key
_BRUNEL = NEST_BRUNEL.key
_ANY_CONDUCTANCE = ("-1*fsiemens", "inf*siemens")

# A conductance g follows s, which decays as fast as g: a step of s by exp(1)*w makes g peak at w, one time constant later.
# Above V_peak, where a step of the integration may land before the reset, the potential counts as V_peak.
aeif_cond_alpha = Model(
    name="aeif_cond_alpha",
    text="""
        dv/dt = (g_l*(E_l - v_m + upswing) - w + g_e*(E_e - v_m) + g_i*(E_i - v_m) + I_ex + I_sic)/C_m : volt
        dw/dt = (a*(v_m - E_l) - w)/tau_w : amp
        dg_e/dt = (s_e - g_e)/tau_e : siemens
        ds_e/dt = -s_e/tau_e : siemens
        dg_i/dt = (s_i - g_i)/tau_i : siemens
        ds_i/dt = -s_i/tau_i : siemens
        upswing = Delta_T*exp((v_m - V_th)/Delta_T) : volt
        v_m = clip(v, -inf*volt, V_peak) : volt
    """,
    parameters={
        "C_m": Parameter(281, "pF", "membrane capacitance", _NEST),
        "g_l": Parameter(30, "nS", "leak conductance", _NEST),
        "E_l": Parameter(-70.6, "mV", "leak reversal potential", _NEST, signed=True),
        "V_th": Parameter(
            -50.4, "mV", "potential at which the upswing of a spike sets in", _NEST, signed=True
        ),
        "Delta_T": Parameter(2, "mV", "sharpness of the upswing", _NEST),
        "V_peak": Parameter(0, "mV", "potential at which a spike is detected", _NEST, signed=True),
        "V_r": Parameter(-60, "mV", "reset potential", _NEST, signed=True),
        "tau_w": Parameter(144, "ms", "time constant of adaptation", _NEST),
        "a": Parameter(4, "nS", "adaptation below threshold", _NEST, signed=True),
        "b": Parameter(80.5, "pA", "adaptation by a spike", _NEST, signed=True),
        "E_e": Parameter(0, "mV", "excitatory reversal potential", _NEST, signed=True),
        "E_i": Parameter(-85, "mV", "inhibitory reversal potential", _NEST, signed=True),
        "tau_e": Parameter(0.2, "ms", "rise time of excitatory conductance", _NEST),
        "tau_i": Parameter(2, "ms", "rise time of inhibitory conductance", _NEST),
    },
    inputs={
        "I_ex": Input("pA", "external current", signed=True, shared=True),
        "I_sic": Input("pA", "slow inward current from astrocytes", signed=True),
    },
    initial={"v": "E_l"},
    threshold="v >= V_peak",
    reset="""
        v = V_r
        w += b
    """,
    bounds={
        "v": ("-1*volt", "inf*volt"),
        "w": ("-1*uamp", "1*uamp"),
        "g_e": _ANY_CONDUCTANCE,
        "s_e": _ANY_CONDUCTANCE,
        "g_i": _ANY_CONDUCTANCE,
        "s_i": _ANY_CONDUCTANCE,
    },
    references=(BRETTE_GERSTNER_2005, NEST_AEIF),
)

excitatory_alpha = Model(
    name="excitatory_alpha",
    parameters={"w_e": Parameter(1, "nS", "peak of the excitatory conductance of a full release", _BRUNEL)},
    on_pre="s_e_post += exp(1)*w_e*r_S",
    references=(NEST_BRUNEL,),
)

inhibitory_alpha = Model(
    name="inhibitory_alpha",
    parameters={"w_i": Parameter(4, "nS", "peak of the inhibitory conductance of a full release", _BRUNEL)},
    on_pre="s_i_post += exp(1)*w_i*r_S",
    references=(NEST_BRUNEL,),
)
