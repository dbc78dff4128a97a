"""Which customers stay free: those to whom a change of their choice matters little."""

from __future__ import annotations

import numpy as np

from ..contract import Flags, Prices, Rules, Shard
from .evaluate import reduced_value
from .preference import level_of
from .rules import of_customer


def mark_free(
    shard: Shard,
    rules: Rules,
    price: Prices,
    chosen: Flags,
    threshold: Prices,
    start: int,
    stop: int,
    is_free: Flags,
) -> None:
    """Mark the customers to whom a change of their best choice matters little.

    A customer at level h is free when giving up a chosen candidate of item k loses at most ``threshold[h, 0, s, k]`` of
    reduced value, or taking one that is not chosen loses at most ``threshold[h, 1, s, k]``. What comes instead of what
    goes, or goes for what comes, is the best of the customer's candidates, groups of rules left aside. Levels are drawn
    by customer: half of those at a level or higher are higher.

    Parameters
    ----------
    shard : Shard
    rules : Rules
    price : ndarray of float32, shape (1 + C, S, K)
        See `evaluate`.
    chosen : ndarray of uint8, shape (candidates of these customers,)
        The best choice at these prices.
    threshold : ndarray of float32, shape (levels, 2, S, K)
        Regret thresholds of leaving and of coming.
    start, stop : int
        Customers ``start <= i < stop``.
    is_free : ndarray of uint8, shape (stop - start,)
        OUT: 1 for free customers, else 0.
    """
    first = shard.indptr[start]
    for i in range(start, stop):
        mine = chosen[shard.indptr[i] - first : shard.indptr[i + 1] - first]
        level = level_of(shard.first + i, len(threshold))
        is_free[i - start] = is_close(shard, rules, price, i, mine, threshold[level])


def is_close(
    shard: Shard, rules: Rules, price: Prices, i: int, chosen: Flags, threshold: Prices
) -> int:
    """Whether a customer's choice is close to a change, 0 or 1; chosen: of its candidates, threshold: of its level."""
    begin, end = shard.indptr[i], shard.indptr[i + 1]
    segment = of_customer(shard.segment, i)
    given = 0
    least = np.float32(np.inf)  # of what is chosen
    most = np.float32(-np.inf)  # of what is not
    value = np.empty(end - begin, np.float32)
    for j in range(end - begin):
        v = reduced_value(shard, price, segment, np.int64(shard.item[begin + j]), begin + j)
        value[j] = v
        if chosen[j]:
            given += 1
            least = min(least, v)
        else:
            most = max(most, v)
    if given > of_customer(rules.lower, i):
        most = max(most, np.float32(0.0))
    if given < of_customer(rules.upper, i):
        least = min(least, np.float32(0.0))
    close = 0
    for j in range(end - begin):
        k = np.int64(shard.item[begin + j])
        if chosen[j]:
            loss = value[j] - most
            bar = threshold[0, segment, k]
        else:
            loss = least - value[j]
            bar = threshold[1, segment, k]
        if loss <= bar:
            close = 1
    return close
