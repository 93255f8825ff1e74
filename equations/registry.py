"""All models and parameter sets of the library, by name."""

from astrobrian.equations.library.amsu import amsu, amsu_astrocyte, amsu_key, amsu_membrane
from astrobrian.equations.library.calcium_plasticity import calcium_plasticity
from astrobrian.equations.library.chi import chi, chi_stochastic, ip3_metabolism
from astrobrian.equations.library.cleft_glutamate import cleft_glutamate
from astrobrian.equations.library.coba_lif import coba_lif
from astrobrian.equations.library.de_pitta_brunel import AM, DEPRESSING, FACILITATING, FM, NEUTRAL
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
)
from astrobrian.equations.library.presynaptic_receptors import presynaptic_receptors
from astrobrian.equations.library.slow_inward_current import double_exponential_sic, slow_inward_current
from astrobrian.equations.library.tsodyks_markram import (
    excitatory_conductance,
    inhibitory_conductance,
    release_record,
    tsodyks_markram,
)
from astrobrian.equations.library.voltage_lif import voltage_lif
from astrobrian.equations.model import Model
from astrobrian.equations.parameter_set import ParameterSet

_MODELS = (
    coba_lif,
    voltage_lif,
    tsodyks_markram,
    release_record,
    excitatory_conductance,
    inhibitory_conductance,
    cleft_glutamate,
    presynaptic_receptors,
    calcium_plasticity,
    li_rinzel,
    li_rinzel_stochastic,
    ip3_metabolism,
    chi,
    chi_stochastic,
    glutamate_receptors,
    gchi,
    gchi_stochastic,
    exogenous_drive,
    gliotransmission,
    gap_junction,
    linear_gap_junction,
    slow_inward_current,
    double_exponential_sic,
    nadkarni_jung,
    nadkarni_jung_ip3,
    nadkarni_jung_synapse,
    lavrentovich_hemkin,
    amsu_key,
    amsu_astrocyte,
    amsu_membrane,
    amsu.named("amsu"),
)
_SETS = (AM, FM, DEPRESSING, FACILITATING, NEUTRAL, NADKARNI_JUNG)


def models() -> dict[str, Model]:
    """Every model of the library by name.

    Examples
    --------
    >>> print(models()["gchi"])
    """
    return {model.name: model for model in _MODELS}


def parameter_sets() -> dict[str, ParameterSet]:
    """Every parameter set of the library by name.

    Examples
    --------
    >>> parameter_sets()["FM"](chi)
    """
    return {values.name: values for values in _SETS}
