"""How well something was predicted; of many predictions at once where arrays have leading axes."""

from __future__ import annotations

import numpy as np

#: squared error over variance at which a prediction has lost the series
LOST = 0.4


def nrmse(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Root of the mean squared error over the standard deviation.

    Parameters
    ----------
    predicted : array, shape (..., samples, outputs)
    true : array, shape (samples, outputs)
        The error and the variance are means over the outputs, so that these count by their variance.

    Returns
    -------
    array, shape (...)
        0 is perfect, 1 is what the mean of the true values gets.

    Examples
    --------
    >>> true = np.array([[-1.0], [1.0]])
    >>> float(nrmse(0 * true, true))
    1.0
    """
    error = np.square(predicted - true).mean(axis=(-2, -1))
    return np.sqrt(error / true.var(axis=0).mean())


def memory_capacity(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Sum over delays of the squared correlation of what was remembered with what had been.

    Parameters
    ----------
    predicted : array, shape (..., samples, delays)
    true : array, shape (samples, delays)

    Returns
    -------
    array, shape (...)
        At most the number of delays. An output that is constant remembers nothing.

    References
    ----------
    Jaeger H (2001) Short term memory in echo state networks. GMD Report 152, German National Research Center for
    Information Technology.
    """
    predicted = predicted - predicted.mean(axis=-2, keepdims=True)
    true = true - true.mean(axis=0)
    covariance = (predicted * true).mean(axis=-2)
    variances = predicted.var(axis=-2) * true.var(axis=0)
    squared = np.divide(covariance**2, variances, out=np.zeros_like(variances), where=variances != 0)
    return squared.sum(axis=-1)


def accuracy(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Part of the samples whose largest output is that of their class.

    Parameters
    ----------
    predicted : array, shape (..., samples, classes)
    true : array of int, shape (samples,)

    Returns
    -------
    array, shape (...)
    """
    return (predicted.argmax(axis=-1) == true).mean(axis=-1)


def valid_prediction_time(predicted: np.ndarray, true: np.ndarray, step: float) -> np.ndarray:
    """How long a free run stays with the series: until the squared error is above 0.4 of the variance.

    Parameters
    ----------
    predicted : array, shape (..., steps, channels)
        May be infinite or no number once it is lost.
    true : array, shape (..., steps, channels)
        Standardised: the variance of each channel is 1.
    step : float
        Of time, in the unit of the result, such as Lyapunov times.

    Returns
    -------
    array, shape (...)
        At most the duration of the run.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        good = np.square(predicted - true).mean(axis=-1) <= LOST
    return step * np.logical_and.accumulate(good, axis=-1).sum(axis=-1)


def free_run(predicted: np.ndarray, true: np.ndarray, step: float) -> tuple[float, float]:
    """What several free runs of one read-out are worth.

    Parameters
    ----------
    predicted, true : array, shape (runs, steps, channels)
    step : float
        Of time, in Lyapunov times.

    Returns
    -------
    nrmse : float
        Over the first Lyapunov time of all runs.
    time : float
        Median of their valid prediction times, in Lyapunov times.
    """
    channels = true.shape[-1]
    first = slice(round(1 / step))
    with np.errstate(over="ignore", invalid="ignore"):
        error = nrmse(predicted[:, first].reshape(-1, channels), true[:, first].reshape(-1, channels))
    return float(error), float(np.median(valid_prediction_time(predicted, true, step)))
