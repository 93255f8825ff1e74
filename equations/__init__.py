"""Symbolic declarations of neurons, astrocytes and synapses, and what is derived from them without running anything."""

import sys

if __name__ != "astrobrian.equations" or getattr(sys.modules["astrobrian"], "__file__", None) is None:
    raise ImportError(f"{__name__} loaded outside the astrobrian package from {__file__}")

from astrobrian.equations.model import Model, ModelError
from astrobrian.equations.parameter import Input, Parameter
from astrobrian.equations.references import Reference

__all__ = ["Input", "Model", "ModelError", "Parameter", "Reference"]
