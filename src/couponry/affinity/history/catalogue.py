"""What is known of items apart from their purchases: category, brand, whatever groups them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data import tables
from ...utils.errors import InvalidInput
from .purchase_history import PurchaseHistory


class Catalogue:
    """Groups of items, looked up once for each history.

    table: one row per item. item: the column of its ids. groups: the columns to group by; null is a group, too, and
    so are all items that the table lacks.
    """

    def __init__(self, table: Any, groups: Sequence[str], item: str = "item"):
        known = tables.as_table(table, "catalogue", [item, *groups])
        tables.require(known, "catalogue", item, *groups)
        self._items = tables.ids(known, "catalogue", item)
        distinct = len(self._items.unique())
        if distinct < len(self._items):
            raise InvalidInput(
                f"table catalogue, column {item!r}: expected each item once, got {len(self._items):,} rows of "
                f"{distinct:,} items"
            )
        self._codes = {name: tables.labels(known[name])[0] for name in groups}

    def __call__(self, history: PurchaseHistory) -> dict[str, NDArray[np.int64]]:
        """The group of each item of a history, by name: int64 (P), from 0."""
        place = tables.positions(history.items, self._items)
        return {
            name: np.where(place >= 0, codes[place], -1) + 1 if len(codes) else place + 1
            for name, codes in self._codes.items()
        }
