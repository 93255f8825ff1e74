"""A model with its events replaced by their mean: what it does on average at a steady rate of independent events."""

from __future__ import annotations

import sympy as sp
from brian2.parsing.statements import parse_statement

from astrobrian.equations.model import Model, ModelError
from astrobrian.equations.symbolic import System, derive, expression, symbol


def jump(model: Model) -> dict[str, sp.Expr]:
    """What one event makes of each state: a spike that arrives at a synapse (``on_pre``), or a model's own ``reset``.

    Variables that only exist during the event, such as the release ``r_S``, are included.

    Raises
    ------
    ModelError
        If the model has no event, or both kinds.

    Examples
    --------
    >>> jump(tsodyks_markram)["u_S"]
    U_0*(1 - u_S) + u_S
    """
    if bool(model.on_pre) == bool(model.reset):
        raise ModelError(f"{model.name} has {'both on_pre and a reset' if model.on_pre else 'no event'}")
    after: dict[str, sp.Expr] = {}
    for line in (model.on_pre or model.reset).splitlines():
        variable, operation, code, _ = parse_statement(line)
        value = expression(code, model.name).xreplace({symbol(n): e for n, e in after.items()})
        before = after.get(variable, symbol(variable))
        after[variable] = {
            "=": value,
            "+=": before + value,
            "-=": before - value,
            "*=": before * value,
            "/=": before / value,
        }[operation]
    return after


def mean_field(model: Model, rate: str) -> System:
    """A model whose events happen at a rate instead of at times, states being taken as uncorrelated.

    Parameters
    ----------
    model : Model
        With one kind of event.
    rate : str
        Name for the rate, which becomes one of the system's constants.

    Raises
    ------
    ModelError
        As `jump` and `derive` do.

    Examples
    --------
    >>> mean_field(gliotransmission, "nu_A").derivatives
    """
    flow, after = derive(model), jump(model)
    derivatives = [
        derivative + symbol(rate) * (after[name] - symbol(name)) if name in after else derivative
        for name, derivative in zip(flow.states, flow.derivatives, strict=True)
    ]
    return System(flow.states, tuple(derivatives), flow.outputs)
