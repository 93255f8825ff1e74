"""The network of figure 6 as a script in plain Brian2 has it; the equations are the library's.

As in the script of Stimberg et al. (2019), constants are numbers in the code, every synapse integrates its own glutamate and
receptors at every time step, and at every time step two `Synapses` copy values between synapses and astrocytes. Only
the connections between synapses and astrocytes are listed, instead of searched for among all pairs.
"""

from __future__ import annotations

import brian2
import numpy as np
from brian2 import (
    Equations,
    Network,
    NeuronGroup,
    Quantity,
    SpikeMonitor,
    Synapses,
    TimedArray,
    ms,
    second,
    um,
    umolar,
)
from brian2.groups.group import Group

from astrobrian import Grid, nearest, neighbours
from astrobrian.equations import (
    Model,
    cleft_glutamate,
    coba_lif,
    excitatory_conductance,
    gap_junction,
    gchi,
    gliotransmission,
    inhibitory_conductance,
    presynaptic_receptors,
    release_record,
    tsodyks_markram,
)
from astrobrian.studies.network import ASTROCYTES, DRIVE, EXCITATORY, INHIBITORY, SHEET, STEP, Mapping
from astrobrian.studies.published_mapping import published_index, published_positions
from astrobrian.values import evaluate

SEED = 28371


def plain(model: Model, *stored: str) -> tuple[Equations, dict[str, Quantity]]:
    """Equations without the constants, and these as a namespace, so that they are numbers in the generated code.

    Parameters
    ----------
    model : Model
    *stored : str
        Inputs that something writes, and that stay variables.
    """
    constants = {name: item.quantity for name, item in model.constants.items() if name not in stored}
    return Equations([eq for name, eq in model.equations.items() if name not in constants]), constants


def published(
    mapping: Mapping = "spatial", inhibitory_astrocytic: bool = True, scale: float = 1.0
) -> Network:
    """The published formulation.

    Parameters
    ----------
    mapping : {"spatial", "published"}, optional
        Of synapses to astrocytes, as in `astrobrian.studies.network.simulate`.
    inhibitory_astrocytic : bool, optional
        Whether the inhibitory synapses carry the variables of astrocytes too, which nobody reads: as published.
    scale : float, optional
        As in `astrobrian.studies.network.simulate`.
    """
    N_e, N_i, N_a, size = _sizes(scale)
    neurons = _neurons(N_e + N_i, "astrocyte : integer (constant)\nI_ex = drive(t) : amp")
    astrocyte_positions, neurons.astrocyte = _mapped(mapping, N_e, N_i, N_a, size)
    excitatory, inhibitory = neurons[:N_e], neurons[N_e:]

    modulated = tsodyks_markram + cleft_glutamate + presynaptic_receptors
    covered = "G_A_astro : mmolar\nterritory : integer (constant)"
    exc_syn = _synapses(excitatory, neurons, modulated + excitatory_conductance, covered)
    exc_syn.connect(p=0.05 / scale)
    inh_syn = _synapses(
        inhibitory,
        neurons,
        (modulated if inhibitory_astrocytic else tsodyks_markram) + inhibitory_conductance,
        covered if inhibitory_astrocytic else "",
    )
    inh_syn.connect(p=0.2 / scale)
    exc_syn.x_S = inh_syn.x_S = 1
    exc_syn.territory = "astrocyte_post"

    model = gchi(O_beta=0.5 * umolar / second, O_delta=1.2 * umolar / second) + gliotransmission
    equations, constants = plain(model, "Y_S", "J_coupling")
    astrocytes = NeuronGroup(
        N_a,
        equations,
        method="rk4",
        threshold=model.threshold,
        reset=model.reset,
        refractory=model.refractory,
        namespace=constants,
        dt=10 * ms,
        name="astrocytes",
    )
    _start(astrocytes, model)
    to_synapses = Synapses(astrocytes, exc_syn, "G_A_astro_post = G_A_pre : mmolar (summed)")
    to_synapses.connect(i="territory_post", skip_if_invalid=True)
    to_astrocytes = Synapses(exc_syn, astrocytes, "Y_S_post = Y_S_pre/N_incoming : mmolar (summed)")
    to_astrocytes.connect(j="territory_pre", skip_if_invalid=True)
    equations, constants = plain(gap_junction)
    gap_junctions = Synapses(astrocytes, astrocytes, equations, namespace=constants)
    i, j = neighbours(astrocyte_positions, 75 * um)
    gap_junctions.connect(i=np.append(i, j), j=np.append(j, i))
    copies = to_synapses, to_astrocytes
    return Network(
        neurons, astrocytes, exc_syn, inh_syn, *copies, gap_junctions, *_monitors(excitatory, inhibitory)
    )


def without_astrocytes(scale: float = 1.0) -> Network:
    """The network without its astrocytes and gliotransmission; short-term plasticity is kept."""
    N_e, N_i, *_ = _sizes(scale)
    neurons = _neurons(N_e + N_i, "I_ex : amp (shared)")
    neurons.run_regularly("I_ex = drive(t)", dt=STEP)
    excitatory, inhibitory = neurons[:N_e], neurons[N_e:]
    exc_syn = _synapses(excitatory, neurons, tsodyks_markram + excitatory_conductance)
    exc_syn.connect(p=0.05 / scale)
    inh_syn = _synapses(inhibitory, neurons, tsodyks_markram + inhibitory_conductance)
    inh_syn.connect(p=0.2 / scale)
    exc_syn.x_S = inh_syn.x_S = 1
    return Network(neurons, exc_syn, inh_syn, *_monitors(excitatory, inhibitory))


def _sizes(scale: float) -> tuple[int, int, int, Quantity]:
    """Numbers of cells and side of the sheet."""
    N_e, N_i, N_a = (round(scale * cells) for cells in (EXCITATORY, INHIBITORY, ASTROCYTES))
    return N_e, N_i, N_a, SHEET * np.sqrt(scale)


def _mapped(mapping: Mapping, N_e: int, N_i: int, N_a: int, size: Quantity) -> tuple[Quantity, np.ndarray]:
    """Positions of the astrocytes, and the astrocyte of each neuron (-1: none)."""
    if mapping == "published":
        return published_positions(N_a, size), published_index(N_e, N_i, N_a, size)
    sheet = Grid(size)
    astrocytes = sheet.positions(N_a)
    return astrocytes, np.append(*(nearest(sheet.positions(N), astrocytes) for N in (N_e, N_i)))


def _neurons(N: int, drive: str) -> NeuronGroup:
    brian2.seed(SEED)
    brian2.defaultclock.dt = 0.1 * ms
    equations, constants = plain(coba_lif)
    del constants["I_ex"]  # the current that follows
    neurons = NeuronGroup(
        N,
        equations + Equations(drive),
        method="euler",
        threshold=coba_lif.threshold,
        reset=coba_lif.reset,
        refractory=coba_lif.refractory,
        namespace={**constants, "drive": TimedArray(DRIVE, dt=STEP)},
    )
    neurons.v = "E_l + rand()*(V_th - E_l)"
    neurons.g_e = "rand()*0.05*nS"
    neurons.g_i = "rand()*nS"
    return neurons


def _synapses(source: Group, target: Group, model: Model, extra: str = "") -> Synapses:
    equations, constants = plain(model + release_record)
    return Synapses(
        source,
        target,
        equations + Equations(extra),
        on_pre=model.on_pre,
        namespace=constants,
        method="exact",
    )


def _start(group: Group, model: Model) -> None:
    for name, value in model.initial.items():
        setattr(group, name, evaluate(value))


def _monitors(excitatory: Group, inhibitory: Group) -> tuple[SpikeMonitor, SpikeMonitor]:
    return SpikeMonitor(excitatory, name="excitatory*"), SpikeMonitor(inhibitory, name="inhibitory*")
