"""Stop a simulation that leaves its physical range."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from brian2 import Function, Network, Quantity, get_device, ms, second
from brian2.core.variables import ArrayVariable, Variables
from brian2.groups.group import CodeRunner, Group
from brian2.utils.stringtools import get_identifiers, word_substitute

from astrobrian.equations import Model
from astrobrian.standalone import has_template

# A value may leave its range by so much of the range: the rounding of a step
SLACK = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 1e-6}
# More often would cost a fast group a quarter of its time, and what has left its range stays there or blows up
INTERVAL = 1 * ms


class PhysicalRangeError(RuntimeError):
    """A variable left its physical range, or is not a number any more.

    Attributes
    ----------
    variable, group : str
        Names.
    cell : int
        Index of the first cell that did.
    value : Quantity
        What it was then.
    allowed : str
        Its range.
    time : Quantity
        Start of the time step at whose end it was noticed; it may have left its range up to a millisecond before.
    """

    def __init__(
        self, variable: str, group: str, cell: int, value: Quantity, allowed: str, time: Quantity
    ) -> None:
        super().__init__(
            f"{variable} of cell {cell} of {group} became {value} by the time step at {time}; it can only be {allowed}. "
            "A shorter dt or another method often helps; check_range=False of the group switches this check off"
        )
        self.variable, self.group, self.cell, self.value = variable, group, cell, value
        self.allowed, self.time = allowed, time

    def __reduce__(self) -> tuple:
        # so that it gets from one process to another
        return type(self), (self.variable, self.group, self.cell, self.value, self.allowed, self.time)


def watched(model: Model) -> list[str]:
    """Variables with a differential equation and bounds."""
    return [name for name in model.states if name in model.bounds]


class RangeGuard(CodeRunner):
    """Compares variables of a group with the bounds of its model, at the end of time steps.

    It does so at each step of the group, or once per millisecond if that is rarer. The first value outside is
    recorded, and the simulation ends with that time step, on a standalone device too. What was simulated until then
    can be read as usual.

    Parameters
    ----------
    group : brian2.NeuronGroup
        Made with ``model.equations``.
    model : Model
        Which variables are watched, and their bounds.
    """

    def __init__(self, group: Group, model: Model) -> None:
        #: Physical range of each watched variable, as Brian2 expressions.
        self.ranges = {name: model.bounds[name] for name in watched(model)}
        at_once = has_template("range_guard")
        super().__init__(
            group,
            "range_guard" if at_once else "stateupdate",
            code="\n".join(self._comparisons(group) if at_once else self._calls(group)),
            user_code="",  # none of these names are the user's: no warnings about them
            dt=max(group.clock.dt, INTERVAL),
            when="end",
            name=f"{group.name}_range_guard*",
            needed_variables=["_violation"],
            template_kwds={"watched": list(self.ranges)},
        )
        self.variables = Variables(self)
        # number of the variable (0 as long as nothing happened), cell, value, time
        self.variables.add_array("_violation", size=4, dtype=np.float64, index="0")
        if at_once:
            for name in self.ranges:
                self.variables.add_auxiliary_variable(f"_left_{name}", dtype=bool)
        else:
            self.variables.add_object("_guard", _guard_function(self.variables["_violation"]))

    def _comparisons(self, group: Group) -> Iterator[str]:
        """What the template of our own device asks for: whether each variable is outside."""
        for name, ends in self.ranges.items():
            low, high = _with_slack(*ends, group.variables[name].dtype)
            yield f"_left_{name} = not ({name} >= {low} and {name} <= {high})"

    def _calls(self, group: Group) -> Iterator[str]:
        """The same elsewhere: calls of a function that records."""
        for number, (name, ends) in enumerate(self.ranges.items(), start=1):
            low, high = _with_slack(*ends, group.variables[name].dtype)
            yield f"_left_{name} = _guard({name}, {low}, {high}, {number}, i, t)"

    def check(self) -> None:
        """Report what was recorded in the last run.

        Raises
        ------
        PhysicalRangeError
            If anything was.
        """
        record = self.variables["_violation"].get_value()
        number, cell, value, time = record
        record[:] = 0  # for the next run; a standalone device gives a copy and starts from zero anyway
        if number:
            name, (low, high) = list(self.ranges.items())[int(number) - 1]
            value = Quantity(value, dim=self.group.variables[name].dim)
            allowed = f"{low} to {high}{self._values(low, high, cell=int(cell))}"
            raise PhysicalRangeError(name, self.group.name, int(cell), value, allowed, time * second)

    def _values(self, *ends: str, cell: int) -> str:
        """What the variables in these bounds are now, in brackets."""
        names = sorted(set().union(*map(get_identifiers, ends)) & set(self.group.variables))
        values = {name: getattr(self.group, name) for name in names}
        each = [f"{n} = {v[:] if self.group.variables[n].scalar else v[cell]}" for n, v in values.items()]
        return f" ({', '.join(each)})" if each else ""


def _with_slack(low: str, high: str, dtype: type) -> tuple[str, str]:
    """Both ends, apart by the rounding of a step; an infinite one is the largest number, so that infinity is outside."""
    finite = [end for end in (low, high) if "inf" not in get_identifiers(end)]
    slack = f"{SLACK[np.dtype(dtype)]}*({' + '.join(f'abs({end})' for end in finite)})"

    def widened(end: str, sign: str) -> str:
        return (
            f"{end} {sign} {slack}"
            if end in finite
            else word_substitute(end, {"inf": repr(float(np.finfo(dtype).max))})
        )

    return widened(low, "-"), widened(high, "+")


# In every language: record the first value that isn't inside (NaN never is), and end the run with this time step. All
# of them are called for each cell with the value, both ends, the number of the variable, the cell and the time.

_CPP = """
double _guard(double value, double low, double high, int number, int cell, double t)
{
    if (!(value >= low && value <= high))
    {
        #pragma omp critical (astrobrian_range_guard)
        if (RECORD[0] == 0)
        {
            RECORD[0] = number;
            RECORD[1] = cell;
            RECORD[2] = value;
            RECORD[3] = t;
        }
        Network::_globally_stopped = true;
    }
    return 0;
}
"""

_CYTHON = """
cdef double _guard(double value, double low, double high, int number, int cell, double t):
    global _namespace_guard_record
    if not (value >= low and value <= high):
        if _namespace_guard_record[0] == 0:
            _namespace_guard_record[0] = number
            _namespace_guard_record[1] = cell
            _namespace_guard_record[2] = value
            _namespace_guard_record[3] = t
            from brian2 import Network
            Network._globally_stopped = True
    return 0
"""


def _guard_function(record: ArrayVariable) -> Function:
    """The function that a guard calls; it writes to an array of four numbers."""

    def guard(value, low, high, number, cell, t):
        inside = (value >= low) & (value <= high)
        if not np.all(inside):
            first = int(np.argmin(inside))
            values = record.get_value()
            if not values[0]:
                values[:] = number, np.broadcast_to(cell, np.shape(value))[first], np.ravel(value)[first], t
                Network._globally_stopped = True
        return 0.0

    function = Function(
        guard,
        arg_names=["value", "low", "high", "number", "cell", "t"],
        arg_units=[None, "value", "value", 1, 1, second],
        arg_types=["float", "float", "float", "integer", "integer", "float"],
        return_unit=1,
        stateless=False,
    )
    implementations = function.implementations
    implementations.add_numpy_implementation(guard)
    implementations.add_dynamic_implementation(
        "cython", lambda owner: _CYTHON, namespace=lambda owner: {"_guard_record": record.get_value()}
    )
    implementations.add_dynamic_implementation(
        "cpp",
        lambda owner: _CPP.replace("RECORD", f"brian::{get_device().get_array_name(record)}"),
        namespace=lambda owner: {},
    )
    return function
