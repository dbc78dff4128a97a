"""How alike products and offers are, by who buys them: sparse, of offers' columns only."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

ROWS = 1 << 12  # products at a time


def offer_neighbours(
    matrix: Any, covers: Any, *, keep: int = 50, shrinkage: float = 5.0
) -> sp.csr_array:
    """The cosine of each product and each offer, sparse float32 (P, K), the `keep` largest of each product.

    matrix: sparse (n, P), what customers bought. covers: sparse (P, K), what offers are good for: an offer's column is
    the sum of its products'. Offers that are good for the product itself are left out: they need no neighbours.
    shrinkage: added to both lengths, which keeps what few buy from being like anything by chance.
    """
    x = sp.csr_array(matrix, dtype=np.float64)
    y = sp.csc_array(x @ covers)
    x_norm = np.sqrt(np.asarray(x.multiply(x).sum(axis=0)).ravel()) + shrinkage
    y_norm = np.sqrt(np.asarray(y.multiply(y).sum(axis=0)).ravel()) + shrinkage
    by_product = sp.csr_array(sp.csc_array(x).T)  # a product a row
    y = sp.csr_array(y)
    own = sp.csr_array(covers)
    parts = []
    for start in range(0, by_product.shape[0], ROWS):
        gram = sp.coo_array(by_product[start : start + ROWS] @ y)
        mine = sp.coo_array(own[start : start + ROWS])
        width = covers.shape[1]
        alike = ~np.isin(
            gram.row.astype(np.int64) * width + gram.col,
            mine.row.astype(np.int64) * width + mine.col,
        )
        row, column = gram.row[alike].astype(np.int64), gram.col[alike]
        value = gram.data[alike] / (x_norm[start + row] * y_norm[column])
        order = np.lexsort((column, -value, row))
        row, column, value = row[order], column[order], value[order]
        begins = np.searchsorted(row, row)
        kept = np.arange(len(row)) - begins < keep
        entries = value[kept].astype(np.float32), (row[kept], column[kept])
        parts.append(sp.csr_array(sp.coo_array(entries, shape=gram.shape)))
    found = sp.csr_array(sp.vstack(parts, format="csr"))
    found.sort_indices()
    return found
