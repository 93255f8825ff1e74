"""Summed variables of plain synapses as projections of a program."""

from __future__ import annotations

import numpy as np
from brian2.synapses.synapses import SummedVariableUpdater
from brian2.utils.stringtools import word_substitute

from astrobrian.genn.changes import read_by, written_by
from astrobrian.genn.code import CannotExpress
from astrobrian.genn.connections import Connections
from astrobrian.genn.lowering import whole_group
from astrobrian.genn.populations import add_to_pending, add_when, within
from astrobrian.genn.program import Projection
from astrobrian.links import identifiers


def add_sum(updater: SummedVariableUpdater, connections: Connections) -> None:
    """A sum, gathered in a variable of its own, and handed on when Brian2 would compute it."""
    lowering = connections.lowering
    if early := lowering.changes.late() & set(read_by(updater)):
        raise CannotExpress(
            "sums_of_spikes",
            f"the sum for {updater.target_varname} reads {min(each.name for each in early)}, which changes at spikes or at "
            "the start of a step; GeNN computes sums before that",
        )
    resolver = lowering.resolver(updater, connections.naming(updater, True, sums=True))
    (line,) = resolver.statements(updater.abstract_code)
    whole, start = whole_group(updater.target)
    population = lowering.program.populations[whole.name]
    sums = []
    for rows, _ in connections.parts(np.zeros(len(connections.i), int)):
        projection = connections.projection(rows, [line])
        projection.sums = population.variable(f"sum_{projection.name}")
        projection.sum = line.expression
        if updater.target_varname.endswith("_pre"):
            _turn_round(projection)
        sums.append(projection.sums)
    conditions = []
    if len(updater.target) < population.N:
        conditions.append(within(population, start, start + len(updater.target)))
    every = lowering.every(updater.clock)
    lines = [f"{lowering.stored(population, updater.target_var)} = {' + '.join(sums)}"]
    if _is_after_update(updater, connections):
        add_to_pending(population, every, conditions, lines, lowering.program.dt)
    else:
        add_when(population, "gather", every, conditions, lines)


def _is_after_update(updater: SummedVariableUpdater, connections: Connections) -> bool:
    """Whether a sum is computed after the cells' step, which is so if it is for a subgroup."""
    changes = connections.lowering.changes
    names = {updater.name, f"{connections.source}_stateupdater", f"{connections.target}_stateupdater"}
    order = [each.name for each in connections.lowering.objects if each.name in names]
    position = order.index(updater.name)
    if 0 < position < len(order) - 1:
        raise CannotExpress("object_order", "some of its cells step before it sums them up, and some after")
    if not position:
        return False
    changed = set().union(*(set(written_by(each)) for each in changes.resetters))
    if reset := changed & set(read_by(updater)):
        raise CannotExpress(
            "sums_of_spikes",
            f"its sum reads {min(each.name for each in reset)} after the cells' step and before resets",
        )
    if updater.target_var in changes.read_at_events | changes.read_at_spikes:
        raise CannotExpress(
            "sums_of_spikes",
            f"{updater.target_varname} is summed after the cells' step and read in the same one",
        )
    return True


def _turn_round(projection: Projection) -> None:
    """Let the synapses go the other way, to sum over their sources."""
    order = np.lexsort((projection.i, projection.j))
    projection.i, projection.j = projection.j[order], projection.i[order]
    projection.source, projection.target = projection.target, projection.source
    projection.variables = {name: values[order] for name, values in projection.variables.items()}
    names = {name for name in identifiers(projection.sum) if name not in projection.variables}
    pairs = (("_pre", "_post"), ("_post", "_pre"))
    swapped = {n: n.removesuffix(old) + new for n in names for old, new in pairs if n.endswith(old)}
    projection.sum = word_substitute(projection.sum, swapped)
