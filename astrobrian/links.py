"""What a synapse model and a group of astrocytes have to do with each other, read from names and code."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from brian2 import NeuronGroup
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER
from brian2.groups.group import Group

from astrobrian.equations import Model

SUFFIX = "_astro"


@dataclass(frozen=True)
class Statement:
    """One line of a pathway, such as ``Y_S += rho_c*Y_T*r_S``."""

    target: str
    operation: str
    expression: str

    def __str__(self) -> str:
        return f"{self.target} {self.operation} {self.expression}"


def statements(code: str) -> list[Statement]:
    """The statements of a pathway; raises SyntaxError for anything but assignments."""
    operations = {ast.Add: "+=", ast.Sub: "-=", ast.Mult: "*=", ast.Div: "/=", ast.Pow: "**="}
    found = []
    lines = [line.strip() for line in code.splitlines()]  # Brian2 puts code with different margins together
    for node in ast.parse("\n".join(lines)).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value):
                found.append(Statement(target, "=", ast.unparse(value)))
            case ast.AugAssign(target=ast.Name(id=target), op=op, value=value) if type(op) in operations:
                found.append(Statement(target, operations[type(op)], ast.unparse(value)))
            case _:
                raise SyntaxError(f"{ast.unparse(node)!r} is not an assignment to a variable")
    return found


def identifiers(expression: str) -> set[str]:
    """All names that an expression reads, functions included."""
    return {
        node.id for node in ast.walk(ast.parse(expression.strip(), mode="eval")) if isinstance(node, ast.Name)
    }


def called(expression: str) -> set[str]:
    """The functions that an expression calls."""
    return {
        node.func.id
        for node in ast.walk(ast.parse(expression.strip(), mode="eval"))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


@dataclass(frozen=True)
class Links:
    """Variables of the astrocytes that a kind of synapse reads, adds to, and feeds.

    Parameters
    ----------
    read : tuple[str, ...]
        Every X that the model or a pathway reads as ``X_astro``.
    written : tuple[str, ...]
        Every X that a pathway adds to as ``X_astro += ...``.
    gathered : tuple[str, ...]
        Variables that the astrocytes leave to others to compute, and that the synapses have.
    """

    read: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    gathered: tuple[str, ...] = ()


def links(model: Model, pathways: Mapping[str, str], astrocytes: NeuronGroup | None) -> Links:
    """Find the links between a synapse model with its pathways and some astrocytes.

    Raises
    ------
    TypeError, ValueError
        If the model names astrocytic variables and there are no astrocytes or no such variables, or
        if astrocytes are given and there is no link.
    """
    if astrocytes is not None and not isinstance(astrocytes, NeuronGroup):
        raise TypeError(
            f"astrocytes must be a whole NeuronGroup or AstrocyteGroup, got {type(astrocytes).__name__}; that only "
            "some of its cells cover synapses is said in cover(index=...)"
        )
    lines = [line for code in pathways.values() for line in statements(code)]
    read = model.equations.identifiers.union(*(identifiers(line.expression) for line in lines))
    declared = model.equations.names
    found = Links(
        _astrocytic(read - declared),
        _astrocytic({line.target for line in lines} - declared),
        () if astrocytes is None else _gathered(model, astrocytes),
    )
    _check(found, astrocytes)
    for line in lines:
        if line.target in {f"{name}{SUFFIX}" for name in found.written} and line.operation not in (
            "+=",
            "-=",
        ):
            raise ValueError(
                f"{line}: synapses can only add to a variable of their astrocyte (+= or -=), because several of them "
                "may do so at the same time"
            )
    if event_driven := [name for name in found.gathered if _only_at_spikes(model, name)]:
        raise ValueError(
            f"the astrocytes read {event_driven[0]} between spikes, but it depends on an event-driven equation of "
            f"{model.name}, which is only computed at spikes; make that (clock-driven)"
        )
    return found


def names_of_neurons(source: Group, target: Group) -> set[str]:
    """Every name by which synapses can read a variable of their neurons, or what is their own by nature."""
    names = {f"{name}_pre" for name in source.variables} | {f"{name}_post" for name in target.variables}
    own = {"i", "j", "N", "N_incoming", "N_outgoing", "N_synapses", "lastupdate", "delay"}
    return names | set(target.variables) - {"t", "dt", "t_in_timesteps"} | own


def _astrocytic(names: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(n.removesuffix(SUFFIX) for n in names if n.endswith(SUFFIX) and n != SUFFIX))


def _gathered(model: Model, astrocytes: NeuronGroup) -> tuple[str, ...]:
    waiting = [
        name
        for name, eq in getattr(astrocytes, "equations", {}).items()
        if eq.type == PARAMETER and not {"constant", "shared", "linked"} & set(eq.flags)
    ]
    offered = model.equations.names - set(model.inputs) - set(model.parameters)
    return tuple(name for name in waiting if name in offered)


def _check(found: Links, astrocytes: NeuronGroup | None) -> None:
    named = (*found.read, *found.written)
    if astrocytes is None:
        if named:
            raise ValueError(f"the model uses {named[0]}{SUFFIX}, but no astrocytes are given")
        return
    for name in named:
        if name not in astrocytes.variables:
            known = ", ".join(sorted(v for v in astrocytes.variables if not v.startswith("_")))
            raise ValueError(
                f"the model uses {name}{SUFFIX}, but {astrocytes.name} has no {name}; it has {known}"
            )
        if astrocytes.variables[name].dtype == bool:
            raise ValueError(f"the model uses {name}{SUFFIX}, but {name} is true or false and not a number")
    for name in found.written:
        if astrocytes.variables[name].scalar:
            raise ValueError(
                f"{name}{SUFFIX} can't be added to: {name} is shared by all cells of {astrocytes.name}"
            )
    if not named and not found.gathered:
        raise ValueError(
            f"the model and {astrocytes.name} have nothing to do with each other: it uses no variable X of the "
            f"astrocytes as X{SUFFIX}, and no input of theirs has the name of one of its variables"
        )


def _only_at_spikes(model: Model, name: str) -> bool:
    equations = model.equations
    read = [equations[name], *(dependency.equation for dependency in equations.dependencies.get(name, []))]
    return any(eq.type == DIFFERENTIAL_EQUATION and "event-driven" in eq.flags for eq in read)
