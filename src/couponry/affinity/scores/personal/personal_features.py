"""Features of what a customer bought: how often, how lately against the usual gap, in which category, by whom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...history.item_statistics import LATE_WEEKS, bought_again_lately
from ...history.purchase_history import PurchaseHistory
from ..features import Features, as_float32
from ..own.own_columns import OwnFeatures
from .group_features import group_features
from .item_knowledge import LEAST_RATE, ItemKnowledge
from .pair_block import Named, PairBlock

RECENT_WEEKS = (1, 2, 4, 8)
"""Weeks at the end of a history whose purchases are counted: 64 days are known one by one."""

PRIOR_ITEMS = 10.0
"""Items besides those that a customer knows, of which the customer bought as many again as anybody."""

MOST_SPREADS = 8.0
"""Spreads of gaps that a purchase is early or late, at most."""


def personal_features(
    history: PurchaseHistory,
    items: ItemKnowledge,
    start: int,
    stop: int,
    own: OwnFeatures | None = None,
    asked: NDArray[np.int64] | None = None,
) -> Features:
    """Compute the features of pairs of the customers start <= i < stop.

    Parameters
    ----------
    history : PurchaseHistory
    items : ItemKnowledge
        Of the history's items.
    start, stop : int
        Range of customers.
    own : OwnFeatures, optional
        The user's, which come last.
    asked : ndarray of int64, shape (n_pairs,), optional
        Which of all pairs of these customers, ascending. Default: all.

    Returns
    -------
    dict of str to ndarray of float32, shape (n_pairs,)
        By name, always in the same order.

    Notes
    -----
    Most are logarithms, since a logistic model then multiplies odds.

    - decayed purchases (`bought_...`), the same per trip (`per_trip_...`), decayed trips (`trips_...`)
    - trends of the item's popularity (`trend_...`)
    - purchases (`times`, `once`, `twice`), against what the customer's trips let expect (`rate`)
    - weeks since the last purchase (`since`), against the customer's own gap (`overdue`) and the item's
      (`item_overdue`); the item's repeat rate and buyers
    - purchases of the last weeks (`within_...`), the last gap and the spread of gaps, and by how many spreads the next
      purchase is late (`overdue_spreads`)
    - how many of those who knew the item, and how many of the items that the customer knew, were bought again lately
    - the customer's items, absence (`away`), time known, share bought at a discount, size of the basket
    - for each grouping: the customer's purchases in the item's group, the item's share of them, weeks since the last,
      against their gap, how many of the group's items the customer knows, and how many were bought later than this one
    """
    pairs = PairBlock(history, start, stop, asked)
    of_item = items.of_pairs(pairs)
    found: Named = {}
    found.update(_decay_features(pairs))
    found.update({name: values for name, values in of_item.items() if name[:5] == "trend"})
    found.update(_timing_features(pairs, of_item))
    found.update(_recent_features(pairs, of_item))
    found.update(_customer_features(pairs))
    if items.near is not None:
        near = items.near.of_pairs(pairs.whole)
        found["near_items"] = near if asked is None else near[asked]
    for name, group in items.groups.items():
        found.update(group_features(pairs, name, group))
    features = as_float32(found)
    return features if own is None else own.added_to(features, start, stop, asked)


def _decay_features(pairs: PairBlock) -> Named:
    """Decayed purchases, the same per trip, and decayed trips, by half-life."""
    found: Named = {}
    decay, trip, customer = pairs.decay, pairs.trip_decay, pairs.customer
    for h, half_life in enumerate(pairs.half_life_names):
        found[f"bought_{half_life}"] = np.log(decay[:, h] + 0.02)
        found[f"per_trip_{half_life}"] = np.log((decay[:, h] + 0.02) / (trip[customer, h] + 0.1))
        found[f"trips_{half_life}"] = np.log(trip[:, h] + 0.1)[customer]
    return found


def _timing_features(pairs: PairBlock, of_item: Named) -> Named:
    """How often and how lately, against the customer's own gap and the item's."""
    times, since, known = pairs.times, pairs.since, pairs.known
    states = pairs.history.pairs
    owned, gap = (pairs.now - states.first[pairs.part]) / pairs.periods_per_week, pairs.gap
    trips = pairs.history.trips.times[pairs.start : pairs.stop]
    expected_trips = trips[pairs.customer] * owned / known
    repeat = of_item["repeat_rate"]
    once = (times == 1).astype(np.float64)
    overdue = np.log((since + 0.3) / (gap + 0.3))
    item_overdue = np.log((since + 0.3) / (of_item["weeks"] + 0.3))
    found: Named = {
        "times": np.log(times),
        "once": once,
        "twice": (times == 2).astype(np.float64),
        "rate": np.log((times + 0.5) / (expected_trips + 1.0)),
        "since": np.log(since + 0.5),
        "gap": np.log(gap + 0.3),
        "overdue": overdue,
        "overdue_squared": overdue**2,
        "item_gap": of_item["item_gap"],
        "item_overdue": item_overdue,
        "item_overdue_squared": item_overdue**2,
        "repeat_rate": repeat,
        "once_repeat_rate": once * repeat,
        "buyers": of_item["buyers"],
    }
    for name in ("repeat_rate", "item_gap", "buyers"):
        found[f"overdue_{name}"] = overdue * found[name]
    return found


def _recent_features(pairs: PairBlock, of_item: Named) -> Named:
    """Purchases of the last weeks, the last gap and the spread of gaps, and who bought again lately."""
    history = pairs.history
    week = pairs.periods_per_week
    found: Named = {
        f"within_{weeks}": np.log(history.bought_within(pairs.part, int(weeks * week)) + 0.5)
        for weeks in RECENT_WEEKS
    }
    variance = history.gap_variance(pairs.part)
    # of one gap, what a gap varies by where purchases are at random
    spread = np.where(pairs.times > 2, np.sqrt(np.nan_to_num(variance)) / week, pairs.gap)
    last_gap = history.last_gap(pairs.part) / week
    found["last_gap"] = np.log(np.where(last_gap > 0, last_gap, pairs.gap) + 0.3)
    found["gap_spread"] = np.log(spread + 0.3)
    overdue = (pairs.since - pairs.gap) / (spread + 0.5)
    found["overdue_spreads"] = np.clip(overdue, -MOST_SPREADS, MOST_SPREADS)
    for weeks in LATE_WEEKS:
        found[f"item_again_{weeks}"] = of_item[f"again_{weeks}"]
        before, again = bought_again_lately(history, pairs.whole.part, weeks)
        owner, size = pairs.whole.customer, pairs.stop - pairs.start
        knew, bought = (np.bincount(owner, of, minlength=size) for of in (before, again))
        any_item = of_item[f"any_again_{weeks}"]
        rate = (bought[pairs.customer] + PRIOR_ITEMS * any_item) / (
            knew[pairs.customer] + PRIOR_ITEMS
        )
        found[f"customer_again_{weeks}"] = np.log(rate + LEAST_RATE)
    return found


def _customer_features(pairs: PairBlock) -> Named:
    """The customer's breadth, absence, time known, share of discounts, and size of the basket."""
    customer, history = pairs.customer, pairs.history
    customers = slice(pairs.start, pairs.stop)
    away = (pairs.now - history.trips.last[customers]) / pairs.periods_per_week
    trips = history.trips.times[customers]
    own_share = history.trips.discounted[customers] / np.maximum(trips, 1)
    found: Named = {
        "items": np.log(pairs.count)[customer],
        "away": np.log(1.0 + away)[customer],
        "known": np.log(pairs.known + 1.0),
        "discounted": history.pairs.discounted[pairs.part] / pairs.times,
        "coupon_prone": own_share[customer],
    }
    if history.half_lives:
        every, trip = pairs.whole, pairs.trip_decay[customer, pairs.middle]
        basket = np.bincount(every.customer, every.decayed(pairs.middle), pairs.stop - pairs.start)
        found["basket"] = np.log((basket[customer] + 0.1) / (trip + 0.1))
    return found
