"""Calcium-induced calcium release through IP3 receptors, with a deterministic or a stochastic gate."""

from dataclasses import replace

from astrobrian.equations.library.shared import FRACTION, IP3, NO_CONCENTRATION, STIMBERG
from astrobrian.equations.model import Model
from astrobrian.equations.parameter import Parameter
from astrobrian.equations.references import LI_RINZEL_1994, SHUAI_JUNG_2002, STIMBERG_2019


def _with_gate(gate: str, kinetics: str) -> str:
    """Calcium fluxes of which the release goes through `gate`, whose `kinetics` follow."""
    return f"""
        dC/dt = J_r + J_l - J_p : mmolar
        {kinetics}
        J_r = Omega_C*m_inf**3*{gate}**3*(C_T - (1 + rho_A)*C) : mmolar/second
        J_l = Omega_L*(C_T - (1 + rho_A)*C) : mmolar/second
        J_p = O_P*C**2/(C**2 + K_P**2) : mmolar/second
        m_inf = I/(I + d_1)*C/(C + d_5) : 1
        h_inf = Q_2/(Q_2 + C) : 1
        tau_h = 1/(O_2*(Q_2 + C)) : second
        Q_2 = d_2*(I + d_1)/(I + d_3) : mmolar
    """


li_rinzel = Model(
    name="li_rinzel",
    text=_with_gate("h", "dh/dt = (h_inf - h)/tau_h : 1"),
    parameters={
        "C_T": Parameter(2, "umolar", "calcium of the whole cell, per volume of cytosol", STIMBERG),
        "rho_A": Parameter(
            0.18, "1", "volume of the endoplasmic reticulum over that of the cytosol", STIMBERG
        ),
        "Omega_C": Parameter(6, "1/second", "largest rate of calcium release", STIMBERG),
        "Omega_L": Parameter(0.1, "1/second", "rate of calcium leak", STIMBERG),
        "O_P": Parameter(0.9, "umolar/second", "largest uptake by SERCA pumps", STIMBERG),
        "K_P": Parameter(0.05, "umolar", "calcium affinity of SERCA pumps", STIMBERG),
        "d_1": Parameter(0.13, "umolar", "IP3 dissociation constant, calcium site free", STIMBERG),
        "d_2": Parameter(1.05, "umolar", "calcium inactivation dissociation constant", STIMBERG),
        "d_3": Parameter(0.9434, "umolar", "IP3 dissociation constant, calcium site bound", STIMBERG),
        "d_5": Parameter(0.08, "umolar", "calcium activation dissociation constant", STIMBERG),
        # the printed table gives umolar/second, which has the wrong dimension; the published code has this one
        "O_2": Parameter(0.2, "1/umolar/second", "calcium inactivation binding rate", STIMBERG),
    },
    inputs={"I": IP3},
    initial={"C": "0.01*umolar", "h": "0.9"},
    bounds={"C": (NO_CONCENTRATION, "C_T"), "h": FRACTION},
    references=(LI_RINZEL_1994, STIMBERG_2019),
)

# The noise carries h itself outside [0, 1], so that only the clipped value opens the receptors and h may have any value.
li_rinzel_stochastic = replace(
    li_rinzel,
    name="li_rinzel_stochastic",
    text=_with_gate(
        "h_clipped",
        """dh/dt = (h_inf - h_clipped)/tau_h*(1 + noise*xi*tau_h**0.5) : 1
        h_clipped = clip(h, 0, 1) : 1""",
    ),
    parameters={
        **li_rinzel.parameters,
        "noise": Parameter(1, "1", "1 with noise, 0 without", f"{STIMBERG_2019.key}, Fig. 2", per_cell=True),
    },
    bounds={"C": li_rinzel.bounds["C"], "h": ("-inf", "inf")},
    references=(*li_rinzel.references, SHUAI_JUNG_2002),
)
