"""One process of the table: simulates rows on a backend, and leaves what they recorded.

Run as ``python -m astrobrian.studies.compatibility.cell BACKEND DEPTH FOLDER FEATURE,FEATURE,... ...``: the rows of a group
are parts of one network, the groups are simulated one after the other.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import BrianObjectException, Network, defaultclock, get_device, ms, seed

from astrobrian import build, use_backend
from astrobrian.backends import BackendError, obstacle
from astrobrian.backends.features import FEATURES
from astrobrian.backends.findings import UnsupportedFeature, rewritten
from astrobrian.studies.compatibility.row import Objects, Recorded
from astrobrian.studies.compatibility.rows import ROWS

DURATION = 250 * ms
STEP = 0.5 * ms
SEED = 12345

#: How far a cell can be taken, the farthest first, and what `use_backend` is told for it.
DEPTHS: dict[str, dict[str, Any]] = {
    "run": {},
    "stand-in": {"compile": False},
    "compiled": {"run": False},
    "generated": {"compile": False},
}
#: Those at which rows record something.
RECORDING = ("run", "stand-in")
#: A backend of the table's own: NumPy, and what isn't done there in another way.
REFERENCE = "reference"
ONE_PROGRAM = ("cpp", "cuda")


def simulate(backend: str, depth: str, features: list[str], number: int = SEED) -> dict[str, Recorded]:
    """What each of some rows recorded, in one simulation; nothing if it isn't run."""
    with ExitStack() as stack:
        choose(backend, depth, ROWS[features[0]].options, stack)
        defaultclock.dt = STEP
        if FEATURES["seeds"].status("numpy" if backend == REFERENCE else backend) != "refused":
            seed(number)
        running = {feature: script(backend, feature) for feature in features}
        objects = [each for described in running.values() for each in next(described)]
        if objects:
            Network(objects).run(DURATION)
            build()
        if depth not in RECORDING:
            return {}
        return {feature: returned(described) for feature, described in running.items()}


def choose(backend: str, depth: str, options: Mapping[str, Any], stack: ExitStack) -> None:
    """Choose a backend, and how far its programs are taken until the stack is closed."""
    if backend == REFERENCE:
        use_backend("numpy")
        return
    if found := obstacle(backend, **DEPTHS[depth]):
        raise OSError(f"{found.reason}; {found.fix}")  # which is no refusal
    building: dict[str, Any] = {"build_on_run": False} if backend in ONE_PROGRAM else {}
    use_backend(backend, **building, **DEPTHS[depth], **options)
    if depth == "stand-in":
        from stand_in.building import on_cpu  # in tests/cuda_on_cpu, which is no part of the package

        device = get_device()
        device.build_options |= {"compile": True, "run": True}
        stack.enter_context(on_cpu(device))


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
        if recorded and ROWS[features[0]].repeated:
            again, other = (simulate(backend, depth, features, number) for number in (SEED, SEED + 1))
            check_seeds(recorded[features[0]], again[features[0]], other[features[0]])
    except UnsupportedFeature as refused:
        what = {each.feature: f"{each.object}: {each.reason}" for each in refused.refusals}
        return {}, {"refused": what}
    except (BackendError, NotImplementedError, ValueError) as objection:
        return {}, {"objection": str(objection)}
    except KeyboardInterrupt:
        return {}, {"objection": "the run was interrupted, and nothing of it can be read"}
    except BrianObjectException as error:
        if isinstance(error.__cause__, NotImplementedError):
            return {}, {"objection": str(error.__cause__)}
        return {}, {"failed": traceback.format_exc()}
    except Exception:  # noqa: BLE001 (whatever it is, the other rows are still to be simulated)
        return {}, {"failed": traceback.format_exc()}
    return recorded, {"lowered": {each.feature: f"{each.object}: {each.how}" for each in rewritten}}


def check_seeds(first: Recorded, again: Recorded, other: Recorded) -> None:
    """Raises ArithmeticError unless the same random numbers followed the same seed, and others another one."""
    for name in first:
        if not np.array_equal(first[name], again[name]):
            raise ArithmeticError(f"{name} is another after the same seed")
        if np.any(first[name] == other[name]):
            raise ArithmeticError(f"{name} is the same after another seed")


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
    np.savez(Path(folder, "recorded.npz"), **arrays)  # type: ignore[arg-type]
    Path(folder, "outcomes.json").write_text(json.dumps(outcomes))


if __name__ == "__main__":
    main()
