"""Training windows: a history, and what was bought in the weeks after it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...data import tables
from ...utils.arrays.membership import is_among
from ...utils.errors import InvalidInput
from ..history.joined_history import joined
from ..history.purchase_history import PurchaseHistory

Window = tuple[PurchaseHistory, PurchaseHistory]
"""A history, and what was bought in a window after it."""

LONGEST_GAP = {"day": 6, "week": 1}
"""Periods between a history and its window in which nobody may have bought, by unit."""

LARGEST_DIFFERENCE = {"day": 3, "week": 0}
"""Periods by which lengths of windows may differ, as the last days may be without purchases."""

LEAST_PURCHASES_THAT_COUNT = 8.0
"""Purchases of a customer in the window below which its pairs weigh no more, where customers count alike."""


def check_windows(windows: Sequence[Window]) -> None:
    """Refuse windows that no model can be fitted on, or that are not alike.

    Parameters
    ----------
    windows : sequence of (PurchaseHistory, PurchaseHistory)

    Raises
    ------
    InvalidInput
        If there is none, units or half-lives differ, one is not right after its history, or lengths differ.
    """
    if not windows:
        raise InvalidInput("windows: expected at least one, got none")
    first, length = windows[0][0], _length(windows[0])
    for history, later in windows:
        if history.half_lives != first.half_lives or history.unit != first.unit:
            raise InvalidInput(
                f"windows: expected histories alike, got {_likeness(first)} and {_likeness(history)}"
            )
        _check_follows(history, later)
        other = _length((history, later))
        if abs(other - length) > LARGEST_DIFFERENCE[history.unit]:
            raise InvalidInput(
                f"windows: expected windows of the same length, got {length} and {other} {history.unit}s; a history's "
                "until= says what it covers"
            )


def _check_follows(history: PurchaseHistory, later: PurchaseHistory) -> None:
    """Refuse a window before its history ends, as what is to be predicted would be known, or long after it."""
    unit = history.unit
    if later.unit != unit or later.start <= history.until:
        raise InvalidInput(
            f"windows: expected purchases after {unit} {history.until}, the last of their history, "
            f"got those from {later.unit} {later.start} on"
        )
    for kind in ("customers", "items"):
        tables.check_kind_of_ids(
            getattr(later, kind), getattr(history, kind), f"windows: {kind} of a window", "history"
        )
    between = later.start - history.until - 1
    if between > LONGEST_GAP[unit]:
        raise InvalidInput(
            f"windows: expected purchases right after {unit} {history.until}, the last of their history, got those "
            f"from {unit} {later.start} on, {between} {unit}s later; until= of the history says where it ends"
        )


def _length(window: Window) -> int:
    """Return periods from the end of a history to that of its window."""
    return window[1].until - window[0].until


def _likeness(history: PurchaseHistory) -> str:
    return (
        f"{history.unit}s with half-lives {', '.join(f'{weeks:g}' for weeks in history.half_lives)}"
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

    Raises
    ------
    InvalidInput
        If the window has other half-lives than its history.
    """
    history, later = max(windows, key=lambda window: window[1].until)
    if history.half_lives != later.half_lives:
        raise InvalidInput(
            f"windows: expected windows alike, got a history of {_likeness(history)} and what came after it of "
            f"{_likeness(later)}; or say what is known at the end (known=)"
        )
    return joined(history, later)


def bought_again(history: PurchaseHistory, later: PurchaseHistory) -> NDArray[np.bool_]:
    """Return whether each pair of a history is in the later one, too.

    Parameters
    ----------
    history, later : PurchaseHistory

    Returns
    -------
    ndarray of bool, shape (n_pairs,)
    """
    return is_among(_pair_keys(history, history), _pair_keys(later, history))


def _pair_keys(history: PurchaseHistory, known: PurchaseHistory) -> NDArray[np.int64]:
    """Return customer * n_items + item by another history's ids, of the pairs of which it knows both; ascending."""
    customer = tables.positions(history.customers, known.customers)
    item = tables.positions(history.items, known.items)
    customer_of_pair = np.repeat(customer, np.diff(history.indptr))
    item_of_pair = item[history.item]
    both = (customer_of_pair >= 0) & (item_of_pair >= 0)
    return customer_of_pair[both] * max(len(known.items), 1) + item_of_pair[both]
