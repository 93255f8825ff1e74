"""A published set of values that turns a model into another published one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from astrobrian.equations.model import Model, ModelError
from astrobrian.equations.quantity import unit, written
from astrobrian.equations.references import Reference


@dataclass(frozen=True, eq=False)
class ParameterSet:
    """Values for the parameters and inputs of models, with their source; calling it applies them.

    A set may hold more than a model has: it sets what it finds, so that the same set serves the astrocyte, its gap
    junctions and its synapses.

    Parameters
    ----------
    name : str
        Short name.
    values : Mapping[str, tuple[float, str]]
        Value and unit of each parameter.
    source : str
        Where they were read; takes the place of the parameter's own source.
    initial : Mapping[str, str], optional
        Initial values that go with them.
    references : tuple[Reference, ...], optional

    Examples
    --------
    >>> astrocytes = AstrocyteGroup(100, FM(gchi + gliotransmission))
    """

    name: str
    values: Mapping[str, tuple[float, str]]
    source: str
    initial: Mapping[str, str] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()

    def __call__(self, model: Model) -> Model:
        """The model with these values.

        Raises
        ------
        ModelError
            If the model has none of these parameters.
        """
        found = {n: value * unit(text) for n, (value, text) in self.values.items() if n in model.constants}
        if not found:
            raise ModelError(
                f"the set {self.name} has nothing for {model.name}; it gives {', '.join(self.values)}"
            )
        changed = model(**found)
        parameters = {
            name: replace(parameter, source=self.source) if name in found else parameter
            for name, parameter in changed.parameters.items()
        }
        return replace(
            changed,
            parameters=parameters,
            initial={
                **changed.initial,
                **{n: v for n, v in self.initial.items() if n in changed.equations.names},
            },
            references=tuple(dict.fromkeys((*changed.references, *self.references))),
        )

    def __str__(self) -> str:
        lines = (f"{name} = {written(value, text)}" for name, (value, text) in self.values.items())
        return "\n".join((f"# {self.name} [{self.source}]", *lines))
