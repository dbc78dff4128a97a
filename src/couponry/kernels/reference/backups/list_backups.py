"""Which candidates come next where one of a customer's coupons falls out, best first."""

from __future__ import annotations

import numpy as np

from ...contract import Amounts, Flags, Rules, Shard, Sums
from ..preference import number_of, of_customer, order_of_choice
from ..rules import fits, rows_stay


def backups(
    shard: Shard,
    rules: Rules,
    value: Amounts,
    chosen: Flags,
    seed: int,
    start: int,
    stop: int,
    rank: Flags,
    instead: Flags,
) -> None:
    """List each customer's backups: candidates that are not chosen and may take the place of a coupon that is.

    In a coupon's place, a backup keeps all that the choice keeps: every cap and every row, and no minimum is missed by
    more. Where no candidate does so, it is any that keeps caps and rows. And it is worth more than nothing, unless the
    place left empty would miss a minimum by more, or break a row.

    Parameters
    ----------
    shard : Shard
        Its quantities are not looked at.
    rules : Rules
    value : ndarray of float64, shape (e,)
        What each candidate is worth, finite.
    chosen : ndarray of uint8, shape (e,)
        A choice that keeps the rules.
    seed : int
        32 bits; breaks ties.
    start, stop : int
        Customers ``start <= i < stop``.
    rank : ndarray of uint8, shape (e,)
        OUT, of these customers: 1 for a customer's best backup, 2 for the next, and so on; 0 for all other candidates.
    instead : ndarray of uint8, shape (coupons of these customers, B)
        OUT: 1 where the backup of that rank may take the coupon's place. B, up to 255, is the most backups of a
        customer; coupons come by customer, then by position.
    """
    first = 0
    for i in range(start, stop):
        begin, end = shard.indptr[i], shard.indptr[i + 1]
        coupons = np.flatnonzero(chosen[begin:end])
        order = order_of_choice(value[begin:end], seed, number_of(shard, i), shard.item, begin)
        theirs = instead[first : first + len(coupons)]
        backups_of(shard, rules, i, value, chosen, coupons + begin, order, rank, theirs)
        first += len(coupons)


def backups_of(
    shard: Shard,
    rules: Rules,
    i: int,
    value: Amounts,
    chosen: Flags,
    coupons: Sums,
    order: Sums,
    rank: Flags,
    instead: Flags,
) -> None:
    """`backups` for one customer; coupons: positions of what is chosen; instead: theirs alone."""
    begin, end = shard.indptr[i], shard.indptr[i + 1]
    held = np.zeros(end, np.uint8)
    held[begin:end] = chosen[begin:end]
    rank[begin:end] = 0
    instead[:] = 0
    is_least = len(coupons) <= of_customer(rules.lower, i)
    needed = np.zeros(len(coupons), np.uint8)  # whether its place must not be left empty
    whole = np.zeros(
        len(coupons), np.uint8
    )  # whether something keeps in its place all that it keeps
    for q in range(len(coupons)):
        needed[q] = is_least or not fits(shard, rules, i, held, -1, coupons[q])
        for b in range(begin, end):
            worth = value[b] > 0.0 or needed[q] != 0
            if worth and not held[b] and fits(shard, rules, i, held, b, coupons[q]):
                whole[q] = 1
    found = 0
    for t in range(len(order)):
        b = begin + order[t]
        if held[b] or found >= instead.shape[1]:
            continue
        any_place = False
        for q in range(len(coupons)):
            if whole[q]:
                worth = value[b] > 0.0 or needed[q] != 0
                may = worth and fits(shard, rules, i, held, b, coupons[q])
            else:
                worth = value[b] > 0.0 or is_least
                may = worth and rows_stay(shard, rules, i, held, b, coupons[q])
                held[coupons[q]] = 0
                may = may and fits(shard, rules, i, held, b, -1)
                held[coupons[q]] = 1
            if may:
                instead[q, found] = 1
                any_place = True
        if any_place:
            found += 1
            rank[b] = found
