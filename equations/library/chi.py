"""Calcium and IP3 of an astrocyte (ChI)."""

from astrobrian.equations.library.li_rinzel import li_rinzel, li_rinzel_stochastic
from astrobrian.equations.library.shared import ANY_CONCENTRATION, CALCIUM, STIMBERG
from astrobrian.equations.model import Model
from astrobrian.equations.parameter import Input, Parameter
from astrobrian.equations.references import DE_PITTA_2009, STIMBERG_2019

ip3_metabolism = Model(
    name="ip3_metabolism",
    text="""
        dI/dt = J_beta + J_delta - J_3K - J_5P + J_ex + J_coupling : mmolar
        J_delta = O_delta/(1 + I/kappa_delta)*C**2/(C**2 + K_delta**2) : mmolar/second
        J_3K = O_3K*C**4/(C**4 + K_D**4)*I/(I + K_3K) : mmolar/second
        J_5P = Omega_5P*I : mmolar/second
    """,
    parameters={
        "O_delta": Parameter(0.6, "umolar/second", "largest IP3 production by PLC-delta", STIMBERG),
        "kappa_delta": Parameter(1.5, "umolar", "inhibition constant of PLC-delta by IP3", STIMBERG),
        "K_delta": Parameter(0.1, "umolar", "calcium affinity of PLC-delta", STIMBERG),
        "O_3K": Parameter(4.5, "umolar/second", "largest IP3 degradation by 3-kinase", STIMBERG),
        "K_D": Parameter(0.7, "umolar", "calcium affinity of 3-kinase", STIMBERG),
        "K_3K": Parameter(1, "umolar", "IP3 affinity of 3-kinase", STIMBERG),
        "Omega_5P": Parameter(0.05, "1/second", "rate of IP3 degradation by 5-phosphatase", STIMBERG),
    },
    inputs={
        "C": CALCIUM,
        "J_beta": Input("umolar/second", "IP3 production by PLC-beta"),
        "J_ex": Input("umolar/second", "IP3 flux from outside the model", signed=True),
        "J_coupling": Input("umolar/second", "IP3 flux from neighbouring astrocytes", signed=True),
    },
    initial={"I": "0.01*umolar"},
    bounds={"I": ANY_CONCENTRATION},
    references=(DE_PITTA_2009, STIMBERG_2019),
)

chi = (li_rinzel + ip3_metabolism).named("chi")
chi_stochastic = (li_rinzel_stochastic + ip3_metabolism).named("chi_stochastic")
