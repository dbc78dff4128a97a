"""The arrays of a purchase history, without what they cover."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data.ids import IdWriter, as_ids
from ...kernels.affinity_contract import Pairs
from ...utils.arrays.array_store import Arrays, ArrayStore
from ...utils.errors import InvalidInput

MAX_ITEMS = 1 << 32
"""Items that a history may have fewer than: their positions are uint32."""


@dataclass(frozen=True)
class HistoryArrays:
    """Who bought what: (customer, item) pairs in CSR layout, their states, and the customers' trips.

    Attributes
    ----------
    customers : pyarrow.Array, shape (n_customers,)
        Ids, ascending.
    items : pyarrow.Array, shape (n_items,)
        Ids, ascending.
    indptr : ndarray of int64, shape (n_customers + 1,)
        Pairs of customer i are ``indptr[i]:indptr[i + 1]``.
    item : ndarray of uint32, shape (n_pairs,)
        Positions in `items`, ascending for a customer.
    pairs : Pairs
        States of the pairs, each array of length n_pairs.
    trips : Pairs
        The same of each customer's purchases of anything, each array of length n_customers.
    """

    customers: pa.Array
    items: pa.Array
    indptr: NDArray[np.int64]
    item: NDArray[np.uint32]
    pairs: Pairs
    trips: Pairs

    @classmethod
    def empty(cls, n_half_lives: int) -> HistoryArrays:
        """Make a history without customers.

        Parameters
        ----------
        n_half_lives : int

        Returns
        -------
        HistoryArrays
        """
        no_ids = pa.array([], pa.int64())
        pairs, trips = Pairs.new(0, n_half_lives), Pairs.new(0, n_half_lives)
        return cls(no_ids, no_ids, np.zeros(1, np.int64), np.zeros(0, np.uint32), pairs, trips)

    @classmethod
    def from_named(cls, arrays: Arrays) -> HistoryArrays:
        """Gather arrays by the names under which they are kept.

        Parameters
        ----------
        arrays : dict of str to ndarray

        Returns
        -------
        HistoryArrays
        """
        pairs, trips = (
            Pairs(*(arrays[f"{name}-{field}"] for field in Pairs._fields))
            for name in ("pairs", "trips")
        )
        return cls(
            as_ids(arrays["customers"], arrays.get("customers-ends")),
            as_ids(arrays["items"], arrays.get("items-ends")),
            arrays["indptr"],
            arrays["item"],
            pairs,
            trips,
        )


def write_items(items: pa.Array, store: ArrayStore) -> Arrays:
    """Write the ids of items into a store and return their arrays by name; refuse more than positions tell apart.

    Parameters
    ----------
    items : pyarrow.Array
        Ids, ascending.
    store : ArrayStore

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    InvalidInput
        If there are 2**32 items or more.
    """
    if len(items) >= MAX_ITEMS:
        raise InvalidInput(f"items: expected fewer than 2**32, got {len(items):,}")
    writer = IdWriter(store, "items", items.type)
    writer.append(items)
    return dict(zip(("items", "items-ends"), writer.finish()[1], strict=False))
