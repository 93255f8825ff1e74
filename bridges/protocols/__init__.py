"""The tripartite loop, simulated in batch: what synapses are driven with, and what their astrocytes make of it."""

from astrobrian.bridges.protocols.ensemble import Ensemble, release_probability
from astrobrian.bridges.protocols.recording import Events, Recording, RecordingFileError, load_recording
from astrobrian.bridges.protocols.simulation import Batch, assemble, simulate
from astrobrian.bridges.protocols.stimuli import KINDS, Protocol, Trains

__all__ = [
    "KINDS",
    "Batch",
    "Ensemble",
    "Events",
    "Protocol",
    "Recording",
    "RecordingFileError",
    "Trains",
    "assemble",
    "load_recording",
    "release_probability",
    "simulate",
]
