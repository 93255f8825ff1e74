"""Leaky integrate-and-fire neuron whose synapses depolarise it by potentials."""

from astrobrian.equations.library.shared import DE_PITTA_BRUNEL
from astrobrian.equations.model import Model
from astrobrian.equations.parameter import Input, Parameter
from astrobrian.equations.references import DE_PITTA_BRUNEL_2016

voltage_lif = Model(
    name="voltage_lif",
    text="dv/dt = (E_L - v + V_e + V_sic)/tau_m : volt (unless refractory)",
    parameters={
        "tau_m": Parameter(20, "ms", "membrane time constant", DE_PITTA_BRUNEL),
        "E_L": Parameter(-60, "mV", "resting potential", DE_PITTA_BRUNEL, signed=True),
        "V_th": Parameter(-55, "mV", "firing threshold", DE_PITTA_BRUNEL, signed=True),
        "V_r": Parameter(-57, "mV", "reset potential", DE_PITTA_BRUNEL, signed=True),
        "tau_r": Parameter(5, "ms", "refractory period", DE_PITTA_BRUNEL),
    },
    inputs={
        "V_e": Input("mV", "depolarisation by synapses", signed=True),
        "V_sic": Input("mV", "depolarisation by slow inward currents from astrocytes", signed=True),
    },
    initial={"v": "E_L"},
    threshold="v > V_th",
    reset="v = V_r",
    refractory="tau_r",
    bounds={"v": ("-inf*volt", "inf*volt")},
    references=(DE_PITTA_BRUNEL_2016,),
)
