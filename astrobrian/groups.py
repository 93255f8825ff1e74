"""Groups of neurons and of astrocytes, made from a model."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

from brian2 import Equations, NeuronGroup, Quantity

from astrobrian.creation import point_to_user
from astrobrian.equations import Model
from astrobrian.guard import RangeGuard, watched
from astrobrian.layout import Layout, place
from astrobrian.values import assign_values


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
        check_range: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        _check_size(N, type(self).__name__)
        #: The model that this group was made from.
        self.model = model = as_model(model)
        #: Where its cells are, or None.
        self.layout = layout
        #: Stops a simulation that leaves its physical range, or None.
        self.range_guard: RangeGuard | None = None
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
        assign_values(self, model, level=1)
        if check_range and watched(model):
            self.range_guard = RangeGuard(self, model)
            self.contained_objects.append(self.range_guard)
        point_to_user(self)

    def _check_for_invalid_states(self) -> None:
        # Brian2 calls this after each run, on a standalone device too, to warn of values that are not finite
        if self.range_guard is not None:
            self.range_guard.check()
        super()._check_for_invalid_states()

    def _default_method(self, equations: Equations) -> str | Sequence[str]:
        return ("exact", "euler", "heun")  # as in brian2.NeuronGroup


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
    check_range : bool, optional
        Whether to stop a simulation in which a variable leaves its physical range (``model.bounds``) or is not a
        number any more.
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
    check_range : bool, optional
        Whether to stop a simulation in which a variable leaves its physical range (``model.bounds``) or is not a
        number any more.
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


def as_model(model: object) -> Model:
    """The model, or one of the text of equations; raises TypeError for anything else."""
    if isinstance(model, Model):
        return model
    if isinstance(model, str):
        return Model("equations", model)
    raise TypeError(
        f"a model is needed, got {type(model).__name__}: give a Model or the text of the equations, "
        "or make the group with Brian2 itself"
    )
