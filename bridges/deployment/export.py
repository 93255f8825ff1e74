"""AM-SU layers as Brian2 networks, and as what these are made of."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy

import numpy as np
import torch
from brian2.core.spikesource import SpikeSource

from astrobrian.bridges.amsu import AMSU
from astrobrian.deployment import Deployed, TrainedLayer, deploy


def trained_layers(layers: AMSU | Iterable[AMSU]) -> list[TrainedLayer]:
    """The numbers of layers in double precision, those of ``layer.double()``, wherever they are.

    Parameters
    ----------
    layers : AMSU or iterable of AMSU
        From the first to the last.

    Raises
    ------
    TypeError
        If there is something else among them.
    ValueError
        If astrocytes don't step at every token, or a parameter isn't finite.

    Examples
    --------
    >>> save_layers(trained_layers([first, second]), "layers.safetensors")
    """
    return [_numbers(layer) for layer in (layers if isinstance(layers, Iterable) else [layers])]


def _numbers(layer: AMSU) -> TrainedLayer:
    if not isinstance(layer, AMSU):
        raise TypeError(
            f"AMSU layers can be deployed, and not a {type(layer).__name__}: give the layers one after the other"
        )
    if layer.astrocyte and layer.astrocyte_every > 1:
        raise ValueError(
            f"a layer whose astrocytes step at every {layer.astrocyte_every}th token can't be deployed: in Brian2 a unit "
            "is one group of cells with one clock; train with astrocyte_every=1"
        )
    layer = deepcopy(layer).double().cpu()
    sides = ("x", "x_k", "v", "q") if layer.astrocyte else ("x",)
    constants = ("tau_r", "tau_H", "tau_u", "g_H", "theta") if layer.astrocyte else ("tau_u", "theta")
    tensors = {name: layer.constants[name] for name in constants}
    features = torch.eye(layer.signal.in_features, dtype=torch.float64)
    with torch.no_grad():
        # the drive is affine: what it is without input, and then for each feature without what it is anyway
        biases = layer.drive(torch.zeros_like(features[:1]))
        for affine in (layer.signal, layer.key, layer.value, layer.query):
            affine.bias.zero_()
        weights = layer.drive(features)
    for side in sides:
        tensors[f"{side}.weight"] = getattr(weights, side).T
        tensors[f"{side}.bias"] = getattr(biases, side)[0]
    return TrainedLayer(
        {name: tensor.detach().contiguous().numpy() for name, tensor in tensors.items()},
        layer.ms_per_token,
        layer.sigma,
        layer.reset,
    )


def to_brian2(
    layers: AMSU | Iterable[AMSU], source: SpikeSource | np.ndarray | torch.Tensor, batch: int = 1
) -> Deployed:
    """Trained layers as a Brian2 network on the backend that was chosen; see `astrobrian.deployment.deploy`.

    Its spikes are those of the layers in double precision, token by token, from zero states on.

    Parameters
    ----------
    layers : AMSU or iterable of AMSU
        From the first to the last; each gets the spikes of the one before.
    source : SpikeSource, ndarray or Tensor
        What the first layer gets: a Brian2 object with ``batch * width`` cells, or numbers of the shape (batch, tokens,
        width).
    batch : int, optional
        Sequences, if `source` is a Brian2 object.

    Returns
    -------
    Deployed

    Raises
    ------
    TypeError, ValueError
        If a layer can't be deployed (see `trained_layers`), there is none, or sizes or time steps don't fit.

    Examples
    --------
    >>> use_backend("cpp")
    >>> deployed = to_brian2(layer, x)
    >>> deployed.network().run(deployed.duration(x.shape[1]))
    >>> deployed.spikes(x.shape[1])
    """
    if isinstance(source, torch.Tensor):
        source = source.detach().double().cpu().numpy()
    return deploy(trained_layers(layers), source, batch)
