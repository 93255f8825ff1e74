"""Calcium and IP3 of an astrocyte that senses glutamate (G-ChI)."""

from astrobrian.equations.library.chi import chi, chi_stochastic
from astrobrian.equations.library.shared import CALCIUM, STIMBERG
from astrobrian.equations.model import Model
from astrobrian.equations.parameter import Input, Parameter
from astrobrian.equations.references import DE_PITTA_2009, STIMBERG_2019

# Right after a presynaptic spike O_N*Y_S is hundreds per second. The clip, from example 6 of the paper, keeps a
# Runge-Kutta step of 10 ms from diverging; the step may still leave Gamma_A above 1, so that it has no upper bound.
glutamate_receptors = Model(
    name="glutamate_receptors",
    text="""
        dGamma_A/dt = O_N*Y_S*(1 - clip(Gamma_A, 0, 1)) - Omega_N*(1 + zeta*C/(C + K_KC))*clip(Gamma_A, 0, 1) : 1
        J_beta = O_beta*Gamma_A : mmolar/second
    """,
    parameters={
        "O_N": Parameter(0.3, "1/umolar/second", "binding rate of glutamate", STIMBERG),
        "Omega_N": Parameter(0.5, "1/second", "inactivation rate of bound receptors", STIMBERG),
        "zeta": Parameter(10, "1", "largest increase of inactivation by protein kinase C", STIMBERG),
        "K_KC": Parameter(0.5, "umolar", "calcium affinity of protein kinase C", STIMBERG),
        "O_beta": Parameter(
            0.5, "umolar/second", "largest IP3 production by PLC-beta", f"{STIMBERG_2019.key}, Fig. 6"
        ),
    },
    inputs={"C": CALCIUM, "Y_S": Input("mmolar", "glutamate that the astrocyte senses")},
    bounds={"Gamma_A": ("0", "inf")},
    references=(DE_PITTA_2009, STIMBERG_2019),
)

gchi = (chi + glutamate_receptors).named("gchi")
gchi_stochastic = (chi_stochastic + glutamate_receptors).named("gchi_stochastic")
