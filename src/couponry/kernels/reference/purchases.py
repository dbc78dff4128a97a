"""The kernels that put purchases into order: by customer, then by item and period, what belongs together added up.

Letters: r rows, c items that have numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..affinity_contract import NO_ITEM, ZERO_PERIOD, GroupedRows, PurchaseRows
from ..contract import Integer, Sums, Words

ONE = np.uint64(1)
HALF_WORD = np.uint64(32)
LOW_HALF = np.uint64(0xFFFFFFFF)


def order_ids(ids: Sums, order: Sums) -> None:
    """Find the ascending order of ids.

    Parameters
    ----------
    ids : ndarray of int64, shape (r,)
    order : ndarray of int64, shape (r,)
        OUT: places in `ids`, those of equal ids in their own order.
    """
    order[:] = np.argsort(ids, kind="mergesort")


def group_purchases(
    rows: PurchaseRows, rank: NDArray[np.uint32], first: Integer, last: Integer, grouped: GroupedRows
) -> None:
    """Add up purchases by customer, item and period, and by customer and period.

    Parameters
    ----------
    rows : PurchaseRows
    rank : ndarray of uint32, shape (c,)
        Where the item of each number stands among the items; items of several numbers have one rank.
    first, last : int
        Periods that all purchases lie between.
    grouped : GroupedRows
        OUT.
    """
    count = len(rows.customer)
    order = np.argsort(rows.customer, kind="mergesort")
    spent = np.zeros(last - first + 1, np.int64)
    cheap = np.zeros(last - first + 1, np.uint8)
    there = np.zeros(last - first + 1, np.uint8)
    customers, pairs, purchases, trips, begin = 0, 0, 0, 0, 0
    while begin < count:
        customer = rows.customer[order[begin]]
        end = begin + 1
        while end < count and rows.customer[order[end]] == customer:
            end += 1
        mine = order[begin:end]
        key = keys_of(rows.bought[mine], rank)
        grouped.customer[customers] = customer
        grouped.customer_pairs[customers] = pairs
        grouped.customer_trips[customers] = trips
        customers += 1
        before = np.uint64(0)
        new_purchase = True
        for place in np.argsort(key, kind="mergesort"):
            now, spend, is_cheap = key[place], rows.spend[mine[place]], np.uint8(key[place] & ONE)
            slot = np.int64((now & LOW_HALF) >> ONE) - ZERO_PERIOD - first
            there[slot] = 1
            spent[slot] += spend
            cheap[slot] |= is_cheap
            new_purchase = now >> ONE != before >> ONE
            if now >> HALF_WORD != before >> HALF_WORD:
                grouped.pair_item[pairs] = np.uint32((now >> HALF_WORD) - ONE)
                grouped.pair_purchases[pairs] = purchases
                pairs += 1
            before = now
            if now >> HALF_WORD == np.uint64(0):
                continue
            if new_purchase:
                grouped.period[purchases] = np.int32(slot + first)
                grouped.discounted[purchases] = 0
                grouped.spend[purchases] = 0
                purchases += 1
            grouped.discounted[purchases - 1] |= is_cheap
            grouped.spend[purchases - 1] += spend
        for slot in np.flatnonzero(there):
            grouped.trip_period[trips] = np.int32(slot + first)
            grouped.trip_discounted[trips] = cheap[slot]
            grouped.trip_spend[trips] = spent[slot]
            trips += 1
        there[:], spent[:], cheap[:] = 0, 0, 0
        begin = end
    grouped.customer_pairs[customers] = pairs
    grouped.customer_trips[customers] = trips
    grouped.pair_purchases[pairs] = purchases
    grouped.counts[0], grouped.counts[1] = customers, pairs
    grouped.counts[2], grouped.counts[3] = purchases, trips


def keys_of(bought: Words, rank: NDArray[np.uint32]) -> Words:
    """Keys of which purchases of no item come first, and others by the rank of the item, then by period."""
    key = bought & LOW_HALF
    for r in range(len(bought)):
        number = np.int64(bought[r] >> HALF_WORD)
        if number != NO_ITEM:
            key[r] |= (np.uint64(rank[number]) + ONE) << HALF_WORD
    return key
