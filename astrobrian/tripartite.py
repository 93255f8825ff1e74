"""Tripartite synapses: Brian2 synapses that also see, and are seen by, the astrocyte that covers them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from inspect import cleandoc
from typing import Any, Literal

import numpy as np
from brian2 import Equations, NeuronGroup, Quantity, Synapses
from brian2.core.spikesource import SpikeSource
from brian2.core.variables import Subexpression
from brian2.equations.equations import PARAMETER, SingleEquation
from brian2.groups.group import CodeRunner, Group
from brian2.synapses.synapses import SynapticIndexing, SynapticSubgroup

from astrobrian import published
from astrobrian.covering import CoveredSynapses, CoverError
from astrobrian.creation import point_to_user
from astrobrian.equations import Input, Model, Parameter
from astrobrian.lifting import ACCUMULATED, UNIFORM, Decision, Lifting
from astrobrian.links import SUFFIX, Statement, identifiers, links, names_of_neurons, statements
from astrobrian.territories import (
    Gathering,
    SumOverTerritory,
    Territories,
    count_synapses,
    integrated_here,
)
from astrobrian.values import evaluate


class TripartiteSynapses(CoveredSynapses):
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
        nothing but the sum matters (see `explain` and `astrobrian.lifting`). The result is the same.
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
        self.territories: Territories | None = None
        self.decisions: dict[str, Decision] = {}
        self._copies: list[Synapses] = []
        on_pre, on_post = _with_model(model, on_pre), _by_name(on_post, "post")
        pathways = {**on_pre, **on_post}
        target = source if target is None else target
        self._links = links(model, pathways, astrocytes)
        self._lifting: Lifting | None = None
        if astrocytes is not None and form == "lifted":
            neurons = names_of_neurons(source, target)
            self._lifting = Lifting(model.equations, pathways, model.initial, self._links.gathered, neurons)
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
    def _living(self, place: str) -> list[str]:
        decisions = self.__dict__.get("decisions", {})  # Brian2 sets attributes before there are any
        return [name for name, decision in decisions.items() if decision.place == place]

    def _equations_on_synapse(self) -> Equations:
        """The equations of the model without what is lifted, and with what says which astrocyte covers a synapse."""
        lifted = {*self._living(UNIFORM), *self._living(ACCUMULATED)}
        equations = [eq for name, eq in self.model.equations.items() if name not in lifted]
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

    def _redirected(self, code: str) -> str:
        """The code of a pathway, with what it adds to a territory or to an astrocyte going there."""
        summed = self._living(ACCUMULATED)
        written = [name + SUFFIX for name in self._links.written]
        lines = []
        for line in statements(code):
            if line.target in summed:
                line = replace(line, target=f"_sum_{line.target}")
            elif line.target in written:
                covered = f"int(territory < {self._null_cell})"
                line = Statement(f"_written_{line.target}", line.operation, f"({line.expression})*{covered}")
            lines.append(str(line))
        return "\n".join(lines)

    def _add_territories(self, **integration: Any) -> None:
        lifted = [*self._living(UNIFORM), *self._living(ACCUMULATED)]
        read, gathered = self._links.read, self._links.gathered
        unlifted_sums = [name for name in gathered if name not in lifted]
        self.territories = Territories(
            self,
            self.astrocytes,
            integrated_here(self.model.equations, lifted),
            read,
            {name: self.model.equations[name].dim for name in unlifted_sums},
            **integration,
        )
        self.contained_objects.append(self.territories)
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
        for name in self._living(UNIFORM):
            if name in self.model.initial:
                setattr(self.territories, name, self.model.initial[name])

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

    def _assign(self, values: Mapping[str, Any], which: slice = slice(None), level: int = 0) -> None:
        for name, value in values.items():
            view = self.variables[name].get_addressable_value_with_unit(name, self)
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
        super().connect(*args, level=level + 1, **kwargs)
        after = self._number()
        if after is not None and after == before:
            return
        self._covered = False
        new = slice(None) if after is None or not before else slice(before, None)
        if self.astrocytes is not None:
            self._set_territory(self._null_cell, new)
        lifted = self._living(UNIFORM)
        constants = {n: v for n, v in self._constants().items() if not self.variables[n].scalar}
        initial = {n: v for n, v in self.model.initial.items() if n not in lifted}
        self._assign({**constants, **initial}, new, level=level + 1)

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

    def check_variable_write(self, variable: Any) -> None:
        if variable.scalar:
            return  # a shared parameter can be set before there are synapses
        if self.territories is not None and variable.owner.name == self.territories.name:
            raise TypeError(self._not_on_synapse(variable.name))
        super().check_variable_write(variable)

    def __setattr__(self, key: str, value: Any, level: int = 0) -> None:
        if key.removesuffix("_") in self._living(ACCUMULATED):
            raise AttributeError(self._only_summed(key.removesuffix("_")))
        if key not in self._living(UNIFORM):
            return super().__setattr__(key, value, level=level + 1)
        assert self._lifting is not None  # or nothing would be uniform
        own = self._lifting.not_uniform(identifiers(value)) if isinstance(value, str) else np.size(value) > 1
        if own:
            raise TypeError(self._not_on_synapse(key))
        Group.__setattr__(self.territories, key, value, level=level + 1)

    def run_regularly(self, code: str, *args: Any, **kwargs: Any) -> CodeRunner:
        """As in Brian2; variables that live once per territory can only be changed in ``territories``."""
        for line in statements(code):
            if line.target in (*self._living(UNIFORM), *self._living(ACCUMULATED)):
                raise TypeError(self._not_on_synapse(line.target))
        return super().run_regularly(code, *args, **kwargs)

    def _not_on_synapse(self, name: str) -> str:
        return (
            f"{name} of {self.name} can't be set synapse by synapse: it lives once per territory (see explain()). Give "
            f"it one value for all, {self.name}.{name} = ... without [:], set {self.name}.territories.{name}, or use "
            "form='published'"
        )

    def _only_summed(self, name: str) -> str:
        return (
            f"{self.name} has no {name} for each synapse: {self.decisions[name].reason}, so that only the sum over each "
            f"territory is kept: {self.name}.territories.{name}, or give form='published'"
        )

    def explain(self) -> str:
        """Where each variable lives, and why: one line each."""
        if self.astrocytes is None:
            return f"{self.name} has no astrocytes; every variable lives on each synapse"
        if self.form == "published":
            return f"{self.name} is in the published form; every variable lives on each synapse"
        return "\n".join(map(str, self.decisions.values()))

    def __getattr__(self, name: str) -> Any:
        if name.removesuffix("_") in self._living(ACCUMULATED):
            raise AttributeError(self._only_summed(name.removesuffix("_")))
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
    pathways = code if isinstance(code, Mapping) else {name: code}
    return {key: cleandoc(code) for key, code in pathways.items() if code}


def _with_model(model: Model, on_pre: str | Mapping[str, str]) -> dict[str, str]:
    """Code of each presynaptic pathway, the model's statements first."""
    pathways = _by_name(on_pre, "pre")
    if model.on_pre:
        pathways = {"pre": "", **pathways}
        pathways["pre"] = f"{model.on_pre}\n{pathways['pre']}"
    return pathways
