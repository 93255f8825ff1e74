"""Code that several threads run at once, and how none of it is lost.

Brian2CUDA adds to variables of neurons atomically where it can; where a pathway does something else with them it
leaves the spikes to fewer threads, as few as this needs. It only thinks of the two neurons of a synapse there, and
only of spikes. Here it is told about the rest: astrocytes, which synapses reach through a third index, code that reads
what it has added to, and code other than that of spikes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brian2 import prefs
from brian2.codegen.codeobject import CodeObject as AnyCodeObject
from brian2.codegen.statements import Statement
from brian2.codegen.translation import make_statements
from brian2.core.functions import Function
from brian2.core.variables import ArrayVariable, Variable
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.utils.stringtools import get_identifiers

from astrobrian.backends.findings import Refusal, conclude
from astrobrian.cuda.codeobject import AtomicCodeObject, CodeObject

_OWN = "_idx"
_OF_NEURONS = ("_presynaptic_idx", "_postsynaptic_idx")


class OrderedWrites(CPPStandaloneDevice):
    """What stands between Brian2CUDA's device and the one that it derives from, and corrects what the first decides."""

    def code_object(
        self,
        owner: Any,
        name: str,
        abstract_code: Mapping[str | None, str],
        variables: Mapping[str, Variable],
        template_name: str,
        variable_indices: Mapping[str, str],
        codeobj_class: type | None = None,
        template_kwds: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> AnyCodeObject:
        template_kwds = dict(template_kwds or {})
        once, each = _statements(abstract_code, variables)
        written = {line.var for line in each if isinstance(variables.get(line.var), ArrayVariable)}
        shared = {var: variable_indices[var] for var in written if variable_indices[var] != _OWN}
        template_kwds["in_order"] = _changes_what_all_share(once, variables)
        if template_name == "synapses" and set(shared.values()) - {*_OF_NEURONS}:
            # without atomics: one thread, as if it wrote to the neuron that spiked
            template_kwds["synaptic_effects"] = "source"
        atomic = shared and not (template_name == "synapses" and _reads_what_it_added(each, shared))
        made = super().code_object(
            owner,
            name,
            abstract_code,
            variables,
            template_name,
            variable_indices,
            codeobj_class=AtomicCodeObject if atomic else CodeObject,
            template_kwds=template_kwds,
            **kwargs,
        )
        if template_name != "synapses" and self._sets_any(made, shared):
            conclude("cuda", [_set_by_many(owner.name, shared)], [])
        return made

    def _sets_any(self, made: AnyCodeObject, shared: Mapping[str, str]) -> bool:
        """Whether code sets what several threads may set, each to its own value."""
        names = {var: self.get_array_name(made.variables[var], prefix="_ptr") for var in shared}
        return any(f"{names[var]}[{index}] = {var};" in made.code.cu_file for var, index in shared.items())


def _statements(
    abstract_code: Mapping[str | None, str], variables: Mapping[str, Variable]
) -> tuple[list[Statement], list[Statement]]:
    """What is done once, and what for each cell, synapse or spike."""
    once: list[Statement] = []
    each: list[Statement] = []
    for block, code in (abstract_code or {}).items():
        for_all, for_each = make_statements(
            code, variables, prefs.core.default_float_dtype, blockname=block or ""
        )
        once += for_all
        each += for_each
    return once, each


def _reads_what_it_added(lines: list[Statement], shared: Mapping[str, str]) -> bool:
    """Whether a line reads a variable that an earlier one has added to: with atomics, it would see the old value."""
    added: set[str] = set()
    for line in lines:
        if added & set(get_identifiers(line.expr)):
            return True
        if line.inplace and line.var in shared:
            added.add(line.var)
    return False


def _changes_what_all_share(once: list[Statement], variables: Mapping[str, Variable]) -> bool:
    """Whether a variable that all cells share would be something else after each thread has done the same to it."""
    for line in once:
        read = set(get_identifiers(line.expr))
        random = any(isinstance(variables.get(v), Function) and not variables[v].stateless for v in read)
        if isinstance(variables.get(line.var), ArrayVariable) and (
            random or line.inplace or line.var in read
        ):
            return True
    return False


def _set_by_many(name: str, shared: Mapping[str, str]) -> Refusal:
    reason = f"it sets {', '.join(sorted(shared))} of other cells, which threads would do in any order; add to them (+=)"
    return Refusal("synapses_regularly", name, reason)
