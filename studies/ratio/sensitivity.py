"""Which constants matter: a small study for each other value of each of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pandas

from astrobrian.progress import Progress
from astrobrian.studies.ratio.batch import run_batch
from astrobrian.studies.ratio.best_ratio import TooLittle, best_ratio
from astrobrian.studies.ratio.constants import Constants
from astrobrian.studies.ratio.engine import processes, workers
from astrobrian.studies.ratio.liquids import Arm, Units
from astrobrian.studies.ratio.needs import check_backend
from astrobrian.studies.ratio.running import run_missing
from astrobrian.studies.ratio.settings import Settings
from astrobrian.studies.ratio.store import Store
from astrobrian.studies.ratio.table import LEARNING, frame, mixed
from astrobrian.studies.ratio.trials import Design, Reader
from astrobrian.studies.results import Results

FILE = "sensitivity.csv"
"""The rows of the table."""

# of fewer the best ratio can't be told; those of one kind alone have none
_SIZES = (16, 32, 64, 128)
_SEEDS = 5
_TARGET = "0.5 Lyapunov"


def small(constants: Constants, units: Units = Units.FORMAL, backend: str = "cpp", seed: int = 0) -> Settings:
    """The study that is run again and again: one kind of units, and the series of Lorenz."""
    return Settings(
        _SIZES,
        _SIZES,
        seeds=_SEEDS,
        seed=seed,
        units=(units,),
        tasks=("lorenz",),
        arms=(Arm.MIXED,),
        constants=constants.changed({"series.free": 0}),
        backend=backend,
        seeds_per_network=_SEEDS,
    )


def variants(base: Settings) -> dict[tuple[str, Any], Settings]:
    """The study with each other value of each constant, by its name and the value; and as it is, by ``("", None)``.

    Constants of other units than those of the study are left out.
    """
    found: dict[tuple[str, Any], Settings] = {("", None): base}
    others = set(Units) - set(base.units)
    for room in fields(base.constants):
        for each in fields(getattr(base.constants, room.name)) if room.name not in others else ():
            for value in each.metadata["others"]:
                name = f"{room.name}.{each.name}"
                found[name, value] = replace(base, constants=base.constants.changed({name: value}))
    return found


def run_sensitivity(
    out: str | Path,
    base: Settings,
    scheduler: str | None = None,
    number: int | None = None,
    progress: Progress | None = None,
) -> Results:
    """Run the study for each other value of each constant, or what is left of them, and make the table.

    Parameters
    ----------
    out : str or Path
        The results folder; each study has a folder in it.
    base : Settings
        What is changed; see `small`.
    scheduler, number, progress
        As of `astrobrian.studies.ratio.study.run_ratio`.

    Raises
    ------
    StoreError, BackendError, EngineError, ResultsError
        As there.

    Examples
    --------
    >>> run_sensitivity("results/sensitivity", small(Constants())).figures["studies"]
    """
    if scheduler is None:
        check_backend(base.backend)
    out = Path(out)
    with (
        Results(out, "ratio --sensitivity", base.seed, base.backend, base.described()) as results,
        ExitStack() as opened,
    ):
        stores = {
            which: opened.enter_context(Store(out / _folder(*which), settings))
            for which, settings in variants(base).items()
        }
        results.stage("networks")
        with workers(scheduler, number or processes(base.backend), out / "scratch") as client:
            run_missing(client, list(stores.values()), run_batch, progress, "sensitivity")
        results.stage("table")
        rows = [row for (name, value), store in stores.items() for row in _rows(name, value, store)]
        results.save_text(pandas.DataFrame(rows).to_csv(index=False, float_format="%.4g"), FILE)
        results.figures["studies"] = len(stores)
    return results


def _folder(name: str, value: Any) -> str:
    return f"{name}={value}".replace(" ", "") if name else "default"


def _rows(name: str, value: Any, store: Store) -> Iterator[dict[str, Any]]:
    """What came out of one study, for each design."""
    table = mixed(frame(store.trials()))
    table = table[table["target"] == _TARGET]
    for design in Design:
        ours = table[table["design"] == design]
        row = {
            "constant": name,
            "value": value,
            "design": str(design),
            "learning_rate": ours["learning_rate"].median(),
            "nrmse_mlp": ours.loc[ours["reader"] == Reader.MLP, "nrmse"].median(),
            "nrmse_ridge": ours.loc[ours["reader"] == Reader.RIDGE, "nrmse"].median(),
            "failed": int(ours["failed"].sum()),
            "degenerate": int(ours["degenerate"].sum()),
        }
        try:
            best = best_ratio(LEARNING.of(ours))
        except TooLittle as error:
            yield row | {"best_ratio": None, "low": None, "high": None, "why": str(error)}
        else:
            yield row | {"best_ratio": best.ratio, "low": best.low, "high": best.high, "why": ""}
