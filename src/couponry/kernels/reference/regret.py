"""Choices in float64, from attributes as given: the best one, and what each decision of a choice is worth."""

from __future__ import annotations

import math

import numpy as np

from ..contract import Amounts, Flags, Integer, Rules, Shard, Sums
from ..set_layout import has_constraints
from .constraint_search import FREE, IN, OUT, constraints_in_order
from .parts.choose_by_parts import best_choice
from .preference import number_of, of_customer, order_of_choice
from .rows.customer_rows import rows_in_order
from .rules import fits
from .search_bounds import slack_in_units, whole_values


def amount(table: Amounts, exact: Amounts, s: Integer, k: Integer, e: int) -> float:
    """Linear function of a candidate, table (1 + C, S, K) float64, at its attributes as given."""
    total = table[0, s, k]
    for c in range(len(exact)):
        total = total + table[1 + c, s, k] * exact[c, e]
    return total


def values_of(shard: Shard, exact: Amounts, reduced: Amounts, i: int) -> Amounts:
    """Reduced values of a customer's candidates, float64."""
    begin, end = shard.indptr[i], shard.indptr[i + 1]
    s = np.int64(of_customer(shard.segment, i))
    value = np.empty(end - begin, np.float64)
    for e in range(begin, end):
        value[e - begin] = amount(reduced, exact, s, shard.item[e], e)
    return value


def regret(
    shard: Shard,
    rules: Rules,
    exact: Amounts,
    reduced: Amounts,
    chosen: Flags,
    seed: int,
    start: int,
    stop: int,
    out: Amounts,
) -> None:
    """Find what each candidate's decision is worth: reduced value lost when it alone is forced the other way.

    Under a laminar family one swap, addition or removal is the best answer to such a force. A customer with cardinality
    constraints is searched for anew under each force; where a search was cut off, no more is lost than this.

    Parameters
    ----------
    shard : Shard
    rules : Rules
    exact : ndarray of float64, shape (C, e)
        Attributes as given.
    reduced : ndarray of float64, shape (1 + C, S, K)
        Reduced value per coupon and per unit of each attribute.
    chosen : ndarray of uint8, shape (e,)
        The best choice.
    seed : int
        32 bits; breaks ties.
    start, stop : int
        Customers ``start <= i < stop``.
    out : ndarray of float64, shape (e,)
        OUT, of these customers: infinite where the decision cannot be changed at all.
    """
    for i in range(start, stop):
        value = values_of(shard, exact, reduced, i)
        begin = shard.indptr[i]
        for e in range(begin, shard.indptr[i + 1]):
            out[e] = np.inf
            if chosen[e]:
                out[e] = value[e - begin]
        if has_constraints(rules, i):
            regret_by_search(shard, rules, i, value, chosen, seed, out)
        else:
            regret_by_swaps(shard, rules, i, value, chosen, out)


def regret_by_swaps(
    shard: Shard, rules: Rules, i: int, value: Amounts, chosen: Flags, out: Amounts
) -> None:
    """`regret` for a customer whose groups form a laminar family; out comes in as what removals lose."""
    begin, end = shard.indptr[i], shard.indptr[i + 1]
    lower, upper = of_customer(rules.lower, i), of_customer(rules.upper, i)
    given = 0
    for e in range(begin, end):
        given += 1 if chosen[e] else 0
    if given <= lower:
        for e in range(begin, end):
            if chosen[e]:
                out[e] = np.inf
    for into in range(begin, end):
        if chosen[into]:
            continue
        if given < upper and fits(shard, rules, i, chosen, into, -1):
            out[into] = -value[into - begin]
        for leaving in range(begin, end):
            if not chosen[leaving]:
                continue
            loss = value[leaving - begin] - value[into - begin]
            if (loss < out[into] or loss < out[leaving]) and fits(
                shard, rules, i, chosen, into, leaving
            ):
                out[into] = min(out[into], loss)
                out[leaving] = min(out[leaving], loss)


def regret_by_search(
    shard: Shard, rules: Rules, i: int, value: Amounts, chosen: Flags, seed: int, out: Amounts
) -> None:
    """`regret` for a customer with cardinality constraints."""
    begin, n = shard.indptr[i], len(value)
    lower, upper = of_customer(rules.lower, i), of_customer(rules.upper, i)
    order = order_of_choice(value, seed, number_of(shard, i), shard.item, begin)
    whole, shift = whole_values(value)
    bound, member = constraints_in_order(rules, i, order)
    fixing = np.zeros(n, np.int64)
    in_order = whole[order]
    rows = rows_in_order(rules, i, order)
    _, short, worth, _ = best_choice(
        in_order, fixing, lower, upper, bound, member, rows, rules.nodes
    )
    for t in range(n):
        e = begin + order[t]
        fixing[t] = OUT if chosen[e] else IN
        _, theirs, its_worth, most = best_choice(
            in_order, fixing, lower, upper, bound, member, rows, rules.nodes
        )
        fixing[t] = FREE
        out[e] = np.inf
        # a search that was cut off may have missed a choice that falls short by less
        if theirs >= 0 and (theirs <= short or most > its_worth):
            out[e] = math.ldexp(np.float64(worth - most), -shift)


def choose_exactly(
    shard: Shard,
    rules: Rules,
    exact: Amounts,
    reduced: Amounts,
    seed: int,
    start: int,
    stop: int,
    chosen: Flags,
    unit: int,
    cut: Sums,
) -> None:
    """Find the best choice in float64 of the customers who have cardinality constraints.

    Parameters
    ----------
    shard : Shard
    rules : Rules
    exact : ndarray of float64, shape (C, e)
        Attributes as given.
    reduced : ndarray of float64, shape (1 + C, S, K)
        Reduced value per coupon and per unit of each attribute.
    seed : int
        32 bits; breaks ties.
    start, stop : int
        Customers ``start <= i < stop``.
    chosen : ndarray of uint8, shape (e,)
        OUT: their choice; other customers' is left alone.
    unit, cut
        See `evaluate`.
    """
    for i in range(start, stop):
        if not has_constraints(rules, i):
            continue
        begin = shard.indptr[i]
        value = values_of(shard, exact, reduced, i)
        order = order_of_choice(value, seed, number_of(shard, i), shard.item, begin)
        whole, shift = whole_values(value)
        bound, member = constraints_in_order(rules, i, order)
        lower, upper = of_customer(rules.lower, i), of_customer(rules.upper, i)
        rows = rows_in_order(rules, i, order)
        fixing = np.zeros(len(value), np.int64)
        picks, _, worth, most = best_choice(
            whole[order], fixing, lower, upper, bound, member, rows, rules.nodes
        )
        if most > worth:
            cut[0] += 1
            cut[1] += slack_in_units(most - worth, shift, unit)
        for t in range(len(value)):
            chosen[begin + order[t]] = picks[t]


def sum_choice(
    shard: Shard, exact: Amounts, chosen: Flags, start: int, stop: int, usage: Amounts
) -> None:
    """Add up what customers are given, one candidate after the other.

    Parameters
    ----------
    shard : Shard
    exact : ndarray of float64, shape (C, e)
        Attributes as given.
    chosen : ndarray of uint8, shape (e,)
        1 for each candidate that is given, else 0.
    start, stop : int
        Customers ``start <= i < stop``.
    usage : ndarray of float64, shape (1 + C, S, K)
        IN/OUT: coupons, and the sum of each attribute.
    """
    for i in range(start, stop):
        s = np.int64(of_customer(shard.segment, i))
        for e in range(shard.indptr[i], shard.indptr[i + 1]):
            if not chosen[e]:
                continue
            k = np.int64(shard.item[e])
            usage[0, s, k] += 1.0
            for c in range(len(exact)):
                usage[1 + c, s, k] += exact[c, e]
