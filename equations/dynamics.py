"""A model as a dynamical system in numbers: right-hand side, fixed points and their stability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import sympy as sp
from brian2 import Quantity
from scipy import optimize

from astrobrian.equations.model import Model, ModelError
from astrobrian.equations.symbolic import System, derive, expression, symbol, unit_values

Range = tuple[Quantity | float, Quantity | float]


@dataclass(frozen=True, eq=False)
class RightHandSide:
    """dx/dt of a model as a function ``(t, x)`` of numbers in SI units, as `scipy.integrate.solve_ivp` takes it.

    Attributes
    ----------
    model : Model
        With the overrides applied.
    system : System
        Its SymPy form.
    constants : tuple of float
        Values of ``system.constants`` (time excepted, which is filled in), in SI units.
    """

    model: Model
    system: System
    constants: tuple[float, ...]

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the components of x."""
        return self.system.states

    def __call__(self, t: float, x: np.ndarray) -> np.ndarray:
        """dx/dt, of the shape of x: ``(len(states),)`` or ``(len(states), n)``."""
        return self.system.function()(*x, *self._at(t))

    def jacobian(self, t: float, x: np.ndarray) -> np.ndarray:
        """d(dx_i/dt)/dx_j, of shape ``(len(states), len(states))``."""
        return self.system.function(1)(*x, *self._at(t))

    def _at(self, t: float) -> tuple[float, ...]:
        return tuple(t if n == "t" else v for n, v in zip(self.system.constants, self.constants, strict=True))

    @cached_property
    def initial(self) -> np.ndarray:
        """The model's initial values; a state without one starts at zero."""
        return np.array([value_of(self.model.initial.get(n, "0"), self.model) for n in self.states])

    def quantity(self, name: str, value: float | np.ndarray) -> Quantity | float | np.ndarray:
        """A number in SI units with the unit of the variable of that name, if it is declared."""
        declared = self.model.equations
        return Quantity(value, dim=declared[name].dim) if name in declared else value


def value_of(text: str, model: Model) -> float:
    """A Brian2 expression of a model's parameters, inputs and units as a number in SI units.

    Raises
    ------
    ModelError
        If it is random or reads anything else.
    """
    formula = expression(text, model.name)
    known = {symbol(n): sp.Float(float(p.quantity)) for n, p in model.constants.items()}
    units = unit_values({s.name for s in formula.free_symbols})
    value = formula.xreplace({**units, **known})
    if value.free_symbols:
        raise ModelError(
            f"{model.name}: {text!r} reads {', '.join(map(str, value.free_symbols))}, unknown here"
        )
    return float(value)


def rhs(model: Model, **overrides: Quantity | float) -> RightHandSide:
    """The right-hand side of a model in numbers, with some of its parameters or inputs overridden.

    Parameters
    ----------
    model : Model
        Any deterministic model with differential equations.
    **overrides : Quantity or float
        Parameters and inputs, with their units; and, in SI units, whatever else the equations read
        (such as ``G_A_astro``).

    Raises
    ------
    ModelError
        If the model has no differential equation, is stochastic, or reads something that has no value.

    Examples
    --------
    >>> flow = rhs(li_rinzel, I=0.5*umolar)
    >>> solution = solve_ivp(flow, (0, 100), flow.initial, method="LSODA", jac=flow.jacobian)
    """
    system = derive(model)
    if not system.states:
        raise ModelError(f"{model.name} has no differential equation")
    undeclared = set(system.constants) - model.equations.names
    changed = model(**{name: value for name, value in overrides.items() if name not in undeclared})
    values = {n: float(p.quantity) for n, p in changed.constants.items()}
    values |= {n: float(np.asarray(overrides[n])) for n in undeclared & overrides.keys()} | {"t": 0.0}
    if missing := [n for n in system.constants if n not in values]:
        raise ModelError(
            f"{model.name} reads {', '.join(missing)}, which it doesn't declare: give rhs a value for it"
        )
    return RightHandSide(changed, system, tuple(values[n] for n in system.constants))


def autonomous(model: Model, **overrides: Quantity | float) -> RightHandSide:
    """`rhs` of a model that doesn't depend on time; only such a one has fixed points and cycles of its own.

    Raises
    ------
    ModelError
        If the equations read ``t``, or as `rhs` does.
    """
    flow = rhs(model, **overrides)
    if "t" in flow.system.constants:
        raise ModelError(
            f"{model.name} depends on the time t, so that it has no fixed points or cycles of its own"
        )
    return flow


def search_box(flow: RightHandSide, within: Mapping[str, Range] | None) -> np.ndarray:
    """Where to look for states: `within` or else the model's bounds, of shape ``(len(states), 2)`` in SI units.

    Raises
    ------
    ModelError
        If a state has no finite range, or one whose end lies below its start.
    """
    given = dict(within or {})
    if unknown := given.keys() - set(flow.states):
        raise ModelError(
            f"{flow.model.name} has no state {', '.join(unknown)}; it has {', '.join(flow.states)}"
        )
    box = np.empty((len(flow.states), 2))
    for row, name in zip(box, flow.states, strict=True):
        if name in given:
            row[:] = [float(flow.quantity(name, 0) + end) for end in given[name]]
        else:
            row[:] = [value_of(end, flow.model) for end in flow.model.bounds.get(name, ("-inf", "inf"))]
        if not np.all(np.isfinite(row)):
            raise ModelError(
                f"{name} of {flow.model.name} has no finite range: say where to look, as in within={{{name!r}: (0, 1)}}"
                " with the units of that state"
            )
        if row[1] <= row[0]:
            raise ModelError(f"the range of {name} is empty: {given.get(name, flow.model.bounds.get(name))}")
    return box


@dataclass(frozen=True, eq=False)
class FixedPoint:
    """Where nothing changes.

    Attributes
    ----------
    values : dict of str to Quantity
        Each state there.
    x : numpy.ndarray
        The same in SI units, in the order of the model's states.
    eigenvalues : numpy.ndarray
        Of the Jacobian there, in 1/second, the largest real part first.
    """

    values: dict[str, Quantity]
    x: np.ndarray
    eigenvalues: np.ndarray

    @classmethod
    def of(cls, flow: RightHandSide, x: np.ndarray, eigenvalues: np.ndarray) -> FixedPoint:
        """From a flow and numbers in SI units; sorts the eigenvalues."""
        order = np.lexsort((-eigenvalues.imag, -eigenvalues.real))
        values = {name: flow.quantity(name, value) for name, value in zip(flow.states, x, strict=True)}
        return cls(values, x, eigenvalues[order])

    @property
    def stable(self) -> bool:
        """Whether every perturbation decays."""
        return bool(np.all(self.eigenvalues.real < 0))

    @property
    def kind(self) -> str:
        """``"stable node"``, ``"unstable focus"``, ``"saddle"`` and so on."""
        unstable = np.count_nonzero(self.eigenvalues.real > 0)
        if 0 < unstable < np.count_nonzero(self.eigenvalues.imag == 0):
            return "saddle"
        shape = "focus" if self.eigenvalues[0].imag else "node"
        return f"{'stable' if self.stable else 'unstable'} {shape}"


def fixed_points(
    model: Model, within: Mapping[str, Range] | None = None, starts: int = 256, **overrides: Quantity | float
) -> list[FixedPoint]:
    """All fixed points in a box, by Newton's method from many starts.

    Parameters
    ----------
    model : Model
        Any deterministic model.
    within : Mapping[str, tuple], optional
        Range of each state that has no finite ``bounds`` of its own, or that should be narrower.
    starts : int, optional
        How many starts; they fill the box evenly and are the same at every call.
    **overrides : Quantity or float
        As in `rhs`.

    Returns
    -------
    list of FixedPoint
        Sorted by their first state.

    Examples
    --------
    >>> [point.values["C"] for point in fixed_points(li_rinzel, I=0.5*umolar)]
    """
    flow = autonomous(model, **overrides)
    box = search_box(flow, within)
    low, width = box[:, 0], box[:, 1] - box[:, 0]
    # squared, so that the starts are denser at low concentrations, where fixed points lie close together
    samples = even_points(starts, len(flow.states)) ** 2
    found: list[np.ndarray] = []
    for sample in samples:
        x = newton(flow, low + width * sample, width)
        if x is None or np.any((x < box[:, 0] - 1e-9 * width) | (x > box[:, 1] + 1e-9 * width)):
            continue
        if not any(np.allclose(x / width, other / width, rtol=0, atol=1e-6) for other in found):
            found.append(x)
    return [
        FixedPoint.of(flow, x, np.linalg.eigvals(flow.jacobian(0, x)))
        for x in sorted(found, key=lambda x: x[0])
    ]


def even_points(count: int, dimension: int) -> np.ndarray:
    """Points that fill the unit cube evenly: multiples, modulo 1, of powers of the generalised golden ratio."""
    golden = optimize.brentq(lambda g: g ** (dimension + 1) - g - 1, 1, 2)
    return (0.5 + np.outer(np.arange(count), golden ** -np.arange(1.0, dimension + 1))) % 1


def newton(flow: RightHandSide, x: np.ndarray, scale: np.ndarray) -> np.ndarray | None:
    """The root of a flow near x, or None if the iteration doesn't settle."""
    with np.errstate(all="ignore"):
        result = optimize.root(
            lambda z: flow(0, z * scale) / scale,
            x / scale,
            jac=lambda z: flow.jacobian(0, z * scale) * scale / scale[:, None],
            tol=1e-13,
        )
        z = result.x
        if not np.all(np.isfinite(z)):
            return None
        # hybr stops at rounding without calling it success: what counts is how far Newton would still go
        try:
            jacobian = flow.jacobian(0, z * scale) * scale / scale[:, None]
            step = np.linalg.solve(jacobian, flow(0, z * scale) / scale)
        except np.linalg.LinAlgError:
            return None
    return (z - step) * scale if np.all(np.abs(step) < 1e-8) else None
