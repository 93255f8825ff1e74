"""What a row needs that may not be there."""

from __future__ import annotations

from importlib.util import find_spec

from astrobrian.backends import obstacle


def no_compiler() -> str | None:
    """Why programs can't be compiled here, and what to do; None if they can."""
    found = obstacle("cpp")
    return None if found is None else f"{found.reason}; {found.fix}"


def no_snntorch() -> str | None:
    """Why networks can't be run in snnTorch here, and what to do; None if they can."""
    return None if find_spec("snntorch") else "snnTorch isn't installed: pip install 'snntorch>=0.9.4'"


def no_torch() -> str | None:
    """Why nothing can be trained here, and what to do; None if it can."""
    return None if find_spec("torch") else 'Torch isn\'t installed: pip install "astrobrian[torch]"'


def no_gpu() -> str | None:
    """Why nothing can be trained on a GPU, and what to do; None if it can."""
    import torch

    return (
        None
        if torch.cuda.is_available()
        else "there is no GPU that Torch can use: run it on a machine with one"
    )


def no_spikingjelly() -> str | None:
    """Why networks can't be run in SpikingJelly here, and what to do; None if they can."""
    return (
        None
        if find_spec("spikingjelly")
        else "SpikingJelly isn't installed: pip install --no-deps spikingjelly loguru, for with its dependencies it would "
        "replace Torch"
    )
