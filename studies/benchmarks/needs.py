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
