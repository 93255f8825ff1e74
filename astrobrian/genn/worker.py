"""Builds and runs a program with brian2genn; a script for an interpreter that has it, and need not have AstroBrian.

``python worker.py FOLDER`` reads ``program.json`` and ``arrays.npz`` in the folder (see `astrobrian.genn.sending`), lets
brian2genn generate code in ``FOLDER/code``, and writes ``results.npz``.

Each variable gets a name that no other contains and that means nothing to GeNN or C++, such as ``q0012_v``: brian2genn
replaces names inside of others, and GeNN has names of its own, such as ``id``, that a variable may not have.
"""

from __future__ import annotations

import json
import os
import re
import sys
from typing import Any

import brian2genn  # noqa: F401 (makes the device "genn" known)
import numpy as np
from brian2 import (
    DEFAULT_FUNCTIONS,
    BinomialFunction,
    Equations,
    Function,
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    defaultclock,
    get_device,
    prefs,
    second,
    set_device,
)
from brian2.synapses.synapses import StateUpdater
from brian2.utils.stringtools import get_identifiers, word_substitute
from brian2genn.genn_generator import GeNNCodeGenerator

TYPES = {"f": "1", "i": "integer", "b": "boolean"}

_DOUBLE, _X, _LOW, _HIGH = (
    "SUPPORT_CODE_FUNC double",
    "const double x",
    "const double low",
    "const double high",
)

# In C++: a choice is made with what may be infinite, and functions that brian2genn doesn't have, has in single
# precision only (clip), or for truth values only (int)
FUNCTIONS = {
    "choose": (3, "#define _choose(condition, yes, no) ((condition) ? (yes) : (no))"),
    "clip": (
        3,
        f"{_DOUBLE} _clip_({_X}, {_LOW}, {_HIGH}) {{ return x < low ? low : (x > high ? high : x); }}",
    ),
    "int": (1, "#define _int_(x) ((int)(x))"),
    "log1p": (1, "#define _log1p_ log1p"),
    "expm1": (1, "#define _expm1_ expm1"),
    "exprel": (
        1,
        f"{_DOUBLE} _exprel_({_X}) {{ return fabs(x) < 1e-16 ? 1.0 : (x > 717 ? INFINITY : expm1(x)/x); }}",
    ),
}
C_NAMES = {"choose": "_choose", **{name: f"_{name}_" for name in FUNCTIONS if name != "choose"}}


def main(folder: str) -> None:
    with open(os.path.join(folder, "program.json")) as file:
        program = json.load(file)
    with np.load(os.path.join(folder, "arrays.npz")) as stored:
        arrays = dict(stored)
    set_device(
        "genn",
        directory=os.path.join(folder, "code"),
        use_GPU=program["gpu"] is not None,
        compile=program["build"],
        run=program["build"],
        with_output=False,
    )
    prefs.core.default_float_dtype = np.float32 if program["single"] else np.float64
    if program["gpu"] is not None:
        prefs.devices.genn.cuda_backend.device_select = "MANUAL"
        prefs.devices.genn.cuda_backend.manual_device = program["gpu"]
    prefs.codegen.cpp.extra_compile_args = ["-w", "-O1"]  # of monitors and the like: to be compiled soon
    defaultclock.dt = program["dt"] * second
    get_device().insert_code("after_start", f"srand({program['seed']}u);")
    built = Build(program, arrays)
    _with_conditions(get_device())
    Network(built.objects).run((program["steps"] + 1) * program["dt"] * second, namespace={})
    if program["build"]:
        np.savez(os.path.join(folder, "results.npz"), **built.results())  # type: ignore[arg-type]


class Build:
    """The Brian2 objects of a program."""

    def __init__(self, program: dict, arrays: dict[str, np.ndarray]) -> None:
        self.program, self.arrays = program, arrays
        self.functions = {
            name: _function(name, *number_and_code) for name, number_and_code in FUNCTIONS.items()
        }
        for name, kind in program["functions"].items():
            self.functions[name] = self._function(name, kind)
        self.names: dict[str, dict[str, str]] = {}
        self.groups: dict[str, object] = {}
        self.spikes: dict[str, SpikeMonitor] = {}
        for number, (name, each) in enumerate(program["generators"].items()):
            self.groups[name] = self._generator(f"G{number}", name, each["N"])
        for number, (name, each) in enumerate(program["populations"].items()):
            self.groups[name] = self._population(f"P{number}", name, each)
        for number, (name, each) in enumerate(program["projections"].items()):
            self.groups[name] = self._projection(f"S{number}", name, each)
        for name, variables in program["spikes"].items():
            recorded = [self.names[name][variable] for variable in variables]
            self.spikes[name] = SpikeMonitor(self.groups[name], recorded)
        self.recordings = {
            name: found for together in self._together() for name, found in self._monitor(together)
        }
        monitors = dict.fromkeys(monitor for monitor, _ in self.recordings.values())
        self.objects = [*self.groups.values(), *self.spikes.values(), *monitors]

    def _together(self) -> list[list[dict]]:
        """Recordings of the same cells at the same time steps, for which one monitor will do."""
        found: dict[tuple, list[dict]] = {}
        for each in self.program["recordings"]:
            cells = self.arrays[f"recordings/{each['name']}/cells"]
            found.setdefault((each["object"], each["every"], cells.tobytes()), []).append(each)
        return list(found.values())

    def _monitor(self, together: list[dict]) -> list[tuple[str, tuple[StateMonitor, str]]]:
        names = {each["name"]: self.names[each["object"]][each["variable"]] for each in together}
        first = together[0]
        monitor = StateMonitor(
            self.groups[first["object"]],
            sorted(set(names.values())),
            record=self.arrays[f"recordings/{first['name']}/cells"],
            when="end",
            **({} if first["every"] == 1 else {"dt": first["every"] * defaultclock.dt}),
        )
        return [(name, (monitor, variable)) for name, variable in names.items()]

    def results(self) -> dict[str, np.ndarray]:
        """Spikes, recorded and final values."""
        found = {}
        for name, monitor in self.spikes.items():
            found[f"spikes/{name}/cells"] = np.asarray(monitor.i[:])
            found[f"spikes/{name}/steps"] = np.round(monitor.t[:] / defaultclock.dt).astype(np.int64)
            for variable in self.program["spikes"][name]:
                found[f"spikes/{name}/{variable}"] = np.asarray(
                    getattr(monitor, self.names[name][variable])[:]
                )
        for name, (monitor, variable) in self.recordings.items():
            found[f"recordings/{name}"] = np.asarray(getattr(monitor, variable + "_"))
        for name, variables in self.names.items():
            for variable, new in variables.items():
                found[f"final/{name}/{variable}"] = np.asarray(getattr(self.groups[name], new)[:])
        return found

    def _function(self, name: str, kind: str) -> Function:
        numbers = {
            key.rsplit("/", 1)[1]: value
            for key, value in self.arrays.items()
            if key.startswith(f"functions/{name}/")
        }
        if kind == "binomial":
            return BinomialFunction(
                int(numbers["n"]), float(numbers["p"]), approximate=bool(numbers["approximate"])
            )
        return _table(name, numbers["values"], int(numbers["refined"]), float(numbers["fine_dt"]))

    def _generator(self, new: str, name: str, number: int) -> SpikeGeneratorGroup:
        cells, steps = (self.arrays[f"generators/{name}/{key}"] for key in ("cells", "steps"))
        return SpikeGeneratorGroup(number, cells, steps * defaultclock.dt, name=new)

    def _population(self, new: str, name: str, each: dict) -> NeuronGroup:
        self._declare(name)
        names = self.names[name]
        group = NeuronGroup(
            each["N"],
            Equations("\n".join(self._declarations(name))),
            threshold=self._named(each["threshold"], names) or None,
            reset=self._named(each["reset"], names) or None,
            namespace=self.functions,
            name=new,
        )
        _give_code(group.state_updater, self._named(each["code"], names))
        self._set(group, name)
        return group

    def _projection(self, new: str, name: str, each: dict) -> Synapses:
        self._declare(name)
        names = dict(self.names[name])
        for end in ("source", "target"):
            suffix = {"source": "_pre", "target": "_post"}[end]
            for variable, theirs in self.names.get(each[end], {}).items():
                names[variable + suffix] = theirs + suffix
        equations = self._declarations(name)
        if each["sums"]:
            equations.append(
                f"{names[each['sums'] + '_post']} = {self._named(each['sum'], names)} : 1 (summed)"
            )
        synapses = Synapses(
            self.groups[each["source"]],
            self.groups[each["target"]],
            Equations("\n".join(equations)),
            on_pre=self._named(each["on_pre"], names) or None,
            on_post=self._named(each["on_post"], names) or None,
            delay=each["delay"] * defaultclock.dt if each["delay"] else None,
            namespace=self.functions,
            name=new,
        )
        synapses.connect(i=self.arrays[f"projections/{name}/i"], j=self.arrays[f"projections/{name}/j"])
        if each["update"]:
            updater = StateUpdater(synapses, "euler", clock=synapses.clock, order=0)
            _give_code(updater, self._named(each["update"], names))
            synapses.contained_objects.append(updater)
            synapses.state_updater = updater
        self._set(synapses, name)
        return synapses

    def _declare(self, name: str) -> None:
        start = sum(map(len, self.names.values()))
        variables = sorted(
            key.split("/")[2] for key in self.arrays if key.startswith((f"variables/{name}/",))
        )
        self.names[name] = {variable: _new_name(start + k, variable) for k, variable in enumerate(variables)}

    def _declarations(self, name: str) -> list[str]:
        return [
            f"{new} : {TYPES[self.arrays[f'variables/{name}/{variable}'].dtype.kind]}"
            for variable, new in self.names[name].items()
        ]

    def _set(self, group: object, name: str) -> None:
        for variable, new in self.names[name].items():
            setattr(group, new, self.arrays[f"variables/{name}/{variable}"])

    def _named(self, code: str, names: dict[str, str]) -> str:
        """Code with our names; time is a number of seconds there, as everything else is one without dimensions."""
        code = word_substitute(code, {"t": "(t/second)", "dt": repr(self.program["dt"])})
        return word_substitute(code, {old: new for old, new in names.items() if old in get_identifiers(code)})


def _new_name(number: int, variable: str) -> str:
    """A name that is safe: brian2genn takes what has ``_pre`` or ``_post`` in its name for a neuron's."""
    return f"q{number:04d}_{variable}".replace("_pre", "_Pre").replace("_post", "_Post")


def _give_code(updater: Any, code: str) -> None:
    """Let a state updater do what is in this code."""

    def update_abstract_code(run_namespace: object) -> None:
        updater.abstract_code = code

    updater.update_abstract_code = update_abstract_code


def _with_conditions(device: Any) -> None:
    """Let the device make an ``if`` of what is between ``begin_only_...`` and ``end_only_...`` (see `astrobrian.genn.clocks`)."""
    generate = device.generate_model_source

    def generate_model_source(*args: object) -> None:
        for model in device.neuron_models:
            text = "".join(model.code_lines)
            text = re.sub(r"(const )?\w+ begin_only_\w+ = (.*?);", r"if (\2) {", text)
            model.code_lines = [re.sub(r"(const )?\w+ end_only_\w+ = (.*?);", "}", text)]
        for each in device.code_objects.values():
            if each.template_name == "spikemonitor":
                each.code.cpp_file = _with_values(each.code.cpp_file)
        generate(*args)

    device.generate_model_source = generate_model_source


def _with_values(code: str) -> str:
    """Let a monitor read variables at spikes from where they are, after they have been fetched from the device."""
    read = re.compile(r"(q\d{4}\w*?)([GP]\d+)\[glbSpkShift\w+\+_idx\]")
    fetch = " ".join(
        f"pull{variable}{group}FromDevice();" for variable, group in sorted(set(read.findall(code)))
    )
    code = re.sub(r"(\s*pull\w+CurrentSpikesFromDevice\(\);)+", f"\n    {fetch}", code)
    return read.sub(r"\1\2[_idx]", code)


def _function(name: str, arguments: int, code: str) -> Function:
    function = DEFAULT_FUNCTIONS.get(name) or Function(
        lambda *values: values[-1], arg_units=[None] * arguments, return_unit=lambda *units: units[-1]
    )
    return _implemented(function, C_NAMES[name], code)


def _implemented(function: Function, name: str, code: str) -> Function:
    """The function with this code; Brian2 wants to see it for C++ too, although it is never called there."""
    function.implementations.add_implementation(GeNNCodeGenerator, code=code, name=name)
    on_host = code.replace("SUPPORT_CODE_FUNC", "static inline")
    function.implementations.add_implementation("cpp", code=on_host, name=name)
    return function


def _table(name: str, values: np.ndarray, refined: int, fine_dt: float) -> Function:
    """The values of a TimedArray, as a function that has them in its code."""
    columns = values.shape[1] if values.ndim == 2 else 1
    numbers = ", ".join(map(repr, values.astype(float).ravel().tolist()))
    cell = "const int cell" if values.ndim == 2 else ""
    code = (
        f"SUPPORT_CODE_FUNC double _{name}(const double t{', ' + cell if cell else ''})\n{{\n"
        f"    static const double values[] = {{{numbers}}};\n"
        f"    int row = (int)((t/{fine_dt!r} + 0.5)/{refined});\n"
        f"    row = row < 0 ? 0 : (row < {len(values)} ? row : {len(values) - 1});\n"
        f"    return values[row*{columns}{' + cell' if cell else ''}];\n}}"
    )
    units = [1, 1] if values.ndim == 2 else [1]
    function = Function(lambda *given: 0.0, arg_units=units, return_unit=1)
    return _implemented(function, f"_{name}", code)


if __name__ == "__main__":
    main(sys.argv[1])
