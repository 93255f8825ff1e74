"""What astrocytes gather of their synapses, from sums that are in the astrocytes themselves."""

from __future__ import annotations

from brian2.core.variables import ArrayVariable

from astrobrian.genn.clocks import add_at_each
from astrobrian.genn.lowering import Lowering, as_stored
from astrobrian.territories import Gathering
from astrobrian.tripartite import TripartiteSynapses


def add_gathering(synapses: TripartiteSynapses, lowering: Lowering) -> None:
    """Let the astrocytes gather what was released, once for all synapses that feed them.

    Parameters
    ----------
    synapses : TripartiteSynapses
        In the lifted form; nothing happens unless they are the first with these astrocytes.
    lowering : Lowering
        The population of the astrocytes gets code.
    """
    astrocytes = synapses.astrocytes
    assert astrocytes is not None
    gathering = Gathering.of(astrocytes)
    feeding = {
        each.territories.name: each
        for each in lowering.objects
        if isinstance(each, TripartiteSynapses) and each.astrocytes is astrocytes and each.territories
    }
    if gathering.codeobj is None or synapses is not next(iter(feeding.values())):
        return
    population = lowering.program.populations[astrocytes.name]
    of_astrocytes = lowering.naming(astrocytes)

    def naming(name: str, variable: ArrayVariable) -> str:
        if variable.owner.name == astrocytes.name:
            return of_astrocytes(name, variable)
        stored = in_astrocytes(variable.name, feeding[variable.owner.name])
        if variable.name == "N_synapses":
            population.variable(stored, as_stored(variable.get_value())[:-1])
        return stored

    lines = lowering.resolver(gathering, naming).statements(gathering.abstract_code)
    add_at_each(population, "gather", lowering.every(gathering.clock), map(str, lines))


def in_astrocytes(name: str, synapses: TripartiteSynapses) -> str:
    """The name that a variable of the territories of some synapses has in their astrocytes."""
    return f"{name}_of_{synapses.name}"
