"""Products and solutions of matrices in a fixed order: the same bits on any number of BLAS's threads."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Float = TypeVar("Float", np.float32, np.float64)

PIECE_ROWS = 64
"""Rows whose products are summed at once, and columns that they are computed of.

OpenBLAS has threads share a product of more than 64 x 64 x 64 terms: they may add in another order, and wait for each
other most of the time.
"""

TILE_SQUARES = 4
"""Rows and columns of a tile of a large matrix, in squares of 64: half a megabyte, which stays in the cache."""

MOST_TIMES_RIDGE = 4096.0
"""How many times a ridge the largest sum of a row may be for float32 to do: its errors are some 1e-7 then, where the
largest coefficients are a tenth."""

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
    return float(np.add.reduce(left * right))  # what sum() comes to, without its overhead


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


def inverse_with_ridge(matrix: NDArray[np.float64], ridge: float) -> NDArray[np.floating]:
    """Invert a positive semidefinite matrix to which a ridge is added; in float32, at half the time, where that does.

    Parameters
    ----------
    matrix : ndarray of float64, shape (n, n)
    ridge : float
        Added to its diagonal, in place.

    Returns
    -------
    ndarray of float64 or float32, shape (n, n)
        As `inverse_in_order` gives it.

    Raises
    ------
    numpy.linalg.LinAlgError
        If it is not positive definite.
    """
    matrix[np.diag_indices_from(matrix)] += ridge
    sums = [np.abs(matrix[some]).sum(axis=1).max() for some in _pieces(len(matrix))]
    if max(sums, default=0.0) <= MOST_TIMES_RIDGE * ridge:
        return inverse_in_order(matrix.astype(np.float32))
    return inverse_in_order(matrix)


def inverse_in_order(matrix: NDArray[Float]) -> NDArray[Float]:
    """Invert a symmetric, positive definite matrix by Cholesky's factor, 64 rows after the other.

    Parameters
    ----------
    matrix : ndarray of float64 or float32, shape (n, n)

    Returns
    -------
    ndarray of the same type, shape (n, n)
        Symmetric.

    Raises
    ------
    numpy.linalg.LinAlgError
        If it is not positive definite.
    """
    count = -(-len(matrix) // PIECE_ROWS)
    # rows that are done: the inverse as far as it is known; that are not done: to the left of the piece the inverse of
    # the factor, from there on what is to be factored
    rows = _in_squares(matrix, count)
    room = np.empty((TILE_SQUARES, TILE_SQUARES, PIECE_ROWS, PIECE_ROWS), matrix.dtype)
    for k in range(count):
        piece = np.linalg.inv(np.linalg.cholesky(rows[k, k]))
        row = np.empty((1, count, PIECE_ROWS, PIECE_ROWS), matrix.dtype)
        row[0, :k] = piece @ rows[k, :k]
        row[0, k] = piece
        column = rows[k + 1 :, k] @ piece.T
        row[0, k + 1 :] = column.transpose(0, 2, 1)
        rows[k + 1 :, k] = rows[k, : k + 1] = 0.0
        _add_below(rows[k + 1 :], np.negative(column)[:, None], row, room)
        known = row[:, : k + 1]
        transposed = np.ascontiguousarray(known[0].transpose(0, 2, 1))[:, None]
        _add_below(rows[: k + 1, : k + 1], transposed, known, room)
    return _mirrored(rows)[: len(matrix), : len(matrix)]


def _pieces(size: int) -> list[slice]:
    """Cut rows or columns into pieces."""
    return [slice(begin, begin + PIECE_ROWS) for begin in range(0, size, PIECE_ROWS)]


def _in_squares(matrix: NDArray[Float], count: int) -> NDArray[Float]:
    """Copy a square matrix into so many times so many 64 x 64 squares, with those of 1 below where it ends.

    BLAS has no threads share the product of two such: several that each wait for others would take many times as long
    as one alone. A square's numbers stand together, for rows of a large matrix share sets of the cache.
    """
    size, whole = len(matrix), count * PIECE_ROWS
    found = np.empty((count, count, PIECE_ROWS, PIECE_ROWS), matrix.dtype)
    for k, some in enumerate(_pieces(whole)):
        rows = np.eye(PIECE_ROWS, whole, k * PIECE_ROWS, matrix.dtype)
        rows[: max(size - some.start, 0), :size] = matrix[some]
        found[k] = rows.reshape(PIECE_ROWS, count, PIECE_ROWS).transpose(1, 0, 2)
    return found


def _add_below(
    total: NDArray[Float],
    left: NDArray[Float],
    right: NDArray[Float],
    room: NDArray[Float],
) -> None:
    """Add left @ right tile by tile, as far as it is not above the diagonal that ends in the last row and column."""
    rows, columns = total.shape[:2]
    for top in range(0, rows, TILE_SQUARES):
        stop = min(top + TILE_SQUARES, rows)
        for begin in range(0, columns - rows + stop, TILE_SQUARES):
            tile = total[top:stop, begin : begin + TILE_SQUARES]
            found = room[: tile.shape[0], : tile.shape[1]]
            tile += np.matmul(left[top:stop], right[:, begin : begin + TILE_SQUARES], out=found)


def _mirrored(squares: NDArray[Float]) -> NDArray[Float]:
    """Return the symmetric matrix of squares, of which those above the diagonal are not looked at."""
    count = len(squares)
    found = np.empty((count * PIECE_ROWS,) * 2, squares.dtype)
    for k in range(count):
        square = np.tril(squares[k, k])
        squares[k, k] = square + np.tril(square, -1).T
        squares[:k, k] = squares[k, :k].transpose(0, 2, 1)
    for k, some in enumerate(_pieces(len(found))):
        found[some] = squares[k].transpose(1, 0, 2).reshape(PIECE_ROWS, -1)
    return found
