"""What may come or go instead where one candidate's decision is changed, and fine sums of a choice."""

from __future__ import annotations

import numpy as np

from ..contract import Flags, Prices, Rules, Shard, Sums
from .evaluate import reduced_value
from .preference import of_customer
from .rules import fits


def alternatives(
    shard: Shard,
    rules: Rules,
    price: Prices,
    chosen: Flags,
    start: int,
    stop: int,
    partner: Sums,
    loss: Prices,
) -> None:
    """Find what changing each candidate's decision costs: a chosen one goes, or another one comes.

    What comes in place of what goes is what is worth most of all that fits then, and what goes in place of what comes
    is what is worth least. Nothing is worth 0 and goes before its equals; then the first by position.

    Parameters
    ----------
    shard : Shard
    rules : Rules
    price : ndarray of float32, shape (1 + C, S, K)
        See `evaluate`.
    chosen : ndarray of uint8, shape (candidates of these customers,)
        The best choice at these prices.
    start, stop : int
        Customers ``start <= i < stop``.
    partner : ndarray of int64, shape (candidates of these customers,)
        OUT: position of what comes or goes instead; -1: nothing.
    loss : ndarray of float32, shape (candidates of these customers,)
        OUT: reduced value lost; infinite where the decision cannot be changed.
    """
    first = shard.indptr[start]
    for i in range(start, stop):
        begin, end = shard.indptr[i], shard.indptr[i + 1]
        held = np.zeros(end, np.uint8)
        held[begin:end] = chosen[begin - first : end - first]
        theirs = partner[begin - first : end - first], loss[begin - first : end - first]
        alternatives_of(shard, rules, price, i, held, theirs[0], theirs[1])


def alternatives_of(
    shard: Shard, rules: Rules, price: Prices, i: int, held: Flags, partner: Sums, loss: Prices
) -> None:
    """`alternatives` for one customer; held: its choice by position in the shard. partner, loss: its candidates'."""
    begin, end = shard.indptr[i], shard.indptr[i + 1]
    s = of_customer(shard.segment, i)
    given = 0
    value = np.empty(end - begin, np.float32)
    for e in range(begin, end):
        given += 1 if held[e] else 0
        value[e - begin] = reduced_value(shard, price, s, np.int64(shard.item[e]), e)
    may_add = given < of_customer(rules.upper, i)
    may_drop = given > of_customer(rules.lower, i)
    for e in range(begin, end):
        who, worth = np.int64(-1), np.float32(0.0)
        if held[e]:
            found = may_drop and fits(shard, rules, i, held, -1, e)
        else:
            found = may_add and fits(shard, rules, i, held, e, -1)
        for other in range(begin, end):
            if held[other] == held[e]:
                continue
            theirs = value[other - begin]
            if found and (theirs <= worth if held[e] else theirs >= worth):
                continue
            into, gone = (other, e) if held[e] else (e, other)
            if fits(shard, rules, i, held, into, gone):
                who, worth, found = np.int64(other), theirs, True
        partner[e - begin] = who
        if not found:
            loss[e - begin] = np.float32(np.inf)
        elif held[e]:
            loss[e - begin] = value[e - begin] - worth
        else:
            loss[e - begin] = worth - value[e - begin]
