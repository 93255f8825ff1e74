"""All stimuli at once, as independent astrocytes in one Brian2 network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from brian2 import Network, Quantity, SpikeGeneratorGroup, SpikeMonitor, StateMonitor, ms, second, umolar

from astrobrian import AstrocyteGroup, Neurons, TripartiteSynapses
from astrobrian.bridges.checks import positive
from astrobrian.bridges.protocols.ensemble import Ensemble, release_probability
from astrobrian.bridges.protocols.recording import Events, Recording
from astrobrian.bridges.protocols.stimuli import Protocol, Trains
from astrobrian.equations import Model
from astrobrian.progress import Progress, reporting

CALCIUM = ("C", "I", "h", "Gamma_A")
"""The states of an astrocyte between what it senses and what it releases."""

# what is averaged over a token is the difference of its integral
RELEASED = Model("released", "dG_A_integral/dt = G_A : mmolar*second")
POTENTIAL = Model("potential", "dv_integral/dt = v : volt*second")
UNOBSERVED = Model("unobserved", "unused : 1")


def simulate(
    protocol: Protocol,
    ensemble: Ensemble,
    ms_per_token: float = 500.0,
    progress: Progress | None = None,
    given: Sequence[Trains] = (),
) -> Recording:
    """Simulate the stimuli of a protocol, and spike trains that are given.

    Runs on whatever Brian2 target or device is in use. All spike trains are drawn beforehand, so that they are the same on
    each of them.

    Parameters
    ----------
    protocol : Protocol
    ensemble : Ensemble
    ms_per_token : float
        A whole number of both time steps.
    progress : callable, optional
        Called with the stages ``"compile"`` and ``"simulate"``.
    given : sequence of Trains, optional
        More stimuli, which are held out.

    Raises
    ------
    ValueError
        If a token isn't a whole number of time steps, or trains don't fit the ensemble or the protocol.
    TypeError
        If `ms_per_token` has a unit.

    Examples
    --------
    >>> recording = simulate(Protocol(), Ensemble(regime="FM", loop="open"))
    >>> recording.events.of(stimulus=0, astrocyte=3)
    """
    batch = assemble(protocol, ensemble, ms_per_token, given)
    with reporting(progress, batch.duration) as report:
        batch.network.run(batch.duration, namespace={}, **report)
    return batch.recording()


@dataclass(frozen=True)
class Batch:
    """A network that holds all stimuli, ready to run once; made by `assemble`.

    Attributes
    ----------
    stimuli : sequence of Trains
    network : brian2.Network
    monitors : dict of str to StateMonitor
        By the variable that each records.
    events : dict of str to SpikeMonitor
        By the name that the events have in a recording.
    """

    protocol: Protocol
    ensemble: Ensemble
    ms_per_token: float
    stimuli: Sequence[Trains]
    network: Network
    monitors: Mapping[str, StateMonitor]
    events: Mapping[str, SpikeMonitor]

    @property
    def duration(self) -> Quantity:
        """How long the network has to run: a time step more than the stimuli, so that the end of the last token is recorded."""
        return self.protocol.seconds * second + self.ensemble.dt_ms * ms

    @property
    def tokens(self) -> int:
        """Number of whole tokens in a stimulus."""
        return int(self.protocol.seconds * 1000 / self.ms_per_token + 1e-9)

    def recording(self) -> Recording:
        """What was recorded, after the run."""
        seconds = self.ms_per_token / 1000
        ends = {name: self._states(name) for name in self.monitors}
        free, bound = release_probability(0.0, self.ensemble.synapse), ends["Gamma_S"][..., 1:]
        cells = {
            "rate": self._counts() / (self.ensemble.synapses * seconds),
            **{name: ends[name][..., 1:] for name in CALCIUM},
            "G_A": np.diff(ends["G_A_integral"]) / seconds,
            "Gamma_S": bound,
            "modulation": release_probability(bound, self.ensemble.synapse) / free - 1,
        }
        if self.ensemble.postsynaptic:
            cells["v"] = np.diff(ends["v_integral"]) / seconds
        return Recording(
            cells,
            [trains.kind for trains in self.stimuli],
            self.protocol.fitted_count,
            self.ms_per_token,
            **{name: self._events(monitor) for name, monitor in self.events.items()},
        )

    @property
    def _shape(self) -> tuple[int, int, int]:
        return len(self.stimuli), self.ensemble.astrocytes, self.tokens

    def _states(self, name: str) -> np.ndarray:
        """A variable at the beginning of each token, and at the end of the last one."""
        values = np.asarray(getattr(self.monitors[name], name))[:, : self.tokens + 1]
        return values.reshape(*self._shape[:2], self.tokens + 1)

    def _counts(self) -> np.ndarray:
        """Number of presynaptic spikes in each token."""
        synapse, step = in_one(self.stimuli, self.ensemble)
        token = step // round(self.ms_per_token / self.ensemble.dt_ms)
        within = token < self.tokens  # the last token may be cut off
        places = synapse[within] // self.ensemble.synapses * self.tokens + token[within]
        return np.bincount(places, minlength=int(np.prod(self._shape))).reshape(self._shape)

    def _events(self, monitor: SpikeMonitor) -> Events:
        t, cell = np.asarray(monitor.t), np.asarray(monitor.i).astype(np.int64)
        within = t < self.protocol.seconds * (1 - 1e-12)  # not in the time step after the end
        stimulus, astrocyte = np.divmod(cell[within], self.ensemble.astrocytes)
        return Events(stimulus, astrocyte, t[within])


def assemble(
    protocol: Protocol, ensemble: Ensemble, ms_per_token: float = 500.0, given: Sequence[Trains] = ()
) -> Batch:
    """The network of `simulate`, on the backend in use, for those who run it themselves."""
    positive("ms_per_token", ms_per_token, milliseconds=True)
    for dt_ms in (ensemble.dt_ms, ensemble.astrocyte_dt_ms):
        steps = ms_per_token / dt_ms
        if round(steps) < 1 or not np.isclose(steps, round(steps)):
            raise ValueError(f"a token of {ms_per_token} ms isn't a whole number of time steps of {dt_ms} ms")
    if ms_per_token > protocol.seconds * 1000:
        raise ValueError(f"a token of {ms_per_token} ms is longer than the stimuli, {protocol.seconds} s")
    per_stimulus = ensemble.astrocytes * ensemble.synapses
    for trains in given:
        trains.check(per_stimulus, protocol.seconds)
    stimuli = [*protocol.trains(per_stimulus), *given]
    cells = np.arange(len(stimuli) * ensemble.astrocytes)
    dt, token = ensemble.dt_ms * ms, ms_per_token * ms

    synapse, step = in_one(stimuli, ensemble)
    source = SpikeGeneratorGroup(cells.size * ensemble.synapses, synapse, step * dt, dt=dt)
    # one neuron at each astrocyte, also where nobody looks at it: GeNN can't have many astrocytes at one
    neuron = ensemble.neuron + POTENTIAL if ensemble.postsynaptic else UNOBSERVED
    neurons = Neurons(cells.size, neuron, method="exponential_euler", dt=dt)
    astrocytes = AstrocyteGroup(cells.size, ensemble.astrocyte + RELEASED, dt=ensemble.astrocyte_dt_ms * ms)
    astrocytes.O_beta = np.tile(ensemble.drives, len(stimuli)) * umolar / second
    pathways = [TripartiteSynapses(source, neurons, astrocytes, kind, dt=dt) for kind in ensemble.pathways]
    sources = np.arange(len(source))
    for pathway in pathways:
        pathway.connect(i=sources, j=sources // ensemble.synapses)
        pathway.cover(by="post", index=cells)

    every_token = {"record": cells, "dt": token, "when": "start"}
    calcium = StateMonitor(astrocytes, [*CALCIUM, "G_A_integral"], **every_token)
    receptors = StateMonitor(pathways[-1].territories, "Gamma_S", **every_token)
    monitors = dict.fromkeys([*CALCIUM, "G_A_integral"], calcium) | {"Gamma_S": receptors}
    events = {"events": SpikeMonitor(astrocytes)}
    if ensemble.postsynaptic:
        monitors["v_integral"] = StateMonitor(neurons, "v_integral", **every_token)
        events["spikes"] = SpikeMonitor(neurons)
    objects = dict.fromkeys([*monitors.values(), *events.values()])
    network = Network(source, neurons, astrocytes, *pathways, *objects)
    return Batch(protocol, ensemble, ms_per_token, stimuli, network, monitors, events)


def in_one(stimuli: Sequence[Trains], ensemble: Ensemble) -> tuple[np.ndarray, np.ndarray]:
    """Synapse and time step of the spikes of all stimuli, the synapses of one numbered after those of another."""
    apart = ensemble.astrocytes * ensemble.synapses
    found = [trains.in_steps(ensemble.dt_ms / 1000) for trains in stimuli]
    synapse = np.concatenate([synapse + i * apart for i, (synapse, _) in enumerate(found)])
    return synapse, np.concatenate([step for _, step in found])
