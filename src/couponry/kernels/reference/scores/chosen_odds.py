"""How likely customers begin to buy offers, and how likely they buy and redeem those that were chosen."""

from __future__ import annotations

import numpy as np

from ...affinity_contract import Chosen
from ...contract import Amounts, Bounds, Offsets, Prices, Sums
from ...scores_contract import LEAST_SCORE, MAX_LOG_ODDS, BegunTables, ResponseTables
from .logarithms import take_exponentials, take_logarithms

LEAST_SAID, LEAST_BOUGHT, LEAST_ITEMS = 10.0, 0.05, 0.3
"""Added to what neighbours say, and to what a customer bought of a group, of which logarithms are taken."""

FEW_ITEMS = 10.0
"""Items of which a customer who knows so many knows few to a third."""


def score_begun(
    tables: BegunTables, indptr: Offsets, item: Bounds, weight: Prices, chosen: Chosen
) -> None:
    """Put the log odds that customers begin to buy offers in the place of their scores by neighbours.

    Operations are float64, one at a time, and rounded to float32 in the end. Sums over a customer's items go in their
    order.

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
        amount = weight[begin:stop].astype(np.float64)
        take_exponentials(amount)
        of_customer = log_odds_of_customer(tables, amount)
        total = log_odds_by_neighbours(tables, chosen, first, end)
        few = np.full(1, (begin - stop) / FEW_ITEMS)
        take_exponentials(few)
        for d in range(first, end):
            total[d - first] += of_customer + few[0] * tables.popular[chosen.offer[d]]
        for g in range(len(tables.of_group)):
            add_groups(tables, g, item[begin:stop], amount, chosen.offer[first:end], place, total)
        for d in range(first, end):
            if chosen.role[d] != 0:
                chosen.score[d] = np.float32(total[d - first])


def log_odds_of_customer(tables: BegunTables, amount: Amounts) -> float:
    """What a customer adds whatever the offer; amounts are 1 more than decayed purchases."""
    bought = 0.0
    for e in range(len(amount)):
        bought += amount[e] - 1.0
    of = np.empty(2)
    of[0], of[1] = len(amount) + 1.0, bought + 1.0
    take_logarithms(of)
    few = np.full(1, -len(amount) / FEW_ITEMS)
    take_exponentials(few)
    return tables.customer[0] * of[0] + tables.customer[1] * of[1] + tables.customer[2] * few[0]


def log_odds_by_neighbours(tables: BegunTables, chosen: Chosen, first: int, end: int) -> Amounts:
    """What offers add, and what neighbours say for them."""
    said, total = np.empty(end - first), np.empty(end - first)
    for d in range(first, end):
        by = chosen.score[d] - tables.prior[chosen.offer[d]]  # float32
        said[d - first] = np.float64(by) / tables.near[0]
        total[d - first] = max(said[d - first], 0.0) + LEAST_SAID
    take_logarithms(total)
    for k in range(end - first):
        root = np.sqrt(abs(said[k]))
        if said[k] < 0.0:
            root = -root
        of_offer = tables.offer[chosen.offer[first + k]]
        total[k] = of_offer + tables.near[1] * total[k] + tables.near[2] * root
    return total


def add_groups(
    tables: BegunTables,
    g: int,
    item: Bounds,
    amount: Amounts,
    offer: Bounds,
    place: Sums,
    total: Amounts,
) -> None:
    """Add what the offers' groups of a grouping add; amounts are 1 more than decayed purchases.

    `place` is -1 for each group, before and after.
    """
    groups = 0
    bought, items = np.empty(len(item) + 1), np.empty(len(item) + 1)
    for e in range(len(item)):
        group = tables.of_items[g, item[e]]
        if place[group] < 0:
            place[group] = groups
            bought[groups], items[groups] = LEAST_BOUGHT, LEAST_ITEMS
            groups += 1
        bought[place[group]] += amount[e] - 1.0
        items[place[group]] += 1.0
    bought[groups], items[groups] = (
        LEAST_BOUGHT,
        LEAST_ITEMS,
    )  # of a group that nothing was bought of
    take_logarithms(bought[: groups + 1])
    take_logarithms(items[: groups + 1])
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
    ``slope x those + shift[role, offer]``. Operations are float64, one at a time, rounded to float32 in the end.

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
    end = 0
    for i in range(len(chosen.number)):
        first, end = end, end + chosen.number[i]
        total = log_odds_to_buy(tables, trips[i], chosen, first, end)
        p0[first:end] = probabilities(total)
        if len(tables.shift):
            for d in range(first, end):
                shift = tables.shift[chosen.role[d], chosen.offer[d]]
                total[d - first] = tables.slope * total[d - first] + shift
            p1[first:end] = probabilities(total)


def log_odds_to_buy(
    tables: ResponseTables, trips: np.float32, chosen: Chosen, first: int, end: int
) -> Amounts:
    """Log odds to buy what was chosen for a customer."""
    came, s = np.full(1, np.float64(trips) + 0.1), np.empty(end - first)
    for d in range(first, end):
        s[d - first] = max(np.float64(chosen.score[d]), LEAST_SCORE)
    odds = np.minimum(s, MAX_LOG_ODDS)
    take_logarithms(came)
    take_logarithms(s)
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


def probabilities(log_odds: Amounts) -> Prices:
    """1 / (1 + exp(-log odds)), of log odds that are not beyond the most."""
    odds = -np.minimum(np.maximum(log_odds, -MAX_LOG_ODDS), MAX_LOG_ODDS)
    take_exponentials(odds)
    return (1.0 / (1.0 + odds)).astype(np.float32)
