"""The kernel that counts what all pairs of customers and items come to, item by item.

Letters: c items that have numbers, H half-lives, W periods of `late`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...affinity_contract import GroupedStates, Pairs
from ...contract import Amounts, Integer, Prices, Sums
from ...purchases_contract import FINENESS, PurchaseRows
from ..purchases import group_states


def count_purchases(
    rows: PurchaseRows,
    rank: NDArray[np.uint32],
    first: Integer,
    last: Integer,
    factor: Prices,
    until: Integer,
    late: Sums,
    counts: Amounts,
    customers: Sums,
) -> None:
    """Add what the pairs of customers come to, as `group_states` has them, to the counts of their items.

    Parameters
    ----------
    rows : PurchaseRows
    rank : ndarray of uint32, shape (c,)
        Where the item of each number stands among the items; items of several numbers have one rank.
    first, last : int
        Periods that all purchases lie between.
    factor : ndarray of float32, shape (G, H)
        What is left of a purchase after so many periods; G is above until - first.
    until : int
        Period that decayed purchases are counted as of; from last on.
    late : ndarray of int64, shape (W,)
        Periods from which on purchases are late.
    counts : ndarray of float64, shape (items, 4 + H + 2 W)
        IN/OUT: of each item its buyers, those who bought it more than once, periods from their first purchase to the
        last, and gaps between purchases; decayed purchases, in multiples of 1 / FINENESS; and for each period of `late`
        who bought it before that, and who of these from it on, too.
    customers : ndarray of int64, shape (1,)
        IN/OUT: the customers of the rows are added.
    """
    found = no_states(len(rows.customer), factor.shape[1])
    group_states(rows, rank, first, last, factor, found)
    customers[0] += found.counts[0]
    states, half_lives = found.pairs, factor.shape[1]
    for p in range(found.counts[1]):
        to = counts[found.item[p]]
        began, ended = np.int64(states.first[p]), np.int64(states.last[p])
        to[0] += 1.0
        to[1] += 1.0 if states.times[p] > 1 else 0.0
        to[2] += np.float64(ended - began)
        to[3] += np.float64(states.times[p]) - 1.0
        for h in range(half_lives):
            now = np.float32(states.decay[p, h] * factor[until - ended, h])
            to[4 + h] += np.float64(np.rint(np.float32(now * FINENESS)))
        for w in range(len(late)):
            before = began < late[w]
            to[4 + half_lives + 2 * w] += 1.0 if before else 0.0
            to[5 + half_lives + 2 * w] += 1.0 if before and ended >= late[w] else 0.0


def no_states(n: Integer, half_lives: Integer) -> GroupedStates:
    """Room for the states that so many rows come to."""
    pairs = Pairs(
        np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32),
        np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.uint64),
        np.empty((n, half_lives), np.float32),
    )  # fmt: skip
    trips = Pairs(
        np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32),
        np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.uint64),
        np.empty((n, half_lives), np.float32),
    )  # fmt: skip
    counts, customer, n_pairs = np.zeros(2, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    return GroupedStates(counts, customer, n_pairs, np.empty(n, np.uint32), pairs, trips)
