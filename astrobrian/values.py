"""What a model says about the values of its variables, assigned to a Brian2 group."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from brian2 import DEFAULT_UNITS, Quantity
from brian2.core.variables import VariableView
from brian2.groups.group import Group
from brian2.utils.stringtools import get_identifiers

from astrobrian.equations import Input, Model, Parameter


def assign_values(group: Group, model: Model, level: int = 0) -> None:
    """Assign to the variables of a group what its model says.

    Parameters
    ----------
    group : brian2.Group
        Neurons, astrocytes or connected synapses, made with ``model.equations``.
    model : Model
        Gives the values of parameters, the defaults of inputs and the initial values.
    level : int, optional
        As in `brian2.Group`: how many frames above the caller the user's names are, for initial values that read them.

    Raises
    ------
    ValueError
        If an initial value is outside of its physical range, as far as both are known by now.
    """
    constants: dict[str, Input | Parameter] = {**model.inputs, **model.parameters}
    for name, item in constants.items():
        if item.quantity:
            _view(group, name).set_item(slice(None), item.quantity)
    for name, expression in model.initial.items():
        _check_initial(group, model, name)
        # a number is assigned as one: a standalone device would compile a program for an expression
        number = evaluate(expression)
        _view(group, name).set_item(slice(None), expression if number is None else number, level=level + 1)


def evaluate(expression: str, names: Mapping[str, Quantity | float] | None = None) -> Quantity | float | None:
    """The value of an expression of numbers, units and some names; None if it reads anything else."""
    known = {**DEFAULT_UNITS, "inf": np.inf, **(names or {})}
    if not get_identifiers(expression) <= known.keys():
        return None
    return eval(expression, {"__builtins__": {}}, known)


def _view(group: Group, name: str) -> VariableView:
    return group.variables[name].get_addressable_value_with_unit(name, group)


def _check_initial(group: Group, model: Model, name: str) -> None:
    if name not in model.bounds:
        return
    parameters = {name: parameter.quantity for name, parameter in model.parameters.items()}
    low, high = (evaluate(end, parameters) for end in model.bounds[name])
    start = evaluate(model.initial[name], parameters)
    if low is None or start is None or high is None:
        return
    if not low <= start <= high:
        raise ValueError(
            f"{name} of {group.name} starts at {start}, outside its physical range {low} to {high}"
        )
