"""NEST beside AstroBrian: the same cells and the same network, simulated by NEST in a Python that has it.

NEST is no dependency. Install it in an environment of its own (``python3.11 -m venv nest; nest/bin/pip install
nest-simulator==3.10.0 numpy``) and name its interpreter: ``NEST_PYTHON=nest/bin/python``.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Quantity, ms, nS, pA

from astrobrian.equations import Model
from astrobrian.equations.quantity import in_unit
from astrobrian.studies.benchmarks import brunel_astrocytes as brunel
from astrobrian.values import evaluate

ENVIRONMENT = "NEST_PYTHON"
PROGRAM = Path(__file__).with_name("nest_program.py")

# name and unit that a constant of ours has in NEST
NEURON = {
    "C_m": ("C_m", "pF"),
    "g_l": ("g_L", "nS"),
    "E_l": ("E_L", "mV"),
    "V_th": ("V_th", "mV"),
    "Delta_T": ("Delta_T", "mV"),
    "V_peak": ("V_peak", "mV"),
    "V_r": ("V_reset", "mV"),
    "tau_w": ("tau_w", "ms"),
    "a": ("a", "nS"),
    "b": ("b", "pA"),
    "E_e": ("E_ex", "mV"),
    "E_i": ("E_in", "mV"),
    "tau_e": ("tau_syn_ex", "ms"),
    "tau_i": ("tau_syn_in", "ms"),
}
ASTROCYTE = {
    "C_T": ("Ca_tot", "umolar"),
    "rho_A": ("ratio_ER_cyt", "1"),
    "Omega_C": ("rate_IP3R", "1/ms"),
    "Omega_L": ("rate_L", "1/ms"),
    "O_P": ("rate_SERCA", "umolar/ms"),
    "K_P": ("Km_SERCA", "umolar"),
    "d_1": ("Kd_IP3_1", "umolar"),
    "d_2": ("Kd_inh", "umolar"),
    "d_3": ("Kd_IP3_2", "umolar"),
    "d_5": ("Kd_act", "umolar"),
    "O_2": ("k_IP3R", "1/umolar/ms"),
    "IP3_0": ("IP3_0", "umolar"),
    "tau_IP3": ("tau_IP3", "ms"),
    "SIC_th": ("SIC_th", "umolar"),
    "SIC_scale": ("SIC_scale", "pA"),
}
SYNAPSE = {"U_S": ("U", "1"), "tau_rec": ("tau_rec", "ms"), "tau_psc": ("tau_psc", "ms")}
PRODUCTION = {"delta_IP3": ("delta_IP3", "umolar")}
WEIGHTS = (brunel.excitation, "w_e"), (brunel.inhibition, "w_i")
# of what the example gives no delay: NEST's default, in ms
OTHER_DELAY = 1.0
# between recorded values, in ms
INTERVAL = 10.0
NO_SPIKES = np.array([]) * ms


class NestError(RuntimeError):
    """NEST isn't there, or it failed."""


def interpreter() -> str | None:
    """The Python that has NEST, from the environment; None if none is named."""
    return os.environ.get(ENVIRONMENT) or None


@cache
def missing() -> str | None:
    """What has to be done before NEST can be asked; None if nothing has."""
    how = (
        f"install NEST in an environment of its own (python3.11 -m venv nest; nest/bin/pip install "
        f"nest-simulator==3.10.0 numpy) and set {ENVIRONMENT}=nest/bin/python"
    )
    if (python := interpreter()) is None:
        return f"no Python with NEST is named; {how}"
    try:
        found = subprocess.run([python, "-c", "import nest"], check=False, capture_output=True, text=True)
    except OSError as error:
        return f"{ENVIRONMENT}={python} can't be run ({error.strerror}); {how}"
    if found.returncode:
        last = (found.stderr.strip().splitlines() or ["no message"])[-1]
        return f"{ENVIRONMENT}={python} can't import nest ({last}); {how}"
    return None


def ask(task: str, *, dt: Quantity = 0.1 * ms, seed: int = 1, **request: Any) -> dict[str, Any]:
    """What NEST answers; see ``nest_program.py`` for the tasks and what each needs.

    Raises
    ------
    NestError
        If there is no NEST, or it failed; the message has the end of what it printed.
    """
    if what := missing():
        raise NestError(what)
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "request.json"), Path(folder, "answer.json")
        asked.write_text(json.dumps({"task": task, "dt": in_unit(dt, "ms"), "seed": seed, **request}))
        # -P: "import nest" in the program should not find this file
        command = [str(interpreter()), "-P", str(PROGRAM), str(asked), str(answered)]
        alone = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=alone)
        if done.returncode or not answered.exists():
            raise NestError(f"NEST failed at the task {task}:\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}")
        return json.loads(answered.read_text())


def named(model: Model, names: Mapping[str, tuple[str, str]]) -> dict[str, float]:
    """The parameters of a model by NEST's names, in NEST's units."""
    return {theirs: in_unit(model.parameters[ours].quantity, unit) for ours, (theirs, unit) in names.items()}


def neuron(
    model: Model,
    duration: Quantity,
    *,
    current: Quantity = 0 * pA,
    excitatory: Quantity = NO_SPIKES,
    inhibitory: Quantity = NO_SPIKES,
    weight: Quantity = 1 * nS,
) -> dict[str, Any]:
    """One `aeif_cond_alpha`: its spikes and ``V_m``, ``w``, ``g_ex`` and ``g_in`` every 10 ms.

    Parameters
    ----------
    model : Model
    duration : Quantity
    current : Quantity, optional
        Constant.
    excitatory, inhibitory : Quantity, optional
        Times of presynaptic spikes; they arrive one time step later.
    weight : Quantity, optional
        Peak of the conductance that each of them evokes.
    """
    return ask(
        "neuron",
        neuron=named(model, NEURON) | {"I_e": in_unit(current, "pA")},
        excitatory=_times(excitatory),
        inhibitory=_times(inhibitory),
        weight=in_unit(weight, "nS"),
        interval=INTERVAL,
        duration=in_unit(duration, "ms"),
    )


def astrocyte(
    model: Model, duration: Quantity, spikes: Quantity, weight: float, IP3: Quantity
) -> dict[str, Any]:
    """One astrocyte that spikes arrive at: ``IP3``, ``Ca_astro``, ``h_IP3R``, and ``I_SIC`` of a neuron, every 10 ms.

    Parameters
    ----------
    model : Model
        Of the kind of `brunel_astrocytes.astrocyte`.
    duration : Quantity
    spikes : Quantity
        Times of presynaptic spikes; they arrive one time step later.
    weight : float
        How many times ``delta_IP3`` each of them produces.
    IP3 : Quantity
        At the start.
    """
    return ask(
        "astrocyte",
        astrocyte=_astrocyte(model, IP3),
        neuron=named(brunel.neuron, NEURON),
        spikes=_times(spikes),
        weight=weight,
        interval=INTERVAL,
        duration=in_unit(duration, "ms"),
    )


def synapse(model: Model, duration: Quantity, spikes: Quantity) -> dict[str, Any]:
    """A `vesicle_cycle` whose releases are added up: as the IP3 of an astrocyte that keeps what it gets.

    Parameters
    ----------
    model : Model
    duration : Quantity
    spikes : Quantity
        Times of presynaptic spikes; they arrive two time steps later.
    """
    collects = {"delta_IP3": 1.0, "tau_IP3": 1e12, "IP3_0": 0.0, "IP3": 0.0}
    return ask(
        "synapse",
        synapse=_synapse(model, weight=1.0, delay=brunel.DT),
        astrocyte=collects,
        spikes=_times(spikes),
        duration=in_unit(duration, "ms"),
    )


def network(
    duration: Quantity, scale: float = 1.0, seed: int = 1, calcium: Quantity | None = None
) -> dict[str, Any]:
    """The network of `brunel_astrocytes` in NEST, on one thread.

    Parameters
    ----------
    duration : Quantity
    scale, seed : optional
        As in `brunel_astrocytes.assemble`.
    calcium : Quantity, optional
        Of the astrocytes at the start; by default as in the model.

    Returns
    -------
    dict
        ``spikes`` of the excitatory and the inhibitory neurons; mean and standard deviation over the cells, at the end,
        of ``Ca_astro``, ``IP3`` (umolar) and ``I_SIC`` (pA); and ``seconds``: of wall time to ``build``, ``prepare`` and
        ``simulate``, and the ``processor`` time of the latter.
    """
    N_e, N_i, N_a = brunel.sizes(scale)
    w_e, w_i = (model.parameters[name].value for model, name in WEIGHTS)
    start = {} if calcium is None else {"Ca_astro": in_unit(calcium, "umolar")}
    return ask(
        "network",
        seed=seed,
        excitatory=N_e,
        inhibitory=N_i,
        astrocytes=N_a,
        neuron=named(brunel.neuron, NEURON),
        astrocyte=_astrocyte(brunel.astrocyte, brunel.INITIAL_IP3)
        | named(brunel.excitation, PRODUCTION)
        | start,
        poisson_rate=in_unit(brunel.NOISE_SOURCES * brunel.NOISE_RATE, "Hz"),
        poisson_weight=w_e,
        p_primary=brunel.P_CONNECTED / scale,
        p_third=brunel.P_TRIPARTITE,
        pool_size=brunel.POOL,
        excitatory_synapse=_synapse(brunel.excitation, w_e, brunel.EXCITATORY_DELAY),
        inhibitory_synapse=_synapse(brunel.inhibition, -w_i, brunel.INHIBITORY_DELAY),
        sic_weight=brunel.SIC_WEIGHT,
        other_delay=OTHER_DELAY,
        duration=in_unit(duration, "ms"),
    )


def _synapse(model: Model, weight: float, delay: Quantity) -> dict[str, float]:
    # tau_fac = 0: without facilitation, as our model
    return {**named(model, SYNAPSE), "tau_fac": 0.0, "weight": weight, "delay": in_unit(delay, "ms")}


def _astrocyte(model: Model, IP3: Quantity) -> dict[str, float]:
    start = {"IP3": in_unit(IP3, "umolar")}
    for ours, theirs, unit in (("C", "Ca_astro", "umolar"), ("h", "h_IP3R", "1")):
        value = evaluate(model.initial[ours])
        assert value is not None  # the library starts them at numbers
        start[theirs] = in_unit(value, unit)
    return named(model, ASTROCYTE) | start


def _times(spikes: Quantity) -> list[float]:
    return [in_unit(t, "ms") for t in spikes]
