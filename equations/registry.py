"""All models and parameter sets of the library, by name."""

from astrobrian import equations
from astrobrian.equations.model import Model
from astrobrian.equations.parameter_set import ParameterSet


def models() -> dict[str, Model]:
    """Every model of the library by name.

    Examples
    --------
    >>> print(models()["gchi"])
    """
    return {item.name: item for item in vars(equations).values() if isinstance(item, Model)}


def parameter_sets() -> dict[str, ParameterSet]:
    """Every parameter set of the library by name.

    Examples
    --------
    >>> parameter_sets()["FM"](chi)
    """
    return {item.name: item for item in vars(equations).values() if isinstance(item, ParameterSet)}
