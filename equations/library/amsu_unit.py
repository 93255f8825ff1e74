"""A spiking unit of an AM-SU with all the keys of its astrocyte: the declarations of `amsu`, once for each key.

The row of the astrocyte's matrix that belongs to the unit has one H for each key, and o is the sum of what they give. The
names of a key's own variables end in its number.
"""

from __future__ import annotations

from dataclasses import replace

from astrobrian.equations.library.amsu import amsu_astrocyte, amsu_key, amsu_membrane
from astrobrian.equations.model import Model


def amsu_unit(keys: int, membrane: Model = amsu_membrane) -> Model:
    """A unit with its row of the matrix, each cell with its own constants.

    Parameters
    ----------
    keys : int
        Keys of its astrocyte; 0 for a unit whose astrocyte is cut off.
    membrane : Model, optional
        `amsu_membrane` or `amsu_linear_membrane`.

    Returns
    -------
    Model
        With the inputs ``x`` and ``v``, and ``x_k_0``, ``q_0``, ``x_k_1``, ... for the keys.

    Examples
    --------
    >>> print(amsu_unit(2))
    """
    unit = replace(membrane, name=f"amsu_unit({keys})")
    for number in range(keys):
        names = {name: f"{name}_{number}" for name in (*amsu_key.equations.names, "H", "q", "o")}
        unit = unit + _named(amsu_key, names) + _named(amsu_astrocyte, names)
    if keys:
        outputs = " + ".join(f"o_{number}" for number in range(keys))
        unit = unit + Model("sum over keys", f"o = {outputs} : 1")
    return unit.named(f"amsu_unit({keys})").per_cell(*unit.parameters)


def _named(model: Model, names: dict[str, str]) -> Model:
    return model.renamed(**{name: new for name, new in names.items() if name in model.equations.names})
