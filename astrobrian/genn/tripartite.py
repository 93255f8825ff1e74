"""Tripartite synapses on GeNN, whose synapses see two cells and not three.

What happens in one time step of Brian2, and where in the program (see `astrobrian.genn.program` for its stages):

===================== ================= ===============================================================================
slot, order           object            in the program
===================== ================= ===============================================================================
start                 run_regularly     of astrocytes and neurons: stage "start"
groups, -3            Refresh           stage "after": ``X_astro`` is computed in the astrocyte and in each site
groups, -2            SumOverTerritory  refused: what is gathered has to be summed as it is released
groups, -1            Gathering         stage "gather" of the astrocytes, at their own steps
groups, 0             Territories       stage "integrate" of the astrocytes and of the neurons, at the synapses' steps
groups, 0             astrocytes        stage "integrate" of the astrocytes, at their own steps
thresholds, resets    astrocytes        at their own steps
synapses              on_pre            before the code of the *next* step; it reads sites, and adds to neurons or sums
===================== ================= ===============================================================================

A territory is simulated wherever it is read. In the astrocyte: with the sum of what its synapses released, which the
astrocyte gathers without delay. In each neuron, once per site (see `astrobrian.genn.sites`): without the sums, which no
synapse reads; it follows the same variables of the astrocyte, which are sent there as sums over one synapse each, before
anything else happens in the step. In the null cell: a population of one.

A synapse is simulated twice. From neuron to neuron, it reads its site and adds to the neuron. From neuron to astrocyte,
it adds to a sum of the territory; there, synapses of the same neuron and astrocyte that do the same all the time are one,
times their number. Both have the same short-term plasticity because both read the same and draw no random numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from brian2.core.variables import ArrayVariable, Variable
from brian2.equations.equations import DIFFERENTIAL_EQUATION
from brian2.groups.group import CodeRunner, Group

from astrobrian.asking import asking_nothing
from astrobrian.genn.clocks import add_at_each
from astrobrian.genn.code import CannotExpress, Resolver, earlier
from astrobrian.genn.lowering import Lowering, Piece
from astrobrian.genn.program import Population, Projection
from astrobrian.genn.sites import MOST_SITES, Sites, occurrence, same_rows
from astrobrian.links import SUFFIX, Statement, identifiers, statements
from astrobrian.territories import Gathering, Refresh
from astrobrian.tripartite import TripartiteSynapses
from astrobrian.writers import writers


def lower(synapses: TripartiteSynapses, lowering: Lowering) -> None:
    """Add tripartite synapses to a program, after the groups of neurons and astrocytes.

    Parameters
    ----------
    synapses : TripartiteSynapses
        Covered by astrocytes.
    lowering : Lowering
        Gets projections, variables and code of the populations, places, and what is refused or reported.
    """
