"""A model: equations, parameters, events and citation, declared once in Brian2's own notation."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from inspect import cleandoc

from brian2 import DimensionMismatchError, Equations, Quantity, get_dimensions
from brian2.equations.equations import (
    DIFFERENTIAL_EQUATION,
    PARAMETER,
    SUBEXPRESSION,
    EquationError,
    SingleEquation,
)
from brian2.utils.stringtools import word_substitute

from astrobrian.equations.latex import latex
from astrobrian.equations.parameter import Input, Parameter
from astrobrian.equations.quantity import base_unit
from astrobrian.equations.references import Reference


class ModelError(ValueError):
    """A declaration that contradicts itself or another one it is composed with."""


_PARSED: dict[str, Equations] = {}


def _parsed(text: str) -> Equations:
    if text not in _PARSED:
        _PARSED[text] = Equations(text)
    return _PARSED[text]


def _joined(one: str, other: str) -> str:
    """Both texts as one, whose equations are then known without parsing it again, which is slow."""
    text = "\n".join(part for part in (one, other) if part)
    _PARSED[text] = Equations([*_parsed(one).values(), *_parsed(other).values()])
    return text


@dataclass(frozen=True, eq=False)
class Model:
    """Equations with their parameters, events and citation.

    Models compose with ``+``: an equation of one may provide an `Input` of the other. Calling a model gives the same
    model with other parameter values.

    Parameters
    ----------
    name : str
        Short name.
    text : str, optional
        Differential equations, subexpressions and plain variables in Brian2's notation, with units and flags.
        Parameters and inputs aren't repeated here.
    parameters : Mapping[str, Parameter], optional
        Constants. They reach Brian2 as ``(shared, constant)`` variables (see `per_cell`), so that they can be changed
        or swept without recompiling.
    inputs : Mapping[str, Input], optional
        What the model reads and others may provide.
    initial : Mapping[str, str], optional
        Initial value of each variable that doesn't start at zero, as a Brian2 string expression.
    threshold, reset, refractory : str, optional
        As in `brian2.NeuronGroup`. For an astrocyte the threshold is the release of gliotransmitter.
    on_pre : str, optional
        Statements of a synaptic model at the arrival of a presynaptic spike, in order.
    bounds : Mapping[str, tuple[str, str]], optional
        Physical range of a variable, each end a Brian2 expression; a simulation that leaves it is stopped.
    references : tuple[Reference, ...], optional
        Where equations and values were read.

    Raises
    ------
    ModelError
        If a name is declared twice, a unit isn't one, or the equations don't parse.

    Examples
    --------
    >>> leak = Model("leak", "dv/dt = -v/tau : volt", {"tau": Parameter(10, "ms", "membrane time constant")})
    >>> print(leak(tau=20 * ms))
    """

    name: str
    text: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    inputs: Mapping[str, Input] = field(default_factory=dict)
    initial: Mapping[str, str] = field(default_factory=dict)
    threshold: str | None = None
    reset: str = ""
    refractory: str | None = None
    on_pre: str = ""
    bounds: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()

    def __post_init__(self) -> None:
        for name in ("text", "reset", "on_pre"):
            object.__setattr__(self, name, cleandoc(getattr(self, name)))
        try:
            for name in (*self.parameters, *self.inputs):
                if name in self._own or (name in self.parameters and name in self.inputs):
                    raise ModelError(f"{self.name} declares {name} twice")
            known = self.equations.names
        except (EquationError, ValueError, TypeError) as error:
            raise ModelError(f"the equations of {self.name} are not valid: {error}") from error
        for name in self.initial:
            if name not in known:
                raise ModelError(f"{self.name} gives an initial value for {name}, which it doesn't declare")
        for name in self.bounds:
            if name not in self.states:
                raise ModelError(
                    f"{self.name} gives bounds for {name}, which has no differential equation there"
                )

    @cached_property
    def equations(self) -> Equations:
        """What Brian2 gets."""
        constants = [
            SingleEquation(PARAMETER, name, get_dimensions(item.quantity), flags=item.flags)
            for name, item in self.constants.items()
        ]
        return Equations([*self._own.values(), *constants])

    @property
    def constants(self) -> dict[str, Parameter | Input]:
        """Inputs and parameters, everything that has a value of its own."""
        return {**self.inputs, **self.parameters}

    @property
    def _own(self) -> Equations:
        """The equations of `text`, without inputs and parameters."""
        return _parsed(self.text)

    @property
    def states(self) -> tuple[str, ...]:
        """Variables with a differential equation, in the order of the declaration."""
        return self._names(DIFFERENTIAL_EQUATION)

    @property
    def subexpressions(self) -> tuple[str, ...]:
        """Variables that are computed from others, in the order of the declaration."""
        return self._names(SUBEXPRESSION)

    def _names(self, kind: str) -> tuple[str, ...]:
        return tuple(name for name, eq in self._own.items() if eq.type == kind)

    def __call__(self, **values: Quantity | float) -> Model:
        """The same model with other parameter values or input defaults.

        Raises
        ------
        ModelError
            If a name isn't a parameter or input of this model, or a value is negative that can't be.
        DimensionMismatchError
            If a value has the wrong unit.

        Examples
        --------
        >>> gchi(O_beta=0.5*umolar/second)
        """
        parameters, inputs = dict(self.parameters), dict(self.inputs)
        for name, value in values.items():
            if name not in self.constants:
                raise ModelError(self._unknown(name))
            try:
                if name in parameters:
                    parameters[name] = parameters[name].set(value)
                else:
                    inputs[name] = inputs[name].set(value)
            except DimensionMismatchError as error:
                raise DimensionMismatchError(f"{name} of {self.name}: {error.desc}") from None
            except (ValueError, TypeError) as error:
                raise ModelError(f"{name} of {self.name}: {error}") from None
        return replace(self, parameters=parameters, inputs=inputs)

    def named(self, name: str) -> Model:
        """The same model with another name."""
        return replace(self, name=name)

    def renamed(self, **names: str) -> Model:
        """The same model with other names for some of its variables, parameters or inputs.

        Raises
        ------
        ModelError
            If the model doesn't declare one of them, or declares a new name already.

        Examples
        --------
        >>> two = tsodyks_markram + tsodyks_markram.renamed(u_S="u_T", x_S="x_T", r_S="r_T")
        """
        for name in names:
            if name not in self.equations.names:
                raise ModelError(self._unknown(name, sorted(self.equations.names), "variable"))

        def written(text: str) -> str:
            return word_substitute(text, names)

        rates = {f"d{name}/dt": f"d{new}/dt" for name, new in names.items()}
        text = re.sub(r"\bd\w+/dt\b", lambda rate: rates.get(rate[0], rate[0]), self.text)
        return replace(
            self,
            text=written(text),
            parameters={names.get(name, name): item for name, item in self.parameters.items()},
            inputs={names.get(name, name): item for name, item in self.inputs.items()},
            initial={names.get(name, name): written(value) for name, value in self.initial.items()},
            threshold=self.threshold and written(self.threshold),
            reset=written(self.reset),
            refractory=self.refractory and written(self.refractory),
            on_pre=written(self.on_pre),
            bounds={
                names.get(name, name): (written(low), written(high))
                for name, (low, high) in self.bounds.items()
            },
        )

    def per_cell(self, *names: str) -> Model:
        """The same model with these parameters or inputs as one value per cell (or synapse) instead of a shared one.

        Examples
        --------
        >>> astrocytes = AstrocyteGroup(100, gchi.per_cell("O_delta"))
        >>> astrocytes.O_delta = "(0.5 + rand())*umolar/second"
        """
        parameters, inputs = dict(self.parameters), dict(self.inputs)
        for name in names:
            if name not in self.constants:
                raise ModelError(self._unknown(name))
            if name in parameters:
                parameters[name] = replace(parameters[name], per_cell=True)
            else:
                inputs[name] = replace(inputs[name], shared=False)
        return replace(self, parameters=parameters, inputs=inputs)

    def _unknown(self, name: str, known: Iterable[str] = (), what: str = "parameter") -> str:
        known = list(known) or [*self.parameters, *self.inputs]
        close = difflib.get_close_matches(name, known, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else f"it has {', '.join(known) or 'none'}"
        return f"{self.name} has no {what} {name}; {hint}"

    def __add__(self, other: Model) -> Model:
        """Both models as one; an equation or parameter of one provides the input of that name of the other.

        Raises
        ------
        ModelError
            If both declare a name and don't agree on it, or both have a threshold.
        """
        if not isinstance(other, Model):
            return NotImplemented
        self._check_clashes(other)
        provided = self._provides | other._provides
        return Model(
            name=f"{self.name} + {other.name}",
            text=_joined(self.text, other.text),
            parameters={**self.parameters, **other.parameters},
            inputs={n: i for n, i in {**self.inputs, **other.inputs}.items() if n not in provided},
            initial={**self.initial, **other.initial},
            threshold=self.threshold or other.threshold,
            reset="\n".join(part for part in (self.reset, other.reset) if part),
            refractory=self.refractory or other.refractory,
            on_pre="\n".join(part for part in (self.on_pre, other.on_pre) if part),
            bounds={**self.bounds, **other.bounds},
            references=tuple(dict.fromkeys((*self.references, *other.references))),
        )

    @property
    def _provides(self) -> set[str]:
        return set(self.equations.names) - set(self.inputs)

    def _check_clashes(self, other: Model) -> None:
        mine, theirs = self.equations, other.equations
        for name in mine.names & theirs.names:
            if mine[name].dim != theirs[name].dim:
                raise ModelError(
                    f"{self.name} and {other.name} both use {name}, with different units: "
                    f"{mine[name].unit!r} and {theirs[name].unit!r}"
                )
            same_input = name in self.inputs and name in other.inputs
            if same_input and self.inputs[name] != other.inputs[name]:
                raise ModelError(
                    f"{self.name} and {other.name} give the input {name} different defaults: "
                    f"{self.inputs[name]} and {other.inputs[name]}"
                )
            same_parameter = name in self.parameters and self.parameters[name] == other.parameters.get(name)
            provided = (name in self.inputs) != (name in other.inputs)
            if not (same_input or same_parameter or provided):
                raise ModelError(
                    f"{self.name} and {other.name} both declare {name}: "
                    f"{self._declared(name)!r} and {other._declared(name)!r}"
                )
        for what in ("threshold", "refractory"):
            if getattr(self, what) and getattr(other, what):
                raise ModelError(
                    f"{self.name} and {other.name} both have a {what}: "
                    f"{getattr(self, what)!r} and {getattr(other, what)!r}"
                )
        for name in self.initial.keys() & other.initial.keys():
            if self.initial[name] != other.initial[name]:
                raise ModelError(
                    f"{self.name} and {other.name} both start {name}: at {self.initial[name]} and {other.initial[name]}"
                )

    def _declared(self, name: str) -> str:
        if name in self.parameters:
            return str(self.parameters[name])
        return str(self.inputs.get(name, self._own.get(name)))

    def __str__(self) -> str:
        """Exactly what Brian2 gets, each constant with its value, meaning and source."""
        parts = [f"# {self.name}", *([self.text] if self.text else [])]
        for name, item in self.constants.items():
            flags = f" ({', '.join(item.flags)})" if item.flags else ""
            parts.append(f"{name} : {base_unit(item.unit)}{flags}  # {item}")
        for what in ("threshold", "refractory", "reset", "on_pre"):
            if value := getattr(self, what):
                parts.append(f"{what}:\n" + "\n".join(f"    {line}" for line in value.splitlines()))
        if self.initial:
            parts.append("initial values:\n" + "\n".join(f"    {n} = {v}" for n, v in self.initial.items()))
        return "\n".join(parts)

    def __repr__(self) -> str:
        return f"<Model {self.name}: {', '.join(self.states) or 'no states'}>"

    def _repr_latex_(self) -> str:
        return latex(self._own, self.constants)

    def citation(self) -> str:
        """BibTeX entries of everything that this model was read from."""
        return "\n\n".join(reference.bibtex for reference in self.references)
