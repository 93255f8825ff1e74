"""Recurrent models that follow what was simulated: the bank, and a GRU of equal state size."""

from __future__ import annotations

import torch
from torch import nn

from astrobrian.bridges.bank import Bank
from astrobrian.bridges.distillation.targets import OBSERVED


class BankFollower(nn.Module):
    """A bank whose first astrocytes are what is observed; the others are free.

    Parameters
    ----------
    heads, keys : int
    ms_per_token : float
    observed : tuple of str
        Names of what is followed; at most as many as there are heads.
    feedback : bool, optional
    """

    def __init__(
        self, heads: int, keys: int, ms_per_token: float, observed: tuple[str, ...], feedback: bool = True
    ) -> None:
        super().__init__()
        begun = [OBSERVED[name] for name in observed]
        free = torch.logspace(3, 4.5, heads - len(begun) + 2)[1:-1].tolist()  # ms
        self.bank = Bank(heads, keys, ms_per_token, torch.tensor([*begun, *free]), feedback)
        self.observed = observed

    def begin(self, observed: torch.Tensor) -> torch.Tensor:
        """The state that these observed values (cells, names) are of; what is free begins at zero."""
        return nn.functional.pad(observed, (0, self.bank.heads - len(self.observed)))

    def forward(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Observed values and states, (cells, tokens, names) and (cells, tokens, heads), under a signal (cells, tokens)."""
        states, _ = self.bank(x, state)
        return states[..., : len(self.observed)], states


class GRUFollower(nn.Module):
    """A GRU with linear maps from what is observed to its first state, and from its states to what is observed.

    Parameters
    ----------
    size : int
        Numbers in its state.
    observed : tuple of str
    """

    def __init__(self, size: int, observed: tuple[str, ...]) -> None:
        super().__init__()
        self.gru = nn.GRU(1, size, batch_first=True)
        self.write, self.read = nn.Linear(len(observed), size), nn.Linear(size, len(observed))
        self.observed = observed

    def begin(self, observed: torch.Tensor) -> torch.Tensor:
        """The state that these observed values (cells, names) are of."""
        return torch.tanh(self.write(observed))

    def forward(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Observed values and states, (cells, tokens, names) and (cells, tokens, size), under a signal (cells, tokens)."""
        states, _ = self.gru(x[..., None], state[None])
        return self.read(states), states
