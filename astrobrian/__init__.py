"""Astrocytes for Brian2."""

from astrobrian import _layout  # noqa: F401  (first: it refuses a mixed import)
