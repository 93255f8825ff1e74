"""From a declaration to one token of it: SymPy expressions, and Torch functions made from them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

import sympy as sp
import torch
from brian2.parsing.statements import parse_statement
from brian2.parsing.sympytools import str_to_sympy
from brian2.stateupdaters.exponential_euler import get_conditionally_linear_system

from astrobrian.equations.model import Model

DT = str_to_sympy("dt")
Z = sp.Symbol("z", real=True)

SURROGATE = sp.atan(sp.pi * Z) / sp.pi + sp.Rational(1, 2)
"""What the derivative of a spike is taken from, of the distance z to the threshold (arctangent with alpha 2)."""

_TORCH = {
    name: getattr(torch, name)
    for name in ("exp", "log", "sqrt", "tanh", "sin", "cos", "sinh", "cosh", "atan", "sigmoid", "abs")
} | {"Abs": torch.abs, "pi": torch.pi}


def symbol(name: str) -> sp.Symbol:
    """The SymPy symbol that Brian2's parser makes of a name."""
    return sp.Symbol(name, real=True)


STEPS: dict[str, TokenStep] = {}
"""Every step that was made, by its name."""


@dataclass(frozen=True, eq=False)
class TokenStep:
    """One step of exponential Euler of a declaration, symbolically.

    Everything but the integrated variable itself is held during the step, as in Brian2's ``exponential_euler``; then
    the threshold is tested, and cells that spike are reset.

    Attributes
    ----------
    states, inputs, parameters : tuple of str
        Names, in the order of the declaration.
    update : dict of str to sympy.Expr
        Each state after the step.
    outputs : dict of str to sympy.Expr
        The declaration's subexpressions.
    spike : sympy.Expr or None
        Positive where the unit spikes.
    reset : dict of str to sympy.Expr
        The states that a spike changes.
    name : str
        The states and a hash of all the above: the same in every process (see `step_named`).
    functions : dict of str to callable
        ``update``, ``outputs``, ``spike`` and ``reset`` as Torch functions of `arguments` that return the expressions.
        They are made with the step, because torch.compile can't trace through SymPy.
    """

    states: tuple[str, ...]
    inputs: tuple[str, ...]
    parameters: tuple[str, ...]
    update: dict[str, sp.Expr]
    outputs: dict[str, sp.Expr]
    spike: sp.Expr | None
    reset: dict[str, sp.Expr]
    name: str = field(init=False)
    functions: dict[str, Callable[..., list[torch.Tensor]]] = field(init=False)

    def __post_init__(self) -> None:
        content = (
            self.states,
            self.inputs,
            self.parameters,
            self.update,
            self.outputs,
            self.spike,
            self.reset,
        )
        known_by = hashlib.sha256(repr(content).encode()).hexdigest()[:12]
        object.__setattr__(self, "name", "_".join((*self.states, known_by)))
        STEPS[self.name] = self
        printed = {
            "update": self.update.values(),
            "outputs": self.outputs.values(),
            "spike": () if self.spike is None else (self.spike,),
            "reset": self.reset.values(),
        }
        object.__setattr__(self, "functions", {name: self.torch(each) for name, each in printed.items()})

    @cached_property
    def arguments(self) -> tuple[sp.Symbol, ...]:
        """States, inputs, parameters and dt: what every Torch function made from this step takes, in this order."""
        return (*(symbol(n) for n in (*self.states, *self.inputs, *self.parameters)), DT)

    def without(self, name: str) -> TokenStep:
        """The same step with an input that is always zero."""
        zero = {symbol(name): 0}

        def cut(expressions: dict[str, sp.Expr]) -> dict[str, sp.Expr]:
            return {n: e.subs(zero) for n, e in expressions.items()}

        return replace(
            self,
            inputs=tuple(n for n in self.inputs if n != name),
            update=cut(self.update),
            outputs=cut(self.outputs),
            spike=None if self.spike is None else self.spike.subs(zero),
            reset=cut(self.reset),
        )

    @cached_property
    def rest(self) -> dict[str, sp.Expr]:
        """Where each state stays while the inputs do and no spike comes."""
        return {name: sp.solve(self.update[name] - symbol(name), symbol(name))[0] for name in self.states}

    def torch(self, expressions: Iterable[sp.Expr]) -> Callable[..., list[torch.Tensor]]:
        """A Torch function of `arguments` that returns the expressions."""
        return torch_function(self.arguments, tuple(expressions))


def step_named(name: str) -> TokenStep:
    """The step of this name; an operator in an exported program knows its step by it.

    Raises
    ------
    LookupError
        If it wasn't made in this process.
    """
    if name not in STEPS:
        raise LookupError(
            f"no token step {name} was made in this process: import what makes it (for a layer, astrobrian.bridges.amsu), "
            "or call token_step with its declaration"
        )
    return STEPS[name]


@cache
def torch_function(arguments: tuple[sp.Symbol, ...], expressions: tuple[sp.Expr, ...]) -> Callable:
    """Expressions as a Torch function of the arguments; differentiable, elementwise, broadcasting."""
    return sp.lambdify(arguments, list(expressions), modules=[_TORCH])


@cache
def token_step(model: Model) -> TokenStep:
    """One token of a declaration.

    Parameters
    ----------
    model : Model
        Each differential equation must be linear in its own variable; the threshold must be one comparison with
        ``>``, and the reset simple assignments.

    Raises
    ------
    ValueError
        If it isn't so, naming the model and the expression.

    Examples
    --------
    >>> token_step(amsu_membrane).update["u"]
    (u - tanh(x))*exp(-dt/tau_u) + tanh(x)
    """
    try:
        system = get_conditionally_linear_system(model.equations)
    except ValueError as error:
        raise ValueError(f"{model.name} has no exact step: {error}") from None
    update = {}
    for name, (rate, drive) in system.items():
        x = symbol(name)
        rest = sp.simplify(-drive / rate) if rate != 0 else sp.S.Zero
        update[name] = (x - rest) * sp.exp(rate * DT) + rest if rate != 0 else x + DT * drive
    substituted = dict(model.equations.get_substituted_expressions(include_subexpressions=True))
    outputs = {name: str_to_sympy(substituted[name].code) for name in model.subexpressions}
    return TokenStep(
        states=model.states,
        inputs=tuple(model.inputs),
        parameters=tuple(model.parameters),
        update={name: update[name] for name in model.states},
        outputs=outputs,
        spike=_spike(model, outputs),
        reset=_reset(model),
    )


def _spike(model: Model, outputs: dict[str, sp.Expr]) -> sp.Expr | None:
    if model.threshold is None:
        return None
    condition = str_to_sympy(model.threshold)
    if condition.func is not sp.StrictGreaterThan:
        raise ValueError(
            f"the threshold of {model.name} should be one comparison with >, not {model.threshold!r}"
        )
    return (condition.lhs - condition.rhs).subs({symbol(name): e for name, e in outputs.items()})


def _reset(model: Model) -> dict[str, sp.Expr]:
    reset: dict[str, sp.Expr] = {}
    for line in model.reset.splitlines():
        name, operation, value, _ = parse_statement(line)
        if name not in model.states or operation not in ("=", "+=", "-=", "*=", "/="):
            raise ValueError(f"the reset of {model.name} should change one of its states, not {line!r}")
        code = value if operation == "=" else f"{name} {operation[0]} ({value})"
        reset[name] = str_to_sympy(code).subs({symbol(n): e for n, e in reset.items()})
    return reset


SLOPE = torch_function((Z,), (sp.diff(SURROGATE, Z),))
"""The derivative of `SURROGATE` as a Torch function."""


class Spike(torch.autograd.Function):
    """1 where the argument is positive, else 0; differentiated as `SURROGATE`."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z):
        return (z > 0).to(z.dtype)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gradient):
        (slope,) = SLOPE(*ctx.saved_tensors)
        return gradient * slope
