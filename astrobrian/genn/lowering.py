"""A network on its way to GeNN: the program so far, what was refused and rewritten, and where everything is.

The lowering of tripartite synapses, ``astrobrian.genn.tripartite.lower(synapses, lowering)``, is called for each
`TripartiteSynapses` with astrocytes, after all groups have been lowered and before monitors are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import Network

from astrobrian.backends.findings import Refusal, Rewriting
from astrobrian.genn.program import Program


@dataclass(frozen=True)
class Piece:
    """Where some values of a variable of a Brian2 object are in the program.

    Parameters
    ----------
    object, variable : str
        A population or projection of the program, and its variable.
    here : ndarray of int
        Indices in the user's object.
    there : ndarray of int
        Their indices in the program's.
    """

    object: str
    variable: str
    here: np.ndarray
    there: np.ndarray


@dataclass
class Lowering:
    """Everything that the lowering of one object leaves for that of the next.

    Parameters
    ----------
    network : Network
    namespace : Mapping
        That of `run`.
    program : Program
    refusals, rewritings : list
        What preflight reports.
    places : dict of (str, str) to list of Piece
        For each name of a Brian2 object and of a variable of it: where its values are. Monitors read them there, and
        so does the user after the run. Variables that nobody changes need not be here.
    """

    network: Network
    namespace: Mapping[str, Any]
    program: Program
    refusals: list[Refusal] = field(default_factory=list)
    rewritings: list[Rewriting] = field(default_factory=list)
    places: dict[tuple[str, str], list[Piece]] = field(default_factory=dict)

    def refuse(self, feature: str, name: str, reason: str) -> None:
        """Note that this can't be run."""
        self.refusals.append(Refusal(feature, name, reason))

    def rewrite(self, feature: str, name: str, how: str) -> None:
        """Note that this is expressed in another way."""
        self.rewritings.append(Rewriting(feature, name, how))
