"""Prices on a customer's linear rows, which bound a branch of the search more closely than the greedy choice does.

A Lagrangian relaxation: what a candidate adds to a row is charged to it, and what the row has is given back. Whatever
the prices, no choice that keeps the rows is worth more than the greedy choice at what is left of the values. Prices are
found one row after the other, between one at which the greedy choice breaks it and one at which it does not: where both
choices are worth the same.

Rows of which nothing is not within the bounds have none: they bind only where something of them is given.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...contract import Sums
from ..search_bounds import SearchInput, SearchState
from .customer_rows import SearchRows

MOST_PRICED = 4
"""Rows with a price, at most: sums of what they charge stay within 64 bits."""

COARSER = 3
"""Bits by which values are coarser here, rounded up: room for what rows give back."""

STEPS = 12
"""Prices of a row that are tried; mostly three or four are enough."""

ROUNDS = 2
"""How often each row's price is looked for."""


class RowPrices(NamedTuple):
    """What is left of values once rows are paid for.

    value: int64 (n), in the order of choice, coarser. turn: int64 (n), candidates by falling value; empty: there are no
    prices. constant: int64 (1), what the rows have, at their prices.
    """

    value: NDArray[np.int64]
    turn: NDArray[np.int64]
    constant: NDArray[np.int64]


def no_prices() -> RowPrices:
    """Where no row has a price."""
    nothing = np.zeros(0, np.int64)
    return RowPrices(nothing, nothing, np.zeros(1, np.int64))


def priced_bound(
    search: SearchInput, state: SearchState, prices: RowPrices, free: Sums, given: int, mine: Sums
) -> int:
    """No choice of a branch that keeps the rows is worth more than this."""
    picks = np.zeros(len(free), np.int64)
    total = priced_walk(search, state, prices, free, given, picks) + prices.constant[0]
    for t in range(len(free)):
        if mine[t]:
            total += prices.value[t]
    return total << COARSER


def priced_walk(
    search: SearchInput, state: SearchState, prices: RowPrices, free: Sums, given: int, picks: Sums
) -> int:
    """Worth of the greedy choice under the laminar family at what is left of the values; the picks are added."""
    left = state.residual.copy()
    total = 0
    for t in prices.turn:
        if given >= search.upper or prices.value[t] <= 0:
            break
        fits = free[t] != 0
        for s in range(len(left)):
            if search.member[s, t] and left[s] <= 0 and not search.bound[s, 3]:
                fits = False
        if not fits:
            continue
        for s in range(len(left)):
            if search.member[s, t]:
                left[s] -= 1
        given += 1
        total += prices.value[t]
        picks[t] = 1
    return total


def find_prices(
    search: SearchInput,
    state: SearchState,
    rows: SearchRows,
    free: Sums,
    given: int,
    mine: Sums,
    broken: Sums,
) -> RowPrices:
    """Prices of the first rows that a choice (`broken`) breaks, where a search begins; see `Node`."""
    row = np.full(MOST_PRICED, -1)
    sign = np.zeros(MOST_PRICED, np.int64)
    count = rows_to_price(rows, broken, row, sign)
    coarse = (search.value + ((1 << COARSER) - 1)) >> COARSER
    price = np.zeros(MOST_PRICED, np.int64)
    prices = priced(rows, coarse, row[:count], sign, price)
    for _ in range(ROUNDS):
        for k in range(count):
            low, high = 0, largest_price(rows, row[k], sign[k], coarse)
            price[k] = low
            prices = priced(rows, coarse, row[:count], sign, price)
            much, worth = beyond(
                search, state, rows, prices, free, given, mine, row[k], sign[k], low
            )
            if much <= 0:
                continue  # nothing is to be charged for
            price[k] = high
            prices = priced(rows, coarse, row[:count], sign, price)
            little, least = beyond(
                search, state, rows, prices, free, given, mine, row[k], sign[k], high
            )
            for _ in range(STEPS):
                if little > 0 or worth < least:
                    break
                even = (worth - least) // (much - little)
                if even <= low or even >= high:
                    break
                price[k] = even
                prices = priced(rows, coarse, row[:count], sign, price)
                some, its = beyond(
                    search, state, rows, prices, free, given, mine, row[k], sign[k], even
                )
                if some > 0:
                    low, much, worth = even, some, its
                else:
                    high, little, least = even, some, its
            price[k] = high
            prices = priced(rows, coarse, row[:count], sign, price)
    return prices


def beyond(
    search: SearchInput,
    state: SearchState,
    rows: SearchRows,
    prices: RowPrices,
    free: Sums,
    given: int,
    mine: Sums,
    r: int,
    sign: int,
    price: int,
) -> tuple[int, int]:
    """How far beyond a row's bound the greedy choice at some prices is, and its worth but for this row's price."""
    picks = mine.copy()
    worth = priced_walk(search, state, prices, free, given, picks)
    total = sum_of(rows, r, picks)
    charged = total - sum_of(rows, r, mine)
    return sign * (total - side_of(rows, r, sign)), worth + price * sign * charged


def rows_to_price(rows: SearchRows, broken: Sums, row: Sums, sign: Sums) -> int:
    """Rows that a choice breaks and that bind in any case (OUT): 1 at their most, -1 at their least; how many."""
    count = 0
    for r in range(len(rows.head)):
        if rows.head[r, 0] or count == len(row):
            continue
        total = sum_of(rows, r, broken)
        if rows.head[r, 2] >= 0 and total > rows.head[r, 2]:
            row[count], sign[count] = r, 1
            count += 1
        elif rows.head[r, 1] <= 0 and total < rows.head[r, 1]:
            row[count], sign[count] = r, -1
            count += 1
    return count


def sum_of(rows: SearchRows, r: int, picks: Sums) -> int:
    """What picks add up to in a linear row."""
    total = 0
    for x in range(rows.ptr[r], rows.ptr[r + 1]):
        if picks[rows.place[x]]:
            total += rows.weight[x]
    return total


def side_of(rows: SearchRows, r: int, sign: int) -> int:
    """The bound of a row that has a price."""
    return rows.head[r, 2] if sign > 0 else rows.head[r, 1]


def largest_price(rows: SearchRows, r: int, sign: int, coarse: Sums) -> int:
    """A price at which nothing is worth anything that adds to a row, within what sums have room for."""
    n, bits = len(coarse), 0
    while n >> bits > 0:
        bits += 1
    most, size = 0, 1
    for x in range(rows.ptr[r], rows.ptr[r + 1]):
        size = max(size, abs(rows.weight[x]))
        if sign * rows.weight[x] > 0:
            most = max(most, coarse[rows.place[x]] // abs(rows.weight[x]) + 1)
    return min(most, (1 << (59 - bits)) // size)


def priced(rows: SearchRows, coarse: Sums, row: Sums, sign: Sums, price: Sums) -> RowPrices:
    """What is left of values at some prices."""
    value = coarse.copy()
    constant = np.zeros(1, np.int64)
    for k in range(len(row)):
        for x in range(rows.ptr[row[k]], rows.ptr[row[k] + 1]):
            value[rows.place[x]] -= price[k] * sign[k] * rows.weight[x]
        constant[0] += price[k] * sign[k] * side_of(rows, row[k], sign[k])
    return RowPrices(value, np.argsort(-value, kind="mergesort"), constant)
