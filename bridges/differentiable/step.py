"""One time step of a model as Brian2 takes it, as assignments of which each name has one.

The arithmetic is that of Brian2's own state updaters. What follows it has the order of Brian2's schedule: thresholds,
synapses, resets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import count
from typing import Any

import sympy as sp
from brian2 import Equations
from brian2.core.functions import DEFAULT_CONSTANTS, DEFAULT_FUNCTIONS
from brian2.core.namespace import DEFAULT_UNITS
from brian2.core.variables import Variable
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER, SingleEquation
from brian2.equations.refractory import add_refractoriness
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.parsing.statements import parse_statement
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str
from brian2.stateupdaters.base import StateUpdateMethod, UnsupportedEquationsException
from brian2.units.fundamentalunits import Dimension
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.logic.boolalg import Boolean

from astrobrian.bridges.differentiable.functions import FUNCTIONS
from astrobrian.bridges.differentiable.source import names_in
from astrobrian.bridges.torch_codegen import SURROGATE, Z
from astrobrian.equations.model import Model, ModelError
from astrobrian.equations.symbolic import symbol, unit_values

METHODS = ("exact", "exponential_euler", "euler", "rk2", "rk4", "heun", "milstein")
"""Brian2's state updaters that have an explicit form."""

RELAXED = {"surrogate": SURROGATE, "straight_through": Z, "none": sp.Integer(0)}
"""What a spike is differentiated as, of the distance z to the threshold in widths."""

SPIKES_PRE = "spikes_pre"
"""The input that is 1 where and when a presynaptic spike arrives."""

# Brian2 lets no name of a model begin with an underscore
ELAPSED = "_elapsed"
_WHERE, _CHOOSE, _EVENT, _HAPPENED = (sp.Function(f) for f in ("where", "choose", "event", "happened"))
_COMPARISONS = (sp.StrictGreaterThan, sp.GreaterThan, sp.StrictLessThan, sp.LessThan)
_OF_OTHERS = ("_pre", "_post", "_astro")


@dataclass(frozen=True, eq=False)
class Step:
    """What happens to a model in one time step.

    Attributes
    ----------
    fields : tuple of str
        What is kept from one step to the next, time excepted.
    assignments : dict of Symbol to Expr
        Each name is assigned once.
    results : dict of str to Expr
        The fields after the step; then "spikes" if there is a threshold, and what `on_pre` adds to variables that the
        model doesn't declare.
    distances : tuple of Expr
        Of each comparison in the threshold, how far it is from being false, in terms of what the model declares.
    """

    fields: tuple[str, ...]
    assignments: dict[sp.Symbol, sp.Expr]
    results: dict[str, sp.Expr]
    distances: tuple[sp.Expr, ...]

    @cached_property
    def reads(self) -> frozenset[str]:
        """Everything that is read and isn't a field."""
        assigned = {target.name for target in self.assignments}
        return names_in([*self.assignments.values(), *self.results.values()]) - assigned - {*self.fields}


def addition(name: str) -> str:
    """The name in a step of what is added to a variable from outside."""
    return f"_add_{name}"


def width(number: int) -> str:
    """The name in a step of the width of a comparison in the threshold."""
    return f"_width_{number}"


@cache
def step(model: Model, method: str, added: frozenset[str], spike: str) -> Step:
    """One time step of a model.

    Parameters
    ----------
    model : Model
    method : str
        One of `METHODS`.
    added : frozenset of str
        Variables to which synapses outside the model add.
    spike : str
        What spikes are differentiated as, one of `RELAXED`.

    Raises
    ------
    ModelError
        If Brian2's method isn't for these equations, or an expression has no form in Torch.

    Examples
    --------
    >>> step(tsodyks_markram, "euler", frozenset(), "none").fields
    ('u_S', 'x_S')
    """
    return _Builder(model, method).step(added, RELAXED[spike])


def alike(model: Model) -> Model:
    """The first model with the same equations, whatever the values, so that they are derived once.

    Fitting makes many models that differ in nothing else.
    """
    written = (model.name, model.text, *model.constants), model.threshold, model.reset, model.refractory
    return _FIRST.setdefault((*written, model.on_pre), model)


_FIRST: dict[tuple[Any, ...], Model] = {}


def closed(model: Model, text: str) -> sp.Expr:
    """An expression with a model's subexpressions substituted and units as numbers.

    Raises
    ------
    ModelError
        If it calls a function that has no form in Torch.
    """
    subexpressions = {
        symbol(name): str_to_sympy(model.equations[name].expr.code) for name in model.subexpressions
    }
    formula = str_to_sympy(text)
    while formula.free_symbols & subexpressions.keys():
        formula = formula.xreplace(subexpressions)
    for call in formula.atoms(AppliedUndef):
        if call.func.__name__ not in {*FUNCTIONS, "int_"}:
            raise ModelError(
                f"{model.name}: {call.func.__name__}() in {text!r} has no form in Torch; "
                "declare its value as an Input, and give it for each step"
            )
    return formula.xreplace(unit_values({s.name for s in formula.free_symbols} - model.equations.names))


def declared(model: Model) -> Mapping[str, SingleEquation]:
    """The equations of a model without its parameters and inputs."""
    return {name: eq for name, eq in model.equations.items() if name not in model.constants}


def variables(model: Model) -> tuple[str, ...]:
    """What a model keeps from step to step: its states, and plain variables that its statements write."""
    kinds = (DIFFERENTIAL_EQUATION, PARAMETER)
    return tuple(name for name, eq in declared(model).items() if eq.type in kinds)


def is_condition(text: str) -> bool:
    """Whether an expression is true or false, rather than a number."""
    return isinstance(parsed := str_to_sympy(text), Boolean) and not isinstance(parsed, sp.Symbol)


def threshold_dimension(model: Model) -> Dimension | None:
    """The dimension of what the threshold compares; None if that is read from elsewhere.

    Raises
    ------
    ModelError
        If comparisons of several dimensions make the threshold.
    """
    known = {name: Variable(name, dimensions=eq.dim) for name, eq in model.equations.items()}
    known = {**DEFAULT_FUNCTIONS, **DEFAULT_CONSTANTS, **DEFAULT_UNITS, **known}
    sides = [each.lhs for each in str_to_sympy(str(model.threshold)).atoms(Relational)]
    if names_in(sides) - known.keys():
        return None
    found = {parse_expression_dimensions(sympy_to_str(side), known) for side in sides}
    if len(found) > 1:
        raise ModelError(
            f"the threshold of {model.name} compares several kinds of values: it has no one width"
        )
    return found.pop()


class _Builder:
    """Follows what happens in a step, and what each name means at that point."""

    def __init__(self, model: Model, method: str) -> None:
        self.model, self.method = model, method
        self.made: dict[sp.Symbol, sp.Expr] = {}
        self.now: dict[sp.Symbol, sp.Expr] = {}
        self.number = count()
        for name, eq in declared(model).items():
            if "constant over dt" in eq.flags:
                raise ModelError(
                    f"{model.name}: {name} is (constant over dt), which isn't supported in Torch"
                )

    def value(self, name: str) -> sp.Expr:
        return self.now.get(symbol(name), symbol(name))

    def write(self, name: str, value: sp.Expr) -> sp.Symbol:
        target = sp.Symbol(f"_{next(self.number)}_{name}", real=True)
        self.made[target] = value
        self.now[symbol(name)] = target
        return target

    def run(self, code: str) -> None:
        for name, operation, formula in _statements(code):
            text = formula if operation == "=" else f"{name} {operation[:-1]} ({formula})"
            self.write(name, closed(self.model, text).xreplace(self.now))

    def run_where(self, spikes: sp.Expr, code: str) -> None:
        """Statements of those that spike; what they assign to names of their own is forgotten."""
        before = dict(self.now)
        self.run(code)
        after, self.now = self.now, before
        for name in (*variables(self.model), *self.outputs):
            if after.get(symbol(name)) is not before.get(symbol(name)):
                self.write(name, _CHOOSE(spikes, after[symbol(name)], self.value(name)))

    def step(self, added: frozenset[str], relaxed: sp.Expr) -> Step:
        model = self.model
        fields = [*variables(model)]
        if model.refractory:
            fields += (
                ["not_refractory"] if is_condition(model.refractory) else ["not_refractory", "lastspike"]
            )
        for name in self.outputs:
            self.now[symbol(name)] = sp.Integer(0)
        self.update()
        distances = self.threshold(relaxed) if model.threshold else ()
        self.synapses(added)
        if model.threshold and model.reset:
            self.run_where(self.value("spikes"), model.reset)
        names = [*fields, *(["spikes"] if model.threshold else []), *self.outputs]
        return Step(tuple(fields), self.made, {name: self.value(name) for name in names}, distances)

    def update(self) -> None:
        """The slot "groups"."""
        model, equations = self.model, self.model.equations
        if model.refractory:
            # exponential Euler holds what others read during a step, and would divide by zero while a cell is refractory
            if self.method != "exponential_euler":
                equations = add_refractoriness(equations)
            if is_condition(model.refractory):
                self.run(f"not_refractory = not_refractory or not ({model.refractory})")
            else:
                self.run(f"not_refractory = timestep(t - lastspike, dt) >= timestep({model.refractory}, dt)")
        event_driven = {name for name, eq in equations.items() if "event-driven" in eq.flags}
        clock_driven = equations.diff_eq_names - event_driven
        if event_driven:
            # advanced at every step, so that they can be read between events
            self.now[str_to_sympy("dt")] = symbol(ELAPSED)
            self.run(self.state_updater("exact", _without(equations, clock_driven)))
            del self.now[str_to_sympy("dt")]
        if clock_driven:
            before = {name: self.value(name) for name in self.held}
            self.run(self.state_updater(self.method, _without(equations, event_driven)))
            for name, old in before.items():
                self.write(name, _WHERE(self.value("not_refractory"), self.value(name), old))

    @cached_property
    def held(self) -> tuple[str, ...]:
        """Variables that nothing but a reset changes while their cell is refractory."""
        if not self.model.refractory:
            return ()
        return tuple(n for n, eq in self.model.equations.items() if "unless refractory" in eq.flags)

    def state_updater(self, method: str, equations: Equations) -> str:
        """Abstract code of Brian2; the noise ``xi`` is read as a standard normal number of that name."""
        try:
            code = StateUpdateMethod.stateupdaters[method](equations, {})
        except UnsupportedEquationsException as error:
            possible = " or ".join(m for m in METHODS if _applies(m, equations))
            raise ModelError(
                f"{method} can't integrate the equations of {self.model.name} ({error}); {possible} can"
            ) from None
        for noise in equations.stochastic_variables:
            code = code.replace(f"{noise} = dt**.5 * randn()", f"{noise} = dt**.5 * {noise}")
        return code

    def threshold(self, relaxed: sp.Expr) -> tuple[sp.Expr, ...]:
        """The slot "thresholds"."""
        model = self.model
        distances: list[sp.Expr] = []

        def number(condition: sp.Basic) -> sp.Expr:
            """A condition as 1 or 0."""
            if isinstance(condition, _COMPARISONS):
                distances.append(condition.gts - condition.lts)
                z = distances[-1] / symbol(width(len(distances) - 1))
                return _EVENT(condition, relaxed.subs(Z, z))
            if isinstance(condition, sp.And):
                return sp.Mul(*map(number, condition.args))
            if isinstance(condition, sp.Or):
                return 1 - sp.Mul(*(1 - number(each) for each in condition.args))
            if isinstance(condition, sp.Not):
                return 1 - number(condition.args[0])
            raise ModelError(
                f"the threshold of {model.name} should be made of comparisons with >, >=, < or <=, "
                f"not {model.threshold!r}"
            )

        spikes = number(closed(model, str(model.threshold))).xreplace(self.now)
        if model.refractory:
            spikes = spikes * self.value("not_refractory")
        spikes = self.write("spikes", spikes)
        if model.refractory:
            happened = self.write("_happened", _HAPPENED(spikes))
            self.write("not_refractory", sp.And(self.value("not_refractory"), sp.Not(happened)))
            if not is_condition(model.refractory):
                self.write("lastspike", _WHERE(happened, str_to_sympy("t"), self.value("lastspike")))
        return tuple(distances)

    def synapses(self, added: frozenset[str]) -> None:
        """The slot "synapses"."""
        for name in sorted(added):
            more = self.value(name) + symbol(addition(name))
            if name in self.held:
                more = _WHERE(self.value("not_refractory"), more, self.value(name))
            self.write(name, more)
        if self.model.on_pre:
            self.run_where(symbol(SPIKES_PRE), self.model.on_pre)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Variables of others that `on_pre` adds to."""
        found: dict[str, None] = {}
        read: set[str] = set()
        for name, operation, formula in _statements(self.model.on_pre):
            read |= names_in([str_to_sympy(formula)])
            if name in self.model.equations.names or not name.endswith(_OF_OTHERS):
                continue
            if operation not in ("+=", "-="):
                raise ModelError(f"{self.model.name} can only add to {name}, which it doesn't declare")
            found[name] = None
        if both := read & found.keys():
            raise ModelError(f"on_pre of {self.model.name} both reads {both.pop()} and adds to it")
        return tuple(found)


def _statements(code: str) -> list[tuple[str, str, str]]:
    lines = (line.split("#")[0].strip() for line in code.splitlines())
    return [parse_statement(line)[:3] for line in lines if line]


def _without(equations: Equations, names: Iterable[str]) -> Equations:
    return Equations([eq for name, eq in equations.items() if name not in names])


def _applies(method: str, equations: Equations) -> bool:
    try:
        StateUpdateMethod.stateupdaters[method](equations, {})
    except UnsupportedEquationsException:
        return False
    return True
