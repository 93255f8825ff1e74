"""One process of the table: simulates rows on a backend, and leaves what they recorded.

Run as ``python -m astrobrian.studies.compatibility.cell BACKEND DEPTH FOLDER FEATURE,FEATURE,... ...``: the rows of a group
are parts of one network, the groups are simulated one after the other.
"""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Network, defaultclock, ms, seed

from astrobrian import build, use_backend
from astrobrian.backends import BackendError
from astrobrian.backends.features import FEATURES
from astrobrian.backends.findings import UnsupportedFeature, rewritten
from astrobrian.studies.compatibility.row import Objects, Recorded
from astrobrian.studies.compatibility.rows import ROWS

DURATION = 250 * ms
STEP = 0.5 * ms
SEED = 12345

#: How far a cell is taken, and what `use_backend` is told for it.
DEPTHS: dict[str, dict[str, Any]] = {
    "run": {},
    "compiled": {"run": False},
    "generated": {"compile": False, "run": False},
}
#: A backend of the table's own: NumPy, and what isn't done there in another way.
REFERENCE = "reference"
ONE_PROGRAM = ("cpp", "cuda")


def simulate(backend: str, depth: str, features: list[str]) -> dict[str, Recorded]:
    """What each of some rows recorded, in one simulation; nothing if it isn't run."""
    if backend == REFERENCE:
        use_backend("numpy")
    else:
        building: dict[str, Any] = {"build_on_run": False} if backend in ONE_PROGRAM else {}
        use_backend(backend, **building, **DEPTHS[depth], **ROWS[features[0]].options)
    defaultclock.dt = STEP
    if backend == REFERENCE or FEATURES["seeds"].status(backend) != "refused":
        seed(SEED)
    running = {feature: script(backend, feature) for feature in features}
    objects = [each for each_script in running.values() for each in next(each_script)]
    if objects:
        Network(objects).run(DURATION)
        build()
    return {feature: returned(each) for feature, each in running.items()} if depth == "run" else {}


def script(backend: str, feature: str) -> Objects:
    """What is run of a row."""
    row = ROWS[feature]
    return row.reference() if backend == REFERENCE and row.reference else row.script()


def returned(running: Objects) -> Recorded:
    """What a generator returns when it goes on."""
    try:
        next(running)
    except StopIteration as end:
        return end.value
    raise RuntimeError("a row yields once")


def outcome(backend: str, depth: str, features: list[str]) -> tuple[dict[str, Recorded], dict[str, Any]]:
    """What was recorded of some rows in one simulation, and how it went."""
    rewritten.clear()
    try:
        recorded = simulate(backend, depth, features)
    except UnsupportedFeature as refused:
        what = {each.feature: f"{each.object}: {each.reason}" for each in refused.refusals}
        return {}, {"refused": what}
    except (BackendError, NotImplementedError, ValueError) as refused:
        return {}, {"refused": dict.fromkeys(features, str(refused))}
    except Exception:  # noqa: BLE001 (whatever it is, the other rows are still to be simulated)
        return {}, {"failed": traceback.format_exc()}
    return recorded, {"lowered": {each.feature: f"{each.object}: {each.how}" for each in rewritten}}


def main() -> None:
    """Simulate each group of rows, one after the other."""
    backend, depth, folder, *groups = sys.argv[1:]
    arrays: Recorded = {}
    outcomes = []
    for group in groups:
        recorded, found = outcome(backend, depth, group.split(","))
        arrays |= {
            f"{feature}/{name}": each for feature in recorded for name, each in recorded[feature].items()
        }
        outcomes.append(found)
    np.savez(Path(folder, "recorded.npz"), **arrays)
    Path(folder, "outcomes.json").write_text(json.dumps(outcomes))


if __name__ == "__main__":
    main()
