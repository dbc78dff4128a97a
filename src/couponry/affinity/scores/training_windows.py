"""Training windows: a history, and what was bought in the weeks after it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...data import tables
from ...utils.errors import InvalidInput
from ..history.joined_history import joined
from ..history.purchase_history import PurchaseHistory

Window = tuple[PurchaseHistory, PurchaseHistory]
"""A history, and what was bought in a window after it."""

LEAST_PURCHASES_THAT_COUNT = 8.0
"""Purchases of a customer in the window below which its pairs weigh no more, where customers count alike."""


def check_window(history: PurchaseHistory, later: PurchaseHistory) -> None:
    """Refuse a window that is not after its history: what is to be predicted would be known.

    Parameters
    ----------
    history, later : PurchaseHistory

    Raises
    ------
    InvalidInput
        If units differ, or the window begins before the history ends.
    """
    if later.unit != history.unit or later.start <= history.until:
        raise InvalidInput(
            f"windows: expected purchases after {history.unit} {history.until}, the last of their history, "
            f"got those from {later.unit} {later.start} on"
        )


def known_at_the_end(windows: Sequence[Window]) -> PurchaseHistory:
    """Return everything that is known when the latest window has ended.

    Parameters
    ----------
    windows : sequence of (PurchaseHistory, PurchaseHistory)
        At least one.

    Returns
    -------
    PurchaseHistory
    """
    return joined(*max(windows, key=lambda window: window[1].until))


def bought_again(history: PurchaseHistory, later: PurchaseHistory) -> NDArray[np.bool_]:
    """Return whether each pair of a history is in the later one, too.

    Parameters
    ----------
    history, later : PurchaseHistory

    Returns
    -------
    ndarray of bool, shape (n_pairs,)
    """
    return np.isin(_pair_keys(history, history), _pair_keys(later, history))


def _pair_keys(history: PurchaseHistory, known: PurchaseHistory) -> NDArray[np.int64]:
    """Return customer * n_items + item by the ids of another history, of the pairs of which it knows both."""
    customer = tables.positions(history.customers, known.customers)
    item = tables.positions(history.items, known.items)
    customer_of_pair = np.repeat(customer, np.diff(history.indptr))
    item_of_pair = item[history.item]
    both = (customer_of_pair >= 0) & (item_of_pair >= 0)
    return customer_of_pair[both] * max(len(known.items), 1) + item_of_pair[both]
