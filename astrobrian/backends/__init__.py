"""Where a simulation runs: one call to choose, and what stands in the way if it can't."""

from astrobrian.backends.choice import PLANNED, SUPPORTED, build, use_backend
from astrobrian.backends.obstacles import BackendError, Obstacle, obstacle
from astrobrian.standalone.programs import compiler

__all__ = ["PLANNED", "SUPPORTED", "BackendError", "Obstacle", "build", "compiler", "obstacle", "use_backend"]
