"""One pass over the customers at given prices: everybody's best choice, and what is chosen in all."""

from __future__ import annotations

import numpy as np

from ..contract import Bounds, Flags, Integer, Prices, Quantities, Rules, Shard, Sums
from ..set_layout import has_constraints
from .constraint_search import best_choice, constraints_in_order
from .preference import MASK, order_of_choice, tie_hash
from .rules import of_customer, of_row
from .search_bounds import slack_in_units, whole_values


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
        IN/OUT: adds how many searches were cut off, and how much less these choices may be worth than the best ones.
    """
    counts = np.zeros(rules.groups, np.int32)
    first = shard.indptr[start]
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
            given, slack = choose_by_search(rules, i, value, order, unit)
            if slack > 0:
                cut[0] += 1
                cut[1] += slack
        else:
            given = choose_greedily(shard, rules, i, value, order, counts)
        for t in range(given):
            e = begin + order[t]
            k = np.int64(shard.item[e])
            usage[0, segment, k] += 1
            for c in range(shard.quantity.shape[0]):
                usage[1 + c, segment, k] += shard.quantity[c, e]
            if len(chosen) > 0:
                chosen[e - first] = 1


def choose_by_search(
    rules: Rules, i: int, value: Prices, order: Sums, unit: int
) -> tuple[int, Integer]:
    """The best choice of a customer with cardinality constraints: how many are given, the first ones in order (OUT).

    Also how much less the choice may be worth than the best one, in units of 2^unit: 0 unless the search was cut off.
    """
    lower, upper = of_customer(rules.lower, i), of_customer(rules.upper, i)
    whole, shift = whole_values(value)
    bound, member = constraints_in_order(rules, i, order)
    fixing = np.zeros(len(value), np.int64)
    picks, _, worth, most = best_choice(
        whole[order], fixing, lower, upper, bound, member, rules.nodes
    )
    given = 0
    for t in range(len(order)):
        if picks[t]:
            order[given] = order[t]
            given += 1
    return given, slack_in_units(most - worth, shift, unit) if most > worth else 0


def choose_greedily(
    shard: Shard, rules: Rules, i: int, value: Prices, order: Sums, counts: Bounds
) -> int:
    """The best choice under a laminar family: how many are given, the first ones in order (OUT).

    counts (groups, zeros) is scratch and is left as found.
    """
    begin = shard.indptr[i]
    lower, upper = of_customer(rules.lower, i), of_customer(rules.upper, i)
    given = 0
    for t in range(len(order)):
        j = order[t]
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
        for rule in range(len(rules.group)):
            if rules.group[rule, k] >= 0:
                counts[rules.group[rule, k]] += 1
        order[given] = j
        given += 1
    for j in range(len(value)):
        for rule in range(len(rules.group)):
            g = rules.group[rule, shard.item[begin + j]]
            if g >= 0:
                counts[g] = 0
    return given
