"""Spike-timing-dependent plasticity through postsynaptic calcium."""

from astrobrian.equations.library.shared import DE_PITTA_BRUNEL, FRACTION
from astrobrian.equations.model import Model
from astrobrian.equations.parameter import Parameter
from astrobrian.equations.references import DE_PITTA_BRUNEL_2016

# A postsynaptic spike adds Cpost: on_post="C_syn += Cpost". The presynaptic calcium arrives 13.7 ms after the spike
# (delay=13.7*ms).
calcium_plasticity = Model(
    name="calcium_plasticity",
    text="""
        dC_syn/dt = -C_syn/tau_Ca : 1 (clock-driven)
        dW/dt = (potentiation - depression - W*(1 - W)*(W_0 - W))/tau_w : 1 (clock-driven)
        potentiation = gamma_p*(1 - W)*int(C_syn >= theta_p) : 1
        depression = gamma_d*W*int(C_syn >= theta_d) : 1
    """,
    parameters={
        "tau_Ca": Parameter(20, "ms", "decay time of calcium", DE_PITTA_BRUNEL),
        "Cpre": Parameter(1, "1", "calcium that a full release brings", DE_PITTA_BRUNEL),
        "Cpost": Parameter(2, "1", "calcium that a postsynaptic spike brings", DE_PITTA_BRUNEL),
        "theta_d": Parameter(1, "1", "calcium above which the synapse is depressed", DE_PITTA_BRUNEL),
        "theta_p": Parameter(1.3, "1", "calcium above which it is potentiated", DE_PITTA_BRUNEL),
        "gamma_d": Parameter(200, "1", "strength of depression", DE_PITTA_BRUNEL),
        "gamma_p": Parameter(321.808, "1", "strength of potentiation", DE_PITTA_BRUNEL),
        "W_0": Parameter(0.5, "1", "weight that separates weak from strong at rest", DE_PITTA_BRUNEL),
        "tau_w": Parameter(346.3615, "second", "time constant of the weight", DE_PITTA_BRUNEL),
    },
    initial={"W": "W_0"},
    on_pre="C_syn += Cpre*r_S",
    bounds={"C_syn": ("0", "inf"), "W": FRACTION},
    references=(DE_PITTA_BRUNEL_2016,),
)
