"""Which of the generated files are compiled as one: reading headers takes most of a compiler's time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

#: So many files in one source, lest one core compiles for long while the others wait.
BATCH = 40
#: The source of what runs once.
ONCE = "once.cpp"

_RUNS_ONCE = ("objects.cpp", "run.cpp", "main.cpp")
_RUNS_EACH_STEP = ("synapses_classes.cpp", "network.cpp", "brianlib/spikequeue.cpp")


def merged(files: Iterable[str], each_step: Iterable[str], once: Iterable[str]) -> dict[str, str]:
    """Sources that include generated files.

    Parameters
    ----------
    files : iterable of str
        All generated files.
    each_step, once : iterable of str
        Those with code objects that run at each step, and those that run before or after.

    Returns
    -------
    dict of str to str
        The text of each source. Files that are in none of them are to be compiled by themselves.
    """
    files = set(files)
    steps = [*(name for name in _RUNS_EACH_STEP if name in files), *sorted(each_step)]
    number = -(-len(steps) // BATCH)
    sources = {
        f"steps_{i}.cpp": _including("What runs at each step, compiled for speed", steps[i::number])
        for i in range(number)
    }
    sources[ONCE] = _including("What runs once, compiled in little time", [*_RUNS_ONCE, *sorted(set(once))])
    return sources


def included(source: str) -> list[str]:
    """The files that a merged source includes."""
    return [line.split('"')[1] for line in source.splitlines() if line.startswith("#include")]


def in_order_of_speed(names: Iterable[str]) -> list[str]:
    """Sources as they are linked: of a function that is in several, the first is kept, and that is to be a fast one."""
    return sorted(names, key=lambda name: (name == ONCE, name))


def object_file(source: str) -> str:
    return str(PurePosixPath(source).with_suffix(".o"))


def _including(what: str, files: Iterable[str]) -> str:
    return "\n".join([f"// {what}", *(f'#include "{name}"' for name in files), ""])
