"""Fixes everybody's best choice, but for customers to whom a change of theirs matters little."""

from __future__ import annotations

import numpy as np

from ..contract import Flags, Integer, Prices, Rules, Shard, Sums
from .evaluate import reduced_values
from .preference import level_of, number_of, of_customer


def fix_choices(
    shard: Shard,
    rules: Rules,
    price: Prices,
    start: int,
    stop: int,
    bits: Flags,
    threshold: Prices,
    fine: Flags,
    usage: Sums,
    fine_usage: Sums,
    is_free: Flags,
    chosen: Flags,
) -> None:
    """Leave customers free to whom a change of their best choice matters little, and add up what the others are given.

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
    start, stop : int
        Customers ``start <= i < stop``.
    bits : ndarray of uint8, shape (candidates of these customers / 8, rounded up,)
        Best choices at these prices, a bit for each candidate: the lowest ones of a byte come first.
    threshold : ndarray of float32, shape (levels, 2, S, K)
        Regret thresholds of leaving and of coming.
    fine : ndarray of uint8, shape (A, candidates of these customers)
        Where in the steps of their quantities values lie; see `quantise`. Attributes may lie apart in memory.
    usage : ndarray of int64, shape (1 + C, S, K)
        IN/OUT: subtracts the number of coupons of free customers, and the sums of their quantities.
    fine_usage : ndarray of int64, shape (A, S, K)
        IN/OUT: adds the sums of `fine` of fixed customers' coupons.
    is_free : ndarray of uint8, shape (stop - start,)
        OUT: 1 for free customers, else 0.
    chosen : ndarray of uint8, shape (candidates of these customers,)
        OUT: of free customers' candidates, 1 for those that are chosen, else 0; of others nothing is written.
    """
    first = shard.indptr[start]
    for i in range(start, stop):
        begin, end = shard.indptr[i] - first, shard.indptr[i + 1] - first
        mine = flags_of(bits, begin, end)
        bars = threshold[level_of(number_of(shard, i), len(threshold))]
        is_free[i - start] = is_close(shard, rules, price, i, mine, bars)
        if is_free[i - start]:
            take_off(shard, i, mine, usage)
            chosen[begin:end] = mine
        else:
            add_fine(shard, i, mine, fine, fine_usage, first)


def flags_of(bits: Flags, begin: Integer, end: Integer) -> Flags:
    """The bits from one to another one, a byte each."""
    flags = np.empty(end - begin, np.uint8)
    for e in range(begin, end):
        flags[e - begin] = np.int64(bits[e >> 3]) >> (e & 7) & 1
    return flags


def take_off(shard: Shard, i: int, chosen: Flags, usage: Sums) -> None:
    """Subtract a customer's choice, of its candidates, from usage (IN/OUT)."""
    begin, segment = shard.indptr[i], of_customer(shard.segment, i)
    for j in range(len(chosen)):
        if chosen[j]:
            k = np.int64(shard.item[begin + j])
            usage[0, segment, k] -= 1
            for c in range(shard.quantity.shape[0]):
                usage[1 + c, segment, k] -= shard.quantity[c, begin + j]


def add_fine(
    shard: Shard, i: int, chosen: Flags, fine: Flags, fine_usage: Sums, first: Integer
) -> None:
    """Add a customer's choice to fine_usage (IN/OUT); fine: of the candidates from the first one on."""
    begin, segment = shard.indptr[i], of_customer(shard.segment, i)
    for j in range(len(chosen)):
        if chosen[j]:
            k = np.int64(shard.item[begin + j])
            for a in range(fine.shape[0]):
                fine_usage[a, segment, k] += np.int64(fine[a, begin - first + j])


def is_close(
    shard: Shard, rules: Rules, price: Prices, i: int, chosen: Flags, threshold: Prices
) -> int:
    """Whether a customer's choice is close to a change, 0 or 1; chosen: of its candidates, threshold: of its level."""
    begin, end = shard.indptr[i], shard.indptr[i + 1]
    segment = of_customer(shard.segment, i)
    given = 0
    least = np.float32(np.inf)  # of what is chosen
    most = np.float32(-np.inf)  # of what is not
    value = reduced_values(shard, price, segment, begin, end)
    for j in range(end - begin):
        if chosen[j]:
            given += 1
            least = min(least, value[j])
        else:
            most = max(most, value[j])
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
