"""Which templates the CUDA code is made from: those of this folder, and Brian2CUDA's where there is none."""

from __future__ import annotations

from brian2.codegen.targets import codegen_targets
from brian2.codegen.templates import Templater
from brian2cuda.codeobject import CUDAStandaloneCodeObject
from jinja2 import ChoiceLoader, PackageLoader, PrefixLoader


def _templater() -> Templater:
    templater = CUDAStandaloneCodeObject.templater.derive("astrobrian.cuda")
    # so that a template can extend Brian2CUDA's of the same name, as "brian2cuda/network.cu"
    theirs = PrefixLoader({"brian2cuda": PackageLoader("brian2cuda")})
    templater.env.loader = ChoiceLoader([templater.env.loader, theirs])
    return templater


class CodeObject(CUDAStandaloneCodeObject):
    """Brian2CUDA's, with the templates of ``astrobrian/cuda/templates`` before its own."""

    templater = _templater()


codegen_targets.add(CodeObject)
