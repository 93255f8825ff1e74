"""A unit with many keys is made of the declarations of one."""

from astrobrian.equations import amsu, amsu_linear_membrane, derive
from astrobrian.equations.library.amsu_unit import amsu_unit
from astrobrian.equations.symbolic import symbol


def test_each_key_has_the_declared_laws():
    unit, one = derive(amsu_unit(3)), derive(amsu)
    law = dict(zip(one.states, one.derivatives, strict=True))
    laws = dict(zip(unit.states, unit.derivatives, strict=True))
    assert laws.keys() == {"u", *(f"{name}_{number}" for name in "rH" for number in range(3))}
    assert laws["u"] == law["u"]
    for number in range(3):
        names = {symbol(name): symbol(f"{name}_{number}") for name in ("r", "H", "x_k", "tau_r")}
        assert laws[f"r_{number}"] == law["r"].xreplace(names)
        assert laws[f"H_{number}"] == law["H"].xreplace(names)
    outputs = [
        one.outputs["o"].xreplace({symbol(name): symbol(f"{name}_{number}") for name in "Hq"})
        for number in range(3)
    ]
    assert unit.outputs["o"] == sum(outputs)


def test_threshold_reset_and_sources_are_the_declared_ones():
    unit = amsu_unit(2, amsu_linear_membrane)
    assert (unit.threshold, unit.reset, unit.references) == (amsu.threshold, amsu.reset, amsu.references)
    assert all(parameter.per_cell for parameter in unit.parameters.values())


def test_without_keys_the_astrocyte_is_an_input():
    assert set(amsu_unit(0).inputs) == {"x", "o"}
