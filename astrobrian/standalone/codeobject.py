"""Which templates the C++ code is made from: those of this folder, and Brian2's where there is none."""

from __future__ import annotations

import brian2
from brian2 import get_device
from brian2.codegen.targets import codegen_targets
from brian2.codegen.templates import Templater
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from jinja2 import ChoiceLoader, PackageLoader, PrefixLoader

from astrobrian.standalone.vector_loops import vectorisable


def _templater() -> Templater:
    theirs = PackageLoader("brian2.devices.cpp_standalone", "templates")
    templater = CPPStandaloneCodeObject.templater.derive(
        "astrobrian.standalone",
        env_globals={
            "vectorisable": vectorisable,
            "spent_since": _spent_since,
            "brian2_version": brian2.__version_tuple__,
        },
    )
    # so that a template can extend Brian2's of the same name, as "brian2/stateupdate.cpp"
    templater.env.loader = ChoiceLoader([templater.env.loader, PrefixLoader({"brian2": theirs})])
    return templater


def _spent_since(beginning: str) -> str:
    """C++ for the time since another, in the type in which this version of Brian2 adds up such times."""
    spent = f"std::chrono::steady_clock::now() - {beginning}"
    if brian2.__version_tuple__ < (2, 10):
        return f"std::chrono::duration<double>({spent}).count()"
    return f"std::chrono::duration_cast<std::chrono::nanoseconds>({spent})"


class CodeObject(CPPStandaloneCodeObject):
    """Brian2's, with the templates of ``astrobrian/standalone/templates`` before its own."""

    templater = _templater()


codegen_targets.add(CodeObject)


def has_template(name: str) -> bool:
    """Whether the current backend can make code from this template.

    Parameters
    ----------
    name : str
        As in `brian2.groups.group.CodeRunner`, without its extension.
    """
    try:
        getattr(get_device().code_object_class().templater, name)
    except (AttributeError, KeyError):  # as newer and older versions of Brian2 say
        return False
    return True
