"""One process of the table: simulates rows on a backend, and leaves what they recorded.

Run as ``python -m astrobrian.studies.compatibility.cell BACKEND DEPTH FOLDER FEATURE ...``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Network, defaultclock, ms, second, seed

from astrobrian import build, use_backend
from astrobrian.backends import BackendError
from astrobrian.backends.features import FEATURES
from astrobrian.backends.findings import UnsupportedFeature, rewritten
from astrobrian.studies.compatibility.row import Recorded, Script
from astrobrian.studies.compatibility.rows import ROWS

DURATION = 0.5 * second
STEP = 0.5 * ms
SEED = 12345

#: How far a cell is taken, and what `use_backend` is told for it.
DEPTHS: dict[str, dict[str, Any]] = {
    "run": {},
    "compiled": {"run": False},
    "generated": {"compile": False, "run": False},
}
ONE_PROGRAM = ("cpp", "cuda")


def simulate(backend: str, depth: str, features: list[str]) -> dict[str, Recorded]:
    """What each of some rows recorded, in one simulation; nothing if it isn't run."""
    building = {"build_on_run": False} if backend in ONE_PROGRAM else {}
    use_backend(backend, **building, **DEPTHS[depth], **ROWS[features[0]].options)
    defaultclock.dt = STEP
    if FEATURES["seeds"].status(backend) != "refused":
        seed(SEED)
    running = {feature: ROWS[feature].script() for feature in features}
    objects = [each for script in running.values() for each in next(script)]
    if objects:
        Network(objects).run(DURATION)
        build()
    return {feature: returned(script) for feature, script in running.items()} if depth == "run" else {}


def returned(script: Script) -> Recorded:
    """What a generator returns when it goes on."""
    try:
        next(script)
    except StopIteration as end:
        return end.value
    raise RuntimeError("a row yields once")


def outcome(backend: str, depth: str, features: list[str], folder: Path) -> dict[str, Any]:
    """Simulate, keep what was recorded in a file, and say how it went."""
    try:
        recorded = simulate(backend, depth, features)
    except UnsupportedFeature as refused:
        return {
            "status": "refused",
            "reason": str(refused),
            "refused": sorted({each.feature for each in refused.refusals}),
        }
    except (BackendError, NotImplementedError, ValueError) as refused:
        return {"status": "refused", "reason": str(refused), "refused": features}
    arrays = {f"{feature}/{name}": each for feature in recorded for name, each in recorded[feature].items()}
    np.savez(folder / "recorded.npz", **arrays)
    return {"status": "works", "lowered": sorted({each.feature for each in rewritten})}


def main() -> None:
    backend, depth, folder, *features = sys.argv[1:]
    found = outcome(backend, depth, features, Path(folder))
    Path(folder, "outcome.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
