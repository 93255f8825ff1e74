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
        From as many values that are the mean of the fitted cells at the first token.

    Raises
    ------
    ValueError
        If there aren't more tokens than the order.
    """
    tokens = x.shape[1]
    if tokens <= order:
        raise ValueError(f"an ARX model of order {order} needs more than {tokens} tokens")
    ones = np.ones_like(x[:, order:])
    lagged = [y[:, order - i : tokens - i] for i in range(1, order + 1)]
    driven = [x[:, order - i : tokens - i] for i in range(order)]
    regressors = np.stack([*lagged, *driven, ones], -1)[fitted].reshape(-1, 2 * order + 1)
    weights, *_ = np.linalg.lstsq(regressors, y[fitted, order:].ravel(), rcond=None)
    out = np.full_like(y, y[fitted, 0].mean())
    for t in range(order, tokens):
        own = [out[:, t - i] for i in range(1, order + 1)]
        heard = [x[:, t - i] for i in range(order)]
        out[:, t] = np.stack([*own, *heard, np.ones(len(x))], -1) @ weights
    return out
