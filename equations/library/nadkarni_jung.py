"""IP3 that relaxes to a resting value and jumps at each spike, and the parameters that NEST's astrocyte uses."""

from astrobrian.equations.library.li_rinzel import li_rinzel
from astrobrian.equations.library.shared import ANY_CONCENTRATION
from astrobrian.equations.model import Model
from astrobrian.equations.parameter import Parameter
from astrobrian.equations.parameter_set import ParameterSet
from astrobrian.equations.references import LI_RINZEL_1994, NADKARNI_JUNG_2003, NEST_ASTROCYTE

nadkarni_jung_ip3 = Model(
    name="nadkarni_jung_ip3",
    text="dI/dt = (IP3_0 - I)/tau_IP3 : mmolar",
    parameters={
        "IP3_0": Parameter(0.16, "umolar", "IP3 at rest", NEST_ASTROCYTE.key),
        "tau_IP3": Parameter(7142, "ms", "decay time of IP3", NEST_ASTROCYTE.key),
    },
    initial={"I": "IP3_0"},
    bounds={"I": ANY_CONCENTRATION},
    references=(NADKARNI_JUNG_2003, NEST_ASTROCYTE),
)

nadkarni_jung_synapse = Model(
    name="nadkarni_jung_synapse",
    parameters={"delta_IP3": Parameter(0.0002, "umolar", "IP3 that a spike produces", NEST_ASTROCYTE.key)},
    on_pre="I_post += delta_IP3",
    references=(NADKARNI_JUNG_2003, NEST_ASTROCYTE),
)

nadkarni_jung_tripartite = Model(
    name="nadkarni_jung_tripartite",
    parameters={
        "delta_IP3": Parameter(0.0002, "umolar", "IP3 that a full release produces", NEST_ASTROCYTE.key)
    },
    on_pre="I_astro += delta_IP3*r_S",
    references=(NADKARNI_JUNG_2003, NEST_ASTROCYTE),
)

NADKARNI_JUNG = ParameterSet(
    "NADKARNI_JUNG",
    {
        "C_T": (2, "umolar"),
        "rho_A": (0.185, "1"),
        "Omega_C": (6, "1/second"),
        "Omega_L": (0.11, "1/second"),
        "O_P": (0.9, "umolar/second"),
        "K_P": (0.1, "umolar"),
        "d_1": (0.13, "umolar"),
        "d_2": (1.049, "umolar"),
        "d_3": (0.9434, "umolar"),
        "d_5": (0.08234, "umolar"),
        "O_2": (0.2, "1/umolar/second"),
    },
    source=NEST_ASTROCYTE.key,
    initial={"C": "0.073*umolar", "h": "0.793"},
    references=(LI_RINZEL_1994, NADKARNI_JUNG_2003, NEST_ASTROCYTE),
)

nadkarni_jung = (NADKARNI_JUNG(li_rinzel) + nadkarni_jung_ip3).named("nadkarni_jung")
