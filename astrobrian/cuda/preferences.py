"""What Brian2CUDA is told about this machine, and what it is to do otherwise than by default."""

from __future__ import annotations

from typing import Literal

import numpy as np
from brian2 import prefs

from astrobrian.cuda import toolkit

Precision = Literal["double", "single"]
PRECISIONS: dict[str, type] = {"double": np.float64, "single": np.float32}

#: Where no GPU is at hand: the oldest that CUDA 13 knows. Newer ones translate its code when the program starts.
OLDEST = 7.5
# Only matters for the code of atomic additions, which hasn't changed since version 8
_ANY_VERSION = 13.0


def prepare(
    gpu: int | None = None, precision: Precision = "double", compute_capability: float | None = None
) -> None:
    """Set the preferences of Brian2CUDA, and forget what it has found out before.

    Parameters
    ----------
    gpu : int, optional
        Number of the GPU, as the driver counts; by default the one with the highest compute capability.
    precision : {"double", "single"}, optional
        Of floating-point variables.
    compute_capability : float, optional
        What to compile for, such as 9.0. By default that of the GPU, or where there is none, 7.5.

    Raises
    ------
    ImportError
        If Brian2CUDA isn't installed.
    ValueError
        If there is no such GPU or precision.

    Examples
    --------
    >>> prepare(gpu=1, precision="single")
    """
    import brian2cuda  # noqa: F401  (it registers the preferences)
    from brian2cuda.utils import gputools

    if precision not in PRECISIONS:
        raise ValueError(f"precision={precision!r}, but it is one of {', '.join(PRECISIONS)}")
    number, capability = _chosen(gpu)
    prefs.core.default_float_dtype = PRECISIONS[precision]
    compiler = toolkit.nvcc()
    settings = prefs.devices.cuda_standalone.cuda_backend
    settings.detect_gpus = False  # it was done here
    settings.gpu_id = number
    settings.compute_capability = capability if compute_capability is None else float(compute_capability)
    settings.detect_cuda = compiler is not None
    settings.cuda_path = str(compiler.resolve().parent.parent) if compiler else None
    settings.cuda_runtime_version = toolkit.version(compiler) if compiler else _ANY_VERSION
    if "-use_fast_math" in settings.extra_compile_args_nvcc:
        # approximate functions, and tiny numbers set to zero: not what the same script gives on "cpp"
        settings.extra_compile_args_nvcc = ["-w"]
    gputools.reset_cuda_installation()
    gputools.reset_gpu_selection()


def _chosen(gpu: int | None) -> tuple[int, float]:
    """Number and compute capability of the GPU."""
    there = toolkit.gpus()
    if gpu is None:
        best = max(range(len(there)), key=lambda i: there[i].compute_capability, default=0)
        return best, there[best].compute_capability if there else OLDEST
    if not isinstance(gpu, int) or gpu < 0 or (there and gpu >= len(there)):
        known = (
            ", ".join(f"{i} ({each.name})" for i, each in enumerate(there)) or "none that the driver shows"
        )
        raise ValueError(f"gpu={gpu!r}, but the GPUs here are {known}")
    return gpu, there[gpu].compute_capability if there else OLDEST
