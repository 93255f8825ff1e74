"""Units written as text, such as ``"umolar/second"``, and the quantities made with them."""

import ast
import operator

import numpy as np
from brian2 import DimensionMismatchError, Quantity, have_same_dimensions
from brian2.core.namespace import DEFAULT_UNITS
from brian2.units.fundamentalunits import get_unit

_BINARY = {ast.Mult: operator.mul, ast.Div: operator.truediv}


def unit(text: str) -> Quantity | float:
    """The unit that a text names.

    Parameters
    ----------
    text : str
        A product, quotient or power of Brian2 units: ``"umolar/second"``, ``"1/second"``, ``"1"``.

    Raises
    ------
    ValueError
        If the text isn't such an expression or names an unknown unit.

    Examples
    --------
    >>> 2 * unit("umolar")
    2. * umolar
    """

    def walk(node: ast.expr) -> Quantity | float:
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return number
            case ast.Name(id=name) if name in DEFAULT_UNITS:
                return DEFAULT_UNITS[name]
            case ast.Name(id=name):
                raise ValueError(f"{name!r} in the unit {text!r} is not a unit that Brian2 knows")
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return _BINARY[type(op)](walk(left), walk(right))
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                if not isinstance(power := walk(right), Quantity):
                    return walk(left) ** power
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as power)):
                return -power
        raise ValueError(f"{text!r} is not a product, quotient or power of units")

    try:
        return walk(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ZeroDivisionError, OverflowError, DimensionMismatchError) as error:
        raise ValueError(f"{text!r} is not a unit: {error}") from error


def base_unit(text: str) -> str:
    """The same unit without its scale, as Brian2 wants it in equations: ``"umolar"`` becomes ``"mmolar"``."""
    unit(text)  # refuses what isn't a unit

    class Unscaled(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.Name:
            return ast.Name(id=repr(get_unit(DEFAULT_UNITS[node.id].dim)))

    return ast.unparse(Unscaled().visit(ast.parse(text.strip(), mode="eval"))).replace(" ", "")


def in_unit(value: Quantity | float, text: str) -> float:
    """How many of the unit `text` a scalar is.

    Raises
    ------
    DimensionMismatchError
        If the value has another dimension.
    ValueError
        If the value isn't one finite number.
    """
    one = unit(text)
    if not have_same_dimensions(value, one):
        raise DimensionMismatchError(f"expected a quantity in {text}, got {value!r}")
    if np.ndim(value) != 0 or not np.isfinite(float(np.asarray(value, dtype=float))):
        raise ValueError(f"expected one finite number in {text}, got {value!r}")
    # through 12 digits, so that 50*nmolar reads as 0.05 umolar and not as 0.05000000000000001
    exact = float(np.asarray(value, dtype=float) / np.asarray(one, dtype=float))
    rounded = float(f"{exact:.12g}")
    return rounded if np.isclose(rounded, exact, rtol=4e-16, atol=0) else exact


def written(value: float, text: str) -> str:
    """Value and unit as one reads them: ``"0.6"``, ``"2 umolar"``."""
    return f"{value:.12g}" if text == "1" else f"{value:.12g} {text}"
