"""Where a simulation runs: one call to choose, and what stands in the way if it can't."""

from astrobrian.backends.choice import build, use_backend
from astrobrian.backends.features import BACKENDS
from astrobrian.backends.findings import UnsupportedFeature
from astrobrian.backends.obstacles import BackendError, Obstacle, obstacle
from astrobrian.standalone.programs import compiler

__all__ = [
    "BACKENDS",
    "BackendError",
    "Obstacle",
    "UnsupportedFeature",
    "build",
    "compiler",
    "obstacle",
    "use_backend",
]
