"""What the synapses of an astrocyte have in common, kept once per astrocyte: the territories and their null cell.

A `Territories` group has one cell for each astrocyte, and one more. It runs on the clock of the synapses, so that
glutamate, which decays within milliseconds, keeps its fast clock while the astrocyte steps every 10 ms. Each synapse
has an integer variable ``territory``; Brian2 uses it as a third index, beside that of the presynaptic and that of the
postsynaptic neuron, to read a cell (``Gamma_S``, ``G_A_astro``) or to add to one (``Y_S``) while it handles a spike.

**The null cell.** A synapse that no astrocyte covers has the last cell as its territory, where every astrocytic
variable is zero. It obeys the same equations there as everywhere else, without a branch in generated code and without
an index outside an array.

**Order within a time step.** In the published form, the value of an astrocyte is copied to its synapses, and the
glutamate of the synapses to the astrocyte, before either is integrated: both see the other as it was at the beginning
of the step. The same happens here, in the same slot and order ("groups", one before the state update): the territories
copy what they need of their astrocytes (one number per cell instead of one per synapse), and `Gathering` hands the
glutamate over, on the astrocytes' own clock. Together with these copies `Refresh` computes the coefficients of the
linear equations that depend on them, which on the backend "cpp" it only does when one of them has changed.

**Threads.** Several synapses may add to the same cell in one time step. Brian2's OpenMP code leaves the spikes of a
pathway to one thread as soon as it uses any variable that isn't the synapse's own, so that nothing is lost.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Mapping
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
from brian2 import Equations, NeuronGroup, Synapses
from brian2.codegen.codeobject import create_runner_codeobj
from brian2.core.variables import ArrayVariable, Variables
from brian2.devices.device import get_device
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER, SingleEquation
from brian2.groups.group import CodeRunner
from brian2.groups.neurongroup import StateUpdater
from brian2.units.fundamentalunits import DIMENSIONLESS, Dimension

from astrobrian.creation import point_to_user
from astrobrian.linear_step import Coefficients, LinearStep
from astrobrian.links import SUFFIX
from astrobrian.standalone import has_template
from astrobrian.writers import writing_clocks


class Territories(NeuronGroup):
    """One cell per astrocyte and a null cell, for what the synapses of each have in common.

    Made by `TripartiteSynapses` in its lifted form; reach it as ``synapses.territories``. Its variables are those of
    the synapse model that live once per territory, ``X_astro`` for each variable X of the astrocytes that the model
    reads, the sum over its synapses of each variable that the astrocyte reads, and ``N_synapses``.

    Parameters
    ----------
    synapses : Synapses
        Whose territories they are; has an integer variable ``territory``.
    astrocytes : NeuronGroup
        The group of astrocytes.
    equations : Equations
        Of the variables that are integrated here, with subexpressions written out.
    mirrored : Iterable[str]
        Names of the astrocytes' variables that the synapses read.
    sums : Mapping[str, Dimension]
        Sums over the synapses that aren't integrated here, with their dimensions.
    **kwargs
        What NeuronGroup takes to integrate the equations.
    """

    def __init__(
        self, synapses: Synapses, astrocytes: NeuronGroup, equations, mirrored, sums, **kwargs
    ) -> None:
        mirrored, sums = list(mirrored), dict(sums)
        method, options = kwargs.get("method"), kwargs.get("method_options")
        #: What is copied from the astrocytes at every step; zero in the null cell.
        self.mirrored = {f"{name}{SUFFIX}": f"_{name}*int(i < N - 1)" for name in mirrored}
        declared = [*equations.values()]
        for name in mirrored:
            dimensions = astrocytes.variables[name].dim
            declared.append(SingleEquation(PARAMETER, f"{name}_astro", dimensions=dimensions))
        for name, dimensions in sums.items():
            declared.append(SingleEquation(PARAMETER, name, dimensions=dimensions))
        super().__init__(
            len(astrocytes) + 1,
            Equations(declared) + Equations("N_synapses : integer (constant)"),
            clock=synapses.clock,
            order=synapses.order,
            name=f"{synapses.name}_territories",
            namespace=synapses.namespace,
            codeobj_class=synapses.codeobj_class,
            **kwargs,
        )
        self._share_parameters(synapses)
        if mirrored:
            self._mirror(astrocytes, mirrored)
            self.contained_objects.remove(self.state_updater)
            self.state_updater: StateUpdater = LinearStep(self, method, options, slow=self.mirrored)
            self.contained_objects.extend([self.state_updater, Refresh(self, astrocytes)])

    def _share_parameters(self, synapses: Synapses) -> None:
        """Let the equations read the shared parameters of the synapses where they are."""
        for name in synapses.equations.parameter_names:
            if synapses.variables[name].scalar:
                self.variables.add_reference(name, synapses)

    def _mirror(self, astrocytes: NeuronGroup, names: Iterable[str]) -> None:
        """Let ``_X`` be the variable X of the astrocyte."""
        which = np.append(np.arange(len(astrocytes)), 0)  # the null cell reads some astrocyte, times zero
        self.variables.add_array(
            "_astrocyte", size=len(which), values=which, dtype=np.int32, constant=True, read_only=True
        )
        for name in names:
            index = "0" if astrocytes.variables[name].scalar else "_astrocyte"
            self.variables.add_reference(f"_{name}", astrocytes, name, index=index)


class Refresh(CodeRunner):
    """Copies variables of the astrocytes to the territories, and computes the coefficients that depend on them.

    It does so at every step, before either group is integrated; where the device has a template for it, only if
    anything that it reads differs from what it was. If nobody but the astrocytes changes what is copied, it isn't even
    compared before they have made another step.
    """

    def __init__(self, territories: Territories, astrocytes: NeuronGroup) -> None:
        self.astrocytes = astrocytes
        super().__init__(
            territories,
            "stateupdate",
            clock=territories.clock,
            when="groups",
            # what sums over synapses may read it: Brian2 at -1, SumOverTerritory at -2
            order=territories.order - 3,
            name=f"{territories.name}_refresh",
            check_units=False,
        )

    def update_abstract_code(self, run_namespace: Mapping) -> None:
        updater = self.group.state_updater
        updater.update_abstract_code(run_namespace)
        results = dict(self.group.mirrored)
        for name, pair in updater.coefficients.items():
            results[self._coefficient("decay", name, DIMENSIONLESS)] = pair.decay
            results[self._coefficient("drive", name, self.group.variables[name].dim)] = pair.drive
        self.abstract_code = "\n".join(f"{name} = {value}" for name, value in results.items())
        self._look_before(updater.coefficients.values())

    def _coefficient(self, kind: str, name: str, dimensions: Dimension) -> str:
        """The name of a variable for this coefficient, which is made when first asked for."""
        variable = f"_{kind}_{name}"
        if variable not in self.group.variables:
            self.group.variables.add_array(variable, size=len(self.group), dimensions=dimensions)
        return variable

    def _look_before(self, coefficients: Iterable[Coefficients]) -> None:
        """Let generated code compare what it reads with what it was, where there is a template for it."""
        variables = self.group.variables
        copied = [
            (variables[name], variables["_" + name.removesuffix(SUFFIX)]) for name in self.group.mirrored
        ]
        if has_template("refresh") and all(isinstance(source, ArrayVariable) for _, source in copied):
            read = set().union(*(pair.identifiers for pair in coefficients)) & set(variables)
            clocks = set().union(*(writing_clocks(source) for _, source in copied))
            self.template, self.template_kwds = (
                "refresh",
                {
                    "copied": copied,
                    "shared": [variables[name] for name in sorted(read - self.group.mirrored.keys())],
                    "clock": self.astrocytes.clock if clocks <= {self.astrocytes.clock} else None,
                },
            )


def sum_template(synapses: Synapses, target: str) -> dict:
    """What Brian2's template for summed variables needs to sum over territories instead of neurons."""
    return {
        "needed_variables": [target, "_N_territories", "territory"],
        "template_kwds": {
            "_target_var": synapses.variables[target],
            "_target_size_name": "_N_territories",
            "_index_var": synapses.variables["territory"],
            "_target_start": 0,
            "_target_stop": -1,
        },
    }


def count_synapses(synapses: Synapses) -> None:
    """Count the synapses of each territory, now; in a standalone program, at this point of it."""
    count = create_runner_codeobj(
        synapses,
        "_synaptic_var = 1",
        "summed_variable",
        name=f"{synapses.name}_count_synapses*",
        run_namespace={},
        check_units=False,
        codeobj_class=get_device().code_object_class(fallback_pref="codegen.string_expression_target"),
        **sum_template(synapses, "_N_synapses"),
    )
    count()


class SumOverTerritory(CodeRunner):
    """Sums a variable that lives on the synapses over each territory, whenever the astrocytes are about to read it."""

    def __init__(self, synapses: Synapses, astrocytes: NeuronGroup, variable: str) -> None:
        super().__init__(
            synapses,
            "summed_variable",
            code=f"_synaptic_var = {variable}",
            clock=astrocytes.clock,
            when="groups",
            order=astrocytes.order - 2,
            name=f"{synapses.name}_sum_{variable}",
            **sum_template(synapses, f"_sum_{variable}"),
        )


class Gathering(CodeRunner):
    """Gives the astrocytes what their synapses release, at the beginning of each of the astrocytes' own time steps.

    One object serves all the `TripartiteSynapses` of an astrocyte group that take part in a run. Sums add up. A mean is
    taken over all synapses of the territory, whichever object they belong to: splitting a set of synapses into
    two objects changes nothing. An astrocyte without synapses reads zero.
    """

    def __init__(self, astrocytes: NeuronGroup) -> None:
        super().__init__(
            astrocytes,
            "stateupdate",
            clock=astrocytes.clock,
            when="groups",
            order=astrocytes.order - 1,
            name=f"{astrocytes.name}_gathering",
            generate_empty_code=False,
        )
        # weak, so that synapses that were deleted, as in a notebook cell that is run again, are forgotten
        self._fed: dict[str, WeakKeyDictionary[Synapses, str]] = {}
        self._taking_part: WeakSet[Synapses] = WeakSet()

    @classmethod
    def of(cls, astrocytes: NeuronGroup) -> Gathering:
        """The one of these astrocytes, made when first asked for."""
        for contained in astrocytes.contained_objects:
            if isinstance(contained, cls):
                return contained
        gathering = cls(astrocytes)
        point_to_user(gathering)
        astrocytes.contained_objects.append(gathering)
        return gathering

    def feed(self, synapses: Synapses, variable: str, how: str) -> None:
        """Let synapses feed a variable as a mean, as a sum, or as a copy that overwrites it (in the published form).

        Raises
        ------
        ValueError
            If others feed it in another way, or overwrite it, or would be overwritten.
        """
        feeding = self._fed.setdefault(variable, WeakKeyDictionary())
        if any("copy" in (how, theirs) or how != theirs for theirs in feeding.values()):
            gc.collect()  # deleted ones may still wait for it
        for other, theirs in feeding.items():
            if "copy" in (how, theirs):
                raise ValueError(
                    f"{self.group.name} is fed {variable} by {other.name} already, and in the published form "
                    f"{synapses.name} or {other.name} would overwrite what the other gives; use the lifted form for "
                    f"several, or delete {other.name} first"
                )
            if how != theirs:
                raise ValueError(
                    f"{synapses.name} gathers {variable} as a {how}, but {other.name} gathers it as a {theirs}; give "
                    f"all synapses of {self.group.name} the same gather=, or delete {other.name} first"
                )
        feeding[synapses] = how

    def take_part(self, synapses: Synapses) -> None:
        """Announce synapses for the run that is about to start."""
        self._taking_part.add(synapses)

    def update_abstract_code(self, run_namespace: Mapping) -> None:
        self.variables = Variables(None)
        lines = []
        for variable, feeding in self._fed.items():
            ways = {
                synapses.territories: how
                for synapses, how in feeding.items()
                if synapses in self._taking_part
            }
            if not ways:
                continue
            for territories in ways:
                for name in (variable, "N_synapses"):
                    self.variables.add_reference(f"_{name}_{territories.name}", territories, name, index="i")
            sources = sorted(territories.name for territories in ways)
            total = " + ".join(f"_{variable}_{source}" for source in sources)
            if "mean" in ways.values():
                number = " + ".join(f"_N_synapses_{source}" for source in sources)
                total = f"({total})/({number} + int({number} == 0))"
            lines.append(f"{variable} = {total}")
        self.abstract_code = "\n".join(lines)
        self._taking_part.clear()


def integrated_here(equations: Equations, names: Iterable[str]) -> Equations:
    """The equations of these variables alone, with subexpressions written out."""
    rates = dict(equations.get_substituted_expressions())
    return Equations(
        [
            SingleEquation(DIFFERENTIAL_EQUATION, name, dimensions=equations[name].dim, expr=rates[name])
            for name in names
        ]
    )
