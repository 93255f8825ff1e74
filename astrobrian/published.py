"""The published form: each synapse holds everything, and two `Synapses` objects copy values at every step.

As in example 6 of Stimberg, Goodman, Brette and De Pittà (2019), except that the connections between synapses and
astrocytes are listed instead of searched for among all pairs. The reference that lifting is tested against.
"""

from __future__ import annotations

from collections.abc import Iterable

from brian2 import NeuronGroup, Synapses
from brian2.equations.codestrings import Expression
from brian2.equations.equations import SUBEXPRESSION, Equations, SingleEquation


def copy_to_synapses(astrocytes: NeuronGroup, synapses: Synapses, names: Iterable[str]) -> Synapses:
    """Copy variables of the astrocytes to the variables ``X_astro`` of their synapses."""
    copied = {f"{name}_astro_post": (f"{name}_pre", astrocytes.variables[name].dim) for name in names}
    return _summing(astrocytes, synapses, copied, f"{synapses.name}_from_astrocytes")


def copy_to_astrocytes(
    synapses: Synapses, astrocytes: NeuronGroup, names: Iterable[str], how: str
) -> Synapses:
    """Give the astrocytes the sum or mean of variables of their synapses."""
    divisor = "/N_incoming" if how == "mean" else ""
    copied = {f"{name}_post": (f"{name}_pre{divisor}", astrocytes.variables[name].dim) for name in names}
    return _summing(synapses, astrocytes, copied, f"{synapses.name}_to_astrocytes")


def _summing(source, target, copied: dict, name: str) -> Synapses:
    equations = [
        SingleEquation(SUBEXPRESSION, variable, dimensions=dim, expr=Expression(code), flags=["summed"])
        for variable, (code, dim) in copied.items()
    ]
    return Synapses(source, target, Equations(equations), clock=target.clock, name=name)
