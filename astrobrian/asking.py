"""Noticing that somebody asks synapses for a variable that lives once per territory.

Everything in Brian2 that reads, records or assigns a variable of a group, be it by its name or in an expression, looks
it up in the group's `Variables` and finds out there which index it has. So this is where to notice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from brian2.codegen.translation import get_identifiers_recursively
from brian2.core.variables import Subexpression, Variables, VariableView

if TYPE_CHECKING:
    from astrobrian.keeping import LiftedSynapses


class AskedVariables(Variables):
    """The variables of synapses, some of which are only there once somebody asks for them.

    What is summed once per territory is among them, but isn't listed: to look it up is to ask for it.
    """

    def __init__(self, variables: Variables, synapses: LiftedSynapses) -> None:
        super().__init__(synapses)
        self._variables = variables._variables
        self.indices = AskedIndices(self, variables.indices)

    def __contains__(self, name: object) -> bool:
        if (
            name == "_offset"
        ):  # other synapses, which take all variables of their source and target, are being made
            self.owner.offer_all()
        return name in self._variables or self._is_summed(name)

    def __getitem__(self, name: str) -> Any:
        if name not in self._variables and self._is_summed(name):
            self.owner.keep(name)
        return super().__getitem__(name)

    def _is_summed(self, name: object) -> bool:
        try:
            return name in self.owner.summed
        except ReferenceError:  # the synapses are being deleted
            return False

    def add_reference(
        self, name: str, group: Any, varname: str | None = None, index: str | None = None
    ) -> None:
        super().add_reference(name, group, varname, index)
        if index == "territory":
            super().add_reference(f"_territory_of_{name}", self.owner, "territory")

    def forget(self, name: str) -> None:
        """Remove a variable."""
        del self._variables[name]
        self.indices.pop(name, None)


class AskedIndices(defaultdict):
    """By which index each variable is read. Code gets a plain copy; who looks up one name wants to refer to it.

    Brian2 lets nobody refer to two variables with the same index that may change, as that of the territory may. So each
    variable of the territories has one of its own, an alias. And nobody can refer to an expression of variables with
    such an index: those go to the synapses.
    """

    def __init__(self, variables: AskedVariables, indices: defaultdict) -> None:
        super().__init__(indices.default_factory, indices)
        self._variables = variables
        self._unasked = False

    def __copy__(self) -> defaultdict:  # type: ignore[override]
        return defaultdict(self.default_factory, self)

    def __getitem__(self, name: str) -> str:
        variables = self._variables
        if self._unasked:
            return super().__getitem__(name)
        if isinstance(variables._variables.get(name), Subexpression):
            read = get_identifiers_recursively([name], variables._variables)
            variables.owner.keep(*(read & {*variables.owner.lifted}))
        index = super().__getitem__(name)
        return f"_territory_of_{name}" if index == "territory" else index


@contextmanager
def asking_nothing(variables: Variables) -> Iterator[None]:
    """Look up what an expression is read by without asking for what it reads."""
    asked = isinstance(variables, AskedVariables)
    if asked:
        variables.indices._unasked = True
    try:
        yield
    finally:
        if asked:
            variables.indices._unasked = False


class LiftedView(VariableView):
    """A variable that is the same at all synapses of a territory, as the synapses see it.

    Assigning something that is the same for all of them changes the territories; anything else gives each synapse its own.
    """

    def get_item(self, item: Any, level: int = 0, namespace: Any = None) -> Any:
        return self._view(self.group).get_item(item, level + 1, namespace)

    def set_item(self, item: Any, value: Any, level: int = 0, namespace: Any = None) -> None:
        whole = item == "True" if isinstance(item, str) else isinstance(item, slice) and item == slice(None)
        same = self.group.assigned(self.name, value if whole else None)
        self._view(self.group.territories if same else self.group).set_item(item, value, level + 1, namespace)

    def _view(self, group: Any) -> VariableView:
        return VariableView(self.name, group.variables[self.name], group, self.dim)
