"""A stand-in for a GPU: programs that Brian2CUDA writes, compiled by g++ and run on a CPU. The README says what for."""

from stand_in.building import compile_for_cpu, on_cpu, settings

__all__ = ["compile_for_cpu", "on_cpu", "settings"]
