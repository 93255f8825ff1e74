"""Training steps of recurrent layers and of attention, each at its best in plain Torch: no loop indexes a sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import nn

from astrobrian.bridges.amsu import AMSU, membrane_step
from astrobrian.bridges.scan import scan
from astrobrian.studies.benchmarks.amsu import BATCH, HEADS, KEYS, WIDTH

TrainingStep = Callable[[], torch.Tensor]
"""Forward and backward once; returns what the forward pass gave."""


def sequence(tokens: int, device: str) -> torch.Tensor:
    """What a layer gets, (batch, tokens, width): the same for all layers, and at the threshold of none."""
    dice = torch.Generator().manual_seed(0)
    return torch.randn(BATCH, tokens, WIDTH, generator=dice).to(device).requires_grad_()


def training_step(
    forward: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, parameters: Iterable[torch.Tensor]
) -> TrainingStep:
    """Derivatives by the input and by all parameters, from a given derivative of the output."""
    by_output = torch.randn(x.shape, generator=torch.Generator().manual_seed(1)).to(x)
    trained = [x, *parameters]

    def run() -> torch.Tensor:
        output = forward(x)
        torch.autograd.grad(output, trained, by_output)
        return output.detach()

    return run


def unit(tokens: int, device: str, sigma: str = "identity", theta: float = 1.0) -> TrainingStep:
    """Membranes of AM-SUs on given currents, with time constants and thresholds that are trained.

    A membrane halves in a token, and its threshold is 1, as it is in the peers.
    """
    step = membrane_step(sigma, astrocyte=False)
    ones = torch.ones(WIDTH, device=device)
    tau = 1 / torch.tensor(2.0).log()
    p = {"tau_u": (tau * ones).requires_grad_(), "theta": (theta * ones).requires_grad_()}

    def forward(x: torch.Tensor) -> torch.Tensor:
        u = x.new_zeros(BATCH, WIDTH)
        spikes: torch.Tensor = scan(step, {"u": u}, {"x": x}, p, 1.0)[0]
        return spikes

    return training_step(forward, sequence(tokens, device), p.values())


def unit_with_tanh(tokens: int, device: str) -> TrainingStep:
    """The same with the current that saturates, at 1, and the threshold that go with it."""
    return unit(tokens, device, "tanh", 0.5)


def snntorch_leaky(tokens: int, device: str) -> TrainingStep:
    """snnTorch's leaky neuron in the loop of its tutorials, over a sequence that is unbound once."""
    import snntorch

    neuron = snntorch.Leaky(beta=0.5).to(device)

    def forward(x: torch.Tensor) -> torch.Tensor:
        potential, spikes = neuron.reset_mem(), []
        for token in x.unbind(0):
            spike, potential = neuron(token, potential)
            spikes.append(spike)
        return torch.stack(spikes)

    return training_step(forward, _tokens_first(tokens, device), ())


def spikingjelly_lif(tokens: int, device: str) -> TrainingStep:
    """SpikingJelly's leaky neuron in its multi-step mode, reset by subtraction; on a GPU by its Triton kernels."""
    from spikingjelly.activation_based import functional, neuron, surrogate

    layer = neuron.LIFNode(
        tau=2.0,
        v_reset=None,
        step_mode="m",
        surrogate_function=surrogate.ATan(alpha=2.0),
        backend="triton" if device == "cuda" else "torch",
    ).to(device)

    def forward(x: torch.Tensor) -> torch.Tensor:
        functional.reset_net(layer)
        spikes: torch.Tensor = layer(x)
        return spikes

    return training_step(forward, _tokens_first(tokens, device), ())


def _tokens_first(tokens: int, device: str) -> torch.Tensor:
    """The sequence as these libraries want it, (tokens, batch, width)."""
    return sequence(tokens, device).detach().transpose(0, 1).contiguous().requires_grad_()


def gru(tokens: int, device: str) -> TrainingStep:
    """Torch's GRU."""
    layer = nn.GRU(WIDTH, WIDTH, batch_first=True).to(device)
    return training_step(lambda x: layer(x)[0], sequence(tokens, device), layer.parameters())


def amsu(tokens: int, device: str, keys: int = KEYS) -> TrainingStep:
    """The layer with its astrocytes."""
    layer = AMSU(WIDTH, WIDTH, HEADS, keys, ms_per_token=500.0).to(device)
    return training_step(lambda x: layer(x)[0], sequence(tokens, device), layer.parameters())


def amsu_with_keys_of_attention(tokens: int, device: str) -> TrainingStep:
    """The same with as many keys in each head as values, as attention has."""
    return amsu(tokens, device, WIDTH // HEADS)


class Attention(nn.Module):
    """Causal attention of several heads, with as many projections as an AM-SU layer: three in and one out."""

    def __init__(self) -> None:
        super().__init__()
        self.sides, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """All tokens of a sequence at once."""
        q, k, v = (y.unflatten(2, (HEADS, -1)).transpose(1, 2) for y in self.sides(x).chunk(3, 2))
        read = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        mixed: torch.Tensor = self.out(read.transpose(1, 2).flatten(2))
        return mixed


def attention(tokens: int, device: str) -> TrainingStep:
    """Torch's attention."""
    layer = Attention().to(device)
    return training_step(layer, sequence(tokens, device), layer.parameters())
