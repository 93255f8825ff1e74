"""Release of gliotransmitter when calcium rises through a threshold."""

from astrobrian.equations.library.shared import ANY_CONCENTRATION, CALCIUM, FRACTION, STIMBERG
from astrobrian.equations.model import Model
from astrobrian.equations.parameter import Parameter
from astrobrian.equations.references import DE_PITTA_2011, STIMBERG_2019

gliotransmission = Model(
    name="gliotransmission",
    text="""
        dx_A/dt = Omega_A*(1 - x_A) : 1
        dG_A/dt = -Omega_e*G_A : mmolar
    """,
    parameters={
        "C_Theta": Parameter(0.5, "umolar", "calcium threshold of release", STIMBERG),
        "Omega_A": Parameter(0.6, "1/second", "recycling rate of gliotransmitter", STIMBERG),
        "U_A": Parameter(0.6, "1", "release probability of gliotransmitter", STIMBERG, largest=1),
        "G_T": Parameter(200, "mmolar", "gliotransmitter in the vesicles", STIMBERG),
        "rho_e": Parameter(6.5e-4, "1", "volume of vesicles over that of the extracellular space", STIMBERG),
        "Omega_e": Parameter(60, "1/second", "clearance rate of gliotransmitter", STIMBERG),
    },
    inputs={"C": CALCIUM},
    initial={"x_A": "1"},
    threshold="C > C_Theta",
    refractory="C > C_Theta",  # one release per crossing, however long calcium stays above
    reset="""
        G_A += rho_e*G_T*U_A*x_A
        x_A -= U_A*x_A
    """,
    bounds={"x_A": FRACTION, "G_A": ANY_CONCENTRATION},
    references=(DE_PITTA_2011, STIMBERG_2019),
)
