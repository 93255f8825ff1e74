"""Tripartite synapses on GeNN, whose synapses see two cells and not three.

What happens in one time step of Brian2, and where in the program (see `astrobrian.genn.program` for its stages):

===================== ================= ===============================================================================
slot, order           object            in the program
===================== ================= ===============================================================================
start                 run_regularly     of astrocytes and neurons: stage "start"
groups, -3            Refresh           stage "after": ``X_astro`` is computed in the astrocyte and in each site
groups, -2            SumOverTerritory  with on_pre: what a spike changes is added to the sum
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

import numpy as np
from brian2.core.variables import ArrayVariable
from brian2.synapses.synapses import SynapticPathway

from astrobrian.genn.code import CannotExpress
from astrobrian.genn.effects import ASTROCYTE, POST, TERRITORY, Effects, Elsewhere, common_delay
from astrobrian.genn.gathering import add_gathering
from astrobrian.genn.lowering import Lowering, Piece, whole_group
from astrobrian.genn.program import Population, Projection, start_of
from astrobrian.genn.projections import is_operation
from astrobrian.genn.sites import MOST_SITES, Sites, parts, same_rows
from astrobrian.genn.territory import Territory, shared
from astrobrian.links import statements
from astrobrian.territories import SumOverTerritory
from astrobrian.tripartite import TripartiteSynapses

# Each is a synapse object of its own for GeNN, with its own code
MOST_PARTS = 40

# A variable of the synapses: how many of them one stands for
TIMES = "multiplicity"


def lower(synapses: TripartiteSynapses, lowering: Lowering) -> None:
    """Add tripartite synapses to a program, after the groups of neurons and astrocytes.

    Parameters
    ----------
    synapses : TripartiteSynapses
        With astrocytes.
    lowering : Lowering
        Gets projections, variables and code of the populations, places, and what is reported.

    Raises
    ------
    CannotExpress
        If GeNN can't run them.
    """
    _check(synapses, lowering)
    Tripartite(synapses, lowering).add()


def _check(synapses: TripartiteSynapses, lowering: Lowering) -> None:
    """Raise CannotExpress if there is something that no rewriting helps."""
    if synapses.form == "published":
        raise CannotExpress("published_form", "there are no synapses on synapses; leave out form='published'")
    if synapses.state_updater is not None and synapses.state_updater.codeobj is not None:
        name = min(synapses.equations.diff_eq_names & synapses.decisions.keys())
        reason = synapses.decisions[name].reason
        raise CannotExpress("kept_variables", f"each synapse would integrate {name}, because {reason}")
    for each in lowering.objects:
        if is_operation(each) and each.group.name == synapses.name:
            raise CannotExpress(
                "synapses_regularly", "run_regularly would have to do the same to all copies of the synapses"
            )


class Tripartite:
    """Tripartite synapses on their way into a program.

    Parameters
    ----------
    synapses : TripartiteSynapses
        In the lifted form.
    lowering : Lowering
    """

    def __init__(self, synapses: TripartiteSynapses, lowering: Lowering) -> None:
        assert synapses.astrocytes is not None and synapses.territories is not None
        self.synapses, self.lowering, self.program = synapses, lowering, lowering.program
        self.territories, self.group = synapses.territories, synapses.astrocytes
        self.source, self.target = (whole_group(end)[0].name for end in (synapses.source, synapses.target))
        self.astrocytes = self.program.populations[self.group.name]
        self.null_cell = Population(f"{self.territories.name}_null", 1)
        self.null = len(self.group)
        self.i, self.j, self.covering = (
            np.asarray(synapses.variables[name].get_value())
            for name in ("_synaptic_pre", "_synaptic_post", "territory")
        )
        self.number_of_parts = 0

    def add(self) -> None:
        """Add everything to the program."""
        tag = f"of_{self.synapses.name}"
        self.territory = Territory.of(self.synapses, self.lowering)
        self.program.populations[self.null_cell.name] = self.null_cell
        self.territory.add(self.null_cell, tag, np.array([self.null]), {})
        #: Names of the variables of the territories in the astrocytes, and in the null cell.
        self.names = self.territory.add(self.astrocytes, tag, np.arange(self.null), {})
        sums = self._sums()
        self._add_places(self.names.keys() - sums)
        add_gathering(self.synapses, self.lowering)
        pre, post = self._pathways("pre"), self._pathways("post")
        self.on_post = Effects.of(post, self.lowering) if post else None
        # not what is event-driven: to be integrated in two steps makes no difference to it
        self.set_by_post = {line.target for each in post for line in statements(each.code)}
        if post and common_delay(post, self.lowering).any():
            raise CannotExpress("post_delays", "on_post has a delay, which GeNN doesn't know")
        if pre:
            effects = Effects.of(pre, self.lowering)
            for name, expression in sums.items():
                effects = effects.with_sum(name, self.territories.variables[name], expression)
            self._add_effects(effects, common_delay(pre, self.lowering))

    def _pathways(self, prepost: str) -> list[SynapticPathway]:
        """Those of spikes of one side, in the order in which they are handled."""
        pathways = [getattr(self.synapses, name) for name in self.synapses._synaptic_updaters]
        pathways = [each for each in pathways if each.prepost == prepost and each.codeobj is not None]
        return sorted(pathways, key=lambda each: (each.order, each.name))

    # ---------------------------------------------------------------------------------------------------------- cells
    def _sums(self) -> dict[str, str]:
        """What is summed over the synapses of each territory; a spike will change the sums, which are here at first."""
        found = {}
        for each in self.synapses.contained_objects:
            if not isinstance(each, SumOverTerritory):
                continue
            (line,) = statements(each.abstract_code)
            name = each.name.removeprefix(f"{self.synapses.name}_sum_")
            found[name] = line.expression
            values = self.synapses.state(line.expression, use_units=False)[:]
            total = np.bincount(self.covering, values, minlength=self.null + 1)
            self.astrocytes.variable(self.names[name], total[:-1])
            self.null_cell.variable(self.names[name], total[-1])
        return found

    def _add_places(self, names: set[str]) -> None:
        """Where the variables of the territories are in the program."""
        both = (self.astrocytes, np.arange(self.null)), (self.null_cell, np.array([self.null]))
        for name in names:
            stored = self.names[name]
            for population, cells in both:
                population.copied.add(stored)
                piece = Piece(population.name, start_of(stored), cells, np.arange(len(cells)))
                self.lowering.places.setdefault(self.territories.variables[name], []).append(piece)

    def _add_sites(self, effects: list[Effects]) -> None:
        """The territories that synapses onto neurons read, if any; `site` is the number of each synapse's."""
        read = {
            each.variable(name).name
            for each in effects
            for name in each.read()
            if each.index(name) == TERRITORY
        }
        self.site = np.zeros(len(self.i), int)
        self.at_site: list[dict[str, str]] = [{}]
        if not read:
            return
        neurons = self.program.populations[self.target]
        sites = Sites.of(self.j, self.covering, neurons.N, self.null)
        if len(sites.territory) > MOST_SITES:
            raise CannotExpress(
                "several_astrocytes_per_neuron",
                f"the synapses of one neuron are covered by {len(sites.territory)} astrocytes, and each is a set of "
                f"variables and a synapse object of its own; at most {MOST_SITES} can be",
            )
        self.site = sites.of_synapse
        self.at_site = [self._add_site(number, cells, read) for number, cells in enumerate(sites.territory)]

    def _add_site(self, number: int, cells: np.ndarray, read: set[str]) -> dict[str, str]:
        """A territory for each neuron, with what its synapses read; returns names in the neurons."""
        neurons = self.program.populations[self.target]
        tag = f"at_site_{number}_of_{self.synapses.name}"
        names = {}
        covered = np.flatnonzero(cells < self.null)
        mirrored = self.territory.astrocytic(read) & self.astrocytes.variables.keys()
        for name in sorted(mirrored) if len(covered) else ():
            names[name] = f"{name}_{tag}"
            variable = self.group.variables[name]
            if variable in self.lowering.changes.written:
                self._check_mirrored(variable)
                neurons.variable(names[name])
                rows = covered[np.argsort(cells[covered], kind="stable")]
                projection = self._projection(self.astrocytes.name, self.target, cells[rows], rows)
                projection.sums, projection.sum = names[name], f"{name}_pre"
            else:
                values = self.astrocytes.variables[name]
                neurons.variable(names[name], values[np.where(cells < self.null, cells, 0)])
        return self.territory.add(neurons, tag, cells, names, read)

    def _check_mirrored(self, variable: ArrayVariable) -> None:
        if variable in self.lowering.changes.late():
            raise CannotExpress(
                "sums_of_spikes",
                f"its synapses read {variable.name} of {self.astrocytes.name}, which spikes, sums or what runs at the "
                "start of a step change: GeNN would hand on the value of the step before",
            )

    # ------------------------------------------------------------------------------------------------------- synapses
    def _add_effects(self, effects: Effects, delay: np.ndarray) -> None:
        targets = effects.targets()
        fed = [name for name in targets if effects.index(name) in (TERRITORY, ASTROCYTE)]
        neuronal = [name for name in targets if effects.index(name) == POST]
        if others := set(targets) - {*fed, *neuronal}:
            raise CannotExpress("spikes_elsewhere", f"a presynaptic spike changes {min(others)}")
        if any(effects.leading_to(name).are_random() for name in fed):
            raise CannotExpress(
                "stochastic_release_feeding",
                "its astrocytes are fed with what depends on random numbers, and those of neuron and astrocyte would differ",
            )
        if len(neuronal) > 1 and effects.are_random():
            raise CannotExpress(
                "several_targets", "on_pre adds to several variables and draws random numbers"
            )
        delay = np.broadcast_to(delay, self.i.shape)
        read = {effects.variable(name) for name in effects.read() if effects.index(name) == POST}
        if unsure := read & self.lowering.changes.at_spikes:
            raise CannotExpress(
                "spikes_read_written",
                f"on_pre reads {min(each.name for each in unsure)}, which spikes also change: it depends on which comes "
                "first",
            )
        to_neurons = [effects.without(fed + neuronal[1:]), *map(effects.leading_to, neuronal[1:])]
        self._add_sites(to_neurons)
        for number, each in enumerate(to_neurons):
            self._add_to_neurons(each, delay, place=number == 0)
        for name in fed:
            self._add_to_territories(effects.leading_to(name), delay)
        self._report(fed, effects)

    def _add_to_neurons(self, effects: Effects, delay: np.ndarray, place: bool) -> None:
        """Synapses that read their sites and add to a variable of the neurons."""
        own = effects.own(self.i, self.j)
        if self.on_post is not None:
            own |= self.on_post.own(self.i, self.j)
        post = "" if self.on_post is None else self.on_post.code(self._nowhere)
        for rows in parts(self.i, self.j, self.site, delay):
            projection = self._projection(self.source, self.target, self.i[rows], self.j[rows])
            at_site = self._at(self.at_site[self.site[rows[0]]])
            projection.on_pre, projection.on_post = effects.code(at_site), post
            projection.delay = int(delay[rows[0]])
            projection.variables = {name: values[rows] for name, values in own.items()}
            for name in own.keys() & self.synapses.variables.keys() if place else ():
                piece = Piece(projection.name, name, rows, np.arange(len(rows)))
                self.lowering.places.setdefault(self.synapses.variables[name], []).append(piece)

    def _add_to_territories(self, effects: Effects, delay: np.ndarray) -> None:
        """Synapses that add to a variable of their territory, those that always do the same as one."""
        own = effects.own(self.i, self.j)
        (target,) = effects.targets()
        if changed := self.set_by_post & own.keys():
            raise CannotExpress(
                "stdp", f"on_post changes {min(changed)}, on which depends what feeds the astrocytes"
            )
        ends = [(self.astrocytes, np.flatnonzero(self.covering < self.null))]
        if effects.index(target) == TERRITORY:
            ends.append((self.null_cell, np.flatnonzero(self.covering == self.null)))
        for population, covered in ends:
            columns = [self.i, self.covering, delay, *own.values()]
            rows, times, _ = same_rows([column[covered] for column in columns])
            rows = covered[rows]
            cells = self.covering[rows] if population is self.astrocytes else np.zeros(len(rows), int)
            for part in parts(self.i[rows], cells, delay[rows]):
                projection = self._projection(self.source, population.name, self.i[rows[part]], cells[part])
                projection.variables = {name: values[rows[part]] for name, values in own.items()}
                projection.variables[TIMES] = times[part].astype(float)
                projection.on_pre = effects.code(self._in_territory, TIMES)
                projection.delay = int(delay[rows[part[0]]])

    def _projection(self, source: str, target: str, i: np.ndarray, j: np.ndarray) -> Projection:
        self.number_of_parts += 1
        if self.number_of_parts > MOST_PARTS:
            raise CannotExpress(
                "different_delays",
                f"for GeNN it would be more than {MOST_PARTS} synapse objects: one for each delay, for each number of an "
                "astrocyte at its neuron, and for each synapse beyond the first of two cells",
            )
        projection = Projection(f"{self.synapses.name}_part_{self.number_of_parts}", source, target, i, j)
        self.program.projections[projection.name] = projection
        return projection

    # ---------------------------------------------------------------------------------------------------------- names
    def _at(self, site: dict[str, str]) -> Elsewhere:
        neurons = self.program.populations[self.target]

        def name(called: str, variable: ArrayVariable, index: str) -> str:
            if index == TERRITORY and variable.name in site:
                return f"{site[variable.name]}_post"
            if index == POST:
                return f"{self.lowering.stored(neurons, variable)}_post"
            return self._same_for_all(called, variable, index)

        return name

    def _in_territory(self, called: str, variable: ArrayVariable, index: str) -> str:
        if index == TERRITORY and variable.name in self.names:
            return f"{self.names[variable.name]}_post"
        if index == ASTROCYTE:
            return f"{self.lowering.stored(self.astrocytes, variable)}_post"
        if index == POST:
            raise CannotExpress(
                "presynaptic_variables",
                f"what feeds the astrocytes depends on {called}, which is out of reach for synapses onto an astrocyte",
            )
        return self._same_for_all(called, variable, index)

    def _nowhere(self, called: str, variable: ArrayVariable, index: str) -> str:
        if index == "0":
            return self._same_for_all(called, variable, index)
        raise CannotExpress("spikes_elsewhere", f"on_post uses {called}, which isn't the synapses' own")

    def _same_for_all(self, called: str, variable: ArrayVariable, index: str) -> str:
        if index != "0":
            raise CannotExpress(
                "presynaptic_variables", f"on_pre uses {called}, which isn't of the postsynaptic neuron"
            )
        return shared(variable, self.lowering)

    def _report(self, fed: list[str], effects: Effects) -> None:
        read = any(effects.index(name) == TERRITORY for name in effects.read())
        how = "territories are simulated in each astrocyte" + (" and in each neuron" if read else "")
        if fed:
            how += "; a copy of the synapses adds to the astrocytes"
        self.lowering.rewrite("closed_loop" if read else "open_loop", self.synapses.name, how)
