"""The network of figure 6 on a GPU beside one core of the same machine, from a quarter of its size to a hundred times."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from astrobrian.backends import obstacle
from astrobrian.studies.benchmarks import own, program
from astrobrian.studies.benchmarks.figure6 import ratio
from astrobrian.studies.benchmarks.needs import no_compiler
from astrobrian.studies.benchmarks.program import Device
from astrobrian.studies.benchmarks.row import Prepared, Ratio, Repetition, Row, Side, Tell

SECONDS = 4.0  # two of them with the stronger current
SCALES = {"0.25x": 0.25, "1x": 1.0, "3x": 3.0, "10x": 10.0, "100x": 100.0}
DEVICES: dict[str, Device] = {"cpp": "astrobrian", "cuda": "cuda"}
SAME = 0.05  # connections and initial values are other random ones of the same kind


def prepare(stack: ExitStack, tell: Tell) -> Prepared:
    """The same network on both, at each scale."""
    sides: dict[str, Side] = {}
    for name, scale in SCALES.items():
        for backend, device in DEVICES.items():
            tell(f"compiling {name} for {backend}")
            make = partial(own.lifted, scale=scale)
            sides[f"{backend} {name}"] = partial(program.in_worker(stack, device, make, SECONDS), program.run)
    largest = partial(own.lifted, scale=SCALES["100x"])
    profile = partial(program.profile, stack, largest, SECONDS, "cuda")
    return Prepared(sides, {"profile on the GPU at 100x": profile})


def nothing_to_run_it() -> str | None:
    """Why this can't be measured here, and what to do; None if it can."""
    found = obstacle("cuda")
    return no_compiler() if found is None else f"{found.reason}; {found.fix}"


def same_rates(repetition: Repetition) -> None:
    """Each population fires as often on both, at every scale that is large enough to say so."""
    for name in list(SCALES)[1:]:
        one, other = (repetition[f"{backend} {name}"] for backend in DEVICES)
        for count in ("excitatory_spikes", "inhibitory_spikes"):
            if abs(other[count] / one[count] - 1) > SAME:
                raise ArithmeticError(
                    f"cpp and cuda differ at {name}: {count} {one[count]} and {other[count]}"
                )


def pays_from(repetition: Repetition) -> float:
    """The smallest scale from which on the GPU is faster than one core; infinite if it never is."""
    pays = float("inf")
    for name, scale in reversed(SCALES.items()):
        if ratio(f"cpp {name}", f"cuda {name}")(repetition) < 1:
            return pays
        pays = scale
    return pays


cuda = Row(
    "cuda",
    "Fig. 6 network, 4 s, lifted, `cuda`: simulation time on a GPU, at several sizes with as many synapses per neuron",
    "`cpp` on one core of the same machine",
    (
        *(
            Ratio(f"times as fast, {name}", ratio(f"cpp {name}", f"cuda {name}"))
            for name in list(SCALES)[:-1]
        ),
        Ratio("times as fast, 100x", ratio("cpp 100x", "cuda 100x"), 20, "at least"),
        Ratio("times the size of figure 6 from which on the GPU is faster", pays_from),
    ),
    prepare,
    nothing_to_run_it,
    same_rates,
)
