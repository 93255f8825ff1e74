"""The device that ``use_backend("cuda")`` chooses. This module needs Brian2CUDA; no other one imports it."""

from __future__ import annotations

import inspect
from pathlib import Path

import brian2cuda
from brian2.devices.device import all_devices
from brian2.utils.filetools import copy_directory
from brian2cuda.device import CUDAStandaloneDevice, CUDAWriter

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


_device = CudaDevice()
all_devices[NAME] = _device


def cuda_device() -> CudaDevice:
    """The device; there is one."""
    return _device
