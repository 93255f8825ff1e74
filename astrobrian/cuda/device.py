"""The device that ``use_backend("cuda")`` chooses. It needs Brian2CUDA, and so do the modules that only it imports."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import brian2cuda
from brian2 import BrianObjectException, Network, Quantity, Synapses, prefs
from brian2.codegen.codeobject import CodeObject as AnyCodeObject
from brian2.core.variables import Variable
from brian2.devices.device import all_devices
from brian2.utils.filetools import ensure_directory
from brian2cuda.device import CUDAStandaloneDevice, CUDAWriter

from astrobrian.backends.findings import Refusal, UnsupportedFeature, conclude
from astrobrian.covering import CHECKED_TERRITORY
from astrobrian.cuda import functions, literals, sources, spikequeue, territories, toolkit
from astrobrian.cuda.codeobject import CodeObject
from astrobrian.cuda.preflight import preflight
from astrobrian.cuda.races import OrderedWrites
from astrobrian.cuda.results import put_right

# it lists all of its preferences at each build
logging.getLogger("brian2.brian2cuda").setLevel(logging.WARNING)

#: Its name for `brian2.set_device`.
NAME = "astrobrian_cuda"


class CudaDevice(CUDAStandaloneDevice, OrderedWrites):
    """Brian2CUDA's standalone device, with AstroBrian's templates, preflight and a quicker build."""

    def __init__(self) -> None:
        super().__init__()
        self.main_queue: list[tuple[str, Any]] = []
        #: Time step of each pathway in the runs so far, in seconds.
        self._steps: dict[str, float] = {}

    def code_object_class(self, codeobj_class: type | None = None, fallback_pref: str | None = None) -> type:
        return CodeObject if codeobj_class is None else codeobj_class

    def network_run(
        self, net: Network, duration: Quantity, *args: Any, level: int = 0, **kwargs: Any
    ) -> None:
        preflight(self, net, self._steps)
        # Brian2CUDA would look no further than what the network holds itself
        self.synapses |= {each for each in net.sorted_objects if isinstance(each, Synapses)}
        # code of synapses names it, also where nothing steps on it
        self.clocks.add(self.defaultclock)
        try:
            super().network_run(net, duration, *args, level=level + 1, **kwargs)
        except BrianObjectException as error:
            if isinstance(error.__cause__, UnsupportedFeature):
                raise error.__cause__ from None
            raise

    def network_store(self, net: Network, *args: Any, **kwargs: Any) -> None:
        conclude(
            "cuda", [Refusal("store_restore", net.name, "a program can't go back to an earlier state")], []
        )

    network_restore = network_store

    def code_object(
        self,
        owner: Any,
        name: str,
        abstract_code: Mapping[str | None, str],
        variables: Mapping[str, Variable],
        *args: Any,
        **kwargs: Any,
    ) -> AnyCodeObject:
        if CHECKED_TERRITORY in variables:
            territories.add_implementation(variables[CHECKED_TERRITORY], owner._null_cell)
        functions.adapt(owner, variables)
        return super().code_object(owner, name, abstract_code, variables, *args, **kwargs)

    def generate_main_source(self, writer: CUDAWriter) -> None:
        queue, self.main_queue = self.main_queue, list(self._with_checks())
        super().generate_main_source(writer)
        self.main_queue = queue

    def _with_checks(self) -> Iterator[tuple[str, Any]]:
        """What the program does, and looks at what it has computed."""
        for step in self.main_queue:
            yield step
            match step:
                case "run_code_object", (made,) if CHECKED_TERRITORY in made.variables:
                    array = self.get_array_name(made.variables["territory"], access_data=False)
                    yield "insert_code", territories.check(made.owner, array, made.owner._null_cell)

    def generate_rand_source(self, writer: CUDAWriter) -> None:
        # how many random numbers synapses need is only known for Brian2's own class, not for those derived from it
        owners = {
            made.owner.name
            for each in self.codeobjects_with_rng["host_api"]["per_run"]
            for of in each.values()
            for made in of
        }
        derived = [each for each in self.synapses if each.name in owners and type(each) is not Synapses]
        for each in derived:
            each._N = f"{self.get_array_name(each.variables['N'])}[0]"
        super().generate_rand_source(writer)
        for each in derived:
            del each._N

    def generate_codeobj_source(self, writer: CUDAWriter) -> None:
        with literals.corrected():
            super().generate_codeobj_source(writer)

    def run(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().run(*args, **kwargs)
        finally:  # also after the error of a variable that left its range
            if self.has_been_run:
                put_right(self, self.networks)

    def copy_source_files(self, writer: CUDAWriter, directory: str) -> None:
        library = Path(inspect.getfile(brian2cuda)).parent / "brianlib"
        ensure_directory(str(Path(directory, "brianlib")))
        for file in library.glob("*.h"):
            text = file.read_text()
            writer.write(
                f"brianlib/{file.name}", spikequeue.corrected(text) if file.name == spikequeue.FILE else text
            )

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
        makefile = CodeObject.templater.makefile(
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
