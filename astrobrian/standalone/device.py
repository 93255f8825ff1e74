"""The device that ``use_backend("cpp")`` chooses."""

from __future__ import annotations

from typing import Any

from brian2.codegen.cpp_prefs import get_compiler_and_args
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.devices.device import all_devices

from astrobrian.standalone.codeobject import CodeObject

#: Its name for `brian2.set_device`.
NAME = "astrobrian_cpp"


class StandaloneDevice(CPPStandaloneDevice):
    """Brian2's C++ standalone device, with AstroBrian's templates and flags."""

    def code_object_class(self, codeobj_class: type | None = None, fallback_pref: str | None = None) -> type:
        return CodeObject if codeobj_class is None else codeobj_class

    def build(self, *args: Any, **kwargs: Any) -> None:
        compiler, _ = get_compiler_and_args()
        if compiler == "unix" and "-fopenmp-simd" not in self.extra_compile_args:
            # loops marked with `#pragma omp simd` become vector instructions; no threads, no library
            self.extra_compile_args = [*self.extra_compile_args, "-fopenmp-simd"]
        super().build(*args, **kwargs)


standalone_device = StandaloneDevice()
all_devices[NAME] = standalone_device
