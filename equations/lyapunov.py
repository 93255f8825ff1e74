"""Whether a Hopf point gives birth to a stable cycle."""

import numpy as np


def first_lyapunov_coefficient(jacobian: np.ndarray, second: np.ndarray, third: np.ndarray) -> float:
    """Kuznetsov's l_1 from the derivatives of a flow at a Hopf point; negative where the cycle is born stable.

    Parameters
    ----------
    jacobian : numpy.ndarray
        Of shape ``(n, n)``, with one pair of imaginary eigenvalues.
    second, third : numpy.ndarray
        Derivatives of shape ``(n, n, n)`` and ``(n, n, n, n)``.
    """
    values, right = np.linalg.eig(jacobian)
    k = imaginary_pair(values)
    omega, q = values[k].imag, right[:, k]
    left_values, left = np.linalg.eig(jacobian.T)
    p = left[:, np.argmin(np.abs(left_values + 1j * omega))]
    q = q / np.linalg.norm(q)
    p = p / np.conj(np.vdot(p, q))

    def b(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.einsum("ijk,j,k->i", second, x, y)

    cubic = np.einsum("ijkl,j,k,l->i", third, q, q, q.conj())
    shift = b(q, np.linalg.solve(jacobian, b(q, q.conj())))
    double = np.linalg.solve(2j * omega * np.eye(len(jacobian)) - jacobian, b(q, q))
    return float(
        (np.vdot(p, cubic) - 2 * np.vdot(p, shift) + np.vdot(p, b(q.conj(), double))).real / (2 * omega)
    )


def imaginary_pair(eigenvalues: np.ndarray) -> int:
    """Index of the eigenvalue with a positive imaginary part that is closest to the imaginary axis."""
    distance = np.where(eigenvalues.imag > 0, np.abs(eigenvalues.real), np.inf)
    return int(np.argmin(distance))
