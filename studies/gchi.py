"""Figure 2 of Stimberg et al. (2019): an astrocyte that a synapse activates, without and with channel noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import brian2
import numpy as np
from brian2 import Hz, NeuronGroup, Quantity, StateMonitor, ms, run, second, umolar

from astrobrian import AstrocyteGroup, TripartiteSynapses, use_backend
from astrobrian.equations import Model, cleft_glutamate, exogenous_drive, gchi_stochastic
from astrobrian.progress import Progress, reporting
from astrobrian.studies.statistics import up_crossings

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Response:
    """Two astrocytes under the same input, the first deterministic and the second stochastic.

    Attributes
    ----------
    t : Quantity, shape (times,)
    Gamma_A, h : array, shape (2, times)
    I, C : Quantity, shape (2, times)
    """

    t: Quantity
    Gamma_A: np.ndarray
    I: Quantity
    C: Quantity
    h: np.ndarray

    def figures(self) -> dict[str, Any]:
        """Peaks, and when calcium first rises through 0.5 umolar."""
        found: dict[str, Any] = {}
        for cell, kind in enumerate(("deterministic", "stochastic")):
            rises = up_crossings(self.t, self.C[cell], 0.5 * umolar)
            found[f"C_max_umolar_{kind}"] = float(self.C[cell].max() / umolar)
            found[f"I_max_umolar_{kind}"] = float(self.I[cell].max() / umolar)
            found[f"calcium_rises_s_{kind}"] = np.asarray(rises / second)
        return found


def simulate(
    duration: Quantity = 30 * second,
    seed: int = 790824,
    backend: str = "cpp",
    progress: Progress | None = None,
) -> Response:
    """A synapse that releases all it has at 0.5 Hz, and the two astrocytes that sense it.

    Parameters
    ----------
    duration : Quantity, optional
    seed : int, optional
        Of the channel noise.
    backend : str, optional
        As in `astrobrian.use_backend`.
    progress : Progress, optional
        Is told how far it has come.
    """
    use_backend(backend)
    brian2.seed(seed)
    brian2.defaultclock.dt = 1 * ms
    f_0 = 0.5 * Hz  # noqa: F841  (read by the equations below)
    source = NeuronGroup(1, "dx/dt = f_0 : 1", threshold="x > 1", reset="x = 0", method="euler")
    target = NeuronGroup(2, "")
    model = gchi_stochastic(
        K_P=0.1 * umolar,
        O_beta=5 * umolar / second,
        O_delta=0.2 * umolar / second,
        K_delta=0.3 * umolar,
        Omega_5P=0.1 / second,
        K_D=0.5 * umolar,
    )
    astrocytes = AstrocyteGroup(2, model + exogenous_drive(F_ex=0.09 * umolar / second))
    astrocytes.noise = [0, 1]
    astrocytes.C = astrocytes.I = 0 * umolar
    full_release = Model("full_release", on_pre="r_S = 1")
    synapses = TripartiteSynapses(source, target, astrocytes, full_release + cleft_glutamate(rho_c=0.001))
    synapses.connect()
    synapses.cover(index="j")
    recorded = StateMonitor(astrocytes, ["Gamma_A", "I", "C", "h"], record=True)
    with reporting(progress, duration) as report:
        run(duration, **report)
    return Response(recorded.t[:], recorded.Gamma_A[:], recorded.I[:], recorded.C[:], recorded.h[:])


def plot(response: Response) -> Figure:
    """Activated receptors, IP3, calcium and the gate of both astrocytes."""
    from astrobrian.studies.style import ASTROCYTE, NEUTRAL, panels

    figure, axes = panels([1, 1, 1, 1], size=(6.3, 4.5))
    traces = {
        r"$\Gamma_A$": response.Gamma_A,
        r"$I$ ($\mu$M)": response.I / umolar,
        r"$C$ ($\mu$M)": response.C / umolar,
        "$h$": response.h,
    }
    for ax, (label, trace) in zip(axes, traces.items(), strict=True):
        for each, colour, kind in zip(
            trace, (NEUTRAL, ASTROCYTE), ("deterministic", "stochastic"), strict=True
        ):
            ax.plot(response.t / second, each, color=colour, linewidth=0.9, label=kind)
        ax.set_ylabel(label)
    axes[0].legend(fontsize=8, frameon=False, loc="upper right")
    axes[-1].set(xlabel="time (s)", xlim=(0, response.t[-1] / second))
    return figure
