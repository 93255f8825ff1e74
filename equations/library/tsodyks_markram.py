"""Short-term depression and facilitation of a synapse, and the step of conductance that a release makes."""

from astrobrian.equations.library.shared import FRACTION, STIMBERG
from astrobrian.equations.model import Model
from astrobrian.equations.parameter import Input, Parameter
from astrobrian.equations.references import STIMBERG_2019, TSODYKS_1998

tsodyks_markram = Model(
    name="tsodyks_markram",
    text="""
        du_S/dt = -Omega_f*u_S : 1 (event-driven)
        dx_S/dt = Omega_d*(1 - x_S) : 1 (event-driven)
    """,
    parameters={
        "Omega_f": Parameter(3.33, "1/second", "facilitation rate", STIMBERG),
        "Omega_d": Parameter(2, "1/second", "recovery rate of depression", STIMBERG),
    },
    inputs={
        "U_0": Input("1", "release probability of a rested synapse", default=0.6, largest=1, shared=True)
    },
    initial={"x_S": "1"},
    on_pre="""
        u_S += U_0*(1 - u_S)
        r_S = u_S*x_S
        x_S -= r_S
    """,
    bounds={"u_S": FRACTION, "x_S": FRACTION},
    references=(TSODYKS_1998, STIMBERG_2019),
)

release_record = Model(name="release_record", text="r_S : 1")
"""Add it to `tsodyks_markram` to keep the last release ``r_S``, so that it can be read or monitored."""

excitatory_conductance = Model(
    name="excitatory_conductance",
    parameters={"w_e": Parameter(0.05, "nS", "excitatory conductance of a full release", STIMBERG)},
    on_pre="g_e_post += w_e*r_S",
    references=(STIMBERG_2019,),
)

inhibitory_conductance = Model(
    name="inhibitory_conductance",
    parameters={"w_i": Parameter(1, "nS", "inhibitory conductance of a full release", STIMBERG)},
    on_pre="g_i_post += w_i*r_S",
    references=(STIMBERG_2019,),
)
