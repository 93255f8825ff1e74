"""The tripartite synapses that are simulated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import sympy as sp
from brian2 import nS, pA, umolar
from scipy.special import ndtri

from astrobrian.bridges.checks import positive, whole
from astrobrian.equations import (
    Model,
    ParameterSet,
    cleft_glutamate,
    coba_lif,
    excitatory_conductance,
    gchi,
    gliotransmission,
    presynaptic_receptors,
    tsodyks_markram,
)
from astrobrian.equations.library.de_pitta_brunel import AM, DEPRESSING, FM
from astrobrian.equations.references import DE_PITTA_BRUNEL_2016, STIMBERG_2019
from astrobrian.equations.symbolic import derive, symbol

Regime = Literal["AM", "FM"]
Loop = Literal["closed", "open"]

# Overrides of the figures of De Pittà & Brunel (2016), and vesicles as in example 2 of Stimberg et al. (2019)
FIGURES = ParameterSet(
    "figures",
    {
        "rho_e": (1e-4, "1"),
        "O_G": (0.6, "1/umolar/second"),
        "Omega_G": (1 / 20, "1/second"),
        "rho_c": (0.001, "1"),
    },
    f"{DE_PITTA_BRUNEL_2016.key}, figures; rho_c: {STIMBERG_2019.key}, example 2",
)
# The calcium threshold of release (umolar). In the AM regime it is their C_osc, for there calcium hardly reaches the other one.
C_THETA: dict[Regime, float] = {"AM": 0.2, "FM": 0.5}
SETS: dict[Regime, ParameterSet] = {"AM": AM, "FM": FM}
# Chosen here: a current (pA) that keeps the postsynaptic neuron 2 mV below its threshold, and a conductance (nS) with which a
# release of a rested synapse reaches it, and one of a synapse half of whose receptors are bound does not
I_EX, W_E = 80.0, 5.0


@dataclass(frozen=True)
class Ensemble:
    """The tripartite synapses that are simulated, a population of astrocytes for each stimulus.

    In the closed loop, what an astrocyte releases changes what its synapses release, and so what it senses. In the open
    loop the receptors bind it as well, but the synapses that the astrocyte senses don't have them. The astrocytes differ in
    how strongly glutamate drives them.

    Parameters are the AM or FM and the DEPRESSING sets of De Pittà & Brunel (2016), with `FIGURES`.

    Attributes
    ----------
    astrocytes, synapses : int
        Astrocytes for each stimulus, and synapses of each astrocyte.
    regime : {"AM", "FM"}
        Whether calcium oscillates with an amplitude or with a frequency that follows the input.
    loop : {"closed", "open"}
    postsynaptic : bool
        Whether a neuron receives the synapses of each astrocyte. It needs a `dt_ms` of 1 or less.
    O_beta : float
        Median of the largest IP3 production by PLC-beta (umolar/second). De Pittà & Brunel (2016).
    spread : float
        Standard deviation of its logarithm between astrocytes.
    dt_ms, astrocyte_dt_ms : float
        Time step of the synapses and of the astrocytes. Glutamate is added at the end of a step: it is
        ``Omega_c*dt/2`` too much, on the average, which 5 ms make a tenth.
    """

    astrocytes: int = 12
    synapses: int = 10
    regime: Regime = "AM"
    loop: Loop = "closed"
    postsynaptic: bool = False
    O_beta: float = 1.0
    spread: float = 0.3
    dt_ms: float = 0.2
    astrocyte_dt_ms: float = 2.0

    def __post_init__(self) -> None:
        for name in ("O_beta", "dt_ms", "astrocyte_dt_ms"):
            positive(name, getattr(self, name), milliseconds=name.endswith("_ms"))
        for name in ("astrocytes", "synapses"):
            whole(name, getattr(self, name))
        for name, known in (("regime", get_args(Regime)), ("loop", get_args(Loop))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is one of {', '.join(known)}, not {getattr(self, name)!r}")
        if self.postsynaptic and self.dt_ms > 1:
            raise ValueError(
                f"a postsynaptic neuron can't be simulated in time steps of {self.dt_ms} ms, its conductances decay within 5; "
                "give dt_ms=0.5"
            )
        if self.spread < 0:
            raise ValueError(f"spread can't be negative, got {self.spread}")

    @property
    def drives(self) -> np.ndarray:
        """O_beta of each astrocyte of a population (umolar/second): quantiles, the same for every stimulus."""
        ranks = (np.arange(self.astrocytes) + 0.5) / self.astrocytes
        return self.O_beta * np.exp(self.spread * ndtri(ranks))

    @property
    def astrocyte(self) -> Model:
        """What the astrocytes are."""
        model = FIGURES(SETS[self.regime](gchi + gliotransmission))
        return model(C_Theta=C_THETA[self.regime] * umolar).per_cell("O_beta")

    @property
    def synapse(self) -> Model:
        """What a synapse is in the closed loop: the astrocyte senses it and acts on it."""
        return FIGURES(DEPRESSING(tsodyks_markram + cleft_glutamate + presynaptic_receptors))

    @property
    def pathways(self) -> tuple[Model, ...]:
        """The kinds of synapses that there are: the first is sensed by the astrocyte, the last is acted on."""
        if self.loop == "closed":
            return (self.synapse + self._excitation,)
        sensed = FIGURES(DEPRESSING(tsodyks_markram + cleft_glutamate))
        U_0 = self.synapse.parameters["U_0_star"].quantity
        acted_on = FIGURES(DEPRESSING(tsodyks_markram + presynaptic_receptors))
        return sensed(U_0=U_0), acted_on + self._excitation

    @property
    def _excitation(self) -> Model:
        """What a release does to the postsynaptic neuron."""
        return excitatory_conductance(w_e=W_E * nS) if self.postsynaptic else Model("nothing")

    @property
    def neuron(self) -> Model:
        """What the postsynaptic neurons are."""
        return coba_lif(I_ex=I_EX * pA)


def release_probability(Gamma_S: np.ndarray | float, synapse: Model) -> np.ndarray:
    """U_0 for a fraction of bound presynaptic receptors, as the model of the synapse declares it."""
    law = derive(synapse).outputs["U_0"]
    values = {symbol(name): float(p.quantity) for name, p in synapse.parameters.items()}
    return sp.lambdify(symbol("Gamma_S"), law.subs(values))(Gamma_S)
