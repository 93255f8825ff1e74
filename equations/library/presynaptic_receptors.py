"""Receptors of the presynaptic terminal that gliotransmitter binds to, and what they do to its release."""

from astrobrian.equations.library.shared import FRACTION, STIMBERG
from astrobrian.equations.model import Model
from astrobrian.equations.parameter import Parameter
from astrobrian.equations.references import DE_PITTA_2011, STIMBERG_2019

# G_A_astro is the G_A of the astrocyte that covers the synapse
presynaptic_receptors = Model(
    name="presynaptic_receptors",
    text="""
        dGamma_S/dt = O_G*G_A_astro*(1 - Gamma_S) - Omega_G*Gamma_S : 1 (clock-driven)
        U_0 = (1 - Gamma_S)*U_0_star + alpha*Gamma_S : 1
    """,
    parameters={
        "O_G": Parameter(1.5, "1/umolar/second", "binding rate of gliotransmitter", STIMBERG),
        "Omega_G": Parameter(0.5 / 60, "1/second", "unbinding rate of gliotransmitter", STIMBERG),
        "U_0_star": Parameter(0.6, "1", "release probability without gliotransmitter", STIMBERG, largest=1),
        "alpha": Parameter(0, "1", "release probability with all receptors bound", STIMBERG, largest=1),
    },
    bounds={"Gamma_S": FRACTION},
    references=(DE_PITTA_2011, STIMBERG_2019),
)
