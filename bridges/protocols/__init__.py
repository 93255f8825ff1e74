"""The tripartite loop, simulated in batch: what synapses are driven with, and what their astrocytes make of it."""

from astrobrian.bridges.protocols.ensemble import Ensemble, release_probability
from astrobrian.bridges.protocols.recording import Events, Recording
from astrobrian.bridges.protocols.simulation import simulate
from astrobrian.bridges.protocols.stimuli import KINDS, Protocol, Trains

__all__ = [
    "KINDS",
    "Ensemble",
    "Events",
    "Protocol",
    "Recording",
    "Trains",
    "release_probability",
    "simulate",
]
