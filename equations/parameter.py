"""What a model reads and doesn't compute: its parameters, and the inputs that something else may provide."""

from dataclasses import dataclass, replace

from brian2 import Quantity

from astrobrian.equations.quantity import in_unit, unit, written


@dataclass(frozen=True)
class Parameter:
    """A constant of a model: value, unit, meaning and source on one line.

    Parameters
    ----------
    value : float
        In `unit`.
    unit : str
        Scaled Brian2 unit, as in the paper's table: ``"umolar/second"``.
    meaning : str
        What it is, in words.
    source : str, optional
        Table or equation that the value was read from; "chosen here" where it was.
    signed : bool, optional
        Whether it may be negative (potentials, currents).
    largest : float, optional
        In `unit`; 1 for a probability or a fraction.
    per_cell : bool, optional
        Whether each cell has its own value; otherwise one value is shared by the group.
    """

    value: float
    unit: str
    meaning: str
    source: str = ""
    signed: bool = False
    largest: float | None = None
    per_cell: bool = False

    def __post_init__(self) -> None:
        _check(self.value, self)

    @property
    def quantity(self) -> Quantity | float:
        """The value with its unit."""
        return self.value * unit(self.unit)

    @property
    def flags(self) -> list[str]:
        """Brian2's flags of the variable."""
        return ["constant"] if self.per_cell else ["shared", "constant"]

    def set(self, value: Quantity | float) -> "Parameter":
        """The same parameter with another value, which has no source; raises DimensionMismatchError or ValueError."""
        number = in_unit(value, self.unit)
        return self if number == self.value else replace(self, value=number, source="")

    def __str__(self) -> str:
        source = f" [{self.source}]" if self.source else ""
        return f"{written(self.value, self.unit)}: {self.meaning}{source}"


@dataclass(frozen=True)
class Input:
    """A quantity that a model reads and another model, a synapse or the user's script may provide.

    Left unprovided it is a variable of each cell (or, if `shared`, one of the group) with a default value.

    Parameters
    ----------
    unit : str
        Scaled Brian2 unit.
    meaning : str
        What it is, in words.
    default : float, optional
        In `unit`.
    signed : bool, optional
        Whether it may be negative (fluxes, currents, signals).
    largest : float, optional
        In `unit`; 1 for a probability or a fraction.
    shared : bool, optional
        One value for the whole group instead of one per cell.
    """

    unit: str
    meaning: str
    default: float = 0.0
    signed: bool = False
    largest: float | None = None
    shared: bool = False

    def __post_init__(self) -> None:
        _check(self.default, self)

    @property
    def quantity(self) -> Quantity | float:
        """The default with its unit."""
        return self.default * unit(self.unit)

    @property
    def flags(self) -> list[str]:
        """Brian2's flags of the variable."""
        return ["shared"] if self.shared else []

    def set(self, value: Quantity | float) -> "Input":
        """The same input with another default; raises DimensionMismatchError or ValueError."""
        return replace(self, default=in_unit(value, self.unit))

    def __str__(self) -> str:
        return f"{written(self.default, self.unit)} unless provided: {self.meaning}"


def _check(value: float, of: Parameter | Input) -> None:
    """Refuse a value that its declaration doesn't allow."""
    if value < 0 and not of.signed:
        raise ValueError(
            f"{of.meaning} can't be negative, got {written(value, of.unit)} (declared with signed=True it could)"
        )
    if of.largest is not None and value > of.largest:
        raise ValueError(f"{of.meaning} can't exceed {of.largest:g}, got {written(value, of.unit)}")
