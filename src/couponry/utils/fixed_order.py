"""Products and solutions of matrices in a fixed order: the same bits on any number of BLAS's threads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PIECE_ROWS = 64
"""Rows whose products are summed at once: BLAS has threads share more rows, and adds in another order then."""

LEAST_PIVOT = 1e-7
"""Share of a diagonal entry that elimination has to leave over; less is what float32 rounds off."""


def product_in_order(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float64]:
    """Compute ``left.T @ right``, 64 rows after the other.

    Parameters
    ----------
    left : ndarray of float32, shape (n, p)
        Contiguous; n a multiple of `PIECE_ROWS`.
    right : ndarray of float32, shape (n, q)
        Contiguous.

    Returns
    -------
    ndarray of float64, shape (p, q)
        Sums in float64 of what each 64 rows come to in float32.
    """
    pieces = left.reshape(-1, PIECE_ROWS, left.shape[1]).transpose(0, 2, 1)
    each = pieces @ right.reshape(-1, PIECE_ROWS, right.shape[1])
    total: NDArray[np.float64] = each.sum(axis=0, dtype=np.float64)
    return total


def solve_in_order(matrix: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve ``matrix @ x = right`` for a positive semidefinite matrix, by elimination in the order of the rows.

    Parameters
    ----------
    matrix : ndarray of float64, shape (n, n)
    right : ndarray of float64, shape (n,)

    Returns
    -------
    ndarray of float64, shape (n,)
        0 where a row is a combination of those before it.
    """
    size = len(matrix)
    rows = np.column_stack([matrix, right])
    is_free = np.zeros(size, np.bool_)
    for j in range(size):
        is_free[j] = rows[j, j] > LEAST_PIVOT * matrix[j, j]
        if is_free[j]:
            factor = rows[j + 1 :, j] / rows[j, j]
            rows[j + 1 :, j + 1 :] -= factor[:, None] * rows[j, j + 1 :]
    solution = np.zeros(size)
    for j in np.flatnonzero(is_free)[::-1]:
        known = (rows[j, j + 1 : size] * solution[j + 1 :]).sum()
        solution[j] = (rows[j, size] - known) / rows[j, j]
    return solution


def inverse_in_order(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Invert a positive definite matrix, 64 rows after the other (Gauss-Jordan elimination without pivoting).

    Parameters
    ----------
    matrix : ndarray of float64, shape (n, n)

    Returns
    -------
    ndarray of float64, shape (n, n)
    """
    found = matrix.copy()
    for begin in range(0, len(found), PIECE_ROWS):
        piece = slice(begin, begin + PIECE_ROWS)
        inverse = np.linalg.inv(found[piece, piece])
        column = found[:, piece].copy()
        row = inverse @ found[piece]
        row[:, piece] = inverse
        column[piece] = found[:, piece] = 0.0
        found -= column @ row
        found[piece] = row
    return found
