"""Training AM-SUs: the unit beside other libraries' leaky neurons and a GRU, the layer beside attention."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from statistics import median

from astrobrian.studies.benchmarks.needs import no_compiler, no_gpu, no_snntorch, no_spikingjelly, no_torch
from astrobrian.studies.benchmarks.row import Numbers, Prepared, Ratio, Row, Tell, beside
from astrobrian.studies.benchmarks.worker import Worker

BATCH, WIDTH, HEADS, KEYS = 8, 256, 4, 16
LENGTHS = (512, 2048)
CALLS, SECONDS = 3, 1.0

#: Of all spikes: a potential within rounding of its threshold is on the other side of it now and then.
SAME = 1e-4


def timed(layer: str, tokens: int, device: str) -> Numbers:
    """Time of a training step of a layer, the median of some after one that is left out; on a GPU also its memory."""
    import torch

    from astrobrian.studies.benchmarks import layers

    step = getattr(layers, layer)(tokens, device)
    times: list[float] = []
    gpu = device == "cuda"
    # processor time, so that what else runs on the machine doesn't count; on one thread it is the wall time of an idle one
    clock = time.perf_counter if gpu else time.process_time
    while len(times) <= CALLS or sum(times[1:]) < SECONDS:
        start = clock()
        step()
        if gpu:
            torch.cuda.synchronize()
        times.append(clock() - start)
    numbers = {"ms": 1e3 * median(times[1:])}
    if gpu:
        numbers["memory_MiB"] = torch.cuda.max_memory_allocated() / 2**20
        torch.cuda.reset_peak_memory_stats()
    return numbers


def difference(device: str) -> float:
    """The share of spikes that are others in SpikingJelly than in the unit, which does the same there."""
    from astrobrian.studies.benchmarks import layers

    ours = layers.unit(LENGTHS[0], device)()
    theirs = layers.spikingjelly_lif(LENGTHS[0], device)().transpose(0, 1)
    return float((ours != theirs).float().mean())


def prepare(layers: Mapping[str, str], device: str, compare: bool, stack: ExitStack, tell: Tell) -> Prepared:
    """A process for each side, in which everything is imported and compiled.

    Raises
    ------
    ArithmeticError
        If the unit and SpikingJelly's neuron, where they are compared, don't spike at the same tokens.
    """
    workers = {name: stack.enter_context(Worker()) for name in layers}
    if compare:
        tell("comparing the spikes")
        if not (found := next(iter(workers.values()))(difference, device)) < SAME:
            raise ArithmeticError(f"of the spikes of the unit and of SpikingJelly's, {found:.2%} differ")
    return Prepared(
        {
            f"{name} {tokens}": partial(workers[name], timed, layer, tokens, device)
            for tokens in LENGTHS
            for name, layer in layers.items()
        }
    )


def ratios(
    one: str, other: str, number: str = "ms", bars: tuple[float, float] | None = None
) -> tuple[Ratio, ...]:
    """How many times a number of one side is in that of another, at both lengths."""
    what = "as fast as" if number == "ms" else "less memory than"
    limits: tuple[float | None, ...] = bars or (None, None)
    return tuple(
        Ratio(
            f"{one}, {tokens} tokens: times {what} {other}",
            beside(f"{other} {tokens}", f"{one} {tokens}", number),
            bar,
            "at least",
        )
        for tokens, bar in zip(LENGTHS, limits, strict=True)
    )


UNIT, TANH, LAYER, WIDE = "unit", "unit with tanh", "layer", f"layer with {WIDTH // HEADS} keys"
LEAKY, LIF, GRU, ATTENTION = "snnTorch's Leaky", "SpikingJelly's LIF", "nn.GRU", "attention"

_SIZES = f"batch {BATCH}, width {WIDTH}, {' and '.join(f'{n:,}' for n in LENGTHS)} tokens"
_OURS = (
    f"Training step (forward and backward) of AM-SUs, {_SIZES}: the unit on given currents, and the layer with its "
    f"projections and matrices ({HEADS} heads with {KEYS} keys each, and with as many keys as attention has, "
    f"{WIDTH // HEADS})"
)
_THEIRS = (
    "the same currents in snnTorch's `Leaky` in a loop and in `nn.GRU`; causal attention in Torch with projections, of the "
    "same width and heads"
)
_LAYERS = {
    UNIT: "unit",
    LEAKY: "snntorch_leaky",
    GRU: "gru",
    LAYER: "amsu",
    WIDE: "amsu_with_keys_of_attention",
    ATTENTION: "attention",
}
_ROOMS, _PACKAGES = ("astrobrian.bridges",), ("torch", "snntorch", "spikingjelly")

unit_and_layer = Row(
    "amsu",
    f"{_OURS}, one thread",
    _THEIRS,
    (
        *ratios(UNIT, LEAKY, bars=(15, 15)),
        *ratios(UNIT, GRU, bars=(20, 20)),
        *ratios(TANH, LEAKY),
        *ratios(LAYER, ATTENTION, bars=(1, 3)),
        *ratios(WIDE, ATTENTION),
    ),
    partial(prepare, _LAYERS | {TANH: "unit_with_tanh"}, "cpu", False),
    lambda: no_torch() or no_compiler() or no_snntorch(),
    rooms=_ROOMS,
    packages=_PACKAGES,
)

unit_and_spikingjelly = Row(
    "amsu-spikingjelly",
    f"Training step of AM-SUs on given currents, {_SIZES}, one thread",
    "SpikingJelly's leaky neuron, multi-step mode",
    ratios(UNIT, LIF, bars=(12, 12)),
    partial(prepare, {UNIT: "unit", LIF: "spikingjelly_lif"}, "cpu", True),
    lambda: no_torch() or no_compiler() or no_spikingjelly(),
    rooms=_ROOMS,
    packages=_PACKAGES,
)

on_a_gpu = Row(
    "amsu-cuda",
    f"{_OURS}, on a GPU",
    f"{_THEIRS}; all on the same GPU",
    (
        *ratios(UNIT, LEAKY, bars=(15, 15)),
        *ratios(UNIT, GRU, bars=(20, 20)),
        *ratios(LAYER, ATTENTION, bars=(1, 3)),
        *ratios(WIDE, ATTENTION),
        *ratios(UNIT, LEAKY, "memory_MiB"),
        *ratios(UNIT, GRU, "memory_MiB"),
        *ratios(LAYER, ATTENTION, "memory_MiB"),
    ),
    partial(prepare, _LAYERS, "cuda", False),
    lambda: no_torch() or no_gpu() or no_snntorch(),
    rooms=_ROOMS,
    packages=_PACKAGES,
)

unit_and_spikingjelly_on_a_gpu = Row(
    "amsu-spikingjelly-cuda",
    f"Training step of AM-SUs on given currents, {_SIZES}, on a GPU",
    "SpikingJelly's leaky neuron, multi-step mode, by its Triton kernels on the same GPU",
    (*ratios(UNIT, LIF, bars=(12, 12)), *ratios(UNIT, LIF, "memory_MiB")),
    partial(prepare, {UNIT: "unit", LIF: "spikingjelly_lif"}, "cuda", True),
    lambda: no_torch() or no_gpu() or no_spikingjelly(),
    rooms=_ROOMS,
    packages=_PACKAGES,
)
