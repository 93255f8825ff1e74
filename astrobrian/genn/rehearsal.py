"""A program for GeNN, run in NumPy in the order in which GeNN does things.

So the lowering is tested where there is no GeNN. It knows no random numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from types import CodeType

import numpy as np
from brian2.parsing.rendering import NumpyNodeRenderer

from astrobrian.genn.clocks import BEGIN, END
from astrobrian.genn.code import KNOWN
from astrobrian.genn.program import Population, Program, Projection
from astrobrian.genn.sending import Results
from astrobrian.links import Statement, statements


def _exprel(x):
    x = np.asarray(x, dtype=float)
    return np.where(np.abs(x) < 1e-16, 1.0, np.expm1(x) / np.where(x == 0, 1.0, x))


FUNCTIONS = {
    **{name: getattr(np, name) for name in KNOWN if hasattr(np, name)},
    "choose": np.where,
    "exprel": _exprel,
    "int": lambda x: np.asarray(x).astype(int),
    "timestep": lambda t, dt: ((np.asarray(t) + 1e-3 * dt) / dt).astype(int),
    "logical_not": np.logical_not,
    "inf": np.inf,
}


def rehearse(program: Program) -> Results:
    """What GeNN would compute: results as the worker gives them."""
    return Rehearsal(program).results()


class Rehearsal:
    """A program that is being run."""

    def __init__(self, program: Program) -> None:
        assert all(len(each.i) for each in program.projections.values()), "GeNN needs synapses"
        self.program = program
        self.state = {name: _copied(each.initial()) for name, each in program.populations.items()}
        self.state |= {name: _copied(each.variables) for name, each in program.projections.items()}
        self.fired: dict[str, list[np.ndarray]] = defaultdict(list)
        self.at_spikes: dict[tuple[str, str], list[np.ndarray]] = defaultdict(list)
        self.recorded: dict[str, list[np.ndarray]] = defaultdict(list)
        self.code: dict[str, list[tuple[str, CodeType]]] = {}
        tables = {name: each.numbers for name, each in program.functions.items() if each.kind == "table"}
        self.functions = FUNCTIONS | {name: _table(**numbers) for name, numbers in tables.items()}
        with np.errstate(all="ignore"):  # both sides of a choice are computed
            for step in range(program.steps + 1):
                self._step(step)

    def results(self) -> Results:
        arrays = {}
        for name in self.program.spikes:
            steps = [np.full(len(cells), step) for step, cells in enumerate(self.fired[name])]
            arrays[f"spikes/{name}/cells"] = np.concatenate(self.fired[name])
            arrays[f"spikes/{name}/steps"] = np.concatenate(steps)
        for (name, variable), values in self.at_spikes.items():
            arrays[f"spikes/{name}/{variable}"] = np.concatenate(values)
        for name, values in self.recorded.items():
            arrays[f"recordings/{name}"] = np.stack(values, axis=1)
        for name, state in self.state.items():
            arrays |= {f"final/{name}/{variable}": values for variable, values in state.items()}
        return Results(arrays)

    def _step(self, step: int) -> None:
        t = step * self.program.dt
        added: dict[tuple[str, str], np.ndarray] = {}
        sums: dict[tuple[str, str], np.ndarray] = {}
        for name, each in self.program.projections.items():
            rows = np.arange(len(each.i))
            if each.sums:
                value = np.broadcast_to(
                    self._run(f"sum = {each.sum}", self._seen(each, rows), t)["sum"], rows.shape
                )
                sums[each.target, each.sums] = np.bincount(each.j, value, minlength=self._size(each.target))
            if each.update:
                self._keep(name, rows, self._run(each.update, self._seen(each, rows), t))
        for name, each in self.program.projections.items():
            for code, end, cells, delay in (
                (each.on_pre, each.source, each.i, each.delay),
                (each.on_post, each.target, each.j, 0),
            ):
                if code and step - 1 - delay >= 0:
                    rows = np.flatnonzero(np.isin(cells, self.fired[end][step - 1 - delay]))
                    self._deliver(name, each, code, rows, t, added)
        for name, population in self.program.populations.items():
            for (target, variable), values in sums.items():
                if target == name:
                    self.state[name][variable] = values
            for (target, variable), values in added.items():
                if target == name:
                    self.state[name][variable] = self.state[name][variable] + values
            self._update(population, t)
        for name, generator in self.program.generators.items():
            self.fired[name].append(generator.cells[generator.steps == step])
        for recording in self.program.recordings:
            if step % recording.every == 0:
                values = self.state[recording.object][recording.variable][recording.cells]
                self.recorded[recording.name].append(values.copy())

    def _deliver(
        self, name: str, each: Projection, code: str, rows: np.ndarray, t: float, added: dict
    ) -> None:
        if not len(rows):
            return
        seen = self._seen(each, rows)
        additions = {line.target for line in statements(code)} & {
            f"{variable}_post" for variable in self.state[each.target]
        }
        assert len(additions) <= 1, "GeNN adds to one variable"
        found = self._run(code, {**seen, **dict.fromkeys(additions, 0.0)}, t)
        self._keep(name, rows, found)
        for target in additions:
            value = np.broadcast_to(found[target], rows.shape)
            key = each.target, target.removesuffix("_post")
            total = np.bincount(each.j[rows], value, minlength=self._size(each.target))
            added[key] = added.get(key, 0) + total

    def _update(self, each: Population, t: float) -> None:
        state = self.state[each.name]
        found = self._run(each.code(), state, t)
        fires = np.zeros(each.N, bool)
        if each.threshold:
            condition = self._run(f"fires = {each.threshold}", found, t)["fires"]
            fires = np.broadcast_to(condition, each.N)
        after = self._run(each.reset, found, t) if each.reset else found
        for variable, old in state.items():
            new = np.where(fires, after[variable], found[variable])
            state[variable] = np.broadcast_to(new, each.N).astype(old.dtype)
        self.fired[each.name].append(np.flatnonzero(fires))
        for variable in self.program.at_spikes.get(each.name, ()):
            self.at_spikes[each.name, variable].append(state[variable][fires])

    def _seen(self, each: Projection, rows: np.ndarray) -> dict:
        """What the code of synapses can read."""
        seen = {f"{name}_post": values[each.j[rows]] for name, values in self.state[each.target].items()}
        if each.source in self.state:
            seen |= {f"{name}_pre": values[each.i[rows]] for name, values in self.state[each.source].items()}
        return seen | {name: values[rows] for name, values in self.state[each.name].items()}

    def _keep(self, name: str, rows: np.ndarray, found: dict) -> None:
        for variable, values in self.state[name].items():
            values[rows] = found[variable]

    def _size(self, population: str) -> int:
        return self.program.populations[population].N

    def _run(self, code: str, seen: dict, t: float) -> dict:
        """All values after some code."""
        if code not in self.code:
            self.code[code] = [_compiled(line) for line in statements(code)]
        values = {**seen, "t": t}
        condition, before = np.array(True), values
        for target, compiled in self.code[code]:
            if target.startswith(BEGIN):
                condition, before = eval(compiled, self.functions, values), dict(values)
            elif target.startswith(END):
                values = {
                    name: np.where(condition, value, before[name]) if name in before else value
                    for name, value in values.items()
                }
            else:
                values[target] = eval(compiled, self.functions, values)
        return values


def _table(values: np.ndarray, refined: int, fine_dt: float) -> Callable:
    def look_up(t: np.ndarray, cell: np.ndarray | None = None) -> np.ndarray:
        row = np.clip(((np.asarray(t) / fine_dt + 0.5) / refined).astype(int), 0, len(values) - 1)
        return values[row] if cell is None else values[row, cell]

    return look_up


def _compiled(line: Statement) -> tuple[str, CodeType]:
    expression = line.expression
    if line.operation != "=":
        expression = f"{line.target} {line.operation[:-1]} ({expression})"
    rendered = NumpyNodeRenderer().render_expr(expression)
    return line.target, compile(rendered, "<program>", "eval")


def _copied(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.array(each) for name, each in values.items()}
