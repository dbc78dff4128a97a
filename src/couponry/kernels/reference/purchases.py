"""The kernels that check purchases, put them into order and add up what belongs together.

Letters: r rows, c items that have numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..affinity_contract import GroupedStates
from ..contract import Flags, Integer, Prices, Sums, Words
from ..purchases_contract import (
    NARROW_ITEMS,
    NO_ITEM,
    ZERO_PERIOD,
    GivenPurchases,
    GroupedRows,
    PurchaseBounds,
    PurchaseColumns,
    PurchaseRows,
)
from .affinity import fold_purchases

ONE = np.uint64(1)
HALF_WORD = np.uint64(32)
LOW_HALF = np.uint64(0xFFFFFFFF)
QUARTER_WORD = np.uint64(16)
LOW_QUARTER = np.uint64(0xFFFF)
TOP_BIT = np.uint64(1 << 63)
"""Turned over, it makes words signed numbers of the same order."""

BLOCK = 512
"""Rows that are checked before the first of them is written."""

NARROW_BYTES = 4
"""Of what was bought, in 16 bits of an item's number and 16 of the period and discount."""

LEAST, MOST = np.int64(-(2**63)), np.int64(2**63 - 1)


def take_purchases(
    given: GivenPurchases,
    bounds: PurchaseBounds,
    columns: PurchaseColumns,
    seen: Flags,
    found: Sums,
) -> None:
    """Check transactions, and put those that count behind each other.

    Parameters
    ----------
    given : GivenPurchases
        Columns as they are in a table.
    bounds : PurchaseBounds
        What they have to lie between.
    columns : PurchaseColumns
        OUT: purchases with a quantity above 0 up to the last period that is read; spend in hundredths, rounded half up.
    seen : ndarray of uint8, shape (products,)
        IN/OUT: 1 for each product among them; other threads may write there, too.
    found : ndarray of int64, shape (9,)
        OUT: how many these are; rows whose quantity is not above 0; rows of later periods; least and largest customer,
        period and spend. A first number of -1: something is beyond its bounds.
    """
    kept, left_out, too_late = 0, 0, 0
    for start in range(0, len(given.customer), BLOCK):
        rows = range(start, min(start + BLOCK, len(given.customer)))
        for r in rows:
            if not is_within(given, bounds, r):
                found[0] = -1
                return
        for r in rows:
            in_time = np.int64(given.period[r]) <= bounds.until
            bought = len(given.quantity) == 0 or given.quantity[r] > 0
            if not in_time:
                too_late += 1
                continue
            if not bought:
                left_out += 1
                continue
            spend = np.float64(given.spend[r]) if len(given.spend) else np.float64(0.0)
            columns.customer[kept] = given.customer[r]
            columns.number[kept] = given.product[r]
            columns.period[kept] = given.period[r]
            columns.discounted[kept] = len(given.discount) > 0 and given.discount[r] != 0
            columns.spend[kept] = np.int64(np.floor(spend * 100.0 + 0.5))
            kept += 1
    found[0], found[1], found[2] = kept, left_out, too_late
    for k in range(3):
        found[3 + 2 * k], found[4 + 2 * k] = MOST, LEAST
    for r in range(kept):
        found[3] = min(found[3], columns.customer[r])
        found[4] = max(found[4], columns.customer[r])
        found[5] = min(found[5], np.int64(columns.period[r]))
        found[6] = max(found[6], np.int64(columns.period[r]))
        found[7] = min(found[7], columns.spend[r])
        found[8] = max(found[8], columns.spend[r])
        seen[columns.number[r]] = 1


def is_within(given: GivenPurchases, bounds: PurchaseBounds, r: Integer) -> bool:
    """Whether the numbers of a row lie within their bounds."""
    product, period = np.int64(given.product[r]), np.int64(given.period[r])
    fits = 0 <= product < bounds.products and -ZERO_PERIOD < period < ZERO_PERIOD
    if len(given.quantity):
        fits = fits and abs(np.float64(given.quantity[r])) <= bounds.quantity
    if len(given.spend):
        fits = fits and abs(np.float64(given.spend[r])) <= bounds.spend
    if len(given.discount):
        fits = fits and abs(np.float64(given.discount[r])) <= bounds.discount
    return bool(fits)


def count_ranges(customer: Sums, shift: Integer, least: Integer, count: Sums) -> None:
    """Count the rows of ranges of ids.

    Parameters
    ----------
    customer : ndarray of int64, shape (r,)
    shift : int
        Ranges are of 2 ** shift ids each: an id lies in range ``id >> shift``.
    least : int
        The first range.
    count : ndarray of int64, shape (ranges,)
        IN/OUT: rows are added to those of their range.
    """
    for r in range(len(customer)):
        count[(customer[r] >> shift) - least] += 1


def order_purchases(columns: PurchaseColumns, rows: PurchaseRows) -> None:
    """Put purchases into the order of customers.

    Parameters
    ----------
    columns : PurchaseColumns
    rows : PurchaseRows
        OUT: the same by ascending customer, those of one in their own order.
    """
    order = ascending(columns.customer)
    for k in range(len(order)):
        put(columns, order[k], rows, k)


def place_purchases(
    columns: PurchaseColumns, shift: Integer, least: Integer, place: Sums, rows: PurchaseRows
) -> None:
    """Put purchases where the ranges of their customers are: those of one range behind each other.

    Parameters
    ----------
    columns : PurchaseColumns
    shift : int
        Ranges are of 2 ** shift ids each: an id lies in range ``id >> shift``.
    least : int
        The first range.
    place : ndarray of int64, shape (ranges,)
        IN/OUT: where the next row of each range goes.
    rows : PurchaseRows
        OUT; customers may be uint32, and spend int32, or without entries, where it is not kept. What was bought may be
        uint32: the number of an item in the upper 16 bits, below it twice the period, and 1 at a discount.
    """
    for r in range(len(columns.customer)):
        which = (columns.customer[r] >> shift) - least
        put(columns, r, rows, place[which])
        place[which] += 1


def put(columns: PurchaseColumns, r: Integer, rows: PurchaseRows, k: Integer) -> None:
    """Put one of the purchases into a row."""
    rows.customer[k] = columns.customer[r]
    if rows.bought.itemsize == NARROW_BYTES:
        rows.bought[k] = (
            columns.number[r] * NARROW_ITEMS + columns.period[r] * 2 + columns.discounted[r]
        )
    else:
        when = np.uint64((np.int64(columns.period[r]) + ZERO_PERIOD) * 2 + columns.discounted[r])
        rows.bought[k] = np.uint64(columns.number[r]) << HALF_WORD | when
    if len(rows.spend):
        rows.spend[k] = columns.spend[r]


def gather_purchases(
    held: PurchaseRows, start: Sums, stop: Sums, at: Integer, rows: PurchaseRows
) -> None:
    """Put rows that lie in several places behind each other.

    Parameters
    ----------
    held : PurchaseRows
        In the types that `place_purchases` puts them in.
    start, stop : ndarray of int64, shape (pieces,)
        Rows start <= r < stop of each piece.
    at : int
        Where the first of them goes.
    rows : PurchaseRows
        OUT. What was paid is 0 where it is not held, and not asked for where there is no room for it.
    """
    for k in range(len(start)):
        for r in range(start[k], stop[k]):
            rows.customer[at] = held.customer[r]
            word = np.uint64(held.bought[r])
            if held.bought.itemsize == NARROW_BYTES:
                when = word & LOW_QUARTER | np.uint64(2 * ZERO_PERIOD)
                word = word >> QUARTER_WORD << HALF_WORD | when
            rows.bought[at] = word
            if len(rows.spend):
                rows.spend[at] = held.spend[r] if len(held.spend) else 0
            at += 1


def group_purchases(
    rows: PurchaseRows,
    rank: NDArray[np.uint32],
    first: Integer,
    last: Integer,
    grouped: GroupedRows,
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
    order = ascending(rows.customer)
    grouped.counts[:] = 0
    begin = 0
    while begin < len(order):
        end = begin + 1
        while end < len(order) and rows.customer[order[end]] == rows.customer[order[begin]]:
            end += 1
        group_customer(rows, order[begin:end], rank, np.int64(first), np.int64(last), grouped)
        begin = end
    customers, pairs, purchases, trips = grouped.counts
    grouped.customer_pairs[customers] = pairs
    grouped.customer_trips[customers] = trips
    grouped.pair_purchases[pairs] = purchases


def group_states(
    rows: PurchaseRows,
    rank: NDArray[np.uint32],
    first: Integer,
    last: Integer,
    factor: Prices,
    grouped: GroupedStates,
) -> None:
    """Take purchases up into states by customer and item, and by customer: `group_purchases` and `fold_purchases`.

    Parameters
    ----------
    rows : PurchaseRows
    rank : ndarray of uint32, shape (c,)
        Where the item of each number stands among the items; items of several numbers have one rank.
    first, last : int
        Periods that all purchases lie between.
    factor : ndarray of float32, shape (G, H)
        What is left of a purchase after so many periods; G is above last - first.
    grouped : GroupedStates
        OUT.
    """
    n = len(rows.customer)
    found = GroupedRows(
        np.zeros(4, np.int64), np.empty(n, np.int64), np.empty(n + 1, np.int64),
        np.empty(n + 1, np.int64), np.empty(n, np.uint32), np.empty(n + 1, np.int64),
        np.empty(n, np.int32), np.empty(n, np.uint8), np.empty(n, np.int64),
        np.empty(n, np.int32), np.empty(n, np.uint8), np.empty(n, np.int64),
    )  # fmt: skip
    group_purchases(rows, rank, first, last, found)
    customers, pairs = found.counts[0], found.counts[1]
    grouped.counts[0], grouped.counts[1] = customers, pairs
    grouped.customer[:customers] = found.customer[:customers]
    ends = found.customer_pairs[: customers + 1]
    grouped.n_pairs[:customers] = ends[1:] - ends[:-1]
    grouped.item[:pairs] = found.pair_item[:pairs]
    for states, count in ((grouped.pairs, pairs), (grouped.trips, customers)):
        states.times[:count] = 0
        states.discounted[:count] = 0
        states.spend[:count] = 0
        states.squared_gaps[:count] = 0
    ptr = found.pair_purchases[: pairs + 1]
    fold_purchases(ptr, found.period, found.discounted, found.spend, factor, grouped.pairs)
    ptr = found.customer_trips[: customers + 1]
    fold_purchases(
        ptr, found.trip_period, found.trip_discounted, found.trip_spend, factor, grouped.trips
    )


def group_customer(
    rows: PurchaseRows,
    mine: Sums,
    rank: NDArray[np.uint32],
    first: np.int64,
    last: np.int64,
    grouped: GroupedRows,
) -> None:
    """Add up the rows of one customer, behind what is grouped of others."""
    customers, pairs, purchases, trips = grouped.counts
    grouped.customer[customers] = rows.customer[mine[0]]
    grouped.customer_pairs[customers] = pairs
    grouped.customer_trips[customers] = trips
    spent = np.zeros(last - first + 1, np.int64)
    cheap = np.zeros(last - first + 1, np.uint8)
    there = np.zeros(last - first + 1, np.uint8)
    key = keys_of(rows.bought, mine, rank)
    before = np.uint64(0)
    for place in ascending((key ^ TOP_BIT).view(np.int64)):
        now, is_cheap = key[place], np.uint8(key[place] & ONE)
        spend = rows.spend[mine[place]] if len(rows.spend) else np.int64(0)
        slot = np.int64((now & LOW_HALF) >> ONE) - ZERO_PERIOD - first
        there[slot] = 1
        spent[slot] += spend
        cheap[slot] |= is_cheap
        if now >> HALF_WORD != before >> HALF_WORD:
            grouped.pair_item[pairs] = np.uint32((now >> HALF_WORD) - ONE)
            grouped.pair_purchases[pairs] = purchases
            pairs += 1
        if now >> HALF_WORD and now >> ONE != before >> ONE:
            grouped.period[purchases] = np.int32(slot + first)
            grouped.discounted[purchases] = 0
            grouped.spend[purchases] = 0
            purchases += 1
        if now >> HALF_WORD:
            grouped.discounted[purchases - 1] |= is_cheap
            grouped.spend[purchases - 1] += spend
        before = now
    for age in range(len(there)):
        if there[age]:
            grouped.trip_period[trips] = np.int32(age + first)
            grouped.trip_discounted[trips] = cheap[age]
            grouped.trip_spend[trips] = spent[age]
            trips += 1
    grouped.counts[0], grouped.counts[1] = customers + 1, pairs
    grouped.counts[2], grouped.counts[3] = purchases, trips


def keys_of(bought: Words, mine: Sums, rank: NDArray[np.uint32]) -> Words:
    """Keys of some rows, by which those of no item come first, and others by the rank of the item, then by period."""
    key = np.empty(len(mine), np.uint64)
    for k in range(len(mine)):
        word = bought[mine[k]]
        number = np.int64(word >> HALF_WORD)
        place = np.uint64(0) if number == NO_ITEM else np.uint64(rank[number]) + ONE
        key[k] = place << HALF_WORD | (word & LOW_HALF)
    return key


def ascending(numbers: Sums) -> Sums:
    """Places of numbers in ascending order, of equal ones the first first: merges of ever longer runs."""
    order, other = np.arange(len(numbers)), np.empty(len(numbers), np.int64)
    width = 1
    while width < len(numbers):
        for begin in range(0, len(numbers), 2 * width):
            middle, end = min(begin + width, len(numbers)), min(begin + 2 * width, len(numbers))
            a, b = begin, middle
            for k in range(begin, end):
                if b == end or (a < middle and numbers[order[a]] <= numbers[order[b]]):
                    other[k] = order[a]
                    a += 1
                else:
                    other[k] = order[b]
                    b += 1
        order, other = other, order
        width *= 2
    return order
