"""How likely customers begin to buy offers, and how likely they buy and redeem those that were chosen."""

from __future__ import annotations

import numpy as np

from ...affinity_contract import Chosen
from ...contract import Bounds, Offsets, Prices, Sums
from ...scores_contract import LEAST_SCORE, MAX_LOG_ODDS, BegunTables, ResponseTables
from .logarithms import (
    take_exponentials,
    take_exponentials_of_floats,
    take_logarithms,
    take_logarithms_of_floats,
)

LEAST_SAID, LEAST_BOUGHT, LEAST_ITEMS = np.float32(10.0), np.float32(0.05), np.float32(0.3)
"""Added to what neighbours say, and to what a customer bought of a group, of which logarithms are taken."""

FEW_ITEMS = np.float32(10.0)
"""Items of which a customer who knows so many knows few to a third."""

LEAST_TRIPS = np.float32(0.1)
"""Added to a customer's decayed trips, of which the logarithm is taken."""

LEAST, MOST = np.float32(LEAST_SCORE), np.float32(MAX_LOG_ODDS)
"""Scores that logarithms are taken of are so large at least, and log odds at most."""

ZERO, ONE = np.float32(0.0), np.float32(1.0)


def score_begun(
    tables: BegunTables, indptr: Offsets, item: Bounds, weight: Prices, chosen: Chosen
) -> None:
    """Put the log odds that customers begin to buy offers in the place of their scores by neighbours.

    Operations are float32, one at a time. Sums over a customer's items go in their order.

    Parameters
    ----------
    tables : BegunTables
    indptr : ndarray of int64, shape (n + 1,)
        Items of customer i are ``indptr[i]:indptr[i + 1]``.
    item : ndarray of int32, shape (e,)
    weight : ndarray of float32, shape (e,)
        log(1 + decayed purchases).
    chosen : Chosen
        IN/OUT: offers of the n customers; rewards, of role 0, keep their scores.
    """
    end, place = 0, np.full(tables.groups, -1)
    for i in range(len(chosen.number)):
        first, end = end, end + chosen.number[i]
        begin, stop = indptr[i], indptr[i + 1]
        amount = weight[begin:stop].copy()
        take_exponentials_of_floats(amount)
        few = np.empty(1, np.float32)
        few[0] = np.float32(begin - stop) / FEW_ITEMS
        take_exponentials_of_floats(few)
        of_customer = log_odds_of_customer(tables, amount, few[0])
        total = log_odds_by_neighbours(tables, chosen, first, end)
        for d in range(first, end):
            total[d - first] += of_customer + few[0] * tables.popular[chosen.offer[d]]
        for g in range(len(tables.of_group)):
            add_groups(tables, g, item[begin:stop], amount, chosen.offer[first:end], place, total)
        for d in range(first, end):
            if chosen.role[d] != 0:
                chosen.score[d] = total[d - first]


def log_odds_of_customer(tables: BegunTables, amount: Prices, few: np.float32) -> np.float32:
    """What a customer adds whatever the offer; amounts are 1 more than decayed purchases."""
    bought = np.zeros(1, np.float32)
    for e in range(len(amount)):
        bought[0] += amount[e] - ONE
    of = np.empty(2, np.float32)
    of[0], of[1] = np.float32(len(amount)) + ONE, bought[0] + ONE
    take_logarithms_of_floats(of)
    return tables.customer[0] * of[0] + tables.customer[1] * of[1] + tables.customer[2] * few


def log_odds_by_neighbours(tables: BegunTables, chosen: Chosen, first: int, end: int) -> Prices:
    """What offers add, and what neighbours say for them."""
    said, total = np.empty(end - first, np.float32), np.empty(end - first, np.float32)
    for d in range(first, end):
        said[d - first] = (chosen.score[d] - tables.prior[chosen.offer[d]]) / tables.near[0]
        total[d - first] = max(said[d - first], ZERO) + LEAST_SAID
    take_logarithms_of_floats(total)
    for k in range(end - first):
        root = np.sqrt(abs(said[k]))
        if said[k] < ZERO:
            root = -root
        of_offer = tables.offer[chosen.offer[first + k]]
        total[k] = of_offer + tables.near[1] * total[k] + tables.near[2] * root
    return total


def add_groups(
    tables: BegunTables,
    g: int,
    item: Bounds,
    amount: Prices,
    offer: Bounds,
    place: Sums,
    total: Prices,
) -> None:
    """Add what the offers' groups of a grouping add; amounts are 1 more than decayed purchases.

    `place` is -1 for each group, before and after.
    """
    groups = 0
    bought, items = np.empty(len(item) + 1, np.float32), np.empty(len(item) + 1, np.float32)
    for e in range(len(item)):
        group = tables.of_items[g, item[e]]
        if place[group] < 0:
            place[group] = groups
            bought[groups], items[groups] = LEAST_BOUGHT, LEAST_ITEMS
            groups += 1
        bought[place[group]] += amount[e] - ONE
        items[place[group]] += ONE
    bought[groups], items[groups] = (
        LEAST_BOUGHT,
        LEAST_ITEMS,
    )  # of a group that nothing was bought of
    take_logarithms_of_floats(bought[: groups + 1])
    take_logarithms_of_floats(items[: groups + 1])
    for d in range(len(offer)):
        at = place[tables.of_offers[g, offer[d]]]
        at = groups if at < 0 else at
        total[d] += tables.of_group[g, 0] * bought[at] + tables.of_group[g, 1] * items[at]
    for e in range(len(item)):
        place[tables.of_items[g, item[e]]] = -1


def response_odds(
    tables: ResponseTables, trips: Prices, chosen: Chosen, p0: Prices, p1: Prices
) -> None:
    """Compute the probabilities to buy and to redeem what was chosen, strictly between 0 and 1.

    With s and t the logarithms of an offer's score and of a customer's decayed trips, the log odds to buy are
    ``table[role, offer] + (score[role] + squared[role] s) s + trips[role] t``; those to redeem are
    ``slope x those + shift[role, offer]``. Operations are float32, one at a time, but for own probabilities, of which
    exponentials are float64.

    Parameters
    ----------
    tables : ResponseTables
    trips : ndarray of float32, shape (n,)
        Decayed trips of each customer.
    chosen : Chosen
    p0 : ndarray of float32, shape (chosen,)
        OUT: to buy it without a coupon.
    p1 : ndarray of float32, shape (chosen,)
        OUT: to redeem the coupon; not written where there is no response model.
    """
    end, slope = 0, np.float32(tables.slope)
    for i in range(len(chosen.number)):
        first, end = end, end + chosen.number[i]
        total = log_odds_to_buy(tables, trips[i], chosen, first, end)
        p0[first:end] = probabilities(total)
        if len(tables.shift):
            for d in range(first, end):
                shift = tables.shift[chosen.role[d], chosen.offer[d]]
                total[d - first] = slope * total[d - first] + shift
            p1[first:end] = probabilities(total)


def log_odds_to_buy(
    tables: ResponseTables, trips: np.float32, chosen: Chosen, first: int, end: int
) -> Prices:
    """Log odds to buy what was chosen for a customer."""
    came, s = np.full(1, trips + LEAST_TRIPS), np.empty(end - first, np.float32)
    for d in range(first, end):
        s[d - first] = max(chosen.score[d], LEAST)
    odds = np.minimum(s, MOST).astype(np.float64)
    take_logarithms_of_floats(came)
    take_logarithms_of_floats(s)
    take_exponentials(odds)
    odds -= 1.0
    take_logarithms(odds)
    for d in range(first, end):
        r, k = chosen.role[d], d - first
        if tables.own and r == 0:
            s[k] = odds[k]
        else:
            curve = (tables.score[r] + tables.squared[r] * s[k]) * s[k]
            s[k] = tables.table[r, chosen.offer[d]] + curve + tables.trips[r] * came[0]
    return s


def probabilities(log_odds: Prices) -> Prices:
    """1 / (1 + exp(-log odds)), of log odds that are not beyond the most."""
    odds = -np.minimum(np.maximum(log_odds, -MOST), MOST)
    take_exponentials_of_floats(odds)
    return ONE / (ONE + odds)
