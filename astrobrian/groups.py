"""Groups of neurons and of astrocytes, made from a model."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

from brian2 import DEFAULT_UNITS, Equations, NeuronGroup, Quantity
from brian2.utils.stringtools import get_identifiers

from astrobrian.equations import Model
from astrobrian.layout import Layout, place


class ModelGroup(NeuronGroup):
    """A `brian2.NeuronGroup` that takes from a model what it can: see `Neurons` and `AstrocyteGroup`."""

    default_name = "modelgroup*"

    def __init__(
        self,
        N: int,
        model: Model | str,
        layout: Layout | None = None,
        *,
        method: str | Sequence[str] | None = None,
        threshold: str | None = None,
        reset: str | None = None,
        refractory: str | Quantity | bool | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        _check_size(N, type(self).__name__)
        #: The model that this group was made from.
        self.model = model = _as_model(model)
        #: Where its cells are, or None.
        self.layout = layout
        if threshold is None:
            threshold = model.threshold
        if reset is None and (threshold or model.reset):
            reset = model.reset
        if refractory is None:
            refractory = model.refractory or False
        super().__init__(
            N,
            model.equations,
            method=self._default_method(model.equations) if method is None else method,
            threshold=threshold,
            reset=reset,
            refractory=refractory,
            name=name or self.default_name,
            **kwargs,
        )
        if layout is not None:
            place(self, layout)
        self._assign_model_values(level=2)

    def _default_method(self, equations: Equations) -> str | Sequence[str]:
        return ("exact", "euler", "heun")  # as in brian2.NeuronGroup

    def _assign_model_values(self, level: int) -> None:
        """Assign parameters, input defaults and initial values; `level` frames up are the names a user defined."""
        for name, item in {**self.model.inputs, **self.model.parameters}.items():
            if item.quantity:
                self._view(name).set_item(slice(None), item.quantity)
        for name, expression in self.model.initial.items():
            self._check_initial(name, expression)
            # a number is assigned as one: a standalone device would compile a program for an expression
            number = _evaluate(expression, {})
            self._view(name).set_item(slice(None), expression if number is None else number, level=level)

    def _view(self, name: str):
        return self.variables[name].get_addressable_value_with_unit(name, self)

    def _check_initial(self, name: str, expression: str) -> None:
        """Refuse an initial value that is outside of the physical range, as far as both are known by now."""
        parameters = {name: parameter.quantity for name, parameter in self.model.parameters.items()}
        start = _evaluate(expression, parameters)
        ends = [_evaluate(end, parameters) for end in self.model.bounds.get(name, ())]
        if start is None or not ends or None in ends:
            return
        low, high = ends
        if not low <= start <= high:
            raise ValueError(
                f"{name} of {self.name} starts at {start}, outside its physical range {low} to {high}"
            )


class Neurons(ModelGroup):
    """Neurons made from a model.

    A `brian2.NeuronGroup` in everything: string expressions, slicing, monitors, `run_regularly`, namespaces. The model
    gives its equations, threshold, reset, refractoriness, parameter values (as variables of the group, to be changed
    or read at any time) and initial values.

    Parameters
    ----------
    N : int
        Number of neurons.
    model : Model or str
        What they are. A text of equations will do where nothing else is to be taken from the model.
    layout : Layout, optional
        Where they are: variables x, y, z in metres.
    method : str or sequence of str, optional
        Numerical integration; by default what Brian2 would choose.
    threshold, reset, refractory : optional
        As in Brian2, instead of the model's.
    name : str, optional
        As in Brian2, by default ``neurons``, ``neurons_1``, ...
    **kwargs
        Anything else that `brian2.NeuronGroup` takes.

    Raises
    ------
    TypeError, ValueError
        If N isn't a positive whole number, the model isn't one, or an initial value is outside its physical range.

    Examples
    --------
    >>> neurons = Neurons(4000, coba_lif(I_ex=150*pA), layout=Grid(3.75*mm))
    >>> neurons.v = "E_l + rand()*(V_th - E_l)"
    """

    default_name = "neurons*"


class AstrocyteGroup(ModelGroup):
    """Astrocytes made from a model.

    A `brian2.NeuronGroup` in everything: string expressions, slicing, monitors, `run_regularly`, namespaces. The model
    gives its equations, parameter values (as variables of the group, to be changed or read at any time) and initial
    values. Its threshold is the release of gliotransmitter, so that a `brian2.SpikeMonitor` records releases.

    Parameters
    ----------
    N : int
        Number of astrocytes.
    model : Model or str
        What they are. A text of equations will do where nothing else is to be taken from the model.
    layout : Layout, optional
        Where they are: variables x, y, z in metres.
    method : str or sequence of str, optional
        Numerical integration; by default ``"rk4"``, for stochastic equations ``"milstein"``.
    threshold, reset, refractory : optional
        As in Brian2, instead of the model's.
    name : str, optional
        As in Brian2, by default ``astrocytes``, ``astrocytes_1``, ...
    **kwargs
        Anything else that `brian2.NeuronGroup` takes. Calcium is slow: ``dt=10*ms`` often does.

    Raises
    ------
    TypeError, ValueError
        If N isn't a positive whole number, the model isn't one, or an initial value is outside its physical range.

    Examples
    --------
    >>> astrocytes = AstrocyteGroup(3200, gchi + gliotransmission, layout=Grid(3.75*mm), dt=10*ms)
    >>> calcium = StateMonitor(astrocytes, "C", record=[0, 1])
    """

    default_name = "astrocytes*"

    def _default_method(self, equations: Equations) -> str:
        return "milstein" if equations.is_stochastic else "rk4"


def _check_size(N: object, what: str) -> None:
    if not isinstance(N, Real) or N % 1 or N < 1:
        raise ValueError(f"{what} needs a positive whole number of cells, got {N!r}")


def _as_model(model: object) -> Model:
    if isinstance(model, Model):
        return model
    if isinstance(model, str):
        return Model("equations", model)
    raise TypeError(
        f"a model is needed, got {type(model).__name__}: give a Model, the text of the equations, "
        "or use brian2.NeuronGroup"
    )


def _evaluate(expression: str, names: dict[str, Quantity | float]) -> Quantity | float | None:
    """The value of an expression of numbers, units and these names; None if it reads anything else."""
    known = {**DEFAULT_UNITS, **names}
    if not get_identifiers(expression) <= known.keys():
        return None
    return eval(expression, {"__builtins__": {}}, known)
