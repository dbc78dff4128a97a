"""How alike products and offers are, by who buys them: sparse, of offers' columns only."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...utils.errors import InvalidInput
from ...utils.lazy_imports import sparse as sp

CELLS = 1 << 22  # (product, offer) pairs at a time
MOST_OFFERS = 1 << 20


def offer_neighbours(
    matrix: Any, covers: Any, *, keep: int = 50, shrinkage: float = 5.0
) -> sp.csr_array:
    """The cosine of each product and each offer, sparse float32 (P, K), the `keep` largest above 0 of each product.

    matrix: sparse (n, P), what customers bought. covers: sparse (P, K), what offers are good for: an offer's column is
    the sum of its products'. Offers that are good for the product itself are left out: they need no neighbours.
    shrinkage: added to both lengths, which keeps what few buy from being like anything by chance.
    """
    offers = covers.shape[1]
    if offers > MOST_OFFERS:
        raise InvalidInput(f"covers: expected at most {MOST_OFFERS:,} offers, got {offers:,}")
    x, own = sp.csr_array(matrix, dtype=np.float64), sp.csr_array(covers)
    y = sp.csr_array(x @ own)
    x_norm = np.sqrt(np.asarray(x.multiply(x).sum(axis=0)).ravel()) + shrinkage
    y_norm = np.sqrt(np.asarray(y.multiply(y).sum(axis=0)).ravel()) + shrinkage
    products = sp.csr_array(sp.csc_array(x).T)  # a product a row
    step = min(max(1, CELLS // max(offers, 1)), 1 << 12)
    parts = [sp.csr_array((0, offers), dtype=np.float32)]
    for start in range(0, products.shape[0], step):
        gram = sp.coo_array(products[start : start + step] @ y)
        mine = np.zeros(gram.shape, bool)
        mine[own[start : start + step].nonzero()] = True
        value = (gram.data / (x_norm[start + gram.row] * y_norm[gram.col])).astype(np.float32)
        alike = (value > 0) & ~mine[gram.row, gram.col]
        # row, value from the largest down, column: in one number, since numbers above 0 are ordered as their bits
        key = gram.row[alike].astype(np.uint64) << np.uint64(52)
        key |= (np.uint32(0xFFFFFFFF) - value[alike].view(np.uint32)).astype(
            np.uint64
        ) << np.uint64(20)
        key |= gram.col[alike].astype(np.uint64)
        key.sort()
        row = (key >> np.uint64(52)).astype(np.int64)
        key = key[np.arange(len(row)) - np.searchsorted(row, row) < keep]
        row = (key >> np.uint64(52)).astype(np.int64)
        column = (key & np.uint64(MOST_OFFERS - 1)).astype(np.int64)
        bits = np.uint32(0xFFFFFFFF) - (key >> np.uint64(20)).astype(np.uint32)
        parts.append(sp.csr_array((bits.view(np.float32), (row, column)), shape=gram.shape))
    found = sp.csr_array(sp.vstack(parts, format="csr"))
    found.sort_indices()
    return found
