"""Customers that a discovery model keeps: what those who are most like a customer bought, the customer may begin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....data import tables
from ....utils.lazy_imports import sparse as sp

MOST_ALIKE = 200
"""Customers that are asked what a customer may begin."""


@dataclass(frozen=True)
class KnownCustomers:
    """Customers, what they bought, and how they point: rare items count more.

    Attributes
    ----------
    ids : pyarrow.Array, shape (n_kept,)
        Ascending.
    bought : csr_array of float32, shape (n_kept, n_taking_part)
        1 where a customer bought an item.
    direction : csr_array of float32, shape (n_kept, n_taking_part)
        The cosine of a customer with each of those kept is this times what the customer bought, divided by the length
        of what the customer bought.
    """

    ids: pa.Array
    bought: sp.csr_array
    direction: sp.csr_array

    @classmethod
    def learned(cls, ids: pa.Array, bought: sp.csr_array, most: int) -> KnownCustomers:
        """Keep some of the customers, evenly spread over their ids.

        Parameters
        ----------
        ids : pyarrow.Array, shape (n_customers,)
            Ascending.
        bought : csr_array of float32, shape (n_customers, n_taking_part)
            1 where a customer bought an item.
        most : int
            How many are kept at most.

        Returns
        -------
        KnownCustomers
        """
        count = min(most, len(ids))
        kept = np.arange(count) * len(ids) // max(count, 1)
        buyers = np.bincount(bought.indices, minlength=bought.shape[1])
        rarity = np.maximum(np.log(max(len(ids), 1) / (buyers + 1.0)), 0.0) ** 2
        mine = sp.csr_array(bought[kept])
        squares = np.bincount(
            np.repeat(np.arange(len(kept)), np.diff(mine.indptr)),
            weights=rarity[mine.indices],
            minlength=len(kept),
        )
        length = np.sqrt(squares)
        length[length == 0.0] = 1.0
        point = rarity[mine.indices] / np.repeat(length, np.diff(mine.indptr))
        entries = (point.astype(np.float32), mine.indices, mine.indptr)
        return cls(ids.take(pa.array(kept)), mine, sp.csr_array(entries, shape=mine.shape))

    def places(self, customers: pa.Array) -> NDArray[np.int64]:
        """Return where customers are among those kept.

        Parameters
        ----------
        customers : pyarrow.Array, shape (n_customers,)

        Returns
        -------
        ndarray of int64, shape (n_customers,)
            -1 for those that are not.
        """
        if customers.type != self.ids.type:
            return np.full(len(customers), -1)
        return tables.positions(customers, self.ids)


class AlikeCustomers:
    """Computes which share of the customers who are most alike bought items.

    Parameters
    ----------
    known : KnownCustomers
    selection : csr_array of float32, shape (n_taking_part, n_asked)
        1 where an item asked about is one that takes part.
    """

    def __init__(self, known: KnownCustomers, selection: sp.csr_array):
        self._direction = known.direction
        self._everyone = sp.csr_array(np.ones((1, len(known.ids)), np.float32))
        self._buyers = sp.csr_array((known.bought @ selection).T)

    def shares(self, bought: sp.csr_array, place: NDArray[np.int64]) -> NDArray[np.float32]:
        """Compute the shares for some customers.

        Parameters
        ----------
        bought : csr_array of float32, shape (n_customers, n_taking_part)
            1 where a customer bought an item.
        place : ndarray of int64, shape (n_customers,)
            Where they are among those kept, -1 where they are not: nobody is asked about itself.

        Returns
        -------
        ndarray of float32, shape (n_customers, n_asked)
            Weighted by how alike customers are; 0 where nobody is.
        """
        # one known customer after the other with all that are asked for: these stay in the cache
        alike = np.ascontiguousarray((self._direction @ bought.T.toarray(order="C")).T)
        kept = place >= 0
        alike[np.flatnonzero(kept), place[kept]] = 0.0
        most = min(MOST_ALIKE, alike.shape[1])
        if most:  # those that are as alike as the last of them count, too
            last = np.partition(alike, -most, axis=1)[:, [-most]]
            alike[alike < last] = 0.0
        weights = np.ascontiguousarray(alike.T)
        total = self._everyone @ weights
        total[total == 0.0] = 1.0
        found: NDArray[np.float32] = np.ascontiguousarray(((self._buyers @ weights) / total).T)
        return found
