"""IP3 that enters an astrocyte: from an exogenous source, or from its neighbours through gap junctions."""

from astrobrian.equations.library.shared import IP3, STIMBERG
from astrobrian.equations.model import Model
from astrobrian.equations.parameter import Input, Parameter
from astrobrian.equations.references import GOLDBERG_2010, STIMBERG_2019

_THRESHOLD = {
    "I_Theta": Parameter(0.3, "umolar", "IP3 difference above which the flux sets in", STIMBERG),
    "omega_I": Parameter(0.05, "umolar", "steepness of its onset", STIMBERG),
}


def _flux(strength: str, difference: str) -> str:
    """Flux down an IP3 difference, negligible below a threshold and saturating above."""
    return f"-{strength}/2*(1 + tanh((abs({difference}) - I_Theta)/omega_I))*sign({difference})"


exogenous_drive = Model(
    name="exogenous_drive",
    text=f"""
        J_ex = {_flux("F_ex", "delta_I_bias")} : mmolar/second
        delta_I_bias = I - I_bias : mmolar
    """,
    parameters={
        "F_ex": Parameter(2, "umolar/second", "largest flux from the source", STIMBERG),
        **_THRESHOLD,
    },
    inputs={"I": IP3, "I_bias": Input("umolar", "IP3 of the source")},
    references=(STIMBERG_2019,),
)

# Each Synapses carries the flux one way; a pair of astrocytes has two. Written without a subexpression, because not
# every backend has them in synapses.
gap_junction = Model(
    name="gap_junction",
    text=f"J_coupling_post = {_flux('F', 'I_post - I_pre')} : mmolar/second (summed)",
    parameters={
        "F": Parameter(0.09, "umolar/second", "largest flux through the junction", STIMBERG),
        **_THRESHOLD,
    },
    references=(GOLDBERG_2010, STIMBERG_2019),
)

linear_gap_junction = Model(
    name="linear_gap_junction",
    text="J_coupling_post = -F*(I_post - I_pre) : mmolar/second (summed)",
    parameters={
        "F": Parameter(
            0.09,
            "1/second",
            "permeability of the junction",
            "chosen here: the flux of gap_junction at 1 umolar",
        )
    },
    references=(GOLDBERG_2010,),
)
