"""Which batches a study has, and which trials each gives: a function of the settings and of nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from astrobrian.studies.ratio.liquids import Arm, Liquid, Units
from astrobrian.studies.ratio.settings import Settings
from astrobrian.studies.ratio.tasks.task import Task
from astrobrian.studies.ratio.trials import Reader, Trial

FREE_RUN = "free run"  #: the target of a liquid whose output is its next input

# what takes longer comes first, so that no worker waits for the other at the end
_ORDER = (Units.BIOPHYSICAL, Units.FORMAL)


@dataclass(frozen=True)
class Batch:
    """What runs as one network.

    Parameters
    ----------
    units : Units
    task : str
    seeds : tuple of int
    """

    units: Units
    task: str
    seeds: tuple[int, ...]

    @property
    def kind(self) -> tuple[Units, str]:
        """Batches of one kind take about the same time, and need one program."""
        return self.units, self.task

    @property
    def name(self) -> str:
        """No other batch of the study has it."""
        return f"{self.units}, {self.task}, seed {', '.join(map(str, self.seeds))}"


def plan(settings: Settings) -> tuple[Batch, ...]:
    """All batches, in the order in which they should run.

    Those of the first seeds come first: a study that was stopped has whole seeds, and each program is compiled by one
    worker while the others compile others.
    """
    seeds, together = settings.all_seeds, settings.seeds_per_network
    groups = [tuple(seeds[first : first + together]) for first in range(0, len(seeds), together)]
    units = [each for each in _ORDER if each in settings.units]
    return tuple(Batch(kind, task, group) for group, kind, task in product(groups, units, settings.tasks))


def liquids(batch: Batch, settings: Settings) -> tuple[Liquid, ...]:
    """The liquids of a batch: each arm of each cell, for each seed."""
    return tuple(
        Liquid(batch.units, arm, neurons, astrocytes, seed)
        for seed, arm, neurons, astrocytes in product(
            batch.seeds, settings.arms, settings.neurons, settings.astrocytes
        )
        if (neurons and astrocytes) or (arm is Arm.MIXED and (neurons or astrocytes))
    )


def trials(liquid: Liquid, task: Task, settings: Settings) -> list[Trial]:
    """What read-outs learn from a liquid."""
    asked = product(task.targets, settings.designs, settings.readers)
    return [Trial(liquid, task.name, *each) for each in asked]


def free_runs(liquid: Liquid, task: Task, settings: Settings) -> list[Trial]:
    """In which the liquid goes on by itself."""
    if not task.free_segments or Reader.RIDGE not in settings.readers:
        return []
    return [Trial(liquid, task.name, FREE_RUN, design, Reader.RIDGE) for design in settings.designs]
