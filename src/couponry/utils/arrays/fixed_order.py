"""Products and solutions of matrices in a fixed order: the same bits on any number of BLAS's threads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PIECE_ROWS = 64
"""Rows whose products are summed at once, and columns that they are computed of.

OpenBLAS has threads share a product of more than 64 x 64 x 64 terms: they may add in another order, and wait for each
other most of the time.
"""

TILE_ROWS = 512
"""Rows and columns of a tile of a large matrix: 2 MB, which stay in the cache."""

LEAST_PIVOT = 1e-7
"""Share of a diagonal entry that elimination has to leave over; less is what float32 rounds off."""


def dot_in_order(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Compute ``left @ right`` of vectors by NumPy's own sum.

    Parameters
    ----------
    left, right : ndarray of float64, shape (n,)

    Returns
    -------
    float
    """
    return float((left * right).sum())


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
    others = right.reshape(-1, PIECE_ROWS, right.shape[1])
    total = np.empty((left.shape[1], right.shape[1]))
    for some in _pieces(len(total)):
        for tile in _pieces(total.shape[1]):
            each = pieces[:, some] @ others[:, :, tile]
            each.sum(axis=0, dtype=np.float64, out=total[some, tile])
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
    size = len(matrix)
    whole = -(-size // PIECE_ROWS) * PIECE_ROWS
    # rows that are not done: to the left of the piece the inverse of the factor, from there on what is to be factored
    rest, found = np.eye(whole), np.zeros((whole, whole))
    rest[:size, :size] = matrix
    for begin in range(0, whole, PIECE_ROWS):
        end = begin + PIECE_ROWS
        piece = np.linalg.inv(np.linalg.cholesky(rest[begin:end, begin:end]))
        row, column = np.zeros((PIECE_ROWS, whole)), np.empty((whole - end, PIECE_ROWS))
        _squares(row)[:, : begin // PIECE_ROWS] = piece @ _squares(rest[begin:end, :begin])
        row[:, begin:end] = piece
        _squares(column)[:] = _squares(rest[end:, begin:end]) @ piece.T
        row[:, end:] = column.T
        rest[end:, begin:end] = 0.0
        _add_below(rest[end:], -column, row)
        _add_below(found[:end, :end], np.ascontiguousarray(row[:, :end].T), row[:, :end])
    _mirror(found)
    return found[:size, :size]


def _pieces(size: int) -> list[slice]:
    """Cut rows or columns into pieces."""
    return [slice(begin, begin + PIECE_ROWS) for begin in range(0, size, PIECE_ROWS)]


def _squares(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a view of a matrix as 64 x 64 squares, shape (rows / 64, columns / 64, 64, 64).

    BLAS has no threads share the product of two such: several that each wait for others would take many times as long
    as one alone.
    """
    rows, columns = (size // PIECE_ROWS for size in matrix.shape)
    row, column = matrix.strides
    shape = rows, columns, PIECE_ROWS, PIECE_ROWS
    strides = row * PIECE_ROWS, column * PIECE_ROWS, row, column
    return np.lib.stride_tricks.as_strided(matrix, shape, strides)


def _add_below(
    total: NDArray[np.float64], left: NDArray[np.float64], right: NDArray[np.float64]
) -> None:
    """Add left @ right tile by tile, as far as it is not above the diagonal that ends in the last row and column."""
    rows, columns = total.shape
    for top in range(0, rows, TILE_ROWS):
        some = slice(top, min(top + TILE_ROWS, rows))
        for begin in range(0, columns - rows + some.stop, TILE_ROWS):
            tile = slice(begin, begin + TILE_ROWS)
            _squares(total[some, tile])[:] += _squares(left[some]) @ _squares(right[:, tile])


def _mirror(matrix: NDArray[np.float64]) -> None:
    """Copy what is below the diagonal above it, in place."""
    for begin in range(0, len(matrix), PIECE_ROWS):
        end = begin + PIECE_ROWS
        square = np.tril(matrix[begin:end, begin:end])
        matrix[begin:end, begin:end] = square + np.tril(square, -1).T
        matrix[begin:end, end:] = matrix[end:, begin:end].T
