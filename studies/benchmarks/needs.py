"""What a row needs that may not be there."""

from __future__ import annotations

from astrobrian.backends import obstacle


def no_compiler() -> str | None:
    """Why programs can't be compiled here, and what to do; None if they can."""
    found = obstacle("cpp")
    return None if found is None else f"{found.reason}; {found.fix}"
