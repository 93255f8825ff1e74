"""Which of the generated files are compiled as one: a file takes nvcc 15 to 75 s, most of it for reading headers.

Each file of a code object brings the same helper functions and macros. In a source with several of them, each is in a
namespace of its own, and functions that others call are handed on to the global one, where the headers declare them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

#: The source that is compiled.
PROGRAM = "program.cu"

# in an order in which each finds what it needs
_GLOBAL = ("objects.cu", "synapses_classes.cu", "network.cu", "rand.cu", "run.cu", "main.cu")
_PARTS = ("before_run", "after_run")


def merged(texts: Mapping[str, str]) -> str:
    """One source that includes all generated ones.

    Parameters
    ----------
    texts : mapping of str to str
        Names of the generated files, with code and headers, and what is in them.

    Returns
    -------
    str
        Its text.
    """
    files = {name: text for name, text in texts.items() if name.endswith(".cu")}
    lines = ["// All of the program: reading headers takes most of the compiler's time"]
    # inside of a namespace, headers would be part of it: read before, they aren't read again
    lines += dict.fromkeys(line for text in files.values() for line in _includes(text))
    for name in sorted((name for name in files if name.startswith("code_objects/")), key=_place):
        namespace = "::".join(f"of_{part}" for part in _place(name) if part)
        lines += ["", f"namespace {namespace}", "{", f'#include "{name}"', "}"]
        lines += [f"#undef {macro}" for macro in _macros(files[name])]
        header = texts[str(PurePosixPath(name).with_suffix(".h"))]
        lines += [f"void {function}() {{ {namespace}::{function}(); }}" for function in _functions(header)]
    lines += ["", *(f'#include "{name}"' for name in _GLOBAL if name in files), ""]
    return "\n".join(lines)


def _place(name: str) -> tuple[str, str]:
    """The code object that a file belongs to, and which part of it this is; what runs in between has all to itself."""
    stem = PurePosixPath(name).stem
    part = next((part for part in _PARTS if stem.startswith(f"{part}_")), "")
    return stem.removeprefix(f"{part}_"), part


def _includes(text: str) -> Iterable[str]:
    return (line.strip() for line in text.splitlines() if line.lstrip().startswith("#include"))


def _macros(text: str) -> list[str]:
    return sorted(set(re.findall(r"^\s*#define\s+(\w+)", text, re.MULTILINE)))


def _functions(header: str) -> list[str]:
    return re.findall(r"^\s*void (\w+)\(\);", header, re.MULTILINE)
