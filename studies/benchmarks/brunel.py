"""NEST's own benchmark of a network with astrocytes, in AstroBrian and in NEST."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from brian2 import Network, second, umolar

from astrobrian.studies.benchmarks import brunel_astrocytes, nest, program
from astrobrian.studies.benchmarks.brunel_astrocytes import BrunelNetwork
from astrobrian.studies.benchmarks.needs import no_compiler
from astrobrian.studies.benchmarks.row import Numbers, Prepared, Ratio, Row, Tell, beside

Pair = tuple[float, float]

SECONDS = 0.25  # NEST takes minutes for a second
# what the astrocytes of the example reach after 0.56 s, so that slow inward current flows from the beginning
CALCIUM = 0.2 * umolar

_made: BrunelNetwork


def make(scale: float) -> Network:
    """The network in AstroBrian."""
    global _made
    _made = brunel_astrocytes.assemble(scale)
    _made.astrocytes.C = CALCIUM
    return _made.network


def run() -> Numbers:
    """Run the program; say how long it took and what the network did."""
    taken = program.run()
    did = _made.statistics()
    return {
        "simulate_s": taken["run_s"],
        "program_s": taken["program_s"],
        **_figures(did.spikes, did.calcium, did.IP3, did.current),
    }


def run_nest(scale: float, seconds: float) -> Numbers:
    """The same of NEST."""
    did = nest.network(seconds * second, scale, calcium=CALCIUM)
    taken = did["seconds"]
    return {
        "simulate_s": taken["simulate"],
        "program_s": taken["build"] + taken["prepare"] + taken["simulate"],
        **_figures(did["spikes"], did["Ca_astro"], did["IP3"], did["I_SIC"]),
    }


def _figures(spikes: Pair, calcium: Pair, IP3: Pair, current: Pair) -> Numbers:
    """What the network did, each but the spikes as mean and standard deviation over the cells."""
    return {
        "excitatory_spikes": spikes[0],
        "inhibitory_spikes": spikes[1],
        "calcium_umolar": calcium[0],
        "calcium_sd_umolar": calcium[1],
        "IP3_umolar": IP3[0],
        "IP3_sd_umolar": IP3[1],
        "current_pA": current[0],
        "current_sd_pA": current[1],
    }


def prepare(stack: ExitStack, tell: Tell, scale: float = 1.0) -> Prepared:
    """Compile ours; NEST makes its network each time."""
    tell("compiling")
    made = partial(make, scale)
    worker = program.in_worker(stack, "astrobrian", made, SECONDS)
    sides = {"AstroBrian": partial(worker, run), "NEST": partial(run_nest, scale, SECONDS)}
    return Prepared(sides, {"profile of AstroBrian": partial(program.profile, stack, made, SECONDS)})


brunel = Row(
    "nest",
    "NEST's Brunel network with astrocytes (8,000 E, 2,000 I, 10,000 astrocytes), `cpp`, one thread",
    "NEST 3.10, one thread",
    (
        Ratio("times as fast", beside("NEST", "AstroBrian", "simulate_s"), 1, "at least"),
        Ratio("times its excitatory spikes", beside("AstroBrian", "NEST", "excitatory_spikes")),
        Ratio("times its inhibitory spikes", beside("AstroBrian", "NEST", "inhibitory_spikes")),
        Ratio("times its mean calcium", beside("AstroBrian", "NEST", "calcium_umolar")),
        Ratio("times its mean slow inward current", beside("AstroBrian", "NEST", "current_pA")),
    ),
    prepare,
    lambda: no_compiler() or nest.missing(),
)
