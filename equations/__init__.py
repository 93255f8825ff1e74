"""Symbolic declarations of neurons, astrocytes and synapses, and what is derived from them without running anything."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if __name__ != "astrobrian.equations" or getattr(sys.modules["astrobrian"], "__file__", None) is None:
    raise ImportError(f"{__name__} loaded outside the astrobrian package from {__file__}")

from astrobrian.equations.library.aeif_cond_alpha import aeif_cond_alpha, excitatory_alpha, inhibitory_alpha
from astrobrian.equations.library.amsu import (
    amsu,
    amsu_astrocyte,
    amsu_bank,
    amsu_key,
    amsu_linear_membrane,
    amsu_membrane,
)
from astrobrian.equations.library.calcium_plasticity import calcium_plasticity
from astrobrian.equations.library.chi import chi, chi_stochastic, ip3_metabolism
from astrobrian.equations.library.cleft_glutamate import cleft_glutamate
from astrobrian.equations.library.coba_lif import coba_lif
from astrobrian.equations.library.de_pitta_brunel import AM, DEPRESSING, FACILITATING, FM, NEUTRAL
from astrobrian.equations.library.driven_cells import driven_current, driven_ip3
from astrobrian.equations.library.gchi import gchi, gchi_stochastic, glutamate_receptors
from astrobrian.equations.library.gliotransmission import gliotransmission
from astrobrian.equations.library.ip3_flux import exogenous_drive, gap_junction, linear_gap_junction
from astrobrian.equations.library.lavrentovich_hemkin import lavrentovich_hemkin
from astrobrian.equations.library.li_rinzel import li_rinzel, li_rinzel_stochastic
from astrobrian.equations.library.nadkarni_jung import (
    NADKARNI_JUNG,
    nadkarni_jung,
    nadkarni_jung_ip3,
    nadkarni_jung_synapse,
    nadkarni_jung_tripartite,
)
from astrobrian.equations.library.presynaptic_receptors import presynaptic_receptors
from astrobrian.equations.library.slow_inward_current import double_exponential_sic, slow_inward_current
from astrobrian.equations.library.spiking_units import (
    first_order_unit,
    rate_control,
    second_order_unit,
    spike_trace,
)
from astrobrian.equations.library.tsodyks_markram import (
    excitatory_conductance,
    inhibitory_conductance,
    release_record,
    tsodyks_markram,
)
from astrobrian.equations.library.vesicle_cycle import vesicle_cycle
from astrobrian.equations.library.voltage_lif import voltage_lif
from astrobrian.equations.model import Model, ModelError
from astrobrian.equations.parameter import Input, Parameter
from astrobrian.equations.parameter_set import ParameterSet
from astrobrian.equations.references import Reference
from astrobrian.equations.registry import models, parameter_sets

if TYPE_CHECKING:
    from astrobrian.equations.bifurcation import BifurcationDiagram, bifurcations
    from astrobrian.equations.bifurcation_plot import plot_bifurcations
    from astrobrian.equations.cycles import LimitCycle, cycles_along, limit_cycle
    from astrobrian.equations.dynamics import fixed_points, rhs
    from astrobrian.equations.events import jump, mean_field
    from astrobrian.equations.symbolic import derive

__all__ = [
    "AM",
    "DEPRESSING",
    "FACILITATING",
    "FM",
    "NADKARNI_JUNG",
    "NEUTRAL",
    "BifurcationDiagram",
    "Input",
    "LimitCycle",
    "Model",
    "ModelError",
    "Parameter",
    "ParameterSet",
    "Reference",
    "aeif_cond_alpha",
    "amsu",
    "amsu_astrocyte",
    "amsu_bank",
    "amsu_key",
    "amsu_linear_membrane",
    "amsu_membrane",
    "bifurcations",
    "calcium_plasticity",
    "chi",
    "chi_stochastic",
    "cleft_glutamate",
    "coba_lif",
    "cycles_along",
    "derive",
    "double_exponential_sic",
    "driven_current",
    "driven_ip3",
    "excitatory_alpha",
    "excitatory_conductance",
    "exogenous_drive",
    "first_order_unit",
    "fixed_points",
    "gap_junction",
    "gchi",
    "gchi_stochastic",
    "gliotransmission",
    "glutamate_receptors",
    "inhibitory_alpha",
    "inhibitory_conductance",
    "ip3_metabolism",
    "jump",
    "lavrentovich_hemkin",
    "li_rinzel",
    "li_rinzel_stochastic",
    "limit_cycle",
    "linear_gap_junction",
    "mean_field",
    "models",
    "nadkarni_jung",
    "nadkarni_jung_ip3",
    "nadkarni_jung_synapse",
    "nadkarni_jung_tripartite",
    "parameter_sets",
    "plot_bifurcations",
    "presynaptic_receptors",
    "rate_control",
    "release_record",
    "rhs",
    "second_order_unit",
    "slow_inward_current",
    "spike_trace",
    "tsodyks_markram",
    "vesicle_cycle",
    "voltage_lif",
]

# imported on first use, because they need the slow parts of SciPy
_ANALYSIS = {
    "BifurcationDiagram": "bifurcation",
    "LimitCycle": "cycles",
    "bifurcations": "bifurcation",
    "cycles_along": "cycles",
    "derive": "symbolic",
    "fixed_points": "dynamics",
    "limit_cycle": "cycles",
    "jump": "events",
    "mean_field": "events",
    "plot_bifurcations": "bifurcation_plot",
    "rhs": "dynamics",
}


def __getattr__(name: str) -> Any:
    if name in _ANALYSIS:
        return getattr(import_module(f"astrobrian.equations.{_ANALYSIS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
