"""Astrocytes distilled into units: how much of the simulated loop a unit keeps, and what is lost."""
