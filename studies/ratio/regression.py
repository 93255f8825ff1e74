"""The regressions that were published, on neurons, astrocytes and their sum, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.stats import zscore
from sklearn.linear_model import LassoCV
from sklearn.model_selection import GroupKFold
from statsmodels.stats.outliers_influence import variance_inflation_factor

from astrobrian.studies.ratio.liquids import Arm
from astrobrian.studies.ratio.table import ASKED, LEARNING, width_of_design

TERMS = ("neurons", "astrocytes", "sum", "interaction")
_FOLDS = 5


def terms(table: pd.DataFrame) -> pd.DataFrame:
    """The four regressors, not standardised: the sum is exactly that of the first two."""
    neurons, astrocytes = table["neurons"].astype(float), table["astrocytes"].astype(float)
    return pd.DataFrame(
        dict(zip(TERMS, (neurons, astrocytes, neurons + astrocytes, neurons * astrocytes), strict=True))
    )


def collinearity(table: pd.DataFrame) -> pd.DataFrame:
    """How much of each regressor the others say, with the sum and without: variance inflation, condition number, rank.

    Returns
    -------
    DataFrame
        A row for each set of regressors, one liquid of each cell counted once.
    """
    cells = terms(table).drop_duplicates()
    rows = []
    for names in (TERMS[:2], TERMS[:3], (*TERMS[:2], "interaction"), TERMS):
        chosen = cells[list(names)].apply(zscore, ddof=1).dropna(axis=1)
        rank = int(np.linalg.matrix_rank(chosen))
        full = rank == len(names)
        matrix = sm.add_constant(chosen).to_numpy()
        inflation = [variance_inflation_factor(matrix, 1 + k) for k in range(rank)] if full else [np.inf]
        rows.append(
            {
                "regressors": ", ".join(names),
                "number": len(names),
                "rank": rank,
                "condition_number": float(np.linalg.cond(chosen)) if full else np.inf,
                "largest_vif": float(max(inflation)),
            }
        )
    return pd.DataFrame(rows)


def regressions(table: pd.DataFrame) -> pd.DataFrame:
    """Least squares and LASSO of the learning rate over the liquids of the mixed arm, by what was asked.

    Returns
    -------
    DataFrame
        `neurons` and `astrocytes`: slope of the learning rate for 100 more, with the standard error clustered by seed
        (`*_se`); `r2`; `pseudo_*`: what a program gives that solves with the sum among the regressors by the
        pseudo-inverse; `lasso_*`: standardised coefficients, the penalty chosen by cross-validation over whole seeds.
        NaN where there is but one seed.
    """
    ours = LEARNING.of(table[table["arm"] == Arm.MIXED])
    found = [
        dict(zip(ASKED, asked, strict=True)) | _one(one) for asked, one in ours.groupby(ASKED, sort=False)
    ]
    return pd.DataFrame(found)


def _one(trials: pd.DataFrame) -> dict[str, Any]:
    regressors, slope = terms(trials), trials["learning_rate"]
    seeds = pd.factorize(trials["seed"])[0]
    several = seeds.max() > 0
    pair = sm.add_constant(regressors[["neurons", "astrocytes"]] / 100, has_constant="add")
    model = sm.OLS(slope, pair)
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": seeds}) if several else model.fit()
    found: dict[str, Any] = {"trials": len(trials), "r2": fit.rsquared}
    for name in ("neurons", "astrocytes"):
        found |= {name: fit.params[name], f"{name}_se": fit.bse[name] if several else np.nan}
    three = regressors[list(TERMS[:3])] / 100
    pseudo = np.linalg.pinv(three - three.mean()) @ slope
    lasso = _lasso(regressors, slope, seeds) if several else np.full(len(TERMS), np.nan)
    found |= {f"pseudo_{name}": value for name, value in zip(TERMS, pseudo, strict=False)}
    return found | {f"lasso_{name}": value for name, value in zip(TERMS, lasso, strict=True)}


def _lasso(regressors: pd.DataFrame, slope: pd.Series, seeds: np.ndarray) -> np.ndarray:
    """On standardised numbers; a column that doesn't vary says nothing."""
    standardised = np.nan_to_num(regressors.apply(zscore).to_numpy())
    spread = slope.std()
    if not spread > 0:
        return np.zeros(len(TERMS))
    folds = GroupKFold(min(_FOLDS, len(np.unique(seeds))))
    model = LassoCV(cv=list(folds.split(standardised, groups=seeds)), max_iter=20_000)
    return model.fit(standardised, (slope - slope.mean()) / spread).coef_


def width_alone(table: pd.DataFrame) -> pd.DataFrame:
    """How much of the learning rate the width of the read-out says by itself.

    Squared correlation of the learning rate with the logarithm of the number of parameters that a read-out as wide as the
    liquid has; in the fixed design all read-outs have the same number, and what remains is due to the liquid.
    """
    ours = width_of_design(LEARNING.of(table[table["arm"] == Arm.MIXED]))
    ours = ours.dropna(subset=["wide_parameters"])
    ours = ours.assign(width=np.log2(ours["wide_parameters"].astype(float)))
    rows = []
    for asked, one in ours.groupby(ASKED, sort=False):
        varies = one["width"].nunique() > 1 and one["learning_rate"].nunique() > 1
        share = one["width"].corr(one["learning_rate"]) ** 2 if varies else np.nan
        rows.append(dict(zip(ASKED, asked, strict=True)) | {"share": share})
    return pd.DataFrame(rows, columns=[*ASKED, "share"])
