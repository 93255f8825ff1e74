"""What another Python, the one that has NEST, is asked to run: ``python nest_program.py request.json answer.json``.

It imports nothing of this package, which need not be installed there. `astrobrian.studies.benchmarks.nest` writes the
request, with the parameters by NEST's names, and reads the answer.
"""

import json
import sys
import time

import nest
import numpy as np

NEURON, ASTROCYTE = "aeif_cond_alpha_astro", "astrocyte_lr_1994"


def version(request):
    """Nothing but what every answer has."""
    return {}


def neuron(request):
    """One neuron with a constant current and given excitatory and inhibitory spikes."""
    cell = nest.Create(NEURON, params=request["neuron"])
    for spikes, weight in ((request["excitatory"], 1), (request["inhibitory"], -1)):
        if spikes:
            source = nest.Create("spike_generator", params={"spike_times": spikes})
            nest.Connect(
                source, cell, syn_spec={"weight": weight * request["weight"], "delay": request["dt"]}
            )
    spikes = nest.Create("spike_recorder")
    nest.Connect(cell, spikes)
    trace = traced(cell, ["V_m", "w", "g_ex", "g_in"], request["interval"])
    nest.Simulate(request["duration"])
    return {"spikes": spikes.events["times"].tolist(), **read(trace)}


def synapse(request):
    """The releases of one synapse with short-term depression, as steps of the IP3 of an astrocyte."""
    source, relay = (
        nest.Create("spike_generator", params={"spike_times": request["spikes"]}),
        nest.Create("parrot_neuron"),
    )
    cell = nest.Create(ASTROCYTE, params=request["astrocyte"])
    nest.Connect(source, relay)
    nest.Connect(relay, cell, syn_spec={"synapse_model": "tsodyks_synapse", **request["synapse"]})
    trace = traced(cell, ["IP3"], request["dt"])
    nest.Simulate(request["duration"])
    steps = np.diff(trace.events["IP3"])
    return {"releases": steps[steps > 0].tolist()}


def astrocyte(request):
    """One astrocyte that spikes arrive at, and the current that it evokes in a neuron."""
    cell = nest.Create(ASTROCYTE, params=request["astrocyte"])
    target = nest.Create(NEURON, params=request["neuron"])
    nest.Connect(
        cell, target, syn_spec={"synapse_model": "sic_connection", "weight": 1.0, "delay": request["dt"]}
    )
    source = nest.Create("spike_generator", params={"spike_times": request["spikes"]})
    nest.Connect(source, cell, syn_spec={"weight": request["weight"], "delay": request["dt"]})
    trace = traced(cell, ["IP3", "Ca_astro", "h_IP3R"], request["interval"])
    current = traced(target, ["I_SIC"], request["interval"])
    nest.Simulate(request["duration"])
    return {**read(trace), **read(current)}


def network(request):
    """The random network with astrocytes: what it did, and how long NEST took to build and to simulate it."""
    started = time.perf_counter()
    excitatory = nest.Create(NEURON, request["excitatory"], params=request["neuron"])
    inhibitory = nest.Create(NEURON, request["inhibitory"], params=request["neuron"])
    astrocytes = nest.Create(ASTROCYTE, request["astrocytes"], params=request["astrocyte"])
    noise = nest.Create("poisson_generator", params={"rate": request["poisson_rate"]})
    everyone = excitatory + inhibitory
    nest.Connect(
        noise, everyone, syn_spec={"weight": request["poisson_weight"], "delay": request["other_delay"]}
    )
    depressing = {"synapse_model": "tsodyks_synapse", **request["excitatory_synapse"]}
    primary = {"rule": "pairwise_bernoulli", "p": request["p_primary"]}
    nest.TripartiteConnect(
        excitatory,
        everyone,
        astrocytes,
        conn_spec=primary,
        third_factor_conn_spec={
            "rule": "third_factor_bernoulli_with_pool",
            "p": request["p_third"],
            "pool_size": request["pool_size"],
            "pool_type": "random",
        },
        syn_specs={
            "primary": depressing,
            "third_in": depressing,
            "third_out": {
                "synapse_model": "sic_connection",
                "weight": request["sic_weight"],
                "delay": request["other_delay"],
            },
        },
    )
    inhibition = {"synapse_model": "tsodyks_synapse", **request["inhibitory_synapse"]}
    nest.Connect(inhibitory, everyone, primary, inhibition)
    spikes = nest.Create("spike_recorder")
    nest.Connect(everyone, spikes)
    currents = traced(everyone, ["I_SIC"], 1.0, start=request["duration"] - 2.0)
    built = time.perf_counter()
    nest.Prepare()
    prepared, processor = time.perf_counter(), time.process_time()
    nest.Run(request["duration"])
    simulated, processor = time.perf_counter() - prepared, time.process_time() - processor
    of_excitatory = np.isin(spikes.events["senders"], excitatory.tolist())
    return {
        "connections": nest.num_connections,
        "spikes": [int(of_excitatory.sum()), int((~of_excitatory).sum())],
        "I_SIC": moments(currents.events["I_SIC"]),
        **{name: moments(astrocytes.get(name)) for name in ("IP3", "Ca_astro")},
        "seconds": {
            "build": built - started,
            "prepare": prepared - built,
            "simulate": simulated,
            "processor": processor,
        },
    }


def traced(cells, variables, interval, start=0.0):
    """A recorder of these variables."""
    recorder = nest.Create(
        "multimeter", params={"record_from": variables, "interval": interval, "start": start}
    )
    nest.Connect(recorder, cells)
    return recorder


def read(recorder):
    """Everything that a recorder of one cell has."""
    return {
        name: np.asarray(values).tolist() for name, values in recorder.events.items() if name != "senders"
    }


def moments(values):
    """Mean and standard deviation over the cells."""
    return [float(np.mean(values)), float(np.std(values))]


def main(request_file, answer_file):
    """Run what the request says in a fresh kernel with one thread."""
    with open(request_file) as file:
        request = json.load(file)
    nest.ResetKernel()
    nest.resolution = request["dt"]
    nest.local_num_threads = 1
    nest.rng_seed = request["seed"]
    tasks = {
        "version": version,
        "neuron": neuron,
        "synapse": synapse,
        "astrocyte": astrocyte,
        "network": network,
    }
    answer = {"nest": nest.__version__, **tasks[request["task"]](request)}
    with open(answer_file, "w") as file:
        json.dump(answer, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
