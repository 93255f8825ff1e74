"""Which templates the CUDA code is made from: those of this folder, and Brian2CUDA's where there is none."""

from __future__ import annotations

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


class _InCpp:
    """A last resort for functions without CUDA code: that they have C++ is enough (see `astrobrian.cuda.functions`)."""

    class_name = "cpp"


class Generator(CUDACodeGenerator, _InCpp):
    """Brian2CUDA's, also for functions in C++."""


class AtomicGenerator(CUDAAtomicsCodeGenerator, _InCpp):
    """The same, for code that adds atomically to what several threads add to."""


class CodeObject(CUDAStandaloneCodeObject):
    """Brian2CUDA's, with the templates of ``astrobrian/cuda/templates`` before its own."""

    templater = _templater()
    generator_class = Generator


class AtomicCodeObject(CodeObject):
    """The same, for code that adds atomically to what several threads add to."""

    generator_class = AtomicGenerator


codegen_targets.update([CodeObject, AtomicCodeObject])
