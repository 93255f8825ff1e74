"""The astrocyte's matrix state over a sequence, in chunks of matrix products.

The element law is read from the declaration; it must have the form H' = a H + b v k with a and b made of parameters
alone. Then what is read at a token is a sum over the tokens before it, weighted with powers of a.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import sympy as sp
import torch

from astrobrian.bridges.torch_codegen import TokenStep, symbol, torch_function

H, K, V, Q = (symbol(name) for name in "Hkvq")


@cache
def linear_law(step: TokenStep) -> tuple[sp.Expr, sp.Expr]:
    """The decay a and the write b of an element law H' = a H + b v k, read with o = H q.

    Raises
    ------
    ValueError
        If the law doesn't have this form.
    """
    law = step.update["H"].expand()
    a, b = sp.diff(law, H), sp.diff(law, V, K)
    linear = sp.simplify(law - a * H - b * V * K) == 0 and not (a.free_symbols | b.free_symbols) & {
        H,
        K,
        V,
        Q,
    }
    if not linear or sp.simplify(step.outputs["o"] - H * Q) != 0:
        raise ValueError(
            f"chunks need the law H' = a H + b v k and o = H q, not {law} and {step.outputs['o']}"
        )
    return a, b


_LAWS: dict[str, Callable[..., list[torch.Tensor]]] = {}


def law(step: TokenStep) -> Callable[..., list[torch.Tensor]]:
    """The decay a and the write b as a Torch function of parameters and dt, made once for every step.

    Before it is compiled by torch.compile, which can't trace through SymPy, it should have been called with this step.
    """
    if step.name not in _LAWS:
        arguments = step.arguments[len(step.states) + len(step.inputs) :]
        _LAWS[step.name] = torch_function(arguments, linear_law(step))
    return _LAWS[step.name]


def chunked_memory(
    step: TokenStep,
    k: torch.Tensor,
    v: torch.Tensor,
    q: torch.Tensor,
    state: torch.Tensor,
    parameters: Mapping[str, torch.Tensor],
    dt: float,
    chunk: int = 64,
    every: int = 1,
    phase: torch.Tensor | int = 0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Write and read the matrix state for all tokens.

    Parameters
    ----------
    step : TokenStep
        Of one element of the matrix.
    k, q : Tensor, shape (batch, heads, tokens, keys)
    v : Tensor, shape (batch, heads, tokens, values)
    state : Tensor, shape (batch, heads, values, keys)
    parameters : dict of str to Tensor, shape (heads,)
    dt : float
        Time that a token takes, in the unit of the time constants.
    chunk : int, optional
        Tokens that one product takes; changes the speed, not the result.
    every : int, optional
        Tokens that one step of the matrix takes. It is taken with the key and the value of the first of them; every token
        reads.
    phase : Tensor or int, shape (), optional
        Tokens since the last step began; 0 where one begins with the first token.

    Returns
    -------
    o : Tensor, shape (batch, heads, tokens, values)
    state : Tensor, shape (batch, heads, values, keys)
    """
    a, b = law(step)(*(parameters[n] for n in step.parameters), dt * every)
    due = (torch.arange(k.shape[2], device=k.device) + phase) % every == 0
    v = v * b[:, None, None] * due[:, None]
    parts = zip(*(y.split(chunk, 2) for y in (k, v, q)), due.split(chunk), strict=True)
    reads = []
    for k_c, v_c, q_c, due_c in parts:
        age = due_c.cumsum(0)
        # what isn't due writes nothing, so that a lag of zero is no look ahead
        lag = age[:, None] - age[None, :]
        kept = torch.where(lag >= 0, a[:, None, None] ** lag.clamp(min=0), 0)
        within = (q_c @ k_c.transpose(2, 3) * kept) @ v_c
        before = q_c @ state.transpose(2, 3) * (a[:, None] ** age)[:, :, None]
        reads.append(within + before)
        left = (a[:, None] ** (age[-1] - age))[:, :, None]
        state = state * (a ** age[-1])[:, None, None] + (v_c * left).transpose(2, 3) @ k_c
    return torch.cat(reads, 2), state
