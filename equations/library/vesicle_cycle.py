"""Short-term depression of a synapse whose resources, once released, are active for a while before they recover."""

from astrobrian.equations.library.shared import FRACTION
from astrobrian.equations.model import Model
from astrobrian.equations.parameter import Parameter
from astrobrian.equations.references import NEST_TSODYKS, TSODYKS_2000

# Without facilitation: a spike finds the release probability at U_S, whatever came before.
vesicle_cycle = Model(
    name="vesicle_cycle",
    text="""
        dx_S/dt = (1 - x_S - y_S)/tau_rec : 1 (event-driven)
        dy_S/dt = -y_S/tau_psc : 1 (event-driven)
    """,
    parameters={
        "U_S": Parameter(0.5, "1", "release probability", NEST_TSODYKS.key, largest=1),
        "tau_rec": Parameter(800, "ms", "recovery time of released resources", NEST_TSODYKS.key),
        "tau_psc": Parameter(3, "ms", "time for which released resources are active", NEST_TSODYKS.key),
    },
    initial={"x_S": "1"},
    on_pre="""
        r_S = U_S*x_S
        x_S -= r_S
        y_S += r_S
    """,
    bounds={"x_S": FRACTION, "y_S": FRACTION},
    references=(TSODYKS_2000, NEST_TSODYKS),
)
