"""Slow inward currents that an astrocyte evokes in a neuron."""

from astrobrian.equations.library.shared import CALCIUM, GLIOTRANSMITTER
from astrobrian.equations.model import Model
from astrobrian.equations.parameter import Parameter
from astrobrian.equations.references import DE_PITTA_BRUNEL_2016, NADKARNI_JUNG_2003, NEST_ASTROCYTE

_NEST = f"{NEST_ASTROCYTE.key}"
_CODE = f"{DE_PITTA_BRUNEL_2016.key}, code"

slow_inward_current = Model(
    name="slow_inward_current",
    text="I_sic = SIC_scale*log(clip((C - SIC_th)/nmolar, 1, inf)) : amp",
    parameters={
        "SIC_th": Parameter(0.19669, "umolar", "calcium threshold of the current", _NEST),
        "SIC_scale": Parameter(1, "pA", "current at e nmolar above the threshold", _NEST),
    },
    inputs={"C": CALCIUM},
    references=(NADKARNI_JUNG_2003, NEST_ASTROCYTE),
)

# B_sic decays and g_sic follows it, a double exponential of which a unit step in B_sic makes a peak of 1.
double_exponential_sic = Model(
    name="double_exponential_sic",
    text="""
        dg_sic/dt = -g_sic/tau_sic_r + B_sic*peak_sic : 1
        dB_sic/dt = -B_sic/tau_sic + w_A*G_A : 1
        V_sic = G_sic*g_sic : volt
        peak_sic = (tau_sic/tau_sic_r)**(tau_sic_r/(tau_sic - tau_sic_r))/tau_sic_r : Hz
    """,
    parameters={
        "G_sic": Parameter(4.5, "mV", "depolarisation at the peak", _CODE),
        "tau_sic_r": Parameter(30, "ms", "rise time", _CODE),
        "tau_sic": Parameter(600, "ms", "decay time", _CODE),
        "w_A": Parameter(4.25, "1/umolar/second", "efficacy of gliotransmitter", f"{_CODE} of the figures"),
    },
    inputs={"G_A": GLIOTRANSMITTER},
    bounds={"g_sic": ("0", "inf"), "B_sic": ("0", "inf")},
    references=(DE_PITTA_BRUNEL_2016,),
)
