"""All read-outs of a batch of liquids, and what they learned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import torch
from torch.nn.functional import one_hot

from astrobrian.progress import Progress
from astrobrian.studies.ratio.constants import Constants, ReadOut
from astrobrian.studies.ratio.liquids import Liquid
from astrobrian.studies.ratio.read_outs import mlp, ridge
from astrobrian.studies.ratio.read_outs.firing import firing
from astrobrian.studies.ratio.read_outs.learned import Learned, judged
from astrobrian.studies.ratio.read_outs.projection import project
from astrobrian.studies.ratio.states import States
from astrobrian.studies.ratio.tasks.task import Target, Task
from astrobrian.studies.ratio.trials import Design, Outcome, Reader, Trial


def read_out(
    states: States,
    tasks: Mapping[int, Task],
    constants: Constants,
    designs: Sequence[Design] = tuple(Design),
    readers: Sequence[Reader] = tuple(Reader),
    *,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Iterator[tuple[Trial, Outcome]]:
    """Train every read-out of a batch, those of equal width together.

    What a read-out learns depends on its liquid and its task alone, but for the rounding of float32: the same batch
    gives the same bits on one thread, a part of it nearly the same numbers.

    Parameters
    ----------
    states : States
    tasks : Mapping[int, Task]
        By the seed of the liquids; all of one name.
    constants : Constants
    designs : sequence of Design, optional
    readers : sequence of Reader, optional
    device : str, optional
        Where torch computes, such as ``"cuda"``.
    progress : Progress, optional

    Yields
    ------
    Trial
    Outcome
        With an error where the states, the loss or what is predicted isn't finite; other trials aren't touched by it.

    Raises
    ------
    ValueError
        If the states of a liquid have another shape than the liquid and its task say, or the targets of a task have
        different training samples.

    Examples
    --------
    >>> outcomes = dict(read_out(simulate(liquids, tasks, constants), tasks, constants))
    """
    for liquid, its_states in states.of.items():
        _check(liquid, its_states, tasks[liquid.seed])
    trials = len(designs) * len(readers) * sum(len(tasks[liquid.seed].targets) for liquid in states.of)
    read = (
        trial
        for design in designs
        for trial in _read_out(states, tasks, constants, design, readers, torch.device(device))
    )
    for number, trial in enumerate(read, 1):
        yield trial
        if progress is not None:
            progress("read-outs", number / trials, f"{number} of {trials} read-outs")


def ridge_weights(
    states: States, tasks: Mapping[int, Task], constants: Constants, design: Design, target: str = "one step"
) -> dict[Liquid, np.ndarray]:
    """The linear map from the states to a target, as the ridge regression finds it.

    Parameters
    ----------
    states : States
    tasks : Mapping[int, Task]
        By the seed of the liquids.
    constants : Constants
    design : Design
        In that of fixed width the standardisation and the projection are part of the map.
    target : str, optional

    Returns
    -------
    dict from Liquid to array, shape (units + 1, outputs)
        The last row is the intercept. A liquid whose states aren't finite has none.
    """
    read_out = constants.read_out
    found = {}
    for liquids, inputs in _groups(states, tasks, design, read_out.width, torch.device("cpu")):
        targets = [tasks[liquid.seed].targets[target] for liquid in liquids]
        train = targets[0].train
        values = _numbers(targets, inputs.device)
        (maps,) = ridge.regress(inputs[:, :train], [values[:, :train]], read_out.ridge)
        for liquid, linear in zip(liquids, maps, strict=True):
            if design is Design.FIXED:
                known = torch.tensor(states.of[liquid][:train])
                linear = project(known, liquid, read_out.width).then(linear)
            found[liquid] = linear.numpy()
    return found


def _check(liquid: Liquid, states: np.ndarray, task: Task) -> None:
    if states.shape != (task.samples, liquid.size):
        raise ValueError(
            f"the states of {liquid} have the shape {states.shape}; of the task {task.name!r} they should have "
            f"{(task.samples, liquid.size)}"
        )
    trains = {name: target.train for name, target in task.targets.items()}
    if len(set(trains.values())) != 1:
        raise ValueError(
            f"the targets of the task {task.name!r} have different training samples ({trains}); give them the same"
        )


def _read_out(
    states: States,
    tasks: Mapping[int, Task],
    constants: Constants,
    design: Design,
    readers: Sequence[Reader],
    device: torch.device,
) -> Iterator[tuple[Trial, Outcome]]:
    """One design's trials."""
    read_out = constants.read_out
    fired = {liquid: firing(liquid, states.rates[liquid], constants.biophysical) for liquid in states.of}
    finite = _finite(states)
    for liquid in (liquid for liquid in states.of if liquid not in finite):
        task = tasks[liquid.seed]
        for name, reader in product(task.targets, readers):
            trial = Trial(liquid, task.name, name, design, reader)
            yield trial, replace(fired[liquid], error="the states aren't finite")
    for liquids, inputs in _groups(states, tasks, design, read_out.width, device):
        task = tasks[liquids[0].seed]
        targets = [[tasks[liquid.seed].targets[name] for liquid in liquids] for name in task.targets]
        for reader in readers:
            learn = _perceptrons if reader is Reader.MLP else _ridges
            for name, its_targets, learned in zip(
                task.targets, targets, learn(liquids, inputs, targets, read_out), strict=True
            ):
                for liquid, target, its_learned in zip(liquids, its_targets, learned, strict=True):
                    trial = Trial(liquid, task.name, name, design, reader)
                    yield trial, judged(its_learned, target, read_out.threshold, fired[liquid])


def _perceptrons(
    liquids: Sequence[Liquid], inputs: torch.Tensor, targets: Sequence[Sequence[Target]], read_out: ReadOut
) -> Iterator[list[Learned]]:
    """Of each target, those of each liquid."""
    for its_targets in targets:
        values = _values(its_targets, inputs.device)
        first = its_targets[0]
        yield mlp.learn(liquids, inputs, values, first.outputs, first.train, read_out)


def _ridges(
    liquids: Sequence[Liquid], inputs: torch.Tensor, targets: Sequence[Sequence[Target]], read_out: ReadOut
) -> Iterator[list[Learned]]:
    """Of each target, those of each liquid."""
    values = [_numbers(its_targets, inputs.device) for its_targets in targets]
    yield from ridge.learn(inputs, values, targets[0][0].train, read_out.ridge)


def _groups(
    states: States, tasks: Mapping[int, Task], design: Design, width: int, device: torch.device
) -> Iterator[tuple[list[Liquid], torch.Tensor]]:
    """Liquids whose read-outs have as many inputs, and these inputs, shape (liquids, samples, inputs).

    In the wide design, the published one, inputs are the states as they are, filtered spikes a sample or micromolar of
    calcium: nothing is known of a standardisation there, and none is done here. So it matters how large they are.
    """
    groups = defaultdict(list)
    finite = _finite(states)
    for liquid in finite:
        groups[liquid.size if design is Design.WIDE else width].append(liquid)
    for _, liquids in sorted(groups.items()):
        read = []
        for liquid in liquids:
            its_states = torch.tensor(finite[liquid], device=device)
            if design is Design.FIXED:
                train = next(iter(tasks[liquid.seed].targets.values())).train
                its_states = project(its_states[:train], liquid, width)(its_states)
            read.append(its_states)
        yield liquids, torch.stack(read)


def _finite(states: States) -> dict[Liquid, np.ndarray]:
    """The states that are numbers."""
    return {liquid: its_states for liquid, its_states in states.of.items() if np.isfinite(its_states).all()}


def _values(targets: Sequence[Target], device: torch.device) -> torch.Tensor:
    """Of each liquid's target: numbers, shape (liquids, samples, outputs), or classes, shape (liquids, samples)."""
    kind = torch.int64 if targets[0].classes else torch.float32
    return torch.tensor(np.stack([target.values for target in targets]), dtype=kind, device=device)


def _numbers(targets: Sequence[Target], device: torch.device) -> torch.Tensor:
    """The same; of classes, 1 for the one that it is and 0 for the others."""
    values = _values(targets, device)
    return one_hot(values, targets[0].classes).float() if targets[0].classes else values
