"""Larger networks at the same number of synapses per neuron: the time of a synaptic event, the memory of a synapse.

A synaptic event is a spike that arrives at one synapse. Its time is that of the whole simulation over the number of
events, with everything that the neurons and astrocytes cost between them: at the rates of figure 6 that is most of it.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from brian2 import Network, SpikeMonitor, Synapses, defaultclock, get_device, prefs, second

from astrobrian.studies.benchmarks import own, peak, program
from astrobrian.studies.benchmarks.needs import no_compiler
from astrobrian.studies.benchmarks.row import Prepared, Ratio, Repetition, Row, Tell, beside
from astrobrian.studies.network import ASTROCYTES, EXCITATORY, INHIBITORY

SECONDS = 4.0  # two of them with the stronger current
SCALES = {"1x": 1.0, "3x": 3.0, "10x": 10.0}
LAPTOP = 16 * 2**30


def run(neurons: int) -> dict[str, float]:
    """Run a program; say how long it took for each event and each step of a neuron, and the most memory it held."""
    device = get_device()
    note = Path(device.project_dir, "peak")
    prefs.devices.cpp_standalone.run_cmd_unix = [sys.executable, peak.__file__, str(note), "./main"]
    found = program.run()
    network = program.built()
    counted = [events(each, network) for each in network.objects if isinstance(each, Synapses)]
    number, synapses = (sum(column) for column in zip(*counted, strict=True))
    steps = neurons * SECONDS / float(defaultclock.dt / second)
    return {
        **found,
        "synapses": synapses,
        "events": number,
        "ns_per_event": 1e9 * found["run_s"] / number,
        "ns_per_neuron_and_step": 1e9 * found["run_s"] / steps,
        "peak_bytes": 1024 * int(note.read_text()),
        "results_bytes": sum(file.stat().st_size for file in Path(device.results_dir).iterdir()),
    }


def events(synapses: Synapses, network: Network) -> tuple[int, int]:
    """Events at these synapses of neurons, and how many synapses there are; none where no neuron's spikes arrive."""
    for monitor in network.objects:
        recorded = isinstance(monitor, SpikeMonitor) and monitor.source is synapses.source
        if recorded and monitor.source is not synapses.target:  # no gap junctions
            outgoing = synapses.N_outgoing_pre[getattr(monitor.source, "start", 0) :]
            return int(outgoing[monitor.i[:]].sum()), len(synapses)
    return 0, 0


def prepare(stack: ExitStack, tell: Tell) -> Prepared:
    """The same network at each scale."""
    sides = {}
    for name, scale in SCALES.items():
        tell(f"compiling {name}")
        worker = program.in_worker(stack, "astrobrian", partial(own.lifted, scale=scale), SECONDS)
        sides[name] = partial(worker, run, round(scale * (EXCITATORY + INHIBITORY)))
    profiles = {
        f"profile at {name}": partial(program.profile, stack, partial(own.lifted, scale=scale), SECONDS)
        for name, scale in SCALES.items()
    }
    return Prepared(sides, profiles)


def bytes_per_synapse(repetition: Repetition) -> float:
    """Memory that a synapse needs: what is there whatever the size is not counted, what each cell needs is."""
    small, large = repetition["1x"], repetition["10x"]
    return (large["peak_bytes"] - small["peak_bytes"]) / (large["synapses"] - small["synapses"])


scaling = Row(
    "scaling",
    "Fig. 6 network, lifted, with 3 and 10 times the cells and as many synapses per neuron; a synaptic event is a "
    "spike that arrives at one synapse, its time that of the whole simulation over their number",
    f"itself: {EXCITATORY + INHIBITORY:,} neurons and {ASTROCYTES:,} astrocytes",
    (
        Ratio("times the time of a synaptic event, 3x", beside("3x", "1x", "ns_per_event"), 1.3),
        Ratio("times the time of a synaptic event, 10x", beside("10x", "1x", "ns_per_event"), 1.3),
        Ratio("bytes of memory per synapse", bytes_per_synapse),
        Ratio("million synapses in 16 GiB", lambda repetition: LAPTOP / bytes_per_synapse(repetition) / 1e6),
    ),
    prepare,
    no_compiler,
)
