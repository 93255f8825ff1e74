"""What a study needs, looked at before anything long starts."""

from __future__ import annotations

from importlib.util import find_spec

from astrobrian.backends import BackendError
from astrobrian.backends.obstacles import obstacle
from astrobrian.backends.options import check_name

_PACKAGES = (
    "distributed",
    "jinja2",
    "matplotlib",
    "pandas",
    "reservoirpy",
    "sklearn",
    "statsmodels",
    "torch",
)


def check_packages() -> None:
    """Raise ImportError if one isn't installed."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise ImportError(f'the study needs {", ".join(missing)}: pip install "astrobrian[torch,studies]"')


def check_backend(name: str) -> None:
    """Raise ValueError if there is no such backend, and BackendError if it can't be used on this machine."""
    check_name(name)
    if found := obstacle(name):
        raise BackendError(f"the backend {name!r} can't be used here: {found.reason}; {found.fix}")
