"""Glutamate in the synaptic cleft."""

from astrobrian.equations.library.shared import ANY_CONCENTRATION, STIMBERG
from astrobrian.equations.model import Model
from astrobrian.equations.parameter import Parameter
from astrobrian.equations.references import STIMBERG_2019

# clock-driven, because the astrocyte reads it between spikes
cleft_glutamate = Model(
    name="cleft_glutamate",
    text="dY_S/dt = -Omega_c*Y_S : mmolar (clock-driven)",
    parameters={
        "Omega_c": Parameter(40, "1/second", "clearance rate of glutamate", STIMBERG),
        "rho_c": Parameter(0.005, "1", "volume of vesicles over that of the cleft", STIMBERG),
        "Y_T": Parameter(500, "mmolar", "glutamate in the vesicles", STIMBERG),
    },
    on_pre="Y_S += rho_c*Y_T*r_S",
    bounds={"Y_S": ANY_CONCENTRATION},
    references=(STIMBERG_2019,),
)
