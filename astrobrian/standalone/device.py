"""The device that ``use_backend("cpp")`` chooses."""

from __future__ import annotations

from typing import Any

from brian2.codegen.cpp_prefs import get_compiler_and_args
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice, CPPWriter
from brian2.devices.device import all_devices

from astrobrian.standalone import sources
from astrobrian.standalone.codeobject import CodeObject

#: Its name for `brian2.set_device`.
NAME = "astrobrian_cpp"


class StandaloneDevice(CPPStandaloneDevice):
    """Brian2's C++ standalone device, with AstroBrian's templates and flags, and a quicker build."""

    def __init__(self) -> None:
        super().__init__()
        #: Which of the generated files are given to the compiler; they include the others.
        self.compiled_sources: set[str] = set()

    def code_object_class(self, codeobj_class: type | None = None, fallback_pref: str | None = None) -> type:
        return CodeObject if codeobj_class is None else codeobj_class

    def build(self, *args: Any, **kwargs: Any) -> None:
        compiler, _ = get_compiler_and_args()
        if compiler == "unix" and "-fopenmp-simd" not in self.extra_compile_args:
            # loops marked with `#pragma omp simd` become vector instructions; no threads, no library
            self.extra_compile_args = [*self.extra_compile_args, "-fopenmp-simd"]
        super().build(*args, **kwargs)

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
        makefile = self.code_object_class().templater.makefile(
            None,
            None,
            objects=" ".join(sources.object_file(name) for name in sorted(self.compiled_sources)),
            once=sources.object_file(sources.ONCE),
            compiler_flags=compiler_flags,
            compiler_debug_flags="-g -DDEBUG" if debug else "",
            linker_flags=linker_flags,
            linker_debug_flags="-g" if debug else "",
        )
        writer.write("makefile", makefile)

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


standalone_device = StandaloneDevice()
all_devices[NAME] = standalone_device
