"""Parameter sets of De Pittà & Brunel (2016): two kinds of calcium oscillation, three kinds of synapse."""

from astrobrian.equations.library.shared import DE_PITTA_BRUNEL
from astrobrian.equations.parameter_set import ParameterSet
from astrobrian.equations.references import DE_PITTA_BRUNEL_2016

_ASTROCYTE = {
    "kappa_delta": (1, "umolar"),
    "K_delta": (0.5, "umolar"),
    "K_D": (0.5, "umolar"),
    "Omega_5P": (0.1, "1/second"),
    "Omega_N": (1.8, "1/second"),
    "zeta": (2, "1"),
    "O_beta": (1, "umolar/second"),
    "Omega_e": (5, "1/second"),
    "F": (2, "umolar/second"),
    "F_ex": (2, "umolar/second"),
}


def _set(name: str, values: dict[str, tuple[float, str]]) -> ParameterSet:
    return ParameterSet(name, values, DE_PITTA_BRUNEL, references=(DE_PITTA_BRUNEL_2016,))


AM = _set(
    "AM",
    {**_ASTROCYTE, "K_P": (0.1, "umolar"), "O_delta": (0.01, "umolar/second"), "I_bias": (0.8, "umolar")},
)
"""Calcium oscillations whose amplitude grows with the stimulus."""

FM = _set(
    "FM",
    {**_ASTROCYTE, "K_P": (0.05, "umolar"), "O_delta": (0.05, "umolar/second"), "I_bias": (1, "umolar")},
)
"""Calcium oscillations whose frequency grows with the stimulus."""

DEPRESSING = _set(
    "DEPRESSING",
    {"Omega_d": (2, "1/second"), "Omega_f": (3.33, "1/second"), "U_0_star": (0.6, "1"), "alpha": (0, "1")},
)
"""A synapse that depresses, and releases less when gliotransmitter binds."""

FACILITATING = _set(
    "FACILITATING",
    {"Omega_d": (2, "1/second"), "Omega_f": (2, "1/second"), "U_0_star": (0.15, "1"), "alpha": (1, "1")},
)
"""A synapse that facilitates, and releases more when gliotransmitter binds."""

NEUTRAL = _set(
    "NEUTRAL",
    {"Omega_d": (3, "1/second"), "Omega_f": (3, "1/second"), "U_0_star": (0.5, "1"), "alpha": (1, "1")},
)
"""A synapse at the border of the two."""
