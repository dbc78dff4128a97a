"""What the kernels of purchases are given: transactions as tables have them, rows in any order, and what they come to.

Letters: r rows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

NO_ITEM = 0xFFFFFFFF
"""Number of the item that something counts as where it counts as none."""

ZERO_PERIOD = 1 << 30
"""What is added to the numbers of periods, so that they are not negative."""


NARROW_ITEMS, NARROW_PERIODS = 1 << 16, 1 << 15
"""Words of 32 bits hold numbers of items and periods from 0 up to these, but not as large."""

FINENESS = np.float32(1 << 22)
"""Parts of a purchase that decayed purchases are counted in: 2 ** 31 purchases of an item still add up exactly."""


class PurchaseColumns(NamedTuple):
    """Purchases in any order, column by column.

    Attributes
    ----------
    customer : ndarray of int64, shape (r,)
    number : ndarray of uint32, shape (r,)
        Of the item; `NO_ITEM`: none.
    period : ndarray of int32, shape (r,)
        Nearer to 0 than `ZERO_PERIOD`.
    discounted : ndarray of uint8, shape (r,)
        0 or 1.
    spend : ndarray of int64, shape (r,)
        Hundredths of the currency.
    """

    customer: NDArray[np.int64]
    number: NDArray[np.uint32]
    period: NDArray[np.int32]
    discounted: NDArray[np.uint8]
    spend: NDArray[np.int64]

    @classmethod
    def new(cls, rows: int) -> PurchaseColumns:
        """Room for so many rows; nothing is in it yet."""
        numbers = np.empty(rows, np.int64), np.empty(rows, np.uint32), np.empty(rows, np.int32)
        return cls(*numbers, np.empty(rows, np.uint8), np.empty(rows, np.int64))


class GivenPurchases(NamedTuple):
    """Transactions as a table has them, column by column: whole numbers of up to 64 bits, signed or up to 32 unsigned.

    Attributes
    ----------
    customer, product, period : ndarray of integers, shape (r,)
    quantity, spend, discount : ndarray of integers, float32 or float64, shape (r,) or (0,)
        Without entries: all rows count, nothing was paid, nothing was discounted.
    """

    customer: NDArray[Any]
    product: NDArray[Any]
    period: NDArray[Any]
    quantity: NDArray[Any]
    spend: NDArray[Any]
    discount: NDArray[Any]


class PurchaseBounds(NamedTuple):
    """What transactions have to lie between.

    Attributes
    ----------
    products : int
        Products are from 0 up to it, but not as large.
    until : int
        Later periods are left out.
    quantity, spend, discount : float
        Largest size of each.
    """

    products: int
    until: int
    quantity: float
    spend: float
    discount: float


class PurchaseRows(NamedTuple):
    """Purchases of some customers, in any order.

    Attributes
    ----------
    customer : ndarray of int64, shape (r,)
        Any numbers that tell customers apart.
    bought : ndarray of uint64, shape (r,)
        What and when: the number of an item in the upper 32 bits, `NO_ITEM` for none; below it, twice the period plus
        `ZERO_PERIOD`, and 1 where it was bought at a discount.
    spend : ndarray of int64, shape (r,) or (0,)
        Hundredths of the currency. Without entries: nothing was paid.
    """

    customer: NDArray[np.int64]
    bought: NDArray[np.uint64]
    spend: NDArray[np.int64]

    @classmethod
    def new(cls, rows: int) -> PurchaseRows:
        """Room for so many rows; nothing is in it yet."""
        return cls(np.empty(rows, np.int64), np.empty(rows, np.uint64), np.empty(rows, np.int64))

    def those(self, wanted: NDArray[np.bool_]) -> PurchaseRows:
        """Return some of the rows."""
        place = np.flatnonzero(
            wanted
        )  # taking places is faster than asking each column which rows are wanted
        spend = self.spend[place] if len(self.spend) else self.spend
        return PurchaseRows(self.customer[place], self.bought[place], spend)


class TextTable(NamedTuple):
    """A hash table of different texts, which have numbers from 0 on.

    Attributes
    ----------
    known : ndarray of int64, shape (1,)
        Number of texts that there are.
    slot : ndarray of uint64, shape (a power of 2,)
        The number plus 1 of a text in the lower 32 bits, and above them those of its hash; 0: none. A text has the
        first that was free from the slot of its hash's lower bits on.
    end : ndarray of int64, shape (room + 1,)
        Text t is ``data[end[t]:end[t + 1]]``.
    data : ndarray of uint8
    """

    known: NDArray[np.int64]
    slot: NDArray[np.uint64]
    end: NDArray[np.int64]
    data: NDArray[np.uint8]


class GroupedRows(NamedTuple):
    """Purchases by customer, item and period, and trips by customer and period; there is room for one of each a row.

    Attributes
    ----------
    counts : ndarray of int64, shape (4,)
        Customers, pairs, purchases and trips that there are.
    customer : ndarray of int64, shape (r,)
        Ascending.
    customer_pairs, customer_trips : ndarray of int64, shape (r + 1,)
        Pairs and trips of customer i are those from entry i to entry i + 1.
    pair_item : ndarray of uint32, shape (r,)
        Rank of each pair's item, ascending for a customer.
    pair_purchases : ndarray of int64, shape (r + 1,)
        Purchases of pair p are those from entry p to entry p + 1.
    period : ndarray of int32, shape (r,)
        Of each purchase, ascending for a pair.
    discounted : ndarray of uint8, shape (r,)
        Whether any of it was at a discount.
    spend : ndarray of int64, shape (r,)
    trip_period, trip_discounted, trip_spend : ndarrays of int32, uint8 and int64, shape (r,)
        The same of each customer's purchases of anything, and of no item.
    """

    counts: NDArray[np.int64]
    customer: NDArray[np.int64]
    customer_pairs: NDArray[np.int64]
    customer_trips: NDArray[np.int64]
    pair_item: NDArray[np.uint32]
    pair_purchases: NDArray[np.int64]
    period: NDArray[np.int32]
    discounted: NDArray[np.uint8]
    spend: NDArray[np.int64]
    trip_period: NDArray[np.int32]
    trip_discounted: NDArray[np.uint8]
    trip_spend: NDArray[np.int64]

    @classmethod
    def new(cls, rows: int) -> GroupedRows:
        """Room for what so many rows come to; nothing is in it yet."""
        offsets = (np.empty(rows + 1, np.int64) for _ in range(3))
        customer_pairs, customer_trips, pair_purchases = offsets
        purchases, trips = (
            (np.empty(rows, np.int32), np.empty(rows, np.uint8), np.empty(rows, np.int64))
            for _ in range(2)
        )
        return cls(
            np.zeros(4, np.int64), np.empty(rows, np.int64), customer_pairs, customer_trips,
            np.empty(rows, np.uint32), pair_purchases, *purchases, *trips,
        )  # fmt: skip
