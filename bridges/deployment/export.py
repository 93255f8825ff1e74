"""AM-SU layers as Brian2 networks, and as what these are made of."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch
from brian2.core.spikesource import SpikeSource

from astrobrian.bridges.amsu import AMSU
from astrobrian.deployment import Deployed, TrainedLayer, deploy


def trained_layer(layer: AMSU) -> TrainedLayer:
    """The numbers of a layer in double precision, those of ``layer.double()``, wherever it is.

    Raises
    ------
    ValueError
        If its astrocytes don't step at every token.

    Examples
    --------
    >>> save_layers([trained_layer(layer)], "layer.safetensors")
    """
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
    layers: AMSU | Sequence[AMSU], source: SpikeSource | np.ndarray | torch.Tensor, batch: int = 1
) -> Deployed:
    """Trained layers as a Brian2 network on the backend that was chosen; see `astrobrian.deployment.deploy`.

    Its spikes are those of the layers in double precision, token by token, from zero states on.

    Parameters
    ----------
    layers : AMSU or sequence of AMSU
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
    ValueError
        If there is no layer, or sizes or time steps don't fit.

    Examples
    --------
    >>> use_backend("cpp")
    >>> deployed = to_brian2(layer, x)
    >>> deployed.network().run(deployed.duration(x.shape[1]))
    >>> deployed.spikes(x.shape[1])
    """
    stack = [layers] if isinstance(layers, AMSU) else layers
    if isinstance(source, torch.Tensor):
        source = source.detach().double().cpu().numpy()
    return deploy([trained_layer(layer) for layer in stack], source, batch)
