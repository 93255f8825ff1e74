"""The device that ``use_backend("cpp")`` chooses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path
from typing import Any

from brian2 import Network, NetworkOperation, Quantity, prefs
from brian2.core.variables import ArrayVariable, DynamicArrayVariable
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice, CPPWriter
from brian2.devices.device import all_devices

from astrobrian.files import write_whole
from astrobrian.standalone import answers, numbers, programs, sources, vector_loops
from astrobrian.standalone.codeobject import CodeObject

#: Its name for `brian2.set_device`.
NAME = "astrobrian_cpp"


class StandaloneDevice(CPPStandaloneDevice):
    """Brian2's C++ standalone device, with AstroBrian's templates and flags, and a quicker build."""

    def __init__(self) -> None:
        super().__init__()
        self.main_queue: list[numbers.Step] = []
        self._queue_without_numbers: list[numbers.Step] = []
        #: Which of the generated files are given to the compiler; they include the others.
        self.compiled_sources: set[str] = set()
        self._other_sources: set[str] = set()
        #: Whether there is a program that can be run.
        self.is_built = False
        self.extra_compile_args: list[str] = vector_loops.flags()

    def activate(self, build_on_run: bool = True, **kwargs: Any) -> None:
        answers.recall()
        super().activate(build_on_run, **kwargs)

    def network_run(
        self, net: Network, duration: Quantity, *args: Any, level: int = 0, **kwargs: Any
    ) -> None:
        # not at the top: it asks this folder for the compiler
        from astrobrian.backends.findings import Refusal, conclude

        reason = "the program can't call Python, and would go on without it"
        refusals = [
            Refusal("network_operation", each.name, reason)
            for each in net.sorted_objects
            if isinstance(each, NetworkOperation) and each.active
        ]
        conclude("cpp", refusals, [])
        super().network_run(net, duration, *args, level=level + 1, **kwargs)

    def build(self, *args: Any, **kwargs: Any) -> None:
        super().build(*args, **kwargs)
        answers.remember()

    def code_object_class(self, codeobj_class: type | None = None, fallback_pref: str | None = None) -> type:
        return CodeObject if codeobj_class is None else codeobj_class

    @contextmanager
    def run_function(self, name: str, include_in_parent: bool = True) -> Iterator[None]:
        self.main_queue.append(("start_run_func", (name, include_in_parent)))
        yield
        self.main_queue.append(("end_run_func", (name, include_in_parent)))

    def write_static_arrays(self, directory: str) -> None:
        names = {self.get_array_name(var, access_data=False): name for var, name in self.settable().items()}
        self._queue_without_numbers, values = numbers.apart(self._ordered_queue(), names)
        self.static_arrays[numbers.ARRAY] = values
        super().write_static_arrays(directory)

    def generate_main_source(self, writer: CPPWriter) -> None:
        queue, self.main_queue = self.main_queue, self._queue_without_numbers
        super().generate_main_source(writer)
        self.main_queue = queue

    def settable(self) -> dict[ArrayVariable, str]:
        """The variables that a program can be given other values of, and their names: ``"group.variable"``."""
        names = {}
        for var in self.arrays.keys() - self.dynamic_arrays_2d.keys():
            with suppress(ReferenceError):  # what used the variable is gone
                if not var.read_only:
                    names[var] = f"{var.owner.name}.{var.name}"
        return names

    def shape_of(self, variable: ArrayVariable) -> tuple[int, ...] | None:
        """Of the values of a variable, None if it is only known when the program runs."""
        if variable.scalar:
            return ()
        if not isinstance(variable, DynamicArrayVariable):
            return (variable.size,)
        number = self.array_cache.get(variable.owner.variables["N"])
        return None if number is None else (int(number[0]),)

    def _ordered_queue(self) -> list[numbers.Step]:
        """The main queue, with each clock set once and in the order of their names: they come from a set."""
        clocks = {
            self.arrays[var]
            for clock in self.clocks
            for var in clock.variables.values()
            if isinstance(var, ArrayVariable)
        }
        steps: list[numbers.Step] = []
        for of_clocks, group in groupby(
            self.main_queue, lambda step: step[0] == "set_by_single_value" and step[1][0] in clocks
        ):
            if of_clocks:
                last = {step[1][0]: step for step in group}
                steps += [last[array] for array in sorted(last)]
            else:
                steps += map(_with_idle_clocks_in_order, group)
        return steps

    def generate_makefile(
        self,
        writer: CPPWriter,
        compiler: str,
        compiler_flags: str,
        linker_flags: str,
        nb_threads: int,
        debug: bool,
    ) -> None:
        if compiler != "unix":  # Visual Studio gets each file for itself, as Brian2 does it
            super().generate_makefile(writer, compiler, compiler_flags, linker_flags, nb_threads, debug)
            return
        merged = self._merged(writer)
        for name, text in merged.items():
            writer.write(name, text)
        inside = {name for text in merged.values() for name in sources.included(text)}
        self.compiled_sources = writer.source_files - inside
        self._other_sources = self.compiled_sources - merged.keys()
        makefile = CodeObject.templater.makefile(
            None,
            None,
            objects=" ".join(map(sources.object_file, sources.in_order_of_speed(self.compiled_sources))),
            once=sources.object_file(sources.ONCE),
            compiler_flags=compiler_flags,
            compiler_debug_flags="-g -DDEBUG" if debug else "",
            linker_flags=linker_flags,
            linker_debug_flags="-g" if debug else "",
        )
        writer.write("makefile", makefile)

    def compile_source(self, directory: str, compiler: str, debug: bool, clean: bool) -> None:
        self._compile_or_fetch(directory, compiler, debug, clean)
        self.is_built = True

    def _compile_or_fetch(self, directory: str, compiler: str, debug: bool, clean: bool) -> None:
        if compiler != "unix" or programs.compiler() is None or self._includes_other_code():
            super().compile_source(directory, compiler, debug, clean)
            return
        program = Path(directory, "main")
        generated = sorted({*self.writer.source_files, *self.writer.header_files, "makefile"})
        key = programs.key(
            part for name in generated for part in (name.encode(), Path(directory, name).read_bytes())
        )
        kept = None if clean else programs.fetch(key)
        if kept is None:
            super().compile_source(directory, compiler, debug, clean)
            programs.keep(key, program.read_bytes())
        else:
            write_whole(program, kept)
            program.chmod(0o755)

    def run(self, *args: Any, **kwargs: Any) -> None:
        with _large_pages():
            super().run(*args, **kwargs)

    def delete(self, code: bool = True, *args: Any, **kwargs: Any) -> None:
        if code and self.writer is not None:
            # Brian2 misses the files that only its own build makes, and doesn't know those that only this one does
            project = Path(self.project_dir)
            Path(project, "make.deps").touch()
            for source in self.writer.source_files:
                Path(project, source).with_suffix(".o").touch()
                Path(project, source).with_suffix(".d").unlink(missing_ok=True)
        super().delete(code, *args, **kwargs)

    def _includes_other_code(self) -> bool:
        """Whether files are compiled or linked that aren't generated, and can change without the generated ones."""
        settings = prefs.codegen.cpp
        others = [
            *(self._other_sources, self.headers, self.libraries),
            *(settings.headers, settings.libraries),
        ]
        for each in self.code_objects.values():
            others += [files for what, files in each.compiler_kwds.items() if what != "define_macros"]
        return any(others)

    def _merged(self, writer: CPPWriter) -> dict[str, str]:
        """The sources that include most of the others."""
        ours = [each for each in self.code_objects.values() if isinstance(each, CodeObject)]
        once = {args[0].name for what, args in self.main_queue if what == "run_code_object"}
        blocks = [
            f"code_objects/{block}_{each.name}.cpp" for each in ours for block in each.before_after_blocks
        ]
        return sources.merged(
            writer.source_files,
            each_step=[f"code_objects/{each.name}.cpp" for each in ours if each.name not in once],
            once=[*blocks, *(f"code_objects/{each.name}.cpp" for each in ours if each.name in once)],
        )


def _with_idle_clocks_in_order(step: numbers.Step) -> numbers.Step:
    """A run adds the clocks that nothing runs on in the order of a set: in that of their names instead."""
    what, args = step
    if what != "run_network":
        return step
    network, lines = args
    idle = sorted(line for line in lines if line.endswith(", NULL);"))
    ordered = iter(idle)
    return what, (network, [next(ordered) if line in idle else line for line in lines])


@contextmanager
def _large_pages() -> Iterator[None]:
    """Let the program have memory in large pages, if its C library can: a million synapses are made in less time."""
    name = "GLIBC_TUNABLES"
    if name in os.environ:
        yield
        return
    os.environ[name] = "glibc.malloc.hugetlb=1"
    try:
        yield
    finally:
        del os.environ[name]


standalone_device = StandaloneDevice()
all_devices[NAME] = standalone_device
