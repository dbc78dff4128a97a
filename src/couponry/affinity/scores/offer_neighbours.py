"""How alike products and offers are, by who buys them: a sparse matrix, of offers' columns only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...utils.errors import InvalidInput
from ...utils.lazy_imports import sparse as sp

BLOCK_CELLS = 1 << 22
"""(product, offer) cells that are computed at a time."""

ROW_BITS, OFFER_BITS = 12, 20
"""Bits of a row within a block and of an offer in a sort key of 64, beside the 32 of a value."""

MAX_OFFERS = 1 << OFFER_BITS
ALL_ONES = np.uint32(0xFFFFFFFF)


def offer_neighbours(
    matrix: Any, covers: Any, *, keep: int = 50, shrinkage: float = 5.0
) -> sp.csr_array:
    """Compute the shrunk cosine of each product and each offer.

    Parameters
    ----------
    matrix : sparse matrix of float, shape (n_customers, n_products)
        What customers bought.
    covers : sparse matrix, shape (n_products, n_offers)
        What offers are good for: an offer's column is the sum of its products' columns.
    keep : int
        How many offers each product keeps: the largest above 0. Offers that are good for the product itself are left
        out; they need no neighbours.
    shrinkage : float
        Added to both lengths, which keeps what few buy from being like anything by chance.

    Returns
    -------
    scipy.sparse.csr_array of float32, shape (n_products, n_offers)
        Similarities, columns ascending.

    Raises
    ------
    InvalidInput
        If there are more than 2**20 offers.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> bought = sp.csr_array([[1.0, 1.0], [1.0, 0.0]])
    >>> covers = sp.csr_array([[1.0, 0.0], [0.0, 1.0]])
    >>> print(offer_neighbours(bought, covers, shrinkage=0.0).toarray().round(2))
    [[0.   0.71]
     [0.71 0.  ]]
    """
    offers = covers.shape[1]
    if offers > MAX_OFFERS:
        raise InvalidInput(f"covers: expected at most {MAX_OFFERS:,} offers, got {offers:,}")
    x, own = sp.csr_array(matrix, dtype=np.float64), sp.csr_array(covers)
    y = sp.csr_array(x @ own)
    x_norm, y_norm = _norm(x) + shrinkage, _norm(y) + shrinkage
    products = sp.csr_array(sp.csc_array(x).T)  # a product a row
    step = min(max(1, BLOCK_CELLS // max(offers, 1)), 1 << ROW_BITS)
    parts = [sp.csr_array((0, offers), dtype=np.float32)]
    for start in range(0, products.shape[0], step):
        gram = sp.coo_array(products[start : start + step] @ y)
        is_own = np.zeros(gram.shape, bool)
        is_own[own[start : start + step].nonzero()] = True
        value = (gram.data / (x_norm[start + gram.row] * y_norm[gram.col])).astype(np.float32)
        alike = (value > 0) & ~is_own[gram.row, gram.col]
        entries = _largest(gram.row[alike], gram.col[alike], value[alike], keep)
        parts.append(sp.csr_array(entries, shape=gram.shape))
    found = sp.csr_array(sp.vstack(parts, format="csr"))
    found.sort_indices()
    return found


def _norm(matrix: sp.csr_array) -> NDArray[np.float64]:
    """Return the length of each column."""
    length: NDArray[np.float64] = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=0)).ravel())
    return length


def _largest(
    row: NDArray[np.integer], column: NDArray[np.integer], value: NDArray[np.float32], keep: int
) -> tuple[NDArray[np.float32], tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return the `keep` largest values of each row, ties by column, as values and (rows, columns).

    Row, value from the largest down, and column are put into one number and sorted: values above 0 are ordered as
    their bits are.
    """
    row_shift, value_shift = np.uint64(64 - ROW_BITS), np.uint64(OFFER_BITS)
    key = row.astype(np.uint64) << row_shift
    key |= (ALL_ONES - value.view(np.uint32)).astype(np.uint64) << value_shift
    key |= column.astype(np.uint64)
    key.sort()
    sorted_row = (key >> row_shift).astype(np.int64)
    rank = np.arange(len(sorted_row)) - np.searchsorted(sorted_row, sorted_row)
    key = key[rank < keep]
    bits = ALL_ONES - (key >> value_shift).astype(np.uint32)
    rows = (key >> row_shift).astype(np.int64)
    columns = (key & np.uint64(MAX_OFFERS - 1)).astype(np.int64)
    return bits.view(np.float32), (rows, columns)
