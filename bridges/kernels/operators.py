"""Fused operators as Torch knows its own: differentiable, and understood by torch.compile and torch.export."""

from astrobrian.bridges.kernels.bank_operator import bank_walk
from astrobrian.bridges.kernels.build import available
from astrobrian.bridges.kernels.linear_operator import row_linear
from astrobrian.bridges.kernels.matrix_operator import matrix_walk
from astrobrian.bridges.kernels.scan_operator import fused_scan

__all__ = ["AVAILABLE", "bank_walk", "fused_scan", "matrix_walk", "row_linear"]

AVAILABLE = available()
"""Whether there is a C++ compiler, without which there are no fused operators on a CPU."""
