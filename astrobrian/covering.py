"""Which astrocyte ensheathes which synapse."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from brian2 import Equations, Function, NeuronGroup, Synapses
from brian2.core.base import BrianObjectException
from brian2.groups.group import Group
from brian2.utils.logger import get_logger

from astrobrian.layout import nearest, positions_of

logger = get_logger(__name__)

# The function that checks indices that generated code computes
CHECKED_TERRITORY = "_checked_territory"


class CoverError(ValueError):
    """Synapses that can't be covered as asked."""


class CoveredSynapses(Synapses):
    """Synapses each of which one astrocyte covers, or none.

    Two numbers say which. ``astrocyte_index`` is for the user: the astrocyte, or -1. ``territory`` is for generated
    code, which uses it as an index: the astrocyte, or the null cell after the last one (see `astrobrian.territories`).
    """

    astrocytes: NeuronGroup | None
    #: Whether all synapses that there are have been covered.
    _covered = False

    @property
    def _null_cell(self) -> int:
        """The territory of synapses that no astrocyte covers."""
        assert self.astrocytes is not None
        return len(self.astrocytes)

    def _cover_equations(self) -> Equations:
        N = self._null_cell
        return Equations(
            f"""territory : integer (constant)
            astrocyte_index = territory - int(territory == {N})*{N + 1} : integer"""
        )

    def cover(self, by: Literal["pre", "post"] | None = None, index: Any = None, *, level: int = 0) -> None:
        """Say which astrocyte ensheathes which synapse, after `connect`. Every synapse has one, or none.

        Parameters
        ----------
        by : {"post", "pre"}, optional
            By the territory of the postsynaptic or of the presynaptic neuron. Without `index`, a neuron lies in the
            territory of the nearest astrocyte; both groups need positions (a layout, or variables x, y, z).
        index : array of int or str, optional
            With `by`, the astrocyte of each neuron of the target (source). Without, the astrocyte of each
            synapse: an array, or a string expression as for any variable of synapses, such as ``"j // 10"``.
            -1 where there is none.

        Raises
        ------
        CoverError
            If there are no astrocytes or no synapses, the array has the wrong length, or an index is out of range. (A
            standalone program stops where it finds that a string expression is.)
        ValueError
            If positions are needed and missing.

        Examples
        --------
        >>> excitatory.cover(by="post")
        >>> excitatory.cover(by="pre", index=np.arange(3200) // 4)
        >>> excitatory.cover(index="int(x_post/(50*um))")
        """
        self._check_coverable(by, index)
        if by is not None:
            neurons = self.source if by == "pre" else self.target
            values = nearest_astrocytes(neurons, self.astrocytes) if index is None else index
            self._set_territory(self._neuron_map(by, neurons, values))
        elif isinstance(index, str):
            self._set_territory(self._checked(index), level=level + 1)
        else:
            values = self._check_map(index, len(self), "synapses")
            self._set_territory(np.where(values < 0, self._null_cell, values))
        self._covered = True
        self._after_cover()
        if uncovered := self.uncovered:
            logger.warn(  # noqa: G010  (Brian2's own loggers have no other name for it)
                f"{uncovered} of {len(self)} synapses of {self.name} are covered by no astrocyte"
            )

    def _check_coverable(self, by: object, index: object) -> None:
        if self.astrocytes is None:
            raise CoverError(f"{self.name} has no astrocytes to be covered by; give them when you make it")
        if not self._connect_called:
            raise CoverError(f"{self.name} has no synapses to cover; call connect() before cover()")
        if by not in (None, "pre", "post"):
            raise CoverError(f"{self.name}: by={by!r}, but synapses are covered by 'pre' or 'post'")
        if by is None and index is None:
            raise CoverError(f"{self.name}: cover(by='post'), cover(by='pre') or cover(index=...)?")
        if by is not None and isinstance(index, str):
            raise CoverError(
                f"{self.name}: with by={by!r}, index is an array with the astrocyte of each neuron; an expression gives "
                f"that of each synapse (i and j are its neurons) and goes without by: cover(index={index!r})"
            )
        if by is None and not isinstance(index, str) and self._number() is None:
            raise CoverError(
                f"{self.name}: which synapses there are is only known when the standalone program runs, so that an array "
                "can't be given for them; use by='post' or by='pre' with index=, a string expression, or connect(i=..., "
                "j=...) with arrays"
            )

    def _after_cover(self) -> None:
        """What has to be done once it is known which astrocyte covers which synapse."""

    def _number(self) -> int | None:
        """How many synapses there are, None where only the standalone program knows."""
        try:
            return len(self)
        except NotImplementedError:
            return None

    def _neuron_map(self, by: str, neurons: Group, values: np.ndarray) -> str:
        """Keep the territory of each neuron as a variable of the synapses; return its name."""
        values = self._check_map(values, len(neurons), f"neurons of {neurons.name}")
        start = getattr(neurons, "start", 0)
        whole = np.full(len(getattr(neurons, "source", neurons)), self._null_cell, dtype=np.int32)
        whole[start : start + len(values)] = np.where(values < 0, self._null_cell, values)
        name = f"_territory_{by}"
        if name not in self.variables:
            index = "_presynaptic_idx" if by == "pre" else "_postsynaptic_idx"
            self.variables.add_array(name, size=len(whole), dtype=np.int32, constant=True, index=index)
        self.variables[name].set_value(whole)
        return name

    def _check_map(self, index: object, length: int, what: str) -> np.ndarray:
        """An array of astrocyte indices; raises CoverError if it isn't one, or not of this length."""
        values = np.asarray(index)
        if values.dtype.kind not in "iuf":
            raise CoverError(
                f"{self.name}: index needs numbers, the astrocyte for each of the {length} {what}; got {index!r}"
            )
        if values.shape != (length,):
            raise CoverError(f"{self.name}: index of shape {values.shape} for {length} {what}")
        check_range(values, self._null_cell, self.name, what)
        return values.astype(np.int32)

    def _checked(self, expression: str) -> str:
        """The expression of a territory that checks the expression of an astrocyte index."""
        if CHECKED_TERRITORY not in self.variables:
            self.variables.add_object(CHECKED_TERRITORY, checked_territory(self.name, self._null_cell))
        return f"{CHECKED_TERRITORY}({expression})"

    def _set_territory(
        self, value: str | int | np.ndarray, which: slice = slice(None), level: int = 0
    ) -> None:
        # read-only for everybody else: cover() checks the range, and what follows from it is computed once
        territory = self.variables["territory"]
        territory.read_only = False
        view = territory.get_addressable_value("territory", self)
        try:
            view.set_item(which, value, level=level + 1)
        except BrianObjectException as error:
            if isinstance(error.__cause__, CoverError):
                raise error.__cause__ from None
            raise
        except TypeError as error:
            if CHECKED_TERRITORY in str(
                error
            ):  # Brian2 knows the type of an expression before it computes it
                raise CoverError(
                    f"{self.name}: the index has to be a whole number for each synapse; use j//10 instead of j/10, or int(...)"
                ) from error
            raise
        finally:
            territory.read_only = True

    @property
    def astrocyte_index(self) -> np.ndarray:
        """The astrocyte of each synapse, -1 where none covers it; assigning to it is ``cover(index=...)``.

        The name can also be used in string expressions. Synapses without astrocytes don't have it.
        """
        territory = np.asarray(self.territory[:])
        return np.where(territory == self._null_cell, -1, territory)

    @property
    def uncovered(self) -> int | None:
        """Number of synapses without an astrocyte; None where it isn't known (yet)."""
        if not self._covered:
            return None
        try:
            return int(np.count_nonzero(self.astrocyte_index < 0))
        except NotImplementedError:
            return None

    def __setattr__(self, key: str, value: Any, level: int = 0) -> None:
        if key == "astrocyte_index":
            self.cover(index=value, level=level + 1)
        else:
            super().__setattr__(key, value, level=level + 1)

    def before_run(self, run_namespace: Any) -> None:
        if self.astrocytes is not None and not self._covered:
            raise CoverError(
                f"no astrocyte covers {self.name} yet; call {self.name}.cover(by='post'), cover(by='pre') or "
                "cover(index=...) after connect()"
            )
        super().before_run(run_namespace)


def nearest_astrocytes(neurons: Group, astrocytes: Group) -> np.ndarray:
    """Index of the nearest astrocyte of each neuron; raises ValueError if either group has no positions."""
    return nearest(positions_of(neurons), positions_of(astrocytes))


def check_range(values: np.ndarray, n_astrocytes: int, synapses: str, what: str) -> None:
    """Raises CoverError, naming the first of the values that isn't an astrocyte or -1."""
    wrong = ~((values >= -1) & (values < n_astrocytes) & (values == np.floor(values)))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise CoverError(
            f"{synapses}: astrocyte {values[first]} for {what} {first} is out of range; "
            f"indices go from 0 to {n_astrocytes - 1}, and -1 means not covered"
        )


def checked_territory(synapses: str, n_astrocytes: int) -> Function:
    """A function for string expressions that turns an astrocyte index into a territory, or stops the program.

    A standalone program computes indices where Python can't see them; so it checks them itself.
    """

    def territory(index: np.ndarray) -> np.ndarray:
        index = np.asarray(index)
        check_range(np.atleast_1d(index), n_astrocytes, synapses, "synapse")
        return np.where(index < 0, n_astrocytes, index)

    function = Function(
        territory, arg_units=[1], return_unit=1, arg_types=["integer"], return_type="integer", stateless=True
    )
    function.implementations.add_implementation("numpy", code=territory)
    function.implementations.add_implementation(
        "cpp",
        f"""
        static inline int {CHECKED_TERRITORY}(const int index)
        {{
            if (index < -1 || index >= {n_astrocytes})
            {{
                std::cerr << "{synapses}: astrocyte " << index << " is out of range; indices go from 0 to "
                          << "{n_astrocytes - 1}, and -1 means not covered" << std::endl;
                exit(1);
            }}
            return index < 0 ? {n_astrocytes} : index;
        }}
        """,
        name=CHECKED_TERRITORY,
    )
    return function
