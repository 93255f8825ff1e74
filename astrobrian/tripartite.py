"""Tripartite synapses: Brian2 synapses that also see, and are seen by, the astrocyte that covers them."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import cleandoc
from typing import Any, Literal

import numpy as np
from brian2 import Equations, NeuronGroup, Quantity, Synapses
from brian2.core.namespace import get_local_namespace
from brian2.core.spikesource import SpikeSource
from brian2.core.variables import Subexpression
from brian2.equations.equations import PARAMETER, SingleEquation
from brian2.groups.group import Group
from brian2.synapses.synapses import SynapticIndexing, SynapticSubgroup

from astrobrian import published
from astrobrian.asking import AskedVariables, asking_nothing
from astrobrian.covering import CoverError
from astrobrian.creation import point_to_user
from astrobrian.equations import Input, Model, Parameter
from astrobrian.keeping import CONNECTED, LiftedSynapses
from astrobrian.lifting import UNIFORM, Decision, Lifting
from astrobrian.links import SUFFIX, links, names_of_neurons
from astrobrian.territories import (
    Gathering,
    SumOverTerritory,
    Territories,
    count_synapses,
    integrated_here,
)
from astrobrian.values import evaluate


class TripartiteSynapses(LiftedSynapses):
    """Synapses that are covered by astrocytes.

    A `brian2.Synapses` in everything: `connect`, delays, string expressions, subgroups, monitors, `run_regularly`,
    several runs, store and restore. Beyond that:

    - ``X_astro`` in the model or in a pathway is the variable X of the astrocyte that covers the synapse, as ``X_pre``
      and ``X_post`` are those of the neurons: its value at the beginning of the time step, zero if no astrocyte
      covers the synapse. In the lifted form a pathway can also add to it, at once: ``X_astro += ...``.
    - A variable of the astrocytes that nobody computes, such as the input ``Y_S`` of `gchi`, is fed with the sum or
      mean of the synapses' variable of the same name, at the beginning of each time step of the astrocytes.
    - The model brings its parameters (as variables of the synapses), initial values and statements at a spike, which
      run before those of `on_pre`.

    Parameters
    ----------
    source, target : NeuronGroup or Subgroup
        As in Brian2; without a target, the source.
    astrocytes : NeuronGroup, optional
        Which astrocytes cover the synapses. Without them this is a Synapses object made from a model.
    model : Model, Equations or str
        What the synapses are.
    on_pre, on_post : str or Mapping[str, str], optional
        As in Brian2. The statements of the model go before those of the pathway "pre".
    form : {"lifted", "published"}, optional
        Where variables live. In the published form each synapse holds and integrates all of them. In the lifted form,
        those that are the same at all synapses of an astrocyte are kept once per territory, and so are those of which
        nothing but the sum matters (see `explain` and `astrobrian.lifting`). The result is the same. Asking for such a
        variable synapse by synapse before the first run puts it back there (see `astrobrian.keeping`).
    gather : {"mean", "sum"}, optional
        What the astrocyte is fed: the mean over its synapses (Stimberg et al. 2019, example 6) or their sum
        (examples 2 and 4). An astrocyte without synapses reads zero. If several objects feed the same astrocytes, which
        the lifted form can, their sums add up, and a mean is taken over the synapses of all of them.
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
        model: Model | Equations | str = "",
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
        self.model = model = model if isinstance(model, Model) else Model("equations", str(model))
        self.astrocytes = astrocytes
        self.form = form
        self.gather = gather
        self.decisions: dict[str, Decision] = {}
        self._copies: list[Synapses] = []
        on_pre, on_post = _with_model(model, on_pre), _by_name(on_post, "post")
        self._code = {**on_pre, **on_post}
        self._dtype = kwargs.get("dtype")
        self._integration = {"method": method, "method_options": kwargs.get("method_options")}
        target = source if target is None else target
        self._links = links(model, self._code, astrocytes)
        if astrocytes is not None and form == "lifted":
            _check_order(kwargs.get("order", 0), astrocytes)
            self._lifting = Lifting(
                model.equations,
                self._code,
                model.initial,
                self._links.gathered,
                names_of_neurons(source, target) | {kwargs.get("multisynaptic_index", "")},
                method,
                {**get_local_namespace(level=1), **(namespace or {})},
            )
            self.decisions = self._lifting.decisions()
        elif self._links.written:
            raise ValueError(f"{self._links.written[0]}{SUFFIX} += ... is only possible in the lifted form")
        super().__init__(
            source,
            target,
            self._equations_on_synapse(),
            on_pre={key: self._redirected(code) for key, code in on_pre.items()},
            on_post={key: self._redirected(code) for key, code in on_post.items()},
            delay=delay,
            method=method,
            namespace=namespace,
            name=name,
            **kwargs,
        )
        if astrocytes is not None:
            self.add_dependency(astrocytes)  # a network without them is refused, as one without the neurons
        self._indices = _Indexing(self)
        self._assign({name: item for name, item in self._constants().items() if self.variables[name].scalar})
        if astrocytes is not None and form == "lifted":
            same = {key: value for key, value in kwargs.items() if key in ("dtype", "method_options")}
            self._add_territories(method=method, **same)
        elif astrocytes is not None:
            self._add_copies()
        point_to_user(self)

    # ------------------------------------------------------------------------------------------------ construction
    def _equations_on_synapse(self) -> Equations:
        """The equations of the model without what is lifted, and with what says which astrocyte covers a synapse."""
        equations = [eq for name, eq in self.model.equations.items() if name not in self.lifted]
        if self.astrocytes is None:
            return Equations(equations)
        if self.form == "published":
            equations += [
                SingleEquation(PARAMETER, f"{name}_astro", dimensions=self.astrocytes.variables[name].dim)
                for name in self._links.read
            ]
        # an index has to be a stored variable, and one within the astrocytes' own arrays
        written = "written_astrocyte : integer (constant)" if self._links.written else ""
        return Equations(equations) + self._cover_equations() + Equations(written)

    def _add_territories(self, **integration: Any) -> None:
        read, gathered = self._links.read, self._links.gathered
        unlifted_sums = [name for name in gathered if name not in self.lifted]
        self.territories = Territories(
            self,
            self.astrocytes,
            integrated_here(self.model.equations, self.lifted),
            read,
            {name: self.model.equations[name].dim for name in unlifted_sums},
            **integration,
        )
        self.contained_objects.append(self.territories)
        self.variables = AskedVariables(self.variables, self)
        for name in (*self._living(UNIFORM), *(name + SUFFIX for name in read)):
            self.variables.add_reference(name, self.territories, name, index="territory")
        for name in gathered:
            self.variables.add_reference(f"_sum_{name}", self.territories, name, index="territory")
        self.variables.add_reference("_N_synapses", self.territories, "N_synapses", index="territory")
        self.variables.add_reference("_N_territories", self.territories, "N")
        for name in unlifted_sums:
            self.contained_objects.append(SumOverTerritory(self, self.astrocytes, name))
        for name in self._links.written:
            view = f"_written_{name}{SUFFIX}"
            self.variables.add_reference(view, self.astrocytes, name, index="written_astrocyte")
        for name in gathered:
            Gathering.of(self.astrocytes).feed(self, name, self.gather)

    def _add_copies(self) -> None:
        read, gathered = self._links.read, self._links.gathered
        if read:
            self._copies.append(published.copy_to_synapses(self.astrocytes, self, read))
        if gathered:
            for name in gathered:
                Gathering.of(self.astrocytes).feed(self, name, "copy")
            self._copies.append(published.copy_to_astrocytes(self, self.astrocytes, gathered, self.gather))
        self.contained_objects.extend(self._copies)

    def _constants(self) -> dict[str, Any]:
        """Parameters and defaults of inputs that aren't zero."""
        items: dict[str, Input | Parameter] = {**self.model.inputs, **self.model.parameters}
        return {name: item.quantity for name, item in items.items() if item.quantity}

    def _assign(
        self,
        values: Mapping[str, Any],
        which: slice = slice(None),
        level: int = 0,
        group: Group | None = None,
    ) -> None:
        group = group or self
        for name, value in values.items():
            view = group.variables[name].get_addressable_value_with_unit(name, group)
            # a number is assigned as one: a standalone device would compile a program for an expression
            number = evaluate(value) if isinstance(value, str) else value
            view.set_item(which, value if number is None else number, level=level + 1)

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
        if before and not self._has_run:
            changed = [name for name in self._living(UNIFORM) if self._may_have_changed(name)]
            self._keep(dict.fromkeys(changed, CONNECTED))
        with asking_nothing(self.variables):  # Brian2 looks at the indices of all variables
            super().connect(*args, level=level + 1, **kwargs)
        after = self._number()
        if after is not None and after == before:
            return
        self._covered = False
        new = slice(None) if after is None or not before else slice(before, None)
        if self.astrocytes is not None:
            self._set_territory(self._null_cell, new)
        constants = {n: v for n, v in self._constants().items() if not self.variables[n].scalar}
        lifted = {n: v for n, v in self.model.initial.items() if n in self.lifted}
        own = {n: v for n, v in self.model.initial.items() if n not in lifted}
        self._assign({**constants, **own}, new, level=level + 1)
        if not before and self.territories is not None:
            self._assign(lifted, level=level + 1, group=self.territories)

    def _may_have_changed(self, name: str) -> bool:
        """Whether a variable of the territories may differ by now from what new synapses start at."""
        return name in self._assigned or evaluate(self.model.initial.get(name, "0")) is None

    def _check_coverable(self, by: object, index: object) -> None:
        super()._check_coverable(by, index)
        if self._copies and self._covered:
            raise CoverError(f"{self.name} is covered already; in the published form that can't be changed")

    def _after_cover(self) -> None:
        if self.territories is not None:
            count_synapses(self)
            for name, value in self.territories.mirrored.items():
                if self._is_stored(name):
                    setattr(self.territories, name, value)
        if self._links.written:
            self.written_astrocyte = f"territory - int(territory == {self._null_cell})"
        for copy in self._copies:
            there = {"i": "territory_post"} if copy.target is self else {"j": "territory_pre"}
            copy.connect(**there, skip_if_invalid=True)
        if self.astrocytes is not None and self._copies:
            for name in filter(self._is_stored, self._links.read):
                index = "0" if self.astrocytes.variables[name].scalar else "territory"
                self.variables.add_reference(f"_{name}", self.astrocytes, name, index=index)
                view = self.variables[name + SUFFIX].get_addressable_value_with_unit(name + SUFFIX, self)
                view.set_item(f"territory < {self._null_cell}", f"_{name}")

    def _is_stored(self, name: str) -> bool:
        """Whether X of ``X_astro`` has a value by now: a subexpression may read names that a run will give."""
        assert self.astrocytes is not None
        return not isinstance(self.astrocytes.variables[name.removesuffix(SUFFIX)], Subexpression)

    # ---------------------------------------------------------------------------------------------- running, telling
    def before_run(self, run_namespace: Mapping[str, Any]) -> None:
        if self._covered and self._links.gathered and self.territories is not None:
            Gathering.of(self.astrocytes).take_part(self)
        super().before_run(run_namespace)
        self._has_run = True

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


def _check_order(order: int, astrocytes: NeuronGroup) -> None:
    if order != astrocytes.order:
        raise ValueError(
            f"order={order}, but {astrocytes.name} has order={astrocytes.order}; synapses and astrocytes read each other "
            "as they are at the beginning of a time step, so give both the same order, or form='published'"
        )


def _by_name(code: str | Mapping[str, str], name: str) -> dict[str, str]:
    pathways = code if isinstance(code, Mapping) else {name: code}
    return {key: cleandoc(code) for key, code in pathways.items() if code}


def _with_model(model: Model, on_pre: str | Mapping[str, str]) -> dict[str, str]:
    """Code of each presynaptic pathway, the model's statements first."""
    pathways = _by_name(on_pre, "pre")
    if model.on_pre:
        pathways = {"pre": "", **pathways}
        pathways["pre"] = f"{model.on_pre}\n{pathways['pre']}"
    return pathways
