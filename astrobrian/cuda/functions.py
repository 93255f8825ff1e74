"""Functions of the user on a GPU: what was written in C++ is also compiled for it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from brian2.core.functions import Function
from brian2.core.variables import Variable
from brian2.groups.group import Group

from astrobrian.backends.findings import Rewriting, conclude


def adapt(owner: Group, variables: Mapping[str, Variable]) -> None:
    """Give each function that some code calls, and that has only C++, CUDA code.

    Parameters
    ----------
    owner : Group
        Whose code it is.
    variables : mapping of str to Variable
        What the names in the code stand for, functions included.
    """
    rewritings = []
    for name, function in variables.items():
        if isinstance(function, Function) and not _has(function, "cuda") and _has(function, "cpp"):
            in_cpp = function.implementations["cpp"]
            called = in_cpp.name or name
            code = in_cpp.get_code(owner)
            code = dict(code) if isinstance(code, Mapping) else {"support_code": code}
            code["support_code"] = _for_both(code["support_code"], called)
            function.implementations.add_implementation(
                "cuda",
                code,
                namespace=in_cpp.get_namespace(owner),
                dependencies=in_cpp.dependencies,
                name=called,
                compiler_kwds=in_cpp.compiler_kwds,
            )
            how = f"the C++ of {name} is also compiled for the GPU"
            rewritings.append(Rewriting("user_functions", owner.name, how))
    conclude("cuda", [], rewritings)


def _has(function: Function, target: str) -> bool:
    try:
        function.implementations[target]
    except KeyError:
        return False
    return True


def _for_both(code: str, function: str) -> str:
    """The definition of a function in C++, for CPU and GPU."""
    definition = rf"^([ \t]*(?:[\w:<>,*&]+[ \t]+)+\*?)(?={re.escape(function)}[ \t]*\()"
    return re.sub(definition, r"__host__ __device__ \1", code, flags=re.MULTILINE)
