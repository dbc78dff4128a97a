"""What is known of items apart from their purchases: category, brand, or whatever else groups them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data import tables
from ...data.arrow_columns import labels
from ...data.ids import digest_of
from ...utils.errors import InvalidInput
from .purchase_history import PurchaseHistory


class Catalogue:
    """Groups of items, such as category and brand, matched to the items of a history by id.

    Call it with a history to get the group of each of its items; models take it as `groups`.

    Parameters
    ----------
    table : table
        One row per item.
    groups : sequence of str
        Columns to group by. Null is a group, too, and so are all items that the table lacks.
    item : str
        Column of the items' ids.

    Raises
    ------
    InvalidInput
        If a column is missing or an item is there twice.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from couponry.affinity import PurchaseHistory
    >>> rows = pa.table({"customer": [1, 1], "product": ["mug", "tea"], "week": [1, 2]})
    >>> history = PurchaseHistory.from_transactions(rows)
    >>> known = pa.table({"item": ["tea"], "category": ["drinks"]})
    >>> {name: codes.tolist() for name, codes in Catalogue(known, ["category"])(history).items()}
    {'category': [0, 1]}
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
        self._codes = {
            name: labels(known[name], f"table catalogue, column {name!r}")[0] for name in groups
        }

    def digest(self) -> str:
        """Compute a fingerprint of the items and their groups.

        Returns
        -------
        str
            SHA-256 in hexadecimal.
        """
        found = hashlib.sha256(digest_of(self._items).encode())
        for name, codes in self._codes.items():
            found.update(f"{name}\n".encode() + np.ascontiguousarray(codes, np.int64).tobytes())
        return found.hexdigest()

    def __call__(self, history: PurchaseHistory) -> dict[str, NDArray[np.int64]]:
        """Look up the groups of a history's items.

        Parameters
        ----------
        history : PurchaseHistory
            The history whose items are looked up.

        Returns
        -------
        dict of str to ndarray of int64, shape (n_items,)
            By name, the group of each item, from 0.
        """
        place = tables.positions(history.items, self._items)
        return {
            name: np.where(place >= 0, codes[place], -1) + 1 if len(codes) else place + 1
            for name, codes in self._codes.items()
        }
