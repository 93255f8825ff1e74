"""All stimuli at once, as independent astrocytes in one Brian2 network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from brian2 import Network, SpikeGeneratorGroup, SpikeMonitor, StateMonitor, ms, second, umolar

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
    positive("ms_per_token", ms_per_token, milliseconds=True)
    for dt in (ensemble.dt_ms, ensemble.astrocyte_dt_ms):
        if not np.isclose(ms_per_token / dt, round(ms_per_token / dt)):
            raise ValueError(f"a token of {ms_per_token} ms isn't a whole number of time steps of {dt} ms")
    for trains in given:
        trains.check(ensemble.astrocytes * ensemble.synapses, protocol.seconds)
    stimuli = [*protocol.trains(ensemble.astrocytes * ensemble.synapses), *given]
    synapse, step = _in_one(stimuli, ensemble)
    cells = len(stimuli) * ensemble.astrocytes

    dt = ensemble.dt_ms * ms
    source = SpikeGeneratorGroup(cells * ensemble.synapses, synapse, step * dt, dt=dt)
    target = Neurons(cells, "unused : 1", dt=dt)
    astrocytes = AstrocyteGroup(cells, ensemble.astrocyte + RELEASED, dt=ensemble.astrocyte_dt_ms * ms)
    astrocytes.O_beta = np.tile(ensemble.drives, len(stimuli)) * umolar / second
    pathways = [TripartiteSynapses(source, target, astrocytes, kind, dt=dt) for kind in ensemble.pathways]
    # one neuron below each astrocyte, for GeNN can't have many astrocytes at one
    sources = np.arange(len(source))
    for pathway in pathways:
        pathway.connect(i=sources, j=sources // ensemble.synapses)
        pathway.cover(by="post", index=np.arange(cells))
    every_token = {"record": np.arange(cells), "dt": ms_per_token * ms, "when": "start"}
    calcium = StateMonitor(astrocytes, [*CALCIUM, "G_A_integral"], **every_token)
    receptors = StateMonitor(pathways[-1].territories, "Gamma_S", **every_token)
    releases = SpikeMonitor(astrocytes)
    # one step more, so that the end of the last token is recorded
    duration = protocol.seconds * second + dt
    network = Network(source, target, astrocytes, *pathways, calcium, receptors, releases)
    with reporting(progress, duration) as report:
        network.run(duration, namespace={}, **report)

    tokens = int(protocol.seconds * 1000 / ms_per_token + 1e-9)
    token = step // round(ms_per_token / ensemble.dt_ms)
    shape = (len(stimuli), ensemble.astrocytes, tokens)
    ends = {
        name: np.asarray(getattr(monitor, name))[:, : tokens + 1].reshape(*shape[:2], tokens + 1)
        for monitor, names in ((calcium, (*CALCIUM, "G_A_integral")), (receptors, ("Gamma_S",)))
        for name in names
    }
    bound = ends["Gamma_S"][..., 1:]
    recorded = {
        "rate": _counts(synapse // ensemble.synapses, token, shape)
        / (ensemble.synapses * ms_per_token / 1000),
        **{name: ends[name][..., 1:] for name in CALCIUM},
        "G_A": np.diff(ends["G_A_integral"]) / (ms_per_token / 1000),
        "Gamma_S": bound,
        "modulation": release_probability(bound, ensemble.synapse)
        / release_probability(0.0, ensemble.synapse)
        - 1,
    }
    return Recording(
        recorded,
        [trains.kind for trains in stimuli],
        protocol.fitted_count,
        ms_per_token,
        events=_events(releases, ensemble.astrocytes, protocol.seconds),
    )


def _in_one(stimuli: Sequence[Trains], ensemble: Ensemble) -> tuple[np.ndarray, np.ndarray]:
    """Synapse and time step of the spikes of all stimuli, the synapses of one numbered after those of another."""
    apart = ensemble.astrocytes * ensemble.synapses
    found = [trains.in_steps(ensemble.dt_ms / 1000) for trains in stimuli]
    synapse = np.concatenate([synapse + i * apart for i, (synapse, _) in enumerate(found)])
    return synapse, np.concatenate([step for _, step in found])


def _counts(astrocyte: np.ndarray, token: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Number of spikes in each token of each astrocyte; what comes after the last whole token isn't counted."""
    within = token < shape[-1]
    places = astrocyte[within] * shape[-1] + token[within]
    return np.bincount(places, minlength=np.prod(shape)).reshape(shape)


def _events(monitor: SpikeMonitor, astrocytes: int, seconds: float) -> Events:
    """What a monitor of all populations has recorded, before the end."""
    t, cell = np.asarray(monitor.t), np.asarray(monitor.i).astype(np.int64)
    within = t < seconds * (1 - 1e-12)
    return Events(cell[within] // astrocytes, cell[within] % astrocytes, t[within])
