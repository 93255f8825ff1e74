"""What biophysical liquids are as objects of AstroBrian: their cells, their input, and all connections.

All synapses are `TripartiteSynapses` with short-term depression; those of excitatory neurons that an astrocyte covers
release less while its gliotransmitter is bound. Synapses of inhibitory neurons are covered by none. Neurons in the place
of astrocytes are like the others, a fifth of them inhibitory, and have synapses where astrocytes listen, talk and are
coupled. A weight is as many conductances as it is large; its sign is that of the neuron that it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from brian2 import Hz, NeuronGroup, Quantity, Synapses, ms, nS, second, uM

from astrobrian import AstrocyteGroup, GapJunctions, Neurons, TripartiteSynapses
from astrobrian.equations import (
    Model,
    chi,
    cleft_glutamate,
    coba_lif,
    driven_current,
    driven_ip3,
    excitatory_conductance,
    fixed_points,
    gliotransmission,
    glutamate_receptors,
    inhibitory_conductance,
    linear_gap_junction,
    presynaptic_receptors,
    rate_control,
    spike_trace,
    tsodyks_markram,
)
from astrobrian.studies.ratio.blocks import WITH_ASTROCYTES, Blocks
from astrobrian.studies.ratio.connections import FIRST, SECOND, recurrent, unit_channel_pairs, wire_all
from astrobrian.studies.ratio.constants import Biophysical, Constants
from astrobrian.studies.ratio.liquids import Arm, Liquid
from astrobrian.studies.ratio.wiring import Wired

Cells = tuple[Neurons, AstrocyteGroup]
"""Each with silent cells after those of the liquids."""

# of neurons in the place of astrocytes, every so many is inhibitory
_INHIBITORY = 5
# where the rest of an astrocyte is looked for
_MOST_IP3 = 5 * uM


def make_cells(liquids: Sequence[Liquid], blocks: Blocks, values: Biophysical) -> Cells:
    """The cells of all liquids, without connections."""
    silent = blocks.silent
    control = rate_control(r_b=values.rate * Hz).per_cell("eta_b")
    trace = spike_trace(tau_x=values.tau_trace * ms)
    neurons = Neurons(
        silent[FIRST].stop,
        coba_lif.per_cell("C_m") + driven_current + control + trace,
        method="exponential_euler",
        name="neurons",
        dtype={"x": np.float32},  # as it is read: half the memory
    )
    slowness = _slowness(liquids, blocks, values)
    neurons.C_m = coba_lif.parameters["C_m"].quantity * slowness
    # a slow membrane needs so many times the current for the same rate
    adaptation = values.adaptation * slowness
    adaptation[silent[FIRST]] = 0
    neurons.eta_b = adaptation
    source = driven_ip3(I_0=values.ip3 * uM, r_ex=values.exchange / second)
    astrocyte = chi(K_P=values.pump * uM) + source
    receptors = glutamate_receptors(O_N=values.binding / uM / second, O_beta=values.production * uM / second)
    release = gliotransmission(C_Theta=values.release * uM)
    astrocytes = AstrocyteGroup(
        silent[SECOND].stop,
        astrocyte + receptors + release,
        dt=values.dt_astrocytes * ms,
        name="astrocytes",
    )
    for name, value in _rest(astrocyte).items():
        setattr(astrocytes, name, value)
    return neurons, astrocytes


def connect(
    liquids: Sequence[Liquid], blocks: Blocks, cells: Cells, channels: NeuronGroup, constants: Constants
) -> list[Synapses]:
    """All connections to cells."""
    values, width = constants.biophysical, len(channels) // len(liquids)
    wired = wire_all(liquids, width, constants)
    edges = recurrent(liquids, blocks, wired)
    made: list[Synapses] = _inputs(liquids, blocks, cells, channels, wired, values)
    receptors = presynaptic_receptors(Omega_G=1 / (values.memory * second))
    conductances = excitatory_conductance.per_cell("w_e") + inhibitory_conductance.per_cell("w_i")
    synapses = TripartiteSynapses(
        *(cells[FIRST], cells[FIRST], cells[SECOND]),
        tsodyks_markram + cleft_glutamate + receptors + conductances,
        name="synapses",
    )
    between_neurons = edges[FIRST, FIRST]
    synapses.connect(i=between_neurons.source, j=between_neurons.target)
    inhibitory = _inhibitory(liquids, blocks, wired)[between_neurons.source]
    synapses.cover(index=np.where(inhibitory, -1, _cover(liquids, blocks, wired, len(between_neurons))))
    strength = np.abs(between_neurons.weight)
    synapses.w_e = np.where(inhibitory, 0, strength) * values.excitation * nS
    synapses.w_i = np.where(inhibitory, strength, 0) * values.inhibition * nS
    made.append(synapses)
    coupling = edges[SECOND, SECOND]
    once = coupling.source < coupling.target  # which leaves out silent cells
    if once.any():
        pairs = coupling.source[once], coupling.target[once]
        junction = linear_gap_junction(F=values.junctions / second)
        made.append(GapJunctions(cells[SECOND], pairs=pairs, model=junction, name="gap_junctions"))
    return made


def _inputs(
    liquids: Sequence[Liquid],
    blocks: Blocks,
    cells: Cells,
    channels: NeuronGroup,
    wired: Mapping[Liquid, Wired],
    values: Biophysical,
) -> list[Synapses]:
    """From the channels."""
    pairs = unit_channel_pairs(liquids, blocks, {each: wired[each].inputs for each in liquids})
    scales = values.input_current, values.input_ip3
    made = []
    for group, scale, (cell, channel, weight) in zip(cells, scales, pairs, strict=True):
        synapses = Synapses(
            channels,
            group,
            "w : 1 (constant)\ndrive_post = w*signal_pre : 1 (summed)",
            name=f"input_of_{group.name}",
        )
        synapses.connect(i=channel, j=cell)
        synapses.w = weight * scale
        # Brian2 would sum at each step of the cells what changes once in a sample
        synapses.summed_updaters["drive_post"]._clock = channels.clock
        made.append(synapses)
    return made


def _rest(astrocyte: Model) -> dict[str, Quantity]:
    """States in which it stays without a signal: from others it would take tens of seconds to get near them."""
    first, *_ = fixed_points(astrocyte, within={"I": (0 * uM, _MOST_IP3)}, starts=16)
    return first.values


def _slowness(liquids: Sequence[Liquid], blocks: Blocks, values: Biophysical) -> np.ndarray:
    """Of each neuron, time constant of its membrane over that of others."""
    membrane = coba_lif.parameters["C_m"].quantity / coba_lif.parameters["g_l"].quantity
    slowness = np.ones(blocks.silent[FIRST].stop)
    for liquid in liquids:
        if liquid.arm is Arm.SLOW:
            slowness[blocks.neurons[liquid]][liquid.neurons :] = second / values.exchange / membrane
    return slowness


def _inhibitory(liquids: Sequence[Liquid], blocks: Blocks, wired: Mapping[Liquid, Wired]) -> np.ndarray:
    """Whether each neuron is."""
    inhibitory = np.zeros(blocks.silent[FIRST].stop, dtype=bool)
    for liquid in liquids:
        here = inhibitory[blocks.neurons[liquid]]
        here[: liquid.neurons] = wired[liquid].inhibitory
        here[liquid.neurons :] = np.arange(len(here) - liquid.neurons) % _INHIBITORY == _INHIBITORY - 1
    return inhibitory


def _cover(
    liquids: Sequence[Liquid], blocks: Blocks, wired: Mapping[Liquid, Wired], number: int
) -> np.ndarray:
    """The astrocyte of each of the synapses that `recurrent` lists, -1 where there is none."""
    cover = np.full(number, -1)
    first = 0
    for liquid in liquids:
        its = wired[liquid]
        if liquid.arm in WITH_ASTROCYTES:
            here = slice(first, first + len(its.synapses))
            cover[here] = np.where(its.cover < 0, -1, blocks.astrocytes[liquid].start + its.cover)
            first += len(its.synapses)
        else:
            first += sum(map(len, (its.synapses, its.listening, its.talking, its.coupling)))
    return cover


def steps_of_time(values: Biophysical) -> tuple[Quantity, Quantity]:
    """The time step of neurons, and how long a sample lasts.

    Raises
    ------
    ValueError
        If a time step isn't a part of the next larger one.
    """
    steps = {"dt": values.dt, "dt_astrocytes": values.dt_astrocytes, "sample": values.sample}
    for small, large in (("dt", "dt_astrocytes"), ("dt_astrocytes", "sample")):
        ratio = steps[large] / steps[small]
        if not np.isclose(ratio, round(ratio)) or ratio < 1 - 1e-9:
            raise ValueError(
                f"biophysical.{large} of {steps[large]:g} ms isn't a multiple of biophysical.{small} of "
                f"{steps[small]:g} ms; give one that is"
            )
    return values.dt * ms, values.sample * ms
