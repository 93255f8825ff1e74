"""Numbers that a program sets are data that it reads, so that another value needs no other program.

Values of parameters and initial values, seeds and durations are numbers in a script, and Brian2 writes them into the
code. Here the code refers to an array of them instead. What stays in the code are sizes, and constants of the user's
namespace inside equations.

The program also gets values by name on its command line, see `astrobrian.sweep`. Such a value is set when the program
starts, again wherever the script sets the variable to a number or an array before its first run, so that expressions
in the script are computed from it, and again when the first run begins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

#: Name of the array of numbers in a program.
ARRAY = "_numbers"
# Whole numbers up to here are exact in the array
_LARGEST_WHOLE = 2**53

Step = tuple[str, Any]
"""What the main program does, as in the main queue of Brian2's device: the kind of step and its arguments."""


class _Numbers:
    """Numbers, and what the code says instead of them."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def instead_of(self, number: float | str) -> str:
        """C++ for a number, or for the text that Brian2 has made of one."""
        value = _parsed(number) if isinstance(number, str) else number
        if isinstance(value, int) and abs(value) > _LARGEST_WHOLE:
            return str(value)
        self.values.append(float(value))
        return f"{ARRAY}[{len(self.values) - 1}]"


def apart(queue: Sequence[Step], names: Mapping[str, str]) -> tuple[list[Step], np.ndarray]:
    """The main program without its numbers, and these.

    Parameters
    ----------
    queue : sequence of Step
        What the script wants.
    names : mapping of str to str
        For each array that can be given another value, by its name in the code: ``"group.variable"``.
    """
    numbers = _Numbers()
    steps: list[Step] = [("insert_code", "values_are_given(args);")]
    has_run = False
    for what, args in queue:
        match what:
            case "set_by_single_value":
                array, item, text = args
                steps.append(("insert_code", f"{array}[{item}] = {numbers.instead_of(text)};"))
            case "set_by_constant":
                array, value, grows = args
                cells = f"{array}.begin(), {array}.end()" if grows else f"{array}, {array} + _num_{array}"
                steps.append(("insert_code", f"std::fill({cells}, {numbers.instead_of(value)});"))
            case "set_by_array":
                array, values, grows = args
                begin, number = (f"{array}.begin()", f"{array}.size()") if grows else (array, f"_num_{array}")
                steps.append(("insert_code", f"std::copy_n({values}, {number}, {begin});"))
            case "seed" if args is not None:
                steps.append(("insert_code", f"seed_generators({numbers.instead_of(int(args))});"))
            case "run_network":
                network, lines = args
                steps.append((what, (network, [_run_without_numbers(line, numbers) for line in lines])))
                has_run = True
            case _:
                steps.append((what, args))
        if what.startswith("set_") and not has_run and args[0] in names:
            steps.append(("insert_code", f'set_if_given("{names[args[0]]}");'))
    return steps, np.array(numbers.values or [0.0])


def _run_without_numbers(line: str, numbers: _Numbers) -> str:
    run = re.fullmatch(r"(\w+\.run\()(\S+), (\w+), (\S+)\);", line)
    if run is None:
        return line
    call, duration, report, period = run.groups()
    return f"{call}{numbers.instead_of(duration)}, {report}, {numbers.instead_of(period)});"


def _parsed(text: str) -> float:
    text = text.replace(" ", "")
    known = {"true": 1, "false": 0, "INFINITY": np.inf, "-INFINITY": -np.inf}
    if text in known:
        return known[text]
    return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
