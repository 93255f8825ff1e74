"""Lifted variables that read as before, and that go back to the synapses when somebody asks for them there.

A variable that is the same at all synapses of a territory can be read and recorded synapse by synapse without living
there. Two things can't be had from the territory: one synapse's share of what is only kept as a sum, and values that
differ between the synapses of an astrocyte. Whoever asks for either before the first run, by reading, recording or
assigning, in an expression or from other synapses, is served: the variable goes to where the published form has it.
What it meets there at every step (see `astrobrian.lifting`) goes with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from brian2 import Equations, StateMonitor, Synapses
from brian2.core.variables import DynamicArrayVariable, Variables, VariableView
from brian2.devices.device import get_device
from brian2.equations.equations import PARAMETER, SingleEquation
from brian2.groups.group import CodeRunner, get_dtype
from brian2.synapses.synapses import StateUpdater
from brian2.utils.stringtools import get_identifiers

from astrobrian.asking import LiftedView, asking_nothing
from astrobrian.covering import CoveredSynapses
from astrobrian.creation import point_to_user
from astrobrian.equations import Model
from astrobrian.lifting import ACCUMULATED, UNIFORM, Decision, Lifting
from astrobrian.links import SUFFIX, Links, Statement, statements
from astrobrian.territories import SumOverTerritory, Territories

ASKED = "it was asked for: each synapse keeps its own"
ASSIGNED = (
    "it was given values that may differ between the synapses of an astrocyte: each synapse keeps its own"
)
CONNECTED = "synapses were added after it had changed: each synapse keeps its own"


class NotKept(AttributeError, TypeError):
    """Something that lives once per territory was asked for synapse by synapse when it was too late."""


class LiftedSynapses(CoveredSynapses):
    """Synapses some of whose variables may live once per territory."""

    model: Model
    variables: Variables
    equations: Equations
    state_updater: StateUpdater | None
    decisions: dict[str, Decision]
    territories: Territories | None = None
    #: What decides, None where nothing is lifted.
    _lifting: Lifting | None = None
    #: How differential equations are integrated.
    _integration: dict[str, Any]
    _links: Links
    #: Types of variables as the user gave them.
    _dtype: Any
    #: Code of each pathway as the user gave it.
    _code: dict[str, str]
    #: Whether a run has begun with things as they are.
    _has_run = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        #: Variables of the territories that were given values after `connect`.
        self._assigned: set[str] = set()
        super().__init__(*args, **kwargs)

    def _living(self, place: str) -> list[str]:
        decisions = self.__dict__.get("decisions", {})  # Brian2 sets attributes before there are any
        return [name for name, decision in decisions.items() if decision.place == place]

    @property
    def summed(self) -> list[str]:
        """Variables of which nothing but the sum over each territory is kept."""
        return self._living(ACCUMULATED)

    @property
    def lifted(self) -> list[str]:
        """Variables that live once per territory."""
        return [*self._living(UNIFORM), *self.summed]

    # --------------------------------------------------------------------------------------------- what can be asked for
    def resolve_all(self, identifiers: Iterable[str], *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As in Brian2; what an expression asks for is there before any of its names is looked up."""
        self._keep({name: ASKED for name in identifiers if name in self.summed})
        return super().resolve_all(identifiers, *args, **kwargs)

    def run_regularly(self, code: str, *args: Any, **kwargs: Any) -> CodeRunner:
        """As in Brian2; what the code changes, or reads of what is summed, lives on the synapses from now on."""
        written = {line.target for line in statements(code)} & {*self.lifted}
        self._keep(dict.fromkeys(written, ASSIGNED))
        self._keep({name: ASKED for name in get_identifiers(code) if name in self.summed})
        return super().run_regularly(code, *args, **kwargs)

    def state(self, name: str, use_units: bool = True, level: int = 0) -> Any:
        if name not in self._living(UNIFORM):
            with asking_nothing(self.variables):
                return super().state(name, use_units, level + 1)
        variable = self.variables[name]
        return LiftedView(name, variable, self, variable.dim if use_units else None)

    def __setattr__(self, key: str, value: Any, level: int = 0) -> None:
        name = key.removesuffix("_")
        if name in self._living(UNIFORM):
            self.state(name, use_units=key == name).set_item(slice(None), value, level=level + 1)
        else:
            super().__setattr__(key, value, level=level + 1)

    def check_variable_write(self, variable: Any) -> None:
        if variable.scalar:
            return  # a shared parameter can be set before there are synapses
        if self.territories is not None and variable.owner.name == self.territories.name:
            raise TypeError(
                f"{variable.name} can't be set here: it is what the territories of {self.name} read of the astrocytes"
                if variable.name.endswith(SUFFIX)
                else f"set {variable.name} as {self.name}.{variable.name}"
            )
        super().check_variable_write(variable)

    # ------------------------------------------------------------------------------------------------------- keeping it
    def keep(self, *names: str) -> None:
        """Give each synapse its own value of variables that live once per territory.

        There is seldom a need for it: reading, recording or assigning what a territory doesn't have does the same.

        Parameters
        ----------
        *names : str
            Variables of the model; those that live on the synapses already stay there.

        Raises
        ------
        ValueError
            If the model has no such variable.
        NotKept
            If a simulation has begun: nobody knows any more what each synapse would have.

        Examples
        --------
        >>> excitatory.keep("Gamma_S")
        """
        for name in names:
            if name not in self.model.equations:
                known = ", ".join(self.model.equations)
                raise ValueError(f"{self.name} has no variable {name} to keep; its model has {known}")
        self._keep({name: ASKED for name in names if name in self.lifted})

    def offer_all(self) -> None:
        """Keep all variables on the synapses if there is still time, because others may refer to any of them."""
        if not self._has_run:
            self.keep(*self.lifted)

    def assigned(self, name: str, value: Any) -> bool:
        """Whether a value (None if it is for some synapses only) can go to the territories.

        If it can't, each synapse has its own from now on.
        """
        if name not in self.lifted:
            return False
        Synapses.check_variable_write(self, self.variables[name])
        if value is None or not self._is_same_for_all(value):
            self._keep({name: ASSIGNED})
            return False
        self._assigned.add(name)
        return True

    def _is_same_for_all(self, value: Any) -> bool:
        assert self._lifting is not None  # or nothing would be lifted
        return not self._lifting.why_not_uniform(value) if isinstance(value, str) else np.size(value) == 1

    def _keep(self, reasons: Mapping[str, str]) -> None:
        if not reasons:
            return
        assert self._lifting is not None and self.territories is not None
        if self._has_run:
            raise NotKept(self._too_late(next(iter(reasons))))
        were_lifted, were_summed = self.lifted, self.summed
        self._lifting.asked.update(reasons)
        self.decisions = self._lifting.decisions()
        moved = [name for name in were_lifted if name not in self.lifted]
        for name in moved:
            if name in were_summed:
                self._add_own(name)
                self.contained_objects.append(SumOverTerritory(self, self.astrocytes, name))
            else:
                self._copy_from_territories(name)
        self._integrate_own(moved)
        self._leave(moved)
        for pathway in self._pathways:
            pathway.code = pathway.user_code = self._redirected(self._code[pathway.objname])
        point_to_user(self)

    def _add_own(self, name: str) -> DynamicArrayVariable:
        """A variable with a value for each synapse that there is, zero at first, and that there will be."""
        equation = self.model.equations[name]
        dtype = get_dtype(equation, self._dtype)
        self.variables.add_dynamic_array(name, size=0, dimensions=equation.dim, dtype=dtype)
        variable = self.variables[name]
        self.register_variable(variable)
        if self._connect_called:
            number = self._number()
            if number is None:  # only the standalone program knows
                indices = get_device().get_array_name(self.variables["_synaptic_pre"], access_data=False)
                get_device().resize(variable, f"{indices}.size()")
            else:
                variable.resize(number)
        return variable

    def _copy_from_territories(self, name: str) -> None:
        assert self.territories is not None
        cell = f"_territorial_{name}"
        self.variables.add_reference(cell, self.territories, name, index="territory")
        self.variables.forget(name)
        variable = self._add_own(name)
        if self._connect_called:
            VariableView(name, variable, self).set_item(slice(None), cell, namespace={})
        self._tell_monitors(name, variable)

    def _tell_monitors(self, name: str, variable: DynamicArrayVariable) -> None:
        """Let those that record a variable of the territories record that of the synapses instead."""
        recorded = f"_source_{name}"
        for reference in StateMonitor.__instances__():
            monitor = reference()
            if getattr(monitor, "source", None) is self and recorded in getattr(monitor, "variables", ()):
                monitor.variables._variables[recorded] = variable
                monitor.variables.indices[recorded] = "_idx"

    def _integrate_own(self, names: Collection[str]) -> None:
        own = [self.model.equations[name] for name in names]
        self.equations = Equations([*self.equations.values(), *own])
        if self.state_updater is None:
            options = self._integration
            self.state_updater = StateUpdater(self, clock=self.clock, order=self.order, **options)
            self.contained_objects.append(self.state_updater)

    def _leave(self, names: Collection[str]) -> None:
        """Let the territories integrate the others only, and have a place for sums that are taken elsewhere."""
        assert self.territories is not None
        equations = [eq for name, eq in self.territories.equations.items() if name not in names]
        for name in names:
            if f"_sum_{name}" in self.variables:
                dimensions = self.model.equations[name].dim
                equations.append(SingleEquation(PARAMETER, name, dimensions=dimensions))
            else:
                del self.territories.variables._variables[name]
        self.territories.equations = Equations(equations)

    def _redirected(self, code: str) -> str:
        """The code of a pathway, with what it adds to a territory or to an astrocyte going there."""
        lines = []
        for line in statements(code):
            if line.target in self.summed:
                line = replace(line, target=f"_sum_{line.target}")
            elif line.target in {name + SUFFIX for name in self._links.written}:
                covered = f"int(territory < {self._null_cell})"
                line = Statement(f"_written_{line.target}", line.operation, f"({line.expression})*{covered}")
            lines.append(str(line))
        return "\n".join(lines)

    def _too_late(self, name: str) -> str:
        decision = self.decisions[name]
        lack = (
            "has no value for each synapse" if name in self.summed else "has no other value for each synapse"
        )
        return (
            f"{name} of {self.name} {lack}: it is {decision.place}, because {decision.reason}. Ask for it before the "
            f"first run (read, record or assign it, or {self.name}.keep({name!r})), use what the territories have, "
            f"{self.name}.territories.{name}, or give form='published'"
        )

    def explain(self) -> str:
        """Where each variable lives, and why: one line each."""
        if self.astrocytes is None:
            return f"{self.name} has no astrocytes; every variable lives on each synapse"
        if self._lifting is None:
            return f"{self.name} is in the published form; every variable lives on each synapse"
        return "\n".join(map(str, self.decisions.values()))
