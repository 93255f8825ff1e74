"""AM-SU layers as a graph of the Neuromorphic Intermediate Representation (NIR), as far as it has nodes for them.

NIR's nodes are affine maps, leaky integrators and thresholds. A layer whose astrocyte is cut off and whose sigma is the
identity is made of these. Products of two signals (the write v k and the read H q of the astrocyte) and saturation (tanh)
aren't.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import sympy as sp

from astrobrian.bridges.amsu import AMSU
from astrobrian.bridges.deployment.export import trained_layers
from astrobrian.bridges.torch_codegen import DT, symbol, token_step
from astrobrian.deployment import TrainedLayer
from astrobrian.deployment.layer import check_stack
from astrobrian.equations import amsu_linear_membrane

if TYPE_CHECKING:
    import nir

Membrane = Literal["LI", "LIF"]


def to_nir(
    layers: AMSU | Iterable[AMSU], membrane: Membrane = "LI", euler_step: float | None = None
) -> nir.NIRGraph:
    """Trained layers as a NIR graph: one affine map and one membrane each.

    The current of a token is held until the next, and spikes are numbers, 1 or 0 at each token. Potentials are in units of
    the threshold.

    Parameters
    ----------
    layers : AMSU or iterable of AMSU
        From the first to the last; each gets the spikes of the one before.
    membrane : {"LI", "LIF"}, optional
        ``"LI"`` is exact: a leaky integrator, a threshold, and, where a spike subtracts the threshold, the spikes scaled and
        fed back to the integrator, with a delay of one token. ``"LIF"`` is the node that most readers know. It resets to
        zero, which is another unit: spikes differ.
    euler_step : float, optional
        In seconds. For readers that take a token for one step of forward Euler, of this fixed length (0.0001 for snnTorch
        1.0): time constants and weights are such that this step is exact. Without it, time constants are the layer's,
        and a step is exact if it is that of a leaky integrator whose input is held.

    Returns
    -------
    nir.NIRGraph
        Its ``metadata`` says how long a token takes (``seconds_per_token``).

    Raises
    ------
    TypeError, ValueError
        If a layer has something that isn't expressible in NIR, naming it, isn't one, or sizes or options don't fit.
    ImportError
        If nir isn't installed.

    Examples
    --------
    >>> layer = AMSU(16, 32, 4, 8, ms_per_token=1, astrocyte=False, sigma="identity")
    >>> nir.write("layer.nir", to_nir(layer))
    """
    try:
        import nir
    except ImportError as error:
        raise ImportError('to_nir needs nir: pip install "astrobrian[nir]"', name="nir") from error

    trained = trained_layers(layers)
    check_stack(trained)
    _check(trained, membrane, euler_step)
    nodes: dict[str, nir.NIRNode] = {"input": nir.Input({"input": np.array([trained[0].width])})}
    edges, before = [], "input"
    for number, layer in enumerate(trained):
        names = {part: f"{part}_{number}" for part in ("signal", "membrane", "spikes", "reset")}
        decay = _decay(layer)
        # what a current of one adds to the potential in a token
        gain = 1 - decay if euler_step is None else np.ones(layer.units)
        scale = (1 - decay) / gain / layer.values["theta"]
        nodes[names["signal"]] = nir.Affine(
            layer.values["x.weight"] * scale[:, None], layer.values["x.bias"] * scale
        )
        tau = layer.values["tau_u"] / 1000 if euler_step is None else euler_step / (1 - decay)
        resistance, zero, one = gain / (1 - decay), np.zeros(layer.units), np.ones(layer.units)
        edges += [(before, names["signal"]), (names["signal"], names["membrane"])]
        if membrane == "LIF":
            nodes[names["membrane"]] = nir.LIF(tau, resistance, v_leak=zero, v_threshold=one, v_reset=zero)
            before = names["membrane"]
            continue
        nodes[names["membrane"]] = nir.LI(tau, resistance, v_leak=zero)
        nodes[names["spikes"]] = nir.Threshold(one)
        edges.append((names["membrane"], names["spikes"]))
        if layer.reset:
            nodes[names["reset"]] = nir.Scale(-decay / gain)
            edges += [(names["spikes"], names["reset"]), (names["reset"], names["membrane"])]
        before = names["spikes"]
    nodes["output"] = nir.Output({"output": np.array([trained[-1].units])})
    edges.append((before, "output"))
    return nir.NIRGraph(nodes, edges, metadata={"seconds_per_token": trained[0].ms_per_token / 1000})


def _check(layers: Sequence[TrainedLayer], membrane: Membrane, euler_step: float | None) -> None:
    """Raise ValueError for what NIR has no node for."""
    if membrane not in ("LI", "LIF"):
        raise ValueError(f"membrane should be 'LI' or 'LIF', not {membrane!r}")
    if euler_step is not None and not 0 < euler_step < float("inf"):
        raise ValueError(f"euler_step should be a positive number of seconds, not {euler_step!r}")
    for number, layer in enumerate(layers):
        lacking = []
        if layer.keys:
            lacking.append(
                "products of two signals (the astrocyte's write v k and read H q): set astrocyte=False"
            )
        if layer.sigma != "identity":
            lacking.append(f"{layer.sigma} (the current of the signal): train with sigma='identity'")
        if membrane == "LIF" and not layer.reset:
            lacking.append("a LIF neuron without reset: choose membrane='LI'")
        if lacking:
            raise ValueError(f"NIR has no node for what layer {number} computes: {'; '.join(lacking)}")


def _decay(layer: TrainedLayer) -> np.ndarray:
    """What is left of the potential after a token, by the declared law u' = a u + (1 - a) x."""
    law = token_step(amsu_linear_membrane).update["u"]
    decay = sp.diff(law, symbol("u"))
    if sp.simplify(law - decay * symbol("u") - (1 - decay) * symbol("x")) != 0:
        raise ValueError(f"NIR's leaky integrator needs the law u' = a u + (1 - a) x, not {law}")
    return sp.lambdify((symbol("tau_u"), DT), decay, "numpy")(layer.values["tau_u"], layer.ms_per_token)
