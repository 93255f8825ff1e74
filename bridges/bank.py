"""A bank of astrocytes that hear themselves, as a Torch module: what simulated astrocytes are distilled to.

It is the astrocytic part of an AM-SU, `astrobrian.equations.amsu_bank`, in a closed loop: a key saturates the presynaptic
signal and, through the feedback, what the astrocytes gave at the token before. Value and query are constants. The matrix of
an astrocyte is then one row, written with all its keys and forgotten at one rate, so that its output o follows the law of
an element itself: a state of one number for each astrocyte.
"""

from __future__ import annotations

import torch
from torch import nn

from astrobrian.bridges.checks import positive, whole
from astrobrian.bridges.kernels.operators import bank_walk
from astrobrian.bridges.memory import law
from astrobrian.bridges.scan import FUSED, fusible
from astrobrian.bridges.torch_codegen import symbol, token_step, torch_function
from astrobrian.equations import amsu_astrocyte, amsu_bank

ASTROCYTE, BANK = token_step(amsu_astrocyte), token_step(amsu_bank)
PROMPT_KEY = torch_function((symbol("x_k"),), (BANK.outputs["k"],))


class Bank(nn.Module):
    """Astrocytes with a time constant and a few keys each, driven with one presynaptic signal.

    Parameters
    ----------
    heads, keys : int
        Astrocytes, and keys of each.
    ms_per_token : float
        Time that a token takes.
    tau_H : Tensor or float
        Initial time constants (heads), in ms.
    feedback : bool, optional
        False opens the loop: the keys hear the signal alone.
    fused : bool, optional
        Whether to use the fused operator, where there is one: on the CPU, in single or double precision, with a C++
        compiler. It has first derivatives only; for higher ones pass False.

    Raises
    ------
    ValueError
        If a size or a time constant isn't positive and finite, or `fused` is asked for without a compiler. Later, if a signal or a state has another shape.
    TypeError
        If a time is given with a unit: times are plain numbers of milliseconds.

    Examples
    --------
    >>> bank = Bank(heads=5, keys=8, ms_per_token=500, tau_H=5000.0)
    >>> o, last = bank(torch.rand(16, 480), bank.initial_state(16))
    >>> last = bank.step(torch.rand(16), last)
    """

    def __init__(
        self,
        heads: int,
        keys: int,
        ms_per_token: float,
        tau_H: torch.Tensor | float,
        feedback: bool = True,
        fused: bool = FUSED,
    ) -> None:
        super().__init__()
        if fused and not FUSED:
            raise ValueError("the fused operator needs a C++ compiler: install one, or pass fused=False")
        for name, size in {"heads": heads, "keys": keys}.items():
            whole(name, size)
        positive("ms_per_token", ms_per_token, milliseconds=True)
        self.heads, self.keys, self.ms_per_token, self.fused = heads, keys, float(ms_per_token), fused
        self.log_tau_H = nn.Parameter(positive("tau_H", tau_H, milliseconds=True).expand(heads).log())
        # each key saturates at another strength of the signal, and hears the astrocytes at another level; chosen here
        self.key_weight = nn.Parameter(4 * torch.rand(heads * keys))
        self.key_bias = nn.Parameter(2 * torch.rand(heads * keys) - 1)
        self.feedback = nn.Parameter(0.7 * torch.randn(heads, heads * keys)) if feedback else None
        self.query = nn.Parameter(0.1 * torch.randn(heads, keys))

    @property
    def tau_H(self) -> torch.Tensor:
        """Time constants (heads), in ms."""
        return self.log_tau_H.exp()

    def initial_state(self, batch: int) -> torch.Tensor:
        """Outputs at zero, shape (batch, heads)."""
        return self.query.new_zeros(batch, self.heads)

    def _law(self) -> tuple[torch.Tensor, torch.Tensor]:
        """What is kept of each output in a token (heads), and what each key adds to its head's output (heads, keys)."""
        p = {"tau_H": self.tau_H, "g_H": torch.ones_like(self.log_tau_H)}
        kept, written = law(ASTROCYTE)(*(p[name] for name in ASTROCYTE.parameters), self.ms_per_token)
        return kept, self.query * written[:, None]

    def _walk(self, x: torch.Tensor, o: torch.Tensor) -> torch.Tensor:
        kept, written = self._law()
        given = (x, self.key_weight, self.key_bias, self.feedback, written, kept, o)
        if self.fused and fusible(*(t for t in given if t is not None)):
            return bank_walk(BANK, *given)
        by_key = torch.block_diag(*written[:, :, None])
        trajectory = []
        for token in x.unbind(1):
            heard = token[:, None] * self.key_weight + self.key_bias
            if self.feedback is not None:
                heard = torch.addmm(heard, o, self.feedback)
            (k,) = PROMPT_KEY(heard)
            o = torch.addmm(kept * o, k, by_key)
            trajectory.append(o)
        return torch.stack(trajectory, 1)

    def _check(self, x: torch.Tensor, o: torch.Tensor, axes: tuple[str, ...]) -> None:
        if x.ndim != len(axes) or 0 in x.shape[1:]:
            raise ValueError(f"the signal should have the shape ({', '.join(axes)}), not {tuple(x.shape)}")
        if o.shape != (x.shape[0], self.heads):
            raise ValueError(
                f"the state should have the shape {(x.shape[0], self.heads)}, not {tuple(o.shape)}"
            )

    def step(self, x: torch.Tensor, o: torch.Tensor) -> torch.Tensor:
        """One token: the signal has the shape (batch,), the outputs before and after it (batch, heads)."""
        self._check(x, o, ("batch",))
        return self._walk(x[:, None], o)[:, 0]

    def forward(self, x: torch.Tensor, o: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """All tokens of a sequence, the same to the bit as `step` for each.

        Parameters
        ----------
        x : Tensor, shape (batch, tokens)
        o : Tensor, shape (batch, heads)
            Outputs before the first token.

        Returns
        -------
        trajectory : Tensor, shape (batch, tokens, heads)
        o : Tensor, shape (batch, heads)
            Outputs after the last token.
        """
        self._check(x, o, ("batch", "tokens"))
        trajectory = self._walk(x, o)
        return trajectory, trajectory[:, -1].clone()
