"""The purchases of some consecutive customers of a history, as a history."""

from __future__ import annotations

from dataclasses import replace

from ...kernels.affinity_contract import Pairs
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
