"""One pass over the customers at given prices: everybody's best choice, and what is chosen in all."""

from __future__ import annotations

import numpy as np

from ..contract import (
    Amounts,
    Bounds,
    Flags,
    Integer,
    Packing,
    Prices,
    Quantities,
    Rules,
    Shard,
    Sums,
)
from ..set_layout import has_constraints
from .constraint_search import constraints_in_order
from .parts.choose_by_parts import best_choice
from .preference import MASK, number_of, of_customer, of_row, order_of_choice, tie_hash
from .rows.customer_rows import rows_in_order
from .search_bounds import slack_in_units, whole_values

ALIKE_PARTS = 4.0
"""256ths of a step that attributes which share a quantity may be apart; `solver.problem.ALIKE_STEPS` says the same."""

MOST_PARTS = 16777215.0
"""256ths of a step that a quantity and what is closer have room for."""

LARGEST_VALUE = 1e37
"""Size of a value, at most: sums of values stay within float32."""


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
            out[e - first] = tie_hash(seed ^ MASK, number_of(shard, i), shard.item[e]) >> 16


def reduced_value(shard: Shard, price: Prices, segment: int, k: Integer, e: int) -> np.float32:
    """Reduced value of candidate e, of item k, at a price table, float32."""
    total = price[0, segment, k]
    for c in range(shard.quantity.shape[0]):
        total = total + price[1 + c, segment, k] * np.float32(shard.quantity[c, e])
    return total + np.float32(0.0)  # no negative zero


def reduced_values(
    shard: Shard, price: Prices, segment: int, begin: Integer, end: Integer
) -> Prices:
    """Reduced values of a customer's candidates at a price table, and those that are given, float32 (end - begin)."""
    value = np.empty(end - begin, np.float32)
    for j in range(end - begin):
        k = np.int64(shard.item[begin + j])
        value[j] = reduced_value(shard, price, segment, k, begin + j)
    first = np.searchsorted(shard.given_at, begin)
    for g in range(first, len(shard.given_at)):
        if shard.given_at[g] >= end:
            break
        value[shard.given_at[g] - begin] = shard.given_value[g] + np.float32(0.0)
    return value


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
        value = reduced_values(shard, price, segment, begin, end)
        order = order_of_choice(value, seed, number_of(shard, i), shard.item, begin)
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
    rows = rows_in_order(rules, i, order)
    picks, _, worth, most = best_choice(
        whole[order], fixing, lower, upper, bound, member, rows, rules.nodes
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


def price_candidates(
    shard: Shard,
    exact: Amounts,
    packing: Packing,
    price: Prices,
    reduced: Amounts,
    start: int,
    stop: int,
    quantity: Quantities,
    value: Prices,
    beyond: Flags,
) -> None:
    """Pack some customers' candidates, and find their reduced values at a price table.

    The value of a candidate is that of its quantities, as in every pass. Where an attribute is beyond what was packed
    of its item, it is that of the attributes as given.

    Parameters
    ----------
    shard : Shard
        Its quantities are not looked at.
    exact : ndarray of float64, shape (A, e)
        Attributes as given, finite.
    packing : Packing
        Of A attributes in Q quantities.
    price : ndarray of float32, shape (1 + Q, S, K)
        Reduced value of a coupon, and of a unit of each quantity.
    reduced : ndarray of float64, shape (1 + A, S, K)
        Reduced value of a coupon, and of a unit of each attribute.
    start, stop : int
        Customers ``start <= i < stop``.
    quantity : ndarray of uint16, shape (Q, e)
        OUT: quantities of their candidates; 0 for those beyond.
    value : ndarray of float32, shape (e,)
        OUT: reduced values.
    beyond : ndarray of uint8, shape (e,)
        OUT: 1 for candidates beyond what was packed.
    """
    for i in range(start, stop):
        segment = of_customer(shard.segment, i)
        for e in range(shard.indptr[i], shard.indptr[i + 1]):
            k = np.int64(shard.item[e])
            if pack(exact, packing, e, k, quantity):
                beyond[e] = 0
                total = price[0, segment, k]
                for q in range(quantity.shape[0]):
                    total = total + price[1 + q, segment, k] * np.float32(quantity[q, e])
                value[e] = total + np.float32(0.0)  # no negative zero
            else:
                beyond[e] = 1
                amount = reduced[0, segment, k]
                for a in range(exact.shape[0]):
                    amount = amount + reduced[1 + a, segment, k] * exact[a, e]
                amount = max(min(amount, LARGEST_VALUE), -LARGEST_VALUE)
                value[e] = np.float32(amount) + np.float32(0.0)


def pack(exact: Amounts, packing: Packing, e: int, k: Integer, quantity: Quantities) -> bool:
    """Write the quantities of candidate e, of item k; False where it lies beyond what was packed."""
    inside = True
    for a in range(exact.shape[0]):
        v = exact[a, e]
        inside = inside and v >= packing.low[a, k] and v <= packing.high[a, k]
    for q in range(quantity.shape[0]):
        quantity[q, e] = 0
    if not inside:
        return False
    for a in range(exact.shape[0] - 1, -1, -1):
        q = packing.quantity_of[a]
        if q < 0 or not packing.step[a, k] > 0.0:
            continue
        first = 0
        while packing.quantity_of[first] != q:
            first += 1
        parts = parts_of(exact, packing, a, e, k)
        if abs(parts - parts_of(exact, packing, first, e, k)) > ALIKE_PARTS:
            for other in range(quantity.shape[0]):
                quantity[other, e] = 0
            return False
        if first == a:
            quantity[q, e] = np.uint16(np.floor(parts / 256.0))
    return True


def parts_of(exact: Amounts, packing: Packing, a: int, e: int, k: Integer) -> float:
    """Where attribute a of candidate e lies in the range of its item, in 256ths of a step, as `quantise` rounds it."""
    if not packing.step[a, k] > 0.0:
        return 0.0
    at = (exact[a, e] - packing.low[a, k]) / packing.step[a, k]
    return float(min(np.floor((at + 0.5) * 256.0 + 0.5), MOST_PARTS))
