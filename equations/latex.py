"""A model as LaTeX: its equations, and a table of its constants."""

from collections.abc import Mapping

import sympy as sp
from brian2 import Equations

from astrobrian.equations.parameter import Input, Parameter


def latex(equations: Equations, constants: Mapping[str, Parameter | Input]) -> str:
    """Equations and a table of constants as LaTeX that notebooks show.

    Parameters
    ----------
    equations : Equations
    constants : Mapping[str, Parameter or Input]
    """
    rows = (
        rf"{sp.latex(sp.Symbol(name))} & = & \text{{{_escaped(str(item))}}}"
        for name, item in constants.items()
    )
    table = "$$\\begin{array}{rcl}\n" + " \\\\\n".join(rows) + "\n\\end{array}$$"
    return "\n".join(([equations._repr_latex_()] if equations else []) + ([table] if constants else []))


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in "_%&#$" else c for c in text)
