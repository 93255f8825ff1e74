"""Which templates the CUDA code is made from: those of this folder, and Brian2CUDA's where there is none."""

from __future__ import annotations

from collections.abc import Sequence

from brian2.codegen.statements import Statement
from brian2.codegen.targets import codegen_targets
from brian2.codegen.templates import Templater
from brian2cuda.codeobject import CUDAStandaloneCodeObject
from brian2cuda.cuda_generator import CUDAAtomicsCodeGenerator, CUDACodeGenerator
from jinja2 import ChoiceLoader, PackageLoader, PrefixLoader


def _templater() -> Templater:
    templater = CUDAStandaloneCodeObject.templater.derive("astrobrian.cuda")
    # so that a template can extend Brian2CUDA's of the same name, as "brian2cuda/network.cu"
    theirs = PrefixLoader({"brian2cuda": PackageLoader("brian2cuda")})
    templater.env.loader = ChoiceLoader([templater.env.loader, theirs])
    return templater


class _Ours(CUDACodeGenerator):
    """What our generators of code do otherwise than Brian2CUDA's."""

    def translate_one_statement_sequence(
        self, statements: Sequence[Statement], scalar: bool = False
    ) -> list[str]:
        lines = super().translate_one_statement_sequence(statements, scalar)
        if self.template_name == "synapses" and not scalar:
            # or synapses that are handled by the same thread, or at the same place, would share random numbers
            lines = ["_vectorisation_idx = _idx;", *lines]
        return lines


class _InCpp:
    """A last resort for functions without CUDA code: that they have C++ is enough (see `astrobrian.cuda.functions`)."""

    class_name = "cpp"


class Generator(_Ours, _InCpp):
    """Of code in which no two threads write to the same place."""


class AtomicGenerator(_Ours, CUDAAtomicsCodeGenerator, _InCpp):
    """Of code that adds atomically to what several threads add to."""


class CodeObject(CUDAStandaloneCodeObject):
    """Brian2CUDA's, with the templates of ``astrobrian/cuda/templates`` before its own."""

    templater = _templater()
    generator_class = Generator


class AtomicCodeObject(CodeObject):
    """The same, with code that adds atomically to what several threads add to."""

    generator_class = AtomicGenerator


codegen_targets.update([CodeObject, AtomicCodeObject])
