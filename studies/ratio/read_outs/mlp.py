"""Perceptrons of three layers for many liquids at once, and how their loss falls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn
from torch.func import stack_module_state

from astrobrian.studies.ratio import constants
from astrobrian.studies.ratio.liquids import Liquid
from astrobrian.studies.ratio.read_outs.learned import Learned

# the random numbers of initial weights, and of the order of samples
_WEIGHTS, _ORDER = 21, 22
# samples whose loss is computed at once: what is between the layers stays in the cache
_TOGETHER = 500


def network(inputs: int, outputs: int, hidden: tuple[int, int]) -> nn.Sequential:
    """One read-out, with weights by torch's own rule; rectified linear units between the layers."""
    first, second = hidden
    return nn.Sequential(
        nn.Linear(inputs, first), nn.ReLU(), nn.Linear(first, second), nn.ReLU(), nn.Linear(second, outputs)
    )


def learn(
    liquids: Sequence[Liquid],
    inputs: torch.Tensor,
    values: torch.Tensor,
    outputs: int,
    train: int,
    read_out: constants.ReadOut,
) -> list[Learned]:
    """Train one read-out for each liquid, all at once; none knows of the others.

    Their gradients are those of the sum of their losses, which has no term of two of them. The loss is the mean
    squared error, or the cross-entropy of classes.

    Parameters
    ----------
    liquids : sequence of Liquid
        The initial weights of a read-out are those of its cell and seed; the order of samples is that of its seed.
    inputs : Tensor, shape (liquids, samples, inputs)
    values : Tensor, shape (liquids, samples, outputs), or of int, shape (liquids, samples)
        Numbers, or classes.
    outputs : int
        How many numbers are learned, or from how many classes the sample's is chosen.
    train : int
        How many samples, from the first, there are to learn from; the others are predicted.
    read_out : constants.ReadOut
    """
    layers = _layers(liquids, inputs.shape[-1], outputs, read_out.hidden, inputs.device)
    adam = torch.optim.Adam([each for layer in layers for each in layer], lr=read_out.rate, fused=True)
    losses = [_loss_of_all(layers, inputs, values, train)]
    for rows in _orders(liquids, train, read_out.epochs):
        rows = (rows + inputs.shape[1] * torch.arange(len(liquids))[:, None]).to(inputs.device)
        for some in rows.split(read_out.minibatch, dim=1):
            adam.zero_grad()
            _loss(_forward(layers, _rows(inputs, some)), _rows(values, some)).mean(dim=1).sum().backward()
            adam.step()
        losses.append(_loss_of_all(layers, inputs, values, train))
    with torch.no_grad():
        predicted = _forward(layers, inputs[:, train:])
    numbers = sum(each[0].numel() for layer in layers for each in layer)
    return [
        Learned(its_predicted, numbers, its_losses)
        for its_predicted, its_losses in zip(
            predicted.cpu().numpy(), torch.stack(losses, dim=1).cpu().numpy(), strict=True
        )
    ]


def _layers(
    liquids: Sequence[Liquid], inputs: int, outputs: int, hidden: tuple[int, int], device: torch.device
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Weights, shape (liquids, inputs, outputs), and biases, shape (liquids, 1, outputs), of each layer."""
    with torch.random.fork_rng(devices=[]):
        networks = [_seeded(liquid, inputs, outputs, hidden) for liquid in liquids]
    stacked, _ = stack_module_state(networks)  # type: ignore[arg-type]
    own = [each.detach().to(device) for each in stacked.values()]
    return [
        (
            weight.transpose(1, 2).contiguous().requires_grad_(),
            bias.unsqueeze(1).contiguous().requires_grad_(),
        )
        for weight, bias in zip(own[::2], own[1::2], strict=True)
    ]


def _seeded(liquid: Liquid, inputs: int, outputs: int, hidden: tuple[int, int]) -> nn.Sequential:
    """The read-out of a liquid as it begins."""
    seed = np.random.SeedSequence([_WEIGHTS, liquid.neurons, liquid.astrocytes, liquid.seed])
    torch.manual_seed(int(seed.generate_state(1)[0]))
    return network(inputs, outputs, hidden)


def _orders(liquids: Sequence[Liquid], train: int, epochs: int) -> Iterator[torch.Tensor]:
    """In which order each liquid's samples come, shape (liquids, train), in each epoch; one of its seed."""
    randoms = {liquid.seed: np.random.default_rng([_ORDER, liquid.seed]) for liquid in liquids}
    for _ in range(epochs):
        orders = {seed: random.permutation(train) for seed, random in randoms.items()}
        yield torch.as_tensor(np.stack([orders[liquid.seed] for liquid in liquids]))


def _rows(values: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Some samples of each liquid, by their row among those of all liquids."""
    return values.flatten(0, 1).index_select(0, rows.flatten()).unflatten(0, rows.shape)


def _forward(layers: Sequence[tuple[torch.Tensor, torch.Tensor]], inputs: torch.Tensor) -> torch.Tensor:
    """What the read-outs give, shape (liquids, samples, outputs)."""
    *hidden, (weight, bias) = layers
    for each, its_bias in hidden:
        inputs = torch.baddbmm(its_bias, inputs, each).relu()
    return torch.baddbmm(bias, inputs, weight)


def _loss(given: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Of each sample, shape (liquids, samples)."""
    if values.ndim == given.ndim:
        return (given - values).square().mean(dim=2)
    return nn.functional.cross_entropy(given.transpose(1, 2), values, reduction="none")


def _loss_of_all(
    layers: Sequence[tuple[torch.Tensor, torch.Tensor]],
    inputs: torch.Tensor,
    values: torch.Tensor,
    train: int,
) -> torch.Tensor:
    """Mean over the training samples, shape (liquids,)."""
    parts = zip(inputs[:, :train].split(_TOGETHER, 1), values[:, :train].split(_TOGETHER, 1), strict=True)
    with torch.no_grad():
        return torch.cat([_loss(_forward(layers, some), its) for some, its in parts], dim=1).mean(dim=1)
