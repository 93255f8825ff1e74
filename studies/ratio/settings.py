"""What a study is asked to do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, fields
from typing import Any

from astrobrian.studies.ratio.constants import Constants, Series
from astrobrian.studies.ratio.liquids import Arm, Units
from astrobrian.studies.ratio.tasks import TASKS
from astrobrian.studies.ratio.trials import Design, Reader

SIZES = (0, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True)
class Settings:
    """The whole of a study: with the same settings and versions, the same numbers.

    Parameters
    ----------
    neurons, astrocytes : tuple of int, optional
        The grid: every number of one with every number of the other, but none with none.
    seeds : int, optional
        How many liquids there are of each cell and arm.
    seed : int, optional
        The first of their seeds; the others follow it.
    units : tuple of Units, optional
    tasks : tuple of str, optional
        Of `astrobrian.studies.ratio.tasks.TASKS`.
    arms : tuple of Arm, optional
        `Arm.MIXED` has the whole grid, the others what has both neurons and astrocytes.
    designs : tuple of Design, optional
    readers : tuple of Reader, optional
    constants : Constants, optional
    backend : str, optional
        As in `astrobrian.use_backend`.
    seeds_per_network : int, optional
        How many seeds are simulated in one network. By default one, which keeps memory small; on "cuda" all of them,
        which fills a GPU.

    Raises
    ------
    ValueError
        If there is nothing to do, something is unknown or given twice, or a number can't be.

    Examples
    --------
    >>> Settings(neurons=(0, 32), astrocytes=(0, 32), seeds=2, tasks=("lorenz",))
    """

    neurons: tuple[int, ...] = SIZES
    astrocytes: tuple[int, ...] = SIZES
    seeds: int = 10
    seed: int = 0
    units: tuple[Units, ...] = tuple(Units)
    tasks: tuple[str, ...] = tuple(TASKS)
    arms: tuple[Arm, ...] = tuple(Arm)
    designs: tuple[Design, ...] = tuple(Design)
    readers: tuple[Reader, ...] = tuple(Reader)
    constants: Constants = field(default_factory=Constants)
    backend: str = "cpp"
    seeds_per_network: int = 0

    def __post_init__(self) -> None:
        _check_names("tasks", self.tasks, TASKS)
        kinds = {"units": Units, "arms": Arm, "designs": Design, "readers": Reader}
        for name, kind in kinds.items():
            given = getattr(self, name)
            _check_names(name, given, list(kind))
            object.__setattr__(self, name, tuple(map(kind, given)))  # they may be given by name
        for name in ("neurons", "astrocytes"):
            _check_sizes(name, getattr(self, name))
        if not any(self.neurons) or not any(self.astrocytes):
            raise ValueError(
                "no network has both neurons and astrocytes, so that there is no ratio to study: neurons are "
                f"{self.neurons}, astrocytes {self.astrocytes}"
            )
        if not self.seeds_per_network:
            object.__setattr__(self, "seeds_per_network", self.seeds if self.backend == "cuda" else 1)
        if self.seeds < 1 or not 1 <= self.seeds_per_network <= self.seeds:
            raise ValueError(
                "there is at least one seed, and a network has from one to all of them; got "
                f"{self.seeds} seeds, {self.seeds_per_network} in a network"
            )
        if self.seed < 0:
            raise ValueError(f"a seed isn't negative, got {self.seed}")

    @property
    def all_seeds(self) -> range:
        """Of the liquids of a cell."""
        return range(self.seed, self.seed + self.seeds)

    def described(self) -> dict[str, Any]:
        """All of it by name, each constant too."""
        mine = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "constants"}
        return mine | self.constants.flat()


def quick(backend: str = "cpp", seed: int = 0) -> Settings:
    """A small study, of a few minutes: to try it out, not to conclude from."""
    series = Series(washin=500, train=1000, test=500, free=2)
    sizes = (0, 8, 32, 128)
    return Settings(sizes, sizes, seeds=2, seed=seed, constants=Constants(series=series), backend=backend)


def _check_names(what: str, given: tuple[str, ...], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            raise ValueError(f"there are no {what} {name!r}; there are {', '.join(known)}")
    if not given or len(set(given)) < len(given):
        raise ValueError(
            f"{what} are some of {', '.join(known)}, each once; got {', '.join(given) or 'none'}"
        )


def _check_sizes(what: str, given: tuple[int, ...]) -> None:
    if not given or min(given) < 0 or len(set(given)) < len(given):
        raise ValueError(f"numbers of {what} aren't negative, and each is given once; got {given}")
