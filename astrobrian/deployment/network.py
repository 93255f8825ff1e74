"""A Brian2 network of trained layers, for every backend.

A token is a time step. Each unit is a cell with its own copy of what its astrocyte shares (traces and keys): so a layer is
one group, which needs neither summed variables nor a third index. Spikes that arrive during a step are added up, and drive
the next one: `run_regularly` hands them over at the start of each step, before the declared equations are integrated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from brian2 import Clock, Network, Quantity, SpikeGeneratorGroup, SpikeMonitor, Synapses, TimedArray, ms
from brian2.core.base import BrianObject
from brian2.core.spikesource import SpikeSource

from astrobrian.deployment.layer import TrainedLayer, check_stack
from astrobrian.equations import Input, Model, Parameter
from astrobrian.groups import Neurons


@dataclass(frozen=True, eq=False)
class Deployed:
    """Layers in Brian2, from the first to the last.

    Attributes
    ----------
    groups : tuple of Neurons
        The units of each layer, those of the first sequence first.
    synapses : tuple of Synapses
        What brings spikes to a layer.
    monitors : tuple of SpikeMonitor
        Of each layer.
    delays : tuple of int
        By how many time steps the spikes of each layer come after the token that they answer.
    batch : int
        Sequences, each with units of its own.
    source : SpikeSource or None
        Where the spikes come from.
    """

    groups: tuple[Neurons, ...]
    synapses: tuple[Synapses, ...]
    monitors: tuple[SpikeMonitor, ...]
    delays: tuple[int, ...]
    batch: int
    source: SpikeSource | None

    @property
    def objects(self) -> tuple[BrianObject, ...]:
        """Everything that a network needs, the source included."""
        own = (*self.groups, *self.synapses, *self.monitors)
        return own if self.source is None else (self.source, *own)

    def network(self, *others: BrianObject) -> Network:
        """A network of these objects, and others."""
        return Network(*self.objects, *others)

    def duration(self, tokens: int) -> Quantity:
        """How long it takes until the last layer has answered so many tokens."""
        return (tokens + self.delays[-1]) * self.groups[-1].clock.dt

    def spikes(self, tokens: int, layer: int = -1) -> np.ndarray:
        """The spikes of a layer at the tokens that they answer, as the Torch layer gives them.

        Parameters
        ----------
        tokens : int
        layer : int, optional
            The last one unless given.

        Returns
        -------
        ndarray of bool, shape (batch, tokens, units)

        Raises
        ------
        ValueError
            If fewer tokens were simulated.
        """
        group, monitor = self.groups[layer], self.monitors[layer]
        answered = int(group.clock.timestep[:]) - self.delays[layer]
        if answered < tokens:
            raise ValueError(
                f"{group.name} has answered {max(answered, 0)} tokens, not {tokens}: run the network for duration({tokens})"
            )
        token = np.round(np.asarray(monitor.t / group.clock.dt)).astype(int) - self.delays[layer]
        cell = np.asarray(monitor.i)
        fired = np.zeros((tokens, len(group)), dtype=bool)
        within = (token >= 0) & (token < tokens)
        fired[token[within], cell[within]] = True
        return fired.reshape(tokens, self.batch, -1).swapaxes(0, 1)


def spike_source(spikes: np.ndarray, ms_per_token: float) -> SpikeGeneratorGroup:
    """A source of given spikes.

    Parameters
    ----------
    spikes : ndarray, shape (batch, tokens, width)
        0 or 1.
    ms_per_token : float

    Raises
    ------
    ValueError
        If the shape is another one, or there is something else than 0 and 1.

    Examples
    --------
    >>> source = spike_source(np.random.default_rng(0).random((1, 200, 16)) < 0.2, layer.ms_per_token)
    """
    spikes = np.asarray(spikes)
    if spikes.ndim != 3 or not np.isin(spikes, (0, 1)).all():
        raise ValueError(
            f"spikes should be 0 or 1, in the shape (batch, tokens, width), not {spikes.shape} "
            f"from {spikes.min(initial=0):g} to {spikes.max(initial=0):g}"
        )
    batch, _, width = spikes.shape
    sequence, token, feature = np.nonzero(spikes)
    return SpikeGeneratorGroup(
        batch * width, sequence * width + feature, token * ms_per_token * ms, dt=ms_per_token * ms
    )


def deploy(
    layers: TrainedLayer | Sequence[TrainedLayer], source: SpikeSource | np.ndarray, batch: int = 1
) -> Deployed:
    """Layers as a Brian2 network on the backend that was chosen.

    Parameters
    ----------
    layers : TrainedLayer or sequence of TrainedLayer
        From the first to the last; each gets the spikes of the one before.
    source : SpikeSource or ndarray
        What the first layer gets. Spikes of ``batch * width`` cells, those of the first sequence first: however often a cell
        spikes during a token counts. Or numbers of the shape (batch, tokens, width).
    batch : int, optional
        Sequences, if spikes are given.

    Returns
    -------
    Deployed

    Raises
    ------
    ValueError
        If there is no layer, sizes or time steps don't fit, or there is a number that isn't finite.

    Examples
    --------
    >>> use_backend("cpp")
    >>> layer = load_layers("layer.safetensors")
    >>> deployed = deploy(layer, spike_source(spikes, ms_per_token=500), batch=8)
    >>> deployed.network().run(deployed.duration(tokens=200))
    >>> deployed.spikes(tokens=200)
    """
    layers = [layers] if isinstance(layers, TrainedLayer) else list(layers)
    numbers = not isinstance(source, SpikeSource)
    if numbers:
        source = np.asarray(source, dtype=float)
    _check(layers, source, batch)
    batch = source.shape[0] if numbers else batch
    clock = Clock(layers[0].ms_per_token * ms, name="amsu_clock*")
    groups: list[Neurons] = []
    synapses: list[Synapses] = []
    # numbers drive the step that they are given at, spikes the one after
    first = 0 if numbers else 1
    for number, layer in enumerate(layers):
        if numbers and not groups:
            group = _driven_by_numbers(layer, source, clock)
        else:
            group = _driven_by_spikes(layer, batch, first + number, clock)
            synapses.append(_projection(layer, groups[-1] if groups else source, group, batch))
        groups.append(group)
    return Deployed(
        tuple(groups),
        tuple(synapses),
        tuple(SpikeMonitor(group) for group in groups),
        tuple(range(first, first + len(layers))),
        batch,
        None if numbers else source,
    )


def _check(layers: list[TrainedLayer], source: SpikeSource | np.ndarray, batch: int) -> None:
    check_stack(layers)
    width = layers[0].width
    if isinstance(source, np.ndarray):
        if source.ndim != 3 or source.shape[2] != width or 0 in source.shape:
            raise ValueError(f"the input should have the shape (batch, tokens, {width}), not {source.shape}")
        if not np.isfinite(source).all():
            raise ValueError("the input has a number that isn't finite")
    elif batch < 1 or len(source) != batch * width:
        raise ValueError(
            f"{source.name} should have a cell for each of {width} features of {batch} sequences, "
            f"which is {batch * width}, not {len(source)}"
        )


def _units(layer: TrainedLayer, batch: int, model: Model, clock: Clock) -> Neurons:
    group = Neurons(batch * layer.units, model, method="exponential_euler", clock=clock, name="amsu*")
    for name, value in layer.constants.items():
        setattr(group, name, np.tile(value, batch) * (ms if name.startswith("tau_") else 1))
    return group


def _driven_by_spikes(layer: TrainedLayer, batch: int, delay: int, clock: Clock) -> Neurons:
    """Units whose inputs add up in ``..._next`` until the next step begins, on top of a bias.

    Before the first token has come through the layers before, there is no bias either: all states stay at zero.
    """
    model, lines = layer.model, []
    for name in layer.drives:
        following = Input("1", f"what {name} is going to be in the next step", signed=True)
        rest = Parameter(0, "1", f"what {name} is without spikes", signed=True, per_cell=True)
        model = model + Model(name, inputs={f"{name}_next": following}, parameters={f"{name}_bias": rest})
        lines += [f"{name} = {name}_next", f"{name}_next = {name}_bias*int(t >= begin)"]
    begin = Parameter(0, "ms", "time of the first token")
    group = _units(layer, batch, model + Model("begin", parameters={"begin": begin}), clock)
    for name, (_, bias) in layer.drives.items():
        setattr(group, f"{name}_bias", np.tile(bias, batch))
    # half a step early, so that rounding doesn't matter
    group.begin = max(delay - 1.5, 0) * clock.dt
    group.run_regularly("\n".join(lines), clock=clock)
    return group


def _projection(layer: TrainedLayer, source: SpikeSource, target: Neurons, batch: int) -> Synapses:
    """From all features to all units of the same sequence."""
    names = list(layer.drives)
    synapses = Synapses(
        source,
        target,
        "\n".join(f"w_{name} : 1 (constant)" for name in names),
        on_pre="\n".join(f"{name}_next_post += w_{name}" for name in names),
        clock=target.clock,
    )
    sequence, feature, unit = (
        each.ravel() for each in np.indices((batch, layer.width, layer.units), dtype=np.int32)
    )
    synapses.connect(i=sequence * layer.width + feature, j=sequence * layer.units + unit)
    for name, (weight, _) in layer.drives.items():
        setattr(synapses, f"w_{name}", np.tile(weight.T.ravel(), batch))
    return synapses


def _driven_by_numbers(layer: TrainedLayer, values: np.ndarray, clock: Clock) -> Neurons:
    """Units whose inputs are computed beforehand."""
    batch, tokens, _ = values.shape
    group = _units(layer, batch, layer.model, clock)
    namespace = {}
    for name, (weight, bias) in layer.drives.items():
        drive = (values @ weight.T + bias).swapaxes(0, 1).reshape(tokens, -1)
        namespace[f"{name}_at"] = TimedArray(drive, dt=clock.dt)
    group.namespace.update(namespace)
    group.run_regularly("\n".join(f"{name} = {name}_at(t, i)" for name in layer.drives), clock=clock)
    return group
