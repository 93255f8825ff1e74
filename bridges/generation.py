"""Sampling bytes from a trained model, one at a time, with a state that doesn't grow."""

from __future__ import annotations

import torch

from astrobrian.bridges.astrosnn import AstroSNN, GRUModel


def generate(
    model: AstroSNN | GRUModel,
    prompt: bytes = b"\n",
    length: int = 500,
    temperature: float = 0.8,
    seed: int = 0,
) -> bytes:
    """What the model writes after a prompt.

    Parameters
    ----------
    model : AstroSNN or GRUModel
        From `astrobrian.bridges.load_model`.
    prompt : bytes
    length : int
        Bytes to write.
    temperature : float
        0 takes the likeliest byte, 1 samples the model's own distribution.
    seed : int

    Raises
    ------
    ValueError
        If the prompt is empty, or length or temperature is negative.

    Examples
    --------
    >>> print(generate(load_model("results/demo/astrocyte"), b"def ").decode(errors="replace"))
    """
    if not prompt:
        raise ValueError("the prompt is empty; give at least one byte, such as a newline")
    if length < 0:
        raise ValueError(f"length can't be negative, got {length}")
    if not temperature >= 0:
        raise ValueError(f"temperature can't be negative, got {temperature}")
    dice = torch.Generator().manual_seed(seed)
    written = bytearray()
    with torch.no_grad():
        logits, state = model(torch.tensor([list(prompt)]))
        for _ in range(length):
            last = logits[0, -1]
            if temperature == 0:
                byte = int(last.argmax())
            else:
                # the likeliest stays at 0, however small the temperature is
                scaled = (last - last.max()).double() / temperature
                byte = int(torch.multinomial(torch.softmax(scaled, 0).float(), 1, generator=dice))
            written.append(byte)
            logits, state = model(torch.tensor([[byte]]), state)
    return bytes(written)
