"""A stack of AM-SU layers that was trained on a task, what it hasn't seen, and its answer.

As a script it writes them to the files that tests without Torch read.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from astrobrian.bridges import AMSU

WIDTH, UNITS, MS_PER_TOKEN = 8, 12, 100.0
STORED = Path(__file__).parents[2] / "astrobrian" / "deployment" / "trained"


def trials(number: int, tokens: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Spikes (number, tokens, width), of which one half of the channels fires more at first; and which half."""
    random = torch.Generator().manual_seed(seed)
    which = torch.randint(2, (number,), generator=random)
    rate = torch.full((number, tokens, WIDTH), 0.1)
    favoured = (torch.arange(WIDTH) // (WIDTH // 2) == which[:, None])[:, None]
    rate[:, : tokens // 3] += 0.4 * favoured
    return (torch.rand(rate.shape, generator=random) < rate).double(), which


class Recall(nn.Module):
    """Two layers, and a read-out of the spikes in the last third of a trial."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [
                AMSU(WIDTH, UNITS, 2, 3, MS_PER_TOKEN, tau_u=300.0, tau_r=200.0, tau_H=3000.0),
                AMSU(UNITS, 8, 2, 2, MS_PER_TOKEN, tau_u=300.0, tau_r=200.0, tau_H=3000.0),
            ]
        )
        self.read_out = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What each trial is taken for, and how often the units of each layer fire."""
        rates = []
        for layer in self.layers:
            x, _ = layer(x)
            rates.append(x.mean((0, 1)))
        return self.read_out(x[:, -x.shape[1] // 3 :].mean(1)), torch.cat(rates)


def train(steps: int = 60) -> tuple[Recall, float]:
    """A network that was trained in double precision, and the share of new trials that it gets right."""
    torch.manual_seed(0)
    network = Recall().double()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for step in range(steps):
        x, which = trials(32, 30, step)
        optimizer.zero_grad()
        answer, rates = network(x)
        # every unit is to fire now and then
        (nn.functional.cross_entropy(answer, which) + 5 * (rates - 0.2).square().mean()).backward()
        optimizer.step()
    x, which = trials(256, 30, steps)
    with torch.no_grad():
        return network, float((network(x)[0].argmax(1) == which).double().mean())


@pytest.fixture(scope="session")
def recall() -> Recall:
    network, right = train()
    assert right > 0.8, "the network should have learnt something"
    return network


def answers(layers: nn.ModuleList, x: torch.Tensor) -> list[np.ndarray]:
    """The spikes of each layer."""
    spikes = []
    with torch.no_grad():
        for layer in layers:
            x, _ = layer(x)
            spikes.append(x.numpy() > 0)
    return spikes


if __name__ == "__main__":
    from astrobrian.bridges.deployment.export import trained_layers
    from astrobrian.deployment import save_layers

    network, right = train()
    x, _ = trials(2, 200, seed=1000)
    save_layers(trained_layers(network.layers), STORED / "layers.safetensors")
    first, second = answers(network.layers, x)
    np.savez_compressed(STORED / "held_out.npz", x=x.numpy() > 0, first=first, second=second)
    print(f"{right:.1%} right; the layers fire in {first.mean():.1%} and {second.mean():.1%} of the slots")
