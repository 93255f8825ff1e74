"""Which variables of a synapse may live once per territory, decided from the equations by SymPy.

In the published formulation each synapse integrates its own receptor fraction and its own glutamate at every time
step. Two kinds of variables needn't be kept that often, and nothing changes but the time it takes:

uniform
    A variable whose rate reads nothing but variables of the astrocyte, shared parameters, itself and other uniform
    variables, that starts at the same value everywhere and that no spike touches, is the same at all synapses of an
    astrocyte. ``dGamma_S/dt = O_G*G_A_astro*(1 - Gamma_S) - Omega_G*Gamma_S`` is one: one cell per territory holds it.

accumulated
    A variable that decays linearly at a rate that is uniform, starts at zero, is only ever added to at spikes, and is
    read by nobody but the astrocyte, as a sum or mean over its synapses, can be added up before it decays instead of
    after: ``d/dt sum(Y) = -Omega_c*sum(Y)``. ``dY_S/dt = -Omega_c*Y_S`` with ``Y_S += rho_c*Y_T*r_S`` is one.

Everything else stays on the synapse, and so does what somebody asks for synapse by synapse. Where two statements would
meet in another order than in the published form (a clock-driven equation of the synapse that reads a uniform variable is
integrated together with it there), the variable stays too: lifting is exact or isn't done.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sympy
from brian2 import DEFAULT_FUNCTIONS, DEFAULT_UNITS, Equations
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER
from brian2.parsing.sympytools import str_to_sympy

from astrobrian.links import called, identifiers, statements

UNIFORM = "once per territory"
ACCUMULATED = "summed once per territory"
SYNAPSE = "on each synapse"

# What these make of a variable in one step depends on nothing but what its equation reads
STEPWISE = ("exact", "linear", "independent", "exponential_euler", "euler", "rk2", "rk4", "heun", "milstein")


@dataclass(frozen=True)
class Decision:
    """Where a variable lives, and why.

    Parameters
    ----------
    variable : str
        Its name.
    place : str
        `UNIFORM`, `ACCUMULATED` or `SYNAPSE`.
    reason : str
        In words.
    """

    variable: str
    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.variable}: {self.place}, because {self.reason}"


class Lifting:
    """The decisions for one kind of synapse.

    Parameters
    ----------
    equations : Equations
        All equations of the synapse.
    pathways : Mapping[str, str]
        Name and code of each pathway.
    initial : Mapping[str, str]
        Initial values that aren't zero.
    gathered : Collection[str]
        Variables that the astrocytes read as a sum or mean.
    own : Collection[str]
        Every other name that may mean something else for each synapse, such as the variables of source and target.
    method : object, optional
        How the equations are integrated.
    namespace : Mapping[str, Any], optional
        What names mean outside of the synapses; the functions that the equations call are looked up here.

    Attributes
    ----------
    asked : dict[str, str]
        Variables that have to stay on the synapse whatever the equations say, each with its reason.
    """

    def __init__(
        self,
        equations: Equations,
        pathways: Mapping[str, str],
        initial: Mapping[str, str],
        gathered: Collection[str],
        own: Collection[str],
        method: object = "exact",
        namespace: Mapping[str, Any] | None = None,
    ) -> None:
        self.equations = equations
        self.statements = {name: statements(code) for name, code in pathways.items()}
        self.initial = initial
        self.gathered = gathered
        self.own = own
        self.method = method
        self.asked: dict[str, str] = {}
        #: Right-hand sides with subexpressions written out, also those of the subexpressions.
        self.rates = dict(equations.get_substituted_expressions(include_subexpressions=True))
        expressions = [*(rate.code for rate in self.rates.values()), *initial.values()]
        used = set[str]().union(*map(called, expressions))
        # no more than is needed: a namespace may hold everything that the user has, also what was deleted
        self.functions = {name: what for name, what in (namespace or {}).items() if name in used}
        self.functions |= DEFAULT_FUNCTIONS
        self.uniform: set[str] = set()
        self.accumulated: set[str] = set()

    def decisions(self) -> dict[str, Decision]:
        """Where each variable that changes between spikes, or that is gathered, lives."""
        states = [name for name, eq in self.equations.items() if eq.type == DIFFERENTIAL_EQUATION]
        stay = self._why_on_synapse(states)
        found = {}
        for name in states:
            if name in self.uniform:
                reason = f"it reads only {self._read_by(name)}, the same at all synapses of an astrocyte"
                found[name] = Decision(name, UNIFORM, reason)
            elif name in self.accumulated:
                reason = "its rate is proportional to itself, spikes only add to it, and only the astrocytes read it"
                found[name] = Decision(name, ACCUMULATED, reason)
            else:
                found[name] = Decision(name, SYNAPSE, stay[name])
        for name in self.gathered:
            if name not in found:
                found[name] = Decision(name, SYNAPSE, "it has no differential equation")
        return found

    def why_not_uniform(self, expression: str, besides: Collection[str] = ()) -> str:
        """What an expression reads that may differ between the synapses of an astrocyte; empty if nothing does."""
        functions = called(expression)
        for name in sorted(identifiers(expression) - set(besides)):
            if name in functions:
                if not getattr(self.functions.get(name), "stateless", False):
                    return f"{name}(), which is not known to give the same value whenever it is called"
            elif not self._is_uniform(name):
                return f"{name}, which is not the same at all synapses of an astrocyte"
        return ""

    def _read_by(self, name: str) -> str:
        rate = self.rates[name].code
        return ", ".join(sorted(identifiers(rate) - called(rate) - DEFAULT_UNITS.keys() - {name})) or "itself"

    def _why_on_synapse(self, states: list[str]) -> dict[str, str]:
        """Reasons to stay; `uniform` and `accumulated` hold those that have none, afterwards."""
        stay = {name: reason for name in states if (reason := self._own_history(name))}
        lifted = set(states) - stay.keys()
        self.accumulated = lifted & set(self.gathered)
        self.uniform = lifted - self.accumulated
        # what stays may keep others from being lifted
        while dropped := {name: reason for name in lifted if (reason := self._own_company(name))}:
            stay |= dropped
            for places in (lifted, self.uniform, self.accumulated):
                places.difference_update(dropped)
        return stay

    def _own_history(self, name: str) -> str:
        """Why a variable differs between synapses whatever the others do."""
        if name in self.asked:
            return self.asked[name]
        if "event-driven" in self.equations[name].flags:
            return "it is only computed at spikes (event-driven)"
        if self.method not in STEPWISE:
            return f"{self.method!r} may integrate it in other steps where it is alone"
        for other in self._read_through(name):
            if "constant over dt" in self.equations[other].flags:
                return f"it reads {other}, which is evaluated once per time step"
        if str_to_sympy(self.rates[name].code) == 0:
            return "it does not change between spikes"
        if name in self.gathered:
            return self._why_not_added_up(name)
        for pathway, lines in self.statements.items():
            for line in lines:
                if line.target == name:
                    return f"a spike changes it: {line} (on_{pathway})"
        return ""

    def _own_company(self, name: str) -> str:
        """Why a variable must stay because of what it reads or what reads it."""
        rate = self.rates[name].code
        if own := self.why_not_uniform(rate, {name}):
            return f"it reads {own}"
        if name in self.accumulated:
            return ""
        if own := self.why_not_uniform(self.initial.get(name, "0")):
            return f"its initial value reads {own}"
        for other, eq in self.equations.items():
            at_every_step = eq.type == DIFFERENTIAL_EQUATION or {"summed", "constant over dt"} & set(eq.flags)
            stays = other not in self.uniform | self.accumulated
            if at_every_step and stays and name in identifiers(self.rates[other].code):
                return f"{other} reads it at every time step and stays on the synapse"
        return ""

    def _is_uniform(self, name: str) -> bool:
        if name in self.equations:
            eq = self.equations[name]
            return name in self.uniform or (eq.type == PARAMETER and "shared" in eq.flags)
        noise = name == "xi" or name.startswith("xi_")
        return not noise and name not in self.own

    def _why_not_added_up(self, name: str) -> str:
        """Why the sum over the synapses of a territory has to be taken at every reading; empty if it needn't."""
        if str_to_sympy(self.initial.get(name, "0")) != 0:
            return f"it starts at {self.initial[name]} and not at zero"
        rate, symbol = str_to_sympy(self.rates[name].code), sympy.Symbol(name, real=True)
        slope = sympy.diff(rate, symbol)
        if slope.has(symbol) or sympy.simplify(rate - slope * symbol) != 0:
            return f"its rate {self.equations[name].expr} is not proportional to itself"
        for other, eq in self.equations.items():
            if other != name and eq.expr is not None and name in eq.expr.identifiers:
                return f"{other} reads it"
        for pathway, lines in self.statements.items():
            for line in lines:
                if name in identifiers(line.expression):
                    return f"a spike reads it: {line} (on_{pathway})"
                if line.target == name and line.operation not in ("+=", "-="):
                    return f"a spike does more than add to it: {line} (on_{pathway})"
        return ""

    def _read_through(self, name: str) -> set[str]:
        """Subexpressions that an equation reads, directly or through others."""
        return {dependency.equation.varname for dependency in self.equations.dependencies[name]}
