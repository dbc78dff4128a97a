"""Products and solutions of matrices in a fixed order: the same bits on any number of BLAS's threads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PIECE_ROWS = 64
"""Rows whose products are summed at once: BLAS has threads share more rows, and adds in another order then."""

TILE_ROWS = 512
"""Rows and columns of a tile of a large matrix: 2 MB, which stay in the cache."""

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
    """Invert a symmetric, positive definite matrix by Cholesky's factor, 64 rows after the other.

    Parameters
    ----------
    matrix : ndarray of float64, shape (n, n)

    Returns
    -------
    ndarray of float64, shape (n, n)
        Symmetric.

    Raises
    ------
    numpy.linalg.LinAlgError
        If it is not positive definite.
    """
    # rows that are not done: to the left of the piece the inverse of the factor, from there on what is to be factored
    rest, size = matrix.copy(), len(matrix)
    found = np.zeros_like(matrix)
    for begin in range(0, size, PIECE_ROWS):
        end = min(begin + PIECE_ROWS, size)
        piece = np.linalg.inv(np.linalg.cholesky(rest[begin:end, begin:end]))
        row = piece @ np.concatenate([rest[begin:end, :begin], np.eye(end - begin)], axis=1)
        column = rest[end:, begin:end] @ piece.T
        rest[end:, begin:end] = 0.0
        _add_below(rest[end:], -column, np.concatenate([row, column.T], axis=1))
        _add_below(found[:end, :end], row.T, row)
    above = np.tril(found, -1).T
    return np.tril(found) + above


def _add_below(
    total: NDArray[np.float64], left: NDArray[np.float64], right: NDArray[np.float64]
) -> None:
    """Add left @ right tile by tile, as far as it is not above the diagonal that ends in the last row and column."""
    rows, columns = total.shape
    for top in range(0, rows, TILE_ROWS):
        some = slice(top, min(top + TILE_ROWS, rows))
        for begin in range(0, columns - rows + some.stop, TILE_ROWS):
            tile = slice(begin, begin + TILE_ROWS)
            total[some, tile] += left[some] @ right[:, tile]
