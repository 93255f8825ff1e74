"""Trained AM-SU layers as Brian2 networks, without Torch."""

from astrobrian.deployment.layer import DeploymentError, TrainedLayer, load_layers, save_layers
from astrobrian.deployment.network import Deployed, deploy, spike_source

__all__ = [
    "Deployed",
    "DeploymentError",
    "TrainedLayer",
    "deploy",
    "load_layers",
    "save_layers",
    "spike_source",
]
