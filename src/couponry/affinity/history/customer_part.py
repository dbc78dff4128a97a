"""The purchases of some of a history's customers, as a history."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...kernels.affinity_contract import Pairs
from ...utils.arrays.ragged import within
from .purchase_history import PurchaseHistory


def customer_part(history: PurchaseHistory, start: int, stop: int) -> PurchaseHistory:
    """Return the customers start <= i < stop of a history; arrays are views of its own.

    Parameters
    ----------
    history : PurchaseHistory
    start, stop : int
        Range of customers.

    Returns
    -------
    PurchaseHistory
        With the same items and periods.
    """
    if start == 0 and stop == len(history.customers):
        return history
    ends = history.indptr[start : stop + 1]
    pairs = slice(int(ends[0]), int(ends[-1]))
    return replace(
        history,
        customers=history.customers.slice(start, stop - start),
        indptr=ends - ends[0],
        item=history.item[pairs],
        pairs=Pairs._make(array[pairs] for array in history.pairs),
        trips=Pairs._make(array[start:stop] for array in history.trips),
    )


def customers_spread(history: PurchaseHistory, most: int) -> PurchaseHistory:
    """Return some of the customers of a history, evenly spread over their ids.

    Parameters
    ----------
    history : PurchaseHistory
    most : int
        How many at most.

    Returns
    -------
    PurchaseHistory
        With the same items and periods; the same one where it has no more customers.
    """
    count = len(history.customers)
    if count <= most:
        return history
    return customers_at(history, np.arange(most) * count // most)


def customers_at(history: PurchaseHistory, kept: NDArray[np.int64]) -> PurchaseHistory:
    """Return some of the customers of a history.

    Parameters
    ----------
    history : PurchaseHistory
    kept : ndarray of int64
        Which of them, ascending.

    Returns
    -------
    PurchaseHistory
        With the same items and periods.
    """
    length = np.diff(history.indptr)[kept]
    pairs = np.repeat(history.indptr[:-1][kept], length) + within(length)
    return replace(
        history,
        customers=history.customers.take(pa.array(kept)),
        indptr=np.append(0, np.cumsum(length)),
        item=history.item[pairs],
        pairs=Pairs._make(array[pairs] for array in history.pairs),
        trips=Pairs._make(array[kept] for array in history.trips),
    )
