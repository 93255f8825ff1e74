"""What the liquids are asked to do."""

from collections.abc import Callable, Mapping

from astrobrian.studies.ratio.constants import Series
from astrobrian.studies.ratio.tasks.digits import digits
from astrobrian.studies.ratio.tasks.lorenz import lorenz
from astrobrian.studies.ratio.tasks.mackey_glass import mackey_glass
from astrobrian.studies.ratio.tasks.memory import memory
from astrobrian.studies.ratio.tasks.narma import narma
from astrobrian.studies.ratio.tasks.task import Task

TASKS: Mapping[str, Callable[[int, Series], Task]] = {
    "lorenz": lorenz,
    "mackey_glass": mackey_glass,
    "narma": narma,
    "memory": memory,
    "digits": digits,
}
"""Every task by name: gets a seed and how long it is to be."""
