"""Features of what a customer bought: how often, how lately against the usual gap, in which category, by whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..history.item_statistics import ItemStatistics
from ..history.purchase_history import PurchaseHistory
from .features import Features, ItemGroups, as_float32
from .own.own_columns import OwnFeatures

MOST_CELLS = 16
"""Cells of customers and groups for each pair up to which sums are kept for all of them."""

Floats = NDArray[np.floating]
Named = dict[str, Floats]


def item_features(statistics: ItemStatistics, half_lives: Sequence[float]) -> Named:
    """Compute the features of items alone, once for all pairs.

    Parameters
    ----------
    statistics : ItemStatistics
        Of a history's items, as the model knows them: of its customers or of others.
    half_lives : sequence of float
        In weeks.

    Returns
    -------
    dict of str to ndarray of float64, shape (n_items,)
        Logarithms of trends of the popularity, the usual gap, repeat rate and share of buyers; and the gap itself.
    """
    found: Named = {}
    popularity = statistics.popularity
    for h in range(len(half_lives) - 2):
        recent, before = popularity[:, h], popularity[:, h + 2]
        found[f"trend_{half_lives[h]:g}"] = np.log((recent + 0.2) / (before + 0.4))
    found["item_gap"] = np.log(statistics.gap)
    found["repeat_rate"] = np.log(statistics.repeat_rate)
    found["buyers"] = np.log(statistics.buyer_share)
    found["weeks"] = statistics.gap
    return found


def personal_features(
    history: PurchaseHistory,
    items: Named,
    groups: ItemGroups,
    start: int,
    stop: int,
    own: OwnFeatures | None = None,
) -> Features:
    """Compute the features of the pairs of the customers start <= i < stop.

    Parameters
    ----------
    history : PurchaseHistory
    items : dict of str to ndarray of float64, shape (n_items,)
        As `item_features` computes them.
    groups : mapping of str to ndarray of int, shape (n_items,)
        Groupings of the items by name, such as `category` and `brand`.
    start, stop : int
        Range of customers.
    own : OwnFeatures, optional
        The user's, which come last.

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
    - the customer's items, absence (`away`), time known, share bought at a discount, size of the basket
    - for each grouping: the customer's purchases in the item's group, the item's share of them, weeks since the last,
      and how many of the group's items the customer knows
    """
    pairs = _PairBlock(history, items, start, stop)
    found: Named = {}
    found.update(_decay_features(pairs))
    found.update(
        {name: of_items[pairs.item] for name, of_items in items.items() if name[:5] == "trend"}
    )
    found.update(_timing_features(pairs))
    found.update(_customer_features(pairs))
    for name, group in groups.items():
        found.update(_group_features(pairs, name, group))
    features = as_float32(found)
    return features if own is None else own.added_to(features, start, stop)


@dataclass(frozen=True)
class _PairBlock:
    """The pairs of some customers, and what several features of theirs are made of."""

    history: PurchaseHistory
    items: Named
    start: int
    stop: int

    @cached_property
    def part(self) -> slice:
        """Which pairs of the history."""
        indptr = self.history.indptr
        return slice(int(indptr[self.start]), int(indptr[self.stop]))

    @cached_property
    def count(self) -> NDArray[np.int64]:
        """Pairs of each customer."""
        return np.diff(self.history.indptr[self.start : self.stop + 1])

    @cached_property
    def customer(self) -> NDArray[np.int64]:
        """Customer of each pair, counted from `start`."""
        return np.repeat(np.arange(self.stop - self.start), self.count)

    @cached_property
    def item(self) -> NDArray[np.int64]:
        """Item of each pair."""
        return self.history.item[self.part].astype(np.int64)

    @cached_property
    def decay(self) -> NDArray[np.float64]:
        """Decayed purchases, shape (n_pairs, n_half_lives)."""
        return self.history.decay(self.part).astype(np.float64)

    @cached_property
    def trip_decay(self) -> NDArray[np.float64]:
        """Decayed trips, shape (n_customers, n_half_lives)."""
        return self.history.trip_decay(slice(self.start, self.stop)).astype(np.float64)

    @cached_property
    def times(self) -> NDArray[np.float64]:
        """Purchases of each pair."""
        return self.history.pairs.times[self.part].astype(np.float64)

    @cached_property
    def since(self) -> Floats:
        """Weeks since each pair's last purchase."""
        return (self.now - self.history.pairs.last[self.part]) / self.periods_per_week

    @cached_property
    def known(self) -> Floats:
        """Weeks since the first trip of each pair's customer."""
        first_trip = self.history.trips.first[self.start : self.stop]
        return (self.now - first_trip)[self.customer] / self.periods_per_week

    @property
    def now(self) -> int:
        """First period after the history."""
        return self.history.until + 1

    @property
    def periods_per_week(self) -> float:
        """Periods in a week, as a number to divide by."""
        return float(self.history.periods_a_week)

    @property
    def half_life_names(self) -> list[str]:
        """Half-lives as they stand in the names of features."""
        return [f"{half_life:g}" for half_life in self.history.half_lives]

    @property
    def middle(self) -> int:
        """Which half-life group and basket features are about: three quarters up the list."""
        n_half_lives = len(self.history.half_lives)
        return n_half_lives // 2 + n_half_lives // 4 if n_half_lives else 0


def _decay_features(pairs: _PairBlock) -> Named:
    """Decayed purchases, the same per trip, and decayed trips, by half-life."""
    found: Named = {}
    decay, trip, customer = pairs.decay, pairs.trip_decay, pairs.customer
    for h, half_life in enumerate(pairs.half_life_names):
        found[f"bought_{half_life}"] = np.log(decay[:, h] + 0.02)
        found[f"per_trip_{half_life}"] = np.log((decay[:, h] + 0.02) / (trip[customer, h] + 0.1))
        found[f"trips_{half_life}"] = np.log(trip[:, h] + 0.1)[customer]
    return found


def _timing_features(pairs: _PairBlock) -> Named:
    """How often and how lately, against the customer's own gap and the item's."""
    times, since, known, item = pairs.times, pairs.since, pairs.known, pairs.item
    states, items = pairs.history.pairs, pairs.items
    owned = (pairs.now - states.first[pairs.part]) / pairs.periods_per_week
    first_to_last = (states.last[pairs.part] - states.first[pairs.part]) / pairs.periods_per_week
    gap = np.where(times > 1, first_to_last / np.maximum(times - 1, 1), known / 2 + 2)
    trips = pairs.history.trips.times[pairs.start : pairs.stop]
    expected_trips = trips[pairs.customer] * owned / known
    repeat = items["repeat_rate"][item]
    once = (times == 1).astype(np.float64)
    overdue = np.log((since + 0.3) / (gap + 0.3))
    item_overdue = np.log((since + 0.3) / (items["weeks"][item] + 0.3))
    found: Named = {
        "times": np.log(times),
        "once": once,
        "twice": (times == 2).astype(np.float64),
        "rate": np.log((times + 0.5) / (expected_trips + 1.0)),
        "since": np.log(since + 0.5),
        "gap": np.log(gap + 0.3),
        "overdue": overdue,
        "overdue_squared": overdue**2,
        "item_gap": items["item_gap"][item],
        "item_overdue": item_overdue,
        "item_overdue_squared": item_overdue**2,
        "repeat_rate": repeat,
        "once_repeat_rate": once * repeat,
        "buyers": items["buyers"][item],
    }
    for name in ("repeat_rate", "item_gap", "buyers"):
        found[f"overdue_{name}"] = overdue * found[name]
    return found


def _customer_features(pairs: _PairBlock) -> Named:
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
        weights, trip = pairs.decay[:, pairs.middle], pairs.trip_decay[customer, pairs.middle]
        basket = np.bincount(customer, weights=weights, minlength=pairs.stop - pairs.start)
        found["basket"] = np.log((basket[customer] + 0.1) / (trip + 0.1))
    return found


def _group_features(pairs: _PairBlock, name: str, group: NDArray[np.integer]) -> Named:
    """The customer's purchases in the item's group, the item's share, weeks since the last, items known."""
    found: Named = {}
    half_lives = pairs.half_life_names
    size = int(group.max(initial=0)) + 1
    place = pairs.customer * size + group[pairs.item].astype(np.int64)
    if size * (pairs.stop - pairs.start) > MOST_CELLS * len(place):  # few of them are taken
        place = np.unique(place, return_inverse=True)[1]
    for h in sorted({len(half_lives) // 3, pairs.middle}) if half_lives else ():
        decay = pairs.decay[:, h]
        total = np.bincount(place, weights=decay)[place]
        found[f"{name}_{half_lives[h]}"] = np.log(total + 0.05)
        found[f"{name}_share_{half_lives[h]}"] = np.log((decay + 0.02) / (total + 0.05))
    latest = np.full(int(place.max(initial=-1)) + 1, np.inf)
    np.minimum.at(latest, place, pairs.since)
    found[f"{name}_since"] = np.log(latest[place] + 0.5)
    found[f"{name}_items"] = np.log(np.bincount(place)[place])
    return found
