"""One pass over the customers at given prices: everybody's best choice, and what is chosen in all."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contract import Bounds, Flags, Integer, Prices, Quantities, Rules, Shard, Sums
from ..set_layout import has_constraints
from .constraint_search import best_choice, constraints_in_order
from .preference import MASK, order_of_choice, tie_hash
from .rules import of_customer, of_row
from .whole_values import slack_in_units, whole_values


class Tally(NamedTuple):
    """Where an evaluation adds up what it chooses; see `evaluate`.

    first: position in the shard of the first candidate of `chosen`.
    """

    usage: NDArray[np.int64]
    chosen: NDArray[np.uint8]
    first: int
    unit: int
    cut: NDArray[np.int64]


def noise(shard: Shard, seed: int, start: int, stop: int, out: Quantities) -> None:
    """Draw a number for each candidate, by seed, customer and item alone.

    Parameters
    ----------
    shard : Shard
    seed : int
        32 bits.
    start, stop : int
        Customers ``start <= i < stop``.
    out : ndarray of uint16, shape (candidates of these customers,)
        OUT: uniform numbers.
    """
    first = shard.indptr[start]
    for i in range(start, stop):
        for e in range(shard.indptr[i], shard.indptr[i + 1]):
            # another seed than ties are broken by
            out[e - first] = tie_hash(seed ^ MASK, shard.first + i, shard.item[e]) >> 16


def reduced_value(shard: Shard, price: Prices, segment: int, k: Integer, e: int) -> np.float32:
    """Reduced value of candidate e, of item k, at a price table, float32."""
    total = price[0, segment, k]
    for c in range(shard.quantity.shape[0]):
        total = total + price[1 + c, segment, k] * np.float32(shard.quantity[c, e])
    return total + np.float32(0.0)  # no negative zero


def evaluate(
    shard: Shard,
    rules: Rules,
    price: Prices,
    seed: int,
    start: int,
    stop: int,
    usage: Sums,
    chosen: Flags,
    unit: int,
    cut: Sums,
) -> None:
    """Find each customer's best choice at the given prices, and add up what is chosen.

    Parameters
    ----------
    shard : Shard
    rules : Rules
    price : ndarray of float32, shape (1 + C, S, K)
        Reduced value of a candidate is ``price[0] + sum_c price[1 + c] * quantity[c]``.
    seed : int
        32 bits; breaks ties.
    start, stop : int
        Customers ``start <= i < stop``.
    usage : ndarray of int64, shape (1 + C, S, K)
        IN/OUT: adds the number of coupons chosen, and the sums of their quantities.
    chosen : ndarray of uint8, shape (candidates of these customers,) or (0,)
        OUT: 1 where a candidate is chosen, else 0; empty when nobody asks.
    unit : int
        Exponent: `cut` counts slack in units of 2^unit.
    cut : ndarray of int64, shape (2,)
        IN/OUT: adds how many searches were cut off, and how much less these customers' choices may be worth than the
        best ones, at most.
    """
    counts = np.zeros(rules.groups, np.int32)
    first = shard.indptr[start]
    tally = Tally(usage, chosen, first, unit, cut)
    for i in range(start, stop):
        begin, end = shard.indptr[i], shard.indptr[i + 1]
        segment = of_customer(shard.segment, i)
        if len(chosen) > 0:
            chosen[begin - first : end - first] = 0
        value = np.empty(end - begin, np.float32)
        for j in range(end - begin):
            k = np.int64(shard.item[begin + j])
            value[j] = reduced_value(shard, price, segment, k, begin + j)
        order = order_of_choice(value, seed, shard.first + i, shard.item, begin)
        if has_constraints(rules, i):
            choose_by_search(shard, rules, i, value, order, tally)
        else:
            choose_greedily(shard, rules, i, value, order, counts, tally)


def give(shard: Shard, segment: int, e: int, tally: Tally) -> None:
    """Add a chosen candidate to the tally."""
    k = np.int64(shard.item[e])
    tally.usage[0, segment, k] += 1
    for c in range(shard.quantity.shape[0]):
        tally.usage[1 + c, segment, k] += shard.quantity[c, e]
    if len(tally.chosen) > 0:
        tally.chosen[e - tally.first] = 1


def choose_by_search(
    shard: Shard, rules: Rules, i: int, value: Prices, order: Sums, tally: Tally
) -> None:
    """The best choice of a customer with cardinality constraints."""
    begin = shard.indptr[i]
    segment = of_customer(shard.segment, i)
    lower, upper = of_customer(rules.lower, i), of_customer(rules.upper, i)
    whole, shift = whole_values(value)
    bound, member = constraints_in_order(rules, i, order)
    fixing = np.zeros(len(value), np.int64)
    picks, _, worth, most = best_choice(
        whole[order], fixing, lower, upper, bound, member, rules.nodes
    )
    if most > worth:
        tally.cut[0] += 1
        tally.cut[1] += slack_in_units(most - worth, shift, tally.unit)
    for t in range(len(value)):
        if picks[t]:
            give(shard, segment, begin + order[t], tally)


def choose_greedily(
    shard: Shard, rules: Rules, i: int, value: Prices, order: Sums, counts: Bounds, tally: Tally
) -> None:
    """The best choice of a customer whose groups form a laminar family; counts (groups, zeros) is left as found."""
    begin = shard.indptr[i]
    segment = of_customer(shard.segment, i)
    lower, upper = of_customer(rules.lower, i), of_customer(rules.upper, i)
    given = 0
    for j in order:
        if given >= upper or (given >= lower and value[j] <= 0.0):
            break
        k = np.int64(shard.item[begin + j])
        fits = True
        for rule in range(len(rules.group)):
            g = rules.group[rule, k]
            if g >= 0:
                fits = fits and counts[g] < of_row(rules.cap, rule, i)
        if not fits:
            continue
        given += 1
        for rule in range(len(rules.group)):
            if rules.group[rule, k] >= 0:
                counts[rules.group[rule, k]] += 1
        give(shard, segment, begin + j, tally)
    for j in range(len(value)):
        for rule in range(len(rules.group)):
            g = rules.group[rule, shard.item[begin + j]]
            if g >= 0:
                counts[g] = 0
