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
from brian2.codegen.targets import codegen_targets
from brian2.codegen.translation import make_statements
from brian2.core.functions import Function
from brian2.core.variables import ArrayVariable, Variable
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.utils.stringtools import get_identifiers
from brian2cuda.cuda_generator import CUDAAtomicsCodeGenerator

from astrobrian.backends.findings import Refusal, conclude
from astrobrian.cuda.codeobject import CodeObject

_OWN = "_idx"
_OF_NEURONS = ("_presynaptic_idx", "_postsynaptic_idx")


class AtomicCodeObject(CodeObject):
    """Code that adds atomically to what several threads add to."""

    generator_class = CUDAAtomicsCodeGenerator


codegen_targets.add(AtomicCodeObject)


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
        where = {line.var: variable_indices[line.var] for line in each if line.var in variable_indices}
        shared = {variable: index for variable, index in where.items() if index != _OWN}
        if template_name == "synapses":
            if set(shared.values()) - {*_OF_NEURONS}:
                # without atomics: one thread, as if it wrote to the neuron that spiked
                template_kwds["synaptic_effects"] = "source"
            if _reads_what_it_added(each, shared):
                codeobj_class = CodeObject
        elif shared:
            codeobj_class = AtomicCodeObject
        made = super().code_object(
            owner,
            name,
            abstract_code,
            variables,
            template_name,
            variable_indices,
            codeobj_class=codeobj_class,
            template_kwds=template_kwds,
            **kwargs,
        )
        refusals = [
            *_changed_by_each_thread(owner.name, once, variables),
            *(_set_by_many(owner.name, shared) if _loses_writes(self, made, template_name, shared) else ()),
        ]
        conclude("cuda", refusals, [])
        return made


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


def _changed_by_each_thread(
    name: str, once: list[Statement], variables: Mapping[str, Variable]
) -> list[Refusal]:
    """Refusals of shared variables that wouldn't be the same after each of many threads has set them."""
    found = []
    for line in once:
        if not isinstance(variables.get(line.var), ArrayVariable):
            continue
        read = set(get_identifiers(line.expr))
        random = any(isinstance(variables.get(v), Function) and not variables[v].stateless for v in read)
        if random or line.inplace or line.var in read:
            reason = (
                f"{line.var}, which all cells share, is set to {line.expr!r}, and each thread would do that again; give "
                "each cell its own, or let an expression of t say what it is"
            )
            found.append(Refusal("run_regularly", name, reason))
    return found


def _loses_writes(
    device: CPPStandaloneDevice, made: AnyCodeObject, template_name: str, shared: Mapping[str, str]
) -> bool:
    """Whether threads that Brian2CUDA hasn't put in order set the same variable."""
    if template_name == "synapses":
        return False
    names = {variable: device.get_array_name(made.variables[variable], prefix="_ptr") for variable in shared}
    return any(f"{names[v]}[{index}] = {v};" in made.code.cu_file for v, index in shared.items())


def _set_by_many(name: str, shared: Mapping[str, str]) -> list[Refusal]:
    return [
        Refusal(
            "synapses_regularly",
            name,
            f"it sets {', '.join(sorted(shared))} of other cells, which several threads would do in any order; += is "
            "possible",
        )
    ]
