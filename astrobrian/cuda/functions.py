"""Functions of the user on a GPU: what was written in C++ is also compiled for it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from brian2.core.functions import Function
from brian2.core.variables import Variable

from astrobrian.backends.findings import Refusal, Rewriting, conclude


def adapt(owner: str, variables: Mapping[str, Variable], code_object_class: type) -> None:
    """Give each function that some code calls an implementation for a GPU.

    Parameters
    ----------
    owner : str
        Whose code it is.
    variables : mapping of str to Variable
        What the names in the code stand for, functions included.
    code_object_class : type
        For which the implementations are.

    Raises
    ------
    UnsupportedFeature
        If a function has neither an implementation in C++ nor one in CUDA.
    """
    refusals, rewritings = [], []
    for name, function in variables.items():
        if not isinstance(function, Function) or _has(function, code_object_class):
            continue
        if not _has(function, "cpp"):
            reason = f"{name} has no implementation in C++; add one with implementations.add_implementation('cpp', ...)"
            refusals.append(Refusal("user_functions", owner, reason))
            continue
        in_cpp = function.implementations["cpp"]
        called = in_cpp.name or name
        code = in_cpp.get_code(None)
        if isinstance(code, str):
            code = {"support_code": code}
        code = {**code, "support_code": _for_both(code.get("support_code", ""), called)}
        function.implementations.add_implementation("cuda", code, name=called)
        rewritings.append(
            Rewriting("user_functions", owner, f"the C++ of {name} is also compiled for the GPU")
        )
    conclude("cuda", refusals, rewritings)


def _has(function: Function, target: type | str) -> bool:
    try:
        function.implementations[target]
    except KeyError:
        return False
    return True


def _for_both(code: str, function: str) -> str:
    """The definition of a function in C++, for CPU and GPU."""
    definition = rf"^([ \t]*(?:[\w:<>,*&]+[ \t]+)+\*?)(?={re.escape(function)}[ \t]*\()"
    return re.sub(definition, r"__host__ __device__ \1", code, flags=re.MULTILINE)
