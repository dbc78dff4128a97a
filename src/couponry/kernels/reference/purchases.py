"""The kernels that put purchases into order: by customer, then by item and period, what belongs together added up.

Customers whose ids are text are given numbers first. Letters: r rows, c items that have numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..affinity_contract import (
    NO_ITEM,
    ZERO_PERIOD,
    GroupedRows,
    PurchaseColumns,
    PurchaseRows,
    TextTable,
)
from ..contract import Integer, Sums, Words

ONE = np.uint64(1)
HALF_WORD = np.uint64(32)
LOW_HALF = np.uint64(0xFFFFFFFF)
TOP_BIT = np.uint64(1 << 63)
"""Turned over, it makes words signed numbers of the same order."""

MULTIPLIER = np.uint64(0x100000001B3)
"""Of the polynomial hash of text: the prime of the 64-bit FNV hash."""


def hash_texts(end: Sums, data: NDArray[np.uint8], out: Words) -> None:
    """Hash texts: a polynomial of their bytes plus 1, modulo 2 ** 64, scattered as SplitMix64 does.

    Parameters
    ----------
    end : ndarray of int64, shape (r + 1,)
        Text t is ``data[end[t]:end[t + 1]]``.
    data : ndarray of uint8
    out : ndarray of uint64, shape (r,)
        OUT.
    """
    out[:] = 0
    for r in range(len(out)):
        x = out[r : r + 1]  # an array: products of single numbers would warn that they overflow
        for k in range(end[r + 1] - 1, end[r] - 1, -1):
            x += np.uint64(data[k]) + ONE
            x *= MULTIPLIER
    out += np.uint64(0x9E3779B97F4A7C15)
    out ^= out >> np.uint64(30)
    out *= np.uint64(0xBF58476D1CE4E5B9)
    out ^= out >> np.uint64(27)
    out *= np.uint64(0x94D049BB133111EB)
    out ^= out >> np.uint64(31)


def number_texts(
    end: Sums,
    data: NDArray[np.uint8],
    hashed: Words,
    table: TextTable,
    number: Sums,
    adds: Integer,
) -> None:
    """Find the numbers of texts; several threads may do so while one adds others to the same table.

    Parameters
    ----------
    end : ndarray of int64, shape (r + 1,)
        Text t is ``data[end[t]:end[t + 1]]``.
    data : ndarray of uint8
    hashed : ndarray of uint64, shape (r,)
        See `hash_texts`.
    table : TextTable
        IN/OUT: with room for the texts that are added, and a free slot besides.
    number : ndarray of int64, shape (r,)
        IN/OUT: numbers of texts that have one stay; those of others are looked up, and are -1 if there are none.
    adds : int
        1: texts that the table lacks are added to it; 0: they are not.
    """
    mask = np.uint64(len(table.slot) - 1)
    for r in range(len(number)):
        if number[r] >= 0:
            continue
        text, tag = data[end[r] : end[r + 1]], hashed[r] >> HALF_WORD
        at = hashed[r] & mask
        while number[r] < 0 and table.slot[at]:
            found = np.int64(table.slot[at] & LOW_HALF) - 1
            if table.slot[at] >> HALF_WORD == tag and is_text(table, found, text):
                number[r] = found
            at = (at + ONE) & mask
        if number[r] < 0 and adds:
            number[r] = table.known[0]
            begin = table.end[number[r]]
            table.data[begin : begin + len(text)] = text
            table.end[number[r] + 1] = begin + len(text)
            table.known[0] += 1
            table.slot[at] = tag << HALF_WORD | np.uint64(number[r] + 1)


def is_text(table: TextTable, number: Integer, text: NDArray[np.uint8]) -> bool:
    """Whether a text of the table is this one."""
    begin = table.end[number]
    if table.end[number + 1] - begin != len(text):
        return False
    is_same = True
    for k in range(len(text)):
        is_same = is_same and table.data[begin + k] == text[k]
    return is_same


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
        OUT; customers may be uint32, and spend int32.
    """
    for r in range(len(columns.customer)):
        which = (columns.customer[r] >> shift) - least
        put(columns, r, rows, place[which])
        place[which] += 1


def put(columns: PurchaseColumns, r: Integer, rows: PurchaseRows, k: Integer) -> None:
    """Put one of the purchases into a row."""
    when = np.uint64((np.int64(columns.period[r]) + ZERO_PERIOD) * 2 + columns.discounted[r])
    rows.customer[k] = columns.customer[r]
    rows.bought[k] = np.uint64(columns.number[r]) << HALF_WORD | when
    rows.spend[k] = columns.spend[r]


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
        now, spend, is_cheap = key[place], rows.spend[mine[place]], np.uint8(key[place] & ONE)
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
