"""What the liquids are asked to do."""

from collections.abc import Callable, Mapping

from astrobrian.studies.ratio.constants import Series
from astrobrian.studies.ratio.tasks.lorenz import lorenz
from astrobrian.studies.ratio.tasks.task import Task

TASKS: Mapping[str, Callable[[int, Series], Task]] = {"lorenz": lorenz}
"""Every task by name: gets a seed and how long it is to be."""
