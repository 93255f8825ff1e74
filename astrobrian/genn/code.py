"""Brian2's abstract code, made independent of Brian2's objects: with numbers for constants, and subexpressions inlined."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from brian2 import DEFAULT_FUNCTIONS, BinomialFunction, TimedArray
from brian2.core.functions import Function
from brian2.core.variables import ArrayVariable, Constant, Subexpression

from astrobrian.genn import program
from astrobrian.links import Statement, identifiers, statements

#: Functions that GeNN can call, under their names in Brian2.
KNOWN = (
    *(
        "sin",
        "cos",
        "tan",
        "sinh",
        "cosh",
        "tanh",
        "exp",
        "log",
        "log10",
        "sqrt",
        "ceil",
        "floor",
        "arcsin",
        "arccos",
    ),
    *("arctan", "abs", "sign", "int", "rand", "randn", "clip", "exprel", "expm1", "log1p", "timestep"),
)
RANDOM = {"rand", "randn"}

#: A TimedArray is part of the code, and so are its values; of more than these a compiler gets tired.
LARGEST_TABLE = 100_000

#: The name in the program of an array variable that the code calls by a name.
Naming = Callable[[str, ArrayVariable], str]


class CannotExpress(Exception):
    """A feature that GeNN lacks, and what needs it, in words."""

    def __init__(self, feature: str, reason: str) -> None:
        super().__init__(reason)
        self.feature, self.reason = feature, reason


class Resolver(ast.NodeTransformer):
    """Writes expressions of Brian2 with the names of a program.

    Parameters
    ----------
    variables : Mapping
        What each name is: those of a code object.
    naming : Naming
    functions : dict
        Of the program; functions are added to it.
    dt : float
        Of the object that the code belongs to, for functions of time.
    """

    def __init__(
        self, variables: Mapping[str, Any], naming: Naming, functions: dict[str, program.Function], dt: float
    ) -> None:
        self.variables, self.naming, self.functions, self.dt = variables, naming, functions, dt

    def expression(self, text: str) -> str:
        """The expression with the names of the program."""
        return ast.unparse(self.visit(ast.parse(text.strip(), mode="eval")))

    def statements(self, code: str) -> list[Statement]:
        """The statements with the names of the program, also of what they write to."""
        return [
            Statement(self._target(line.target), line.operation, self.expression(line.expression))
            for line in statements(code)
        ]

    def _target(self, name: str) -> str:
        variable = self.variables.get(name)
        return self.naming(name, variable) if isinstance(variable, ArrayVariable) else name

    def visit_Name(self, node: ast.Name) -> ast.expr:
        variable = self.variables.get(node.id)
        if isinstance(variable, Subexpression):
            return self.visit(ast.parse(variable.expr.strip(), mode="eval")).body
        if isinstance(variable, Constant):
            return number(variable.get_value())
        if isinstance(variable, ArrayVariable):
            if variable.name == "dt":
                return number(variable.get_value().item())
            if variable.name == "t_in_timesteps":
                return ast.parse(f"timestep(t, {self.dt!r})", mode="eval").body
            if variable.name in ("t", "_clock_t"):
                return ast.Name("t")
            return ast.parse(self.naming(node.id, variable), mode="eval").body
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        assert isinstance(node.func, ast.Name)
        function = self.variables.get(node.func.id)
        arguments = [self.visit(argument) for argument in node.args]
        return ast.Call(ast.Name(self._function(node.func.id, function)), arguments, [])

    def _function(self, name: str, function: Function | None) -> str:
        if isinstance(function, TimedArray):
            return self._table(function)
        if isinstance(function, BinomialFunction) and function.name in self.functions:
            return function.name  # that of a PoissonInput, which has told its numbers
        if function is DEFAULT_FUNCTIONS.get(name) and name in KNOWN:
            return name
        raise CannotExpress("user_functions", f"it calls {name}, which GeNN doesn't have")

    def _table(self, table: TimedArray) -> str:
        values = np.asarray(table.values)
        if values.size > LARGEST_TABLE:
            raise CannotExpress(
                "timed_array",
                f"the TimedArray {table.name} has {values.size} values, and GeNN's code can hold {LARGEST_TABLE}",
            )
        refined = max(int(2 ** np.ceil(np.log2(8 / self.dt * table.dt))), 1)  # as Brian2 does it
        name = f"{table.name.strip('_')}_{refined}"
        numbers = {"values": values, "refined": refined, "fine_dt": table.dt / refined}
        self.functions[name] = program.Function("table", numbers)
        return name


def number(value: Any) -> ast.expr:
    """A number as part of an expression."""
    value = np.asarray(value).item()
    if isinstance(value, bool):
        return ast.Constant(value)
    if np.isnan(value):
        return ast.parse("(inf - inf)", mode="eval").body
    magnitude = ast.Name("inf") if np.isinf(value) else ast.Constant(abs(value))
    return ast.UnaryOp(ast.USub(), magnitude) if value < 0 else magnitude


def number_text(value: Any) -> str:
    """A number as text of an expression."""
    return ast.unparse(number(value))


def draws_random_numbers(code: Iterable[str]) -> bool:
    """Whether any of these expressions does."""
    return any(identifiers(expression) & RANDOM or "binomial" in expression for expression in code)


def when(condition: str, lines: Iterable[Statement], variables: Iterable[str]) -> list[Statement]:
    """The same statements, whose effect on variables depends on a condition; what is computed on the way stays."""
    variables = set(variables)
    return [
        Statement(line.target, "=", f"choose({condition}, {plainly(line)}, {line.target})")
        if line.target in variables
        else line
        for line in lines
    ]


def plainly(line: Statement) -> str:
    """What a statement assigns."""
    return (
        line.expression
        if line.operation == "="
        else f"{line.target} {line.operation[:-1]} ({line.expression})"
    )


def earlier(lines: Iterable[Statement], dt: float) -> list[Statement]:
    """The same statements, with the time of the step before."""
    return [Statement(line.target, line.operation, _earlier(line.expression, dt)) for line in lines]


def _earlier(expression: str, dt: float) -> str:
    tree = ast.parse(expression, mode="eval")

    class Shift(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return ast.parse(f"(t - {dt!r})", mode="eval").body if node.id == "t" else node

    return ast.unparse(Shift().visit(tree))


def text(lines: Iterable[Statement]) -> list[str]:
    """The statements as lines of code."""
    return [str(line) for line in lines]
