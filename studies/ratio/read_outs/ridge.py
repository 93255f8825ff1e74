"""Ridge regression of many liquids at once, in closed form and in double precision."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from astrobrian.studies.ratio.read_outs.learned import Learned

# the last of so many parts of the training samples is what the penalty is chosen on
_PARTS = 5


def regress(
    inputs: torch.Tensor, values: Sequence[torch.Tensor], penalties: Sequence[float]
) -> list[torch.Tensor]:
    """The linear maps that predict best, one for each target and liquid.

    The penalty of each is chosen on the last fifth of the samples, while the candidates learn from the others; then it
    learns from all. A penalty weighs the sum of the squared weights against the mean squared error; the intercept has
    none.

    Parameters
    ----------
    inputs : Tensor, shape (liquids, samples, inputs)
        Only what there is to learn from.
    values : sequence of Tensor, shape (liquids, samples, outputs)
        Of each target.
    penalties : sequence of float

    Returns
    -------
    list of Tensor of float64, shape (liquids, inputs + 1, outputs)
        For each target; the last row is the intercept. Not finite where the inputs are too large to be squared.
    """
    mean = inputs.mean(dim=1, keepdim=True, dtype=torch.float64)
    centred = torch.nn.functional.pad(inputs - mean, (0, 1), value=1.0)
    targets = torch.cat(list(values), dim=2).double()
    known = inputs.shape[1] - inputs.shape[1] // _PARTS
    early, late = centred[:, :known], centred[:, known:]
    gram, moment = early.mT @ early, early.mT @ targets[:, :known]
    error = torch.stack(
        [
            (late @ _solve(gram, moment, known, penalty) - targets[:, known:]).square().mean(dim=1)
            for penalty in gram.new_tensor(penalties)
        ]
    ).nan_to_num(nan=torch.inf)
    gram += late.mT @ late
    moment += late.mT @ targets[:, known:]
    maps = []
    widths = [each.shape[2] for each in values]
    for its_error, its_moment in zip(error.split(widths, 2), moment.split(widths, 2), strict=True):
        best = gram.new_tensor(penalties)[its_error.mean(dim=2).argmin(dim=0)]
        found = _solve(gram, its_moment, inputs.shape[1], best[:, None])
        found[:, -1:] -= mean @ found[:, :-1]
        maps.append(found)
    return maps


def learn(
    inputs: torch.Tensor, values: Sequence[torch.Tensor], train: int, penalties: Sequence[float]
) -> list[list[Learned]]:
    """Regress on the first samples and predict the others; for each target, of each liquid.

    Parameters
    ----------
    inputs : Tensor, shape (liquids, samples, inputs)
    values : sequence of Tensor, shape (liquids, samples, outputs)
        Of each target.
    train : int
        How many samples, from the first, there are to learn from.
    penalties : sequence of float
    """
    test = inputs[:, train:].double()
    found = regress(inputs[:, :train], [each[:, :train] for each in values], penalties)
    return [
        [
            Learned(predicted, linear[0].numel())
            for predicted in (test @ linear[:, :-1] + linear[:, -1:]).cpu().numpy()
        ]
        for linear in found
    ]


def _solve(gram: torch.Tensor, moment: torch.Tensor, samples: int, penalty: torch.Tensor) -> torch.Tensor:
    """Weights and intercept, for one penalty or one of each liquid, shape (liquids, 1)."""
    penalised = gram.clone()
    penalised.diagonal(dim1=1, dim2=2)[:, :-1] += samples * penalty
    return torch.linalg.solve_ex(penalised, moment).result
