"""Tripartite synapses: Brian2 synapses that also see, and are seen by, the astrocyte that covers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from brian2 import Equations, NeuronGroup, Quantity, Synapses
from brian2.core.base import BrianObjectException
from brian2.core.spikesource import SpikeSource
from brian2.equations.equations import PARAMETER, SingleEquation
from brian2.groups.group import Group
from brian2.synapses.synapses import SynapticIndexing, SynapticSubgroup
from brian2.utils.logger import get_logger
from brian2.utils.stringtools import get_identifiers, word_substitute

from astrobrian import covering, published
from astrobrian.covering import CoverError
from astrobrian.equations import Model
from astrobrian.lifting import ACCUMULATED, UNIFORM, Decision, Lifting
from astrobrian.territories import (
    Gathering,
    SumOverTerritory,
    Territories,
    count_synapses,
    integrated_here,
)

logger = get_logger(__name__)


class TripartiteSynapses(Synapses):
    """Synapses that are covered by astrocytes.

    A `brian2.Synapses` in everything: `connect`, delays, string expressions, subgroups, monitors, `run_regularly`,
    several runs, store and restore. Beyond that:

    - ``X_astro`` in the model or in a pathway is the variable X of the astrocyte that covers the synapse, as ``X_pre``
      and ``X_post`` are those of the neurons.
    - A variable of the astrocytes that nobody computes, such as the input ``Y_S`` of `gchi`, is fed with the sum or
      mean of the synapses' variable of the same name.
    - The model brings its parameters (as variables of the synapses), initial values and statements at a spike, which
      run before those of `on_pre`.

    Parameters
    ----------
    source, target : NeuronGroup or Subgroup
        As in Brian2; without a target, the source.
    astrocytes : NeuronGroup, optional
        Which astrocytes cover the synapses. Without them this is a Synapses object made from a model.
    model : Model or str
        What the synapses are.
    on_pre, on_post : str or Mapping[str, str], optional
        As in Brian2. The statements of the model go before those of the pathway "pre".
    form : {"lifted", "published"}, optional
        Where variables live. In the published form each synapse holds and integrates all of them. In the lifted form,
        those that are the same at all synapses of an astrocyte, or that only their sum matters of, are kept
        once per territory (see `explain` and `astrobrian.lifting`). The result is the same.
    gather : {"mean", "sum"}, optional
        What the astrocyte is fed: the mean over its synapses (Stimberg et al. 2019, example 6) or their sum
        (examples 2 and 4). An astrocyte without synapses reads zero. Several objects on the same astrocytes (in the
        lifted form) add their sums, or share one mean over all their synapses.
    delay, method, namespace, dt, name : optional
        As in Brian2.
    **kwargs
        Anything else that `brian2.Synapses` takes.

    Attributes
    ----------
    territories : Territories or None
        The cells, one per astrocyte, that hold what was lifted.
    astrocyte_index
        The astrocyte of each synapse; -1 where none covers it. Set it with `cover`.

    Raises
    ------
    TypeError, ValueError
        If the model reads a variable that the astrocytes don't have, or astrocytes are given that neither read nor
        are read.

    Examples
    --------
    >>> excitatory = TripartiteSynapses(
    ...     neurons[:3200], neurons, astrocytes, tsodyks_markram + cleft_glutamate + presynaptic_receptors,
    ...     on_pre="g_e_post += w_e*r_S")
    >>> excitatory.connect(p=0.05)
    >>> excitatory.cover(by="post")
    >>> print(excitatory.explain())
    """

    def __init__(
        self,
        source: SpikeSource,
        target: Group | None = None,
        astrocytes: NeuronGroup | None = None,
        model: Model | str = "",
        on_pre: str | Mapping[str, str] = "",
        on_post: str | Mapping[str, str] = "",
        *,
        form: Literal["lifted", "published"] = "lifted",
        gather: Literal["mean", "sum"] = "mean",
        delay: Quantity | Mapping[str, Quantity] | None = None,
        method: str = "exact",
        namespace: Mapping[str, Any] | None = None,
        name: str = "tripartite*",
        **kwargs: Any,
    ) -> None:
        _check_choice("form", form, ("lifted", "published"))
        _check_choice("gather", gather, ("mean", "sum"))
        self.model = model = model if isinstance(model, Model) else Model("equations", model)
        self.astrocytes = astrocytes
        self.form = form
        self.gather = gather
        self.territories: Territories | None = None
        self.decisions: dict[str, Decision] = {}
        self._covered = False
        self._copies: list[Synapses] = []
        on_pre, on_post = _with_model(model, on_pre), _by_name(on_post, "post")
        pathways = {**on_pre, **on_post}
        target = source if target is None else target
        self._read = _astrocytic(model.equations, pathways, astrocytes)
        self._gathered = _gathered(model, astrocytes)
        if astrocytes is not None:
            _check_astrocytes(astrocytes, self._read, self._gathered)
            if form == "lifted":
                lifting = Lifting(
                    model.equations, pathways, model.initial, self._gathered, _variables_of(source, target)
                )
                self.decisions = lifting.decisions()
        summed = self._living(ACCUMULATED)
        substitutions = {variable: f"_sum_{variable}" for variable in summed}
        super().__init__(
            source,
            target,
            self._equations_on_synapse(),
            on_pre={key: word_substitute(code, substitutions) for key, code in on_pre.items()},
            on_post={key: word_substitute(code, substitutions) for key, code in on_post.items()},
            delay=delay,
            method=method,
            namespace=namespace,
            name=name,
            **kwargs,
        )
        self._indices = _Indexing(self)
        if astrocytes is not None and form == "lifted":
            self._add_territories(method)
        elif astrocytes is not None:
            self._add_copies()
        self._assign({name: item for name, item in self._constants().items() if self.variables[name].scalar})

    # ------------------------------------------------------------------------------------------------ construction
    def _living(self, place: str) -> list[str]:
        return [name for name, decision in self.decisions.items() if decision.place == place]

    def _equations_on_synapse(self) -> Equations:
        """The equations of the model without what is lifted, and with what says which astrocyte covers a synapse."""
        lifted = {*self._living(UNIFORM), *self._living(ACCUMULATED)}
        equations = [eq for name, eq in self.model.equations.items() if name not in lifted]
        if self.astrocytes is None:
            return Equations(equations)
        if self.form == "published":
            equations += [
                SingleEquation(PARAMETER, f"{name}_astro", dimensions=self.astrocytes.variables[name].dim)
                for name in self._read
            ]
        N = len(self.astrocytes)
        return Equations(equations) + Equations(
            f"""territory : integer (constant)
            astrocyte_index = territory - int(territory == {N})*{N + 1} : integer"""
        )

    def _add_territories(self, method: str) -> None:
        lifted = [*self._living(UNIFORM), *self._living(ACCUMULATED)]
        unlifted_sums = [name for name in self._gathered if name not in lifted]
        self.territories = Territories(
            self,
            self.astrocytes,
            integrated_here(self.model.equations, lifted),
            self._read,
            {name: self.model.equations[name].dim for name in unlifted_sums},
            method=method,
        )
        self.contained_objects.append(self.territories)
        for name in (*self._living(UNIFORM), *(f"{name}_astro" for name in self._read)):
            self.variables.add_reference(name, self.territories, name, index="territory")
        for name in self._gathered:
            self.variables.add_reference(f"_sum_{name}", self.territories, name, index="territory")
        self.variables.add_reference("_N_synapses", self.territories, "N_synapses", index="territory")
        self.variables.add_reference("_N_territories", self.territories, "N")
        for name in unlifted_sums:
            self.contained_objects.append(SumOverTerritory(self, self.astrocytes, name))
        for name in self._gathered:
            Gathering.of(self.astrocytes).add(self, self.territories, name, self.gather)
        for name in self._living(UNIFORM):
            if name in self.model.initial:
                setattr(self.territories, name, self.model.initial[name])

    def _add_copies(self) -> None:
        if self._read:
            self._copies.append(published.copy_to_synapses(self.astrocytes, self, self._read))
        if self._gathered:
            self._copies.append(
                published.copy_to_astrocytes(self, self.astrocytes, self._gathered, self.gather)
            )
        self.contained_objects.extend(self._copies)

    def _constants(self) -> dict[str, Any]:
        """Parameters and defaults of inputs that aren't zero."""
        items = {**self.model.inputs, **self.model.parameters}
        return {name: item.quantity for name, item in items.items() if item.quantity}

    def _assign(self, values: Mapping[str, Any], which: slice = slice(None), level: int = 0) -> None:
        for name, value in values.items():
            view = self.variables[name].get_addressable_value_with_unit(name, self)
            view.set_item(which, value, level=level + 1)

    # ------------------------------------------------------------------------------------------------- connections
    def connect(self, *args: Any, level: int = 0, **kwargs: Any) -> None:
        """Add synapses, as in Brian2, with the model's parameters and initial values; then call `cover`.

        In standalone mode, where Python can't tell new synapses from old ones, all of them get initial values.
        """
        if self._copies and self._covered:
            raise CoverError(
                f"{self.name}: in the published form, connect everything before you call cover()"
            )
        before = self._number()
        super().connect(*args, level=level + 1, **kwargs)
        self._covered = False
        after = self._number()
        if after is not None and after == before:
            return
        new = slice(None) if after is None or not before else slice(before, None)
        lifted = self._living(UNIFORM)
        constants = {n: v for n, v in self._constants().items() if not self.variables[n].scalar}
        initial = {n: v for n, v in self.model.initial.items() if n not in lifted}
        self._assign({**constants, **initial}, new, level=level + 1)

    def _number(self) -> int | None:
        """How many synapses there are, None where only the standalone program knows."""
        try:
            return len(self)
        except NotImplementedError:
            return None

    def cover(self, by: Literal["pre", "post"] | None = None, index: Any = None, *, level: int = 0) -> None:
        """Say which astrocyte ensheathes which synapse. Every synapse has one, or none.

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
            If there are no astrocytes or no synapses, positions are missing, the array has the wrong length, or an
            index is out of range. (A standalone program stops where it finds that a string expression is.)

        Examples
        --------
        >>> excitatory.cover(by="post")
        >>> excitatory.cover(by="pre", index=np.arange(3200) // 4)
        >>> excitatory.cover(index="int(x_post/(50*um))")
        """
        self._check_coverable(by, index)
        n_astrocytes = len(self.astrocytes)
        if by is not None:
            neurons = self.source if by == "pre" else self.target
            values = covering.nearest_astrocytes(neurons, self.astrocytes) if index is None else index
            values = covering.check_map(
                values, len(neurons), n_astrocytes, self.name, f"neurons of {neurons.name}"
            )
            self.territory = self._neuron_map(by, neurons, values)
        elif isinstance(index, str):
            self._assign_checked(index, level + 1)
        else:
            number = len(np.atleast_1d(index)) if self._number() is None else self._number()
            values = covering.check_map(index, number, n_astrocytes, self.name, "synapses")
            self.territory = np.where(values < 0, n_astrocytes, values)
        self._covered = True
        if self.territories is not None:
            count_synapses(self)
        for copy in self._copies:
            there = {"i": "territory_post"} if copy.target is self else {"j": "territory_pre"}
            copy.connect(**there, skip_if_invalid=True)
        if self.uncovered:
            logger.warn(  # noqa: G010  (Brian2's own loggers have no other name for it)
                f"{self.uncovered} of {self._number()} synapses of {self.name} are covered by no astrocyte"
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
        if self._copies and self._covered:
            raise CoverError(f"{self.name} is covered already; in the published form that can't be changed")

    def _neuron_map(self, by: str, neurons: Group, values: np.ndarray) -> str:
        """Keep the territory of each neuron as a variable of the synapses; return its name."""
        start = getattr(neurons, "start", 0)
        whole = np.full(len(getattr(neurons, "source", neurons)), len(self.astrocytes), dtype=np.int32)
        whole[start : start + len(values)] = np.where(values < 0, len(self.astrocytes), values)
        name = f"_territory_{by}"
        if name not in self.variables:
            index = "_presynaptic_idx" if by == "pre" else "_postsynaptic_idx"
            self.variables.add_array(name, size=len(whole), dtype=np.int32, constant=True, index=index)
        self.variables[name].set_value(whole)
        return name

    def _assign_checked(self, expression: str, level: int) -> None:
        name = "_checked_territory"
        if name not in self.variables:
            self.variables._variables[name] = covering.checked_territory(self.name, len(self.astrocytes))
        try:
            self._assign({"territory": f"{name}({expression})"}, level=level + 1)
        except BrianObjectException as error:
            if isinstance(error.__cause__, CoverError):
                raise error.__cause__ from None
            raise

    @property
    def astrocyte_index(self) -> np.ndarray:
        """The astrocyte of each synapse, -1 where none covers it; assigning to it is ``cover(index=...)``.

        The name can also be used in string expressions. Raises AttributeError if there are no astrocytes.
        """
        if self.astrocytes is None:
            raise AttributeError(f"{self.name} has no astrocytes")
        territory = np.asarray(self.territory[:])
        return np.where(territory == len(self.astrocytes), -1, territory)

    @astrocyte_index.setter
    def astrocyte_index(self, index: Any) -> None:
        self.cover(index=index, level=2)

    @property
    def uncovered(self) -> int | None:
        """Number of synapses without an astrocyte; None where it isn't known (yet)."""
        if self.astrocytes is None or not self._covered:
            return None
        try:
            return int(np.count_nonzero(self.astrocyte_index < 0))
        except NotImplementedError:
            return None

    # ---------------------------------------------------------------------------------------------- running, telling
    def before_run(self, run_namespace: Mapping[str, Any]) -> None:
        if self.astrocytes is not None and not self._covered:
            raise CoverError(
                f"no astrocyte covers {self.name} yet; call {self.name}.cover(by='post'), cover(by='pre') or "
                "cover(index=...) after connect()"
            )
        if self._gathered and self.territories is not None:
            Gathering.of(self.astrocytes).take_part(self.territories, self._gathered)
        super().before_run(run_namespace)

    def check_variable_write(self, variable: Any) -> None:
        if not variable.scalar:  # a shared parameter can be set before there are synapses
            super().check_variable_write(variable)

    def explain(self) -> str:
        """Where each variable lives, and why: one line each."""
        if self.astrocytes is None:
            return f"{self.name} has no astrocytes; every variable lives on each synapse"
        if self.form == "published":
            return f"{self.name} is in the published form; every variable lives on each synapse"
        return "\n".join(map(str, self.decisions.values()))

    def __getattr__(self, name: str) -> Any:
        decision = self.__dict__.get("decisions", {}).get(name.removesuffix("_"))
        if decision and decision.place == ACCUMULATED:
            raise AttributeError(
                f"{self.name} has no {name} for each synapse: {decision.reason}, so that only the sum over each "
                f"territory is kept: {self.territories.name}.{name} (synapses.territories), or give form='published'"
            )
        return super().__getattr__(name)

    def __repr__(self) -> str:
        number = self._number()
        text = f"<TripartiteSynapses {self.name!r}: {'?' if number is None else number} synapses"
        text += f" from {self.source.name!r} to {self.target.name!r}"
        if self.astrocytes is not None:
            text += f", {self.form}, "
            text += f"covered by {self.astrocytes.name!r}" if self._covered else "not covered yet"
            if self.uncovered is not None:
                text += f" except {self.uncovered}"
        return text + ">"


class _Indexing(SynapticIndexing):
    """Brian2's, but ``synapses.Gamma_S[synapses[0, :]]`` also works for a variable that isn't on the synapse."""

    def __call__(self, index: Any = None, index_var: Any = "_idx") -> np.ndarray:
        if isinstance(index, SynapticSubgroup):
            index = index._indices()
        return super().__call__(index, index_var)


def _check_choice(what: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{what}={value!r}, but it is one of {', '.join(choices)}")


def _by_name(code: str | Mapping[str, str], name: str) -> dict[str, str]:
    if isinstance(code, Mapping):
        return dict(code)
    return {name: code} if code else {}


def _with_model(model: Model, on_pre: str | Mapping[str, str]) -> dict[str, str]:
    """Code of each presynaptic pathway, the model's statements first."""
    pathways = _by_name(on_pre, "pre")
    if model.on_pre:
        pathways = {"pre": "", **pathways}
        pathways["pre"] = f"{model.on_pre}\n{pathways['pre']}"
    return pathways


def _astrocytic(
    equations: Equations, pathways: Mapping[str, str], astrocytes: NeuronGroup | None
) -> list[str]:
    """Variables of the astrocytes that are read with the suffix ``_astro``."""
    used = equations.identifiers.union(*(get_identifiers(code) for code in pathways.values()))
    names = sorted(
        name.removesuffix("_astro")
        for name in used - equations.names
        if name.endswith("_astro") and name != "_astro"
    )
    for name in names:
        if astrocytes is None:
            raise ValueError(f"the model reads {name}_astro, but no astrocytes are given")
        if name not in astrocytes.variables:
            known = ", ".join(sorted(v for v in astrocytes.variables if not v.startswith("_")))
            raise ValueError(
                f"the model reads {name}_astro, but {astrocytes.name} has no {name}; it has {known}"
            )
    return names


def _gathered(model: Model, astrocytes: NeuronGroup | None) -> list[str]:
    """Variables of the synapses that a variable of the same name of the astrocytes waits for."""
    waiting = [
        name
        for name, eq in getattr(astrocytes, "equations", {}).items()
        if eq.type == PARAMETER and not {"constant", "shared", "linked"} & set(eq.flags)
    ]
    offered = model.equations.names - set(model.inputs) - set(model.parameters)
    return [name for name in waiting if name in offered]


def _variables_of(source: Group, target: Group) -> set[str]:
    """Every name by which synapses can read a variable of their neurons."""
    names = {f"{name}_pre" for name in source.variables} | {f"{name}_post" for name in target.variables}
    return names | set(target.variables) - {"t", "dt", "t_in_timesteps"} | {"i", "j", "lastupdate", "delay"}


def _check_astrocytes(astrocytes: object, read: list[str], gathered: list[str]) -> None:
    if not isinstance(astrocytes, NeuronGroup):
        raise TypeError(
            f"astrocytes must be a whole NeuronGroup or AstrocyteGroup, got {type(astrocytes).__name__}; synapses that "
            "only some of its cells cover say so in cover(index=...)"
        )
    if not read and not gathered:
        raise ValueError(
            f"the model and {astrocytes.name} have nothing to do with each other: it reads no variable X of the "
            "astrocytes as X_astro, and the astrocytes have no input of the name of one of its variables"
        )
