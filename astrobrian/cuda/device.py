"""The device that ``use_backend("cuda")`` chooses. This module needs Brian2CUDA; no other one imports it."""

from __future__ import annotations

import inspect
from pathlib import Path

import brian2cuda
from brian2 import prefs
from brian2.devices.device import all_devices
from brian2.utils.filetools import copy_directory
from brian2cuda.device import CUDAStandaloneDevice, CUDAWriter

from astrobrian.cuda import sources, toolkit
from astrobrian.cuda.codeobject import CodeObject

#: Its name for `brian2.set_device`.
NAME = "astrobrian_cuda"


class CudaDevice(CUDAStandaloneDevice):
    """Brian2CUDA's standalone device, with AstroBrian's templates and a quicker build."""

    def code_object_class(self, codeobj_class: type | None = None, fallback_pref: str | None = None) -> type:
        return CodeObject if codeobj_class is None else codeobj_class

    def copy_source_files(self, writer: CUDAWriter, directory: str) -> None:
        library = Path(inspect.getfile(brian2cuda)).parent / "brianlib"
        copied = copy_directory(str(library), str(Path(directory, "brianlib")))
        writer.header_files.update(f"brianlib/{name}" for name in copied)

    def generate_makefile(
        self,
        writer: CUDAWriter,
        cpp_compiler: str,
        cpp_compiler_flags: list[str],
        cpp_linker_flags: list[str],
        debug: bool,
        disable_asserts: bool,
    ) -> None:
        others = {name for name in writer.source_files if not Path(writer.project_dir, name).exists()}
        names = sorted({*writer.source_files, *writer.header_files} - others - {sources.PROGRAM})
        texts = {name: Path(writer.project_dir, name).read_text() for name in names}
        writer.write(sources.PROGRAM, sources.merged(texts))
        compiler = toolkit.nvcc()
        random_numbers = toolkit.curand(compiler) if compiler else None
        flags = [*prefs.devices.cuda_standalone.cuda_backend.extra_compile_args_nvcc, self._architecture()]
        # for the CPU's compiler, what the user said about folders and macros; its own flags aren't known to nvcc
        flags += [flag for flag in cpp_compiler_flags if flag.startswith(("-I", "-D", "-U"))]
        flags += ["-g", "-G", "-DDEBUG"] if debug else []
        flags += ["-DNDEBUG"] if disable_asserts else []
        linked = [flag.replace("-Wl,", "-Xlinker ") for flag in cpp_linker_flags]
        if random_numbers:
            flags.append(f"-I{random_numbers.include}")
            library = random_numbers.library
            linked.append(f"-Xlinker {library},-rpath,{library.parent}")
        else:
            linked.append("-lcurand")
        makefile = self.code_object_class().templater.makefile(
            None,
            None,
            nvcc=compiler or "nvcc",
            flags=" ".join(flags),
            linked=" ".join(linked),
            other_sources=" ".join(sorted(others)),
        )
        writer.write("makefile", makefile)

    def _architecture(self) -> str:
        """The flag that says for which GPU to compile."""
        return f"-arch=sm_{round(10 * self.compute_capability)}"


_device = CudaDevice()
all_devices[NAME] = _device


def cuda_device() -> CudaDevice:
    """The device; there is one."""
    return _device
