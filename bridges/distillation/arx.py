"""The linear baseline: an autoregressive model with exogenous input (ARX), run freely."""

from __future__ import annotations

import numpy as np


def arx(x: np.ndarray, y: np.ndarray, fitted: np.ndarray, order: int) -> np.ndarray:
    """Fit y from its own last values and the signal's, then let it run on the signal alone.

    Parameters
    ----------
    x, y : ndarray, shape (cells, tokens)
    fitted : ndarray of bool, shape (cells,)
    order : int
        Values of each that are read: the signal of the present token and before, y of the tokens before.

    Returns
    -------
    ndarray, shape (cells, tokens)
        From the first `order` values of y on.
    """
    tokens = x.shape[1]
    ones = np.ones_like(x[:, order:])
    lagged = [y[:, order - i : tokens - i] for i in range(1, order + 1)]
    driven = [x[:, order - i : tokens - i] for i in range(order)]
    regressors = np.stack([*lagged, *driven, ones], -1)[fitted].reshape(-1, 2 * order + 1)
    weights, *_ = np.linalg.lstsq(regressors, y[fitted, order:].ravel(), rcond=None)
    out = y.copy()
    for t in range(order, tokens):
        own = [out[:, t - i] for i in range(1, order + 1)]
        heard = [x[:, t - i] for i in range(order)]
        out[:, t] = np.stack([*own, *heard, np.ones(len(x))], -1) @ weights
    return out
