"""Astrocytes for Brian2."""

from astrobrian import _layout  # isort: skip  # noqa: F401  (first: it refuses a mixed import)
from astrobrian.backends import BackendError, UnsupportedFeature, build, use_backend
from astrobrian.gap_junctions import GapJunctions
from astrobrian.groups import AstrocyteGroup, Neurons
from astrobrian.guard import PhysicalRangeError
from astrobrian.layout import Grid, Layout, Positions, Uniform, nearest, neighbours, place, positions_of
from astrobrian.sweeps import sweep
from astrobrian.tripartite import TripartiteSynapses

__all__ = [
    "AstrocyteGroup",
    "BackendError",
    "GapJunctions",
    "Grid",
    "Layout",
    "Neurons",
    "PhysicalRangeError",
    "Positions",
    "TripartiteSynapses",
    "Uniform",
    "UnsupportedFeature",
    "build",
    "nearest",
    "neighbours",
    "place",
    "positions_of",
    "sweep",
    "use_backend",
]
