"""Features of what a customer bought: how often, how lately against the usual gap, in which category, by whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from ...utils.blocks import row_blocks
from ..history.item_statistics import ItemStatistics
from ..history.purchase_history import PurchaseHistory

Codes = Mapping[str, NDArray[np.integer]]
PAIRS = 1 << 18  # worked on at a time


def personal_features(
    history: PurchaseHistory, statistics: ItemStatistics, groups: Codes, start: int, stop: int
) -> dict[str, NDArray[np.float32]]:
    """Features by name, float32 (pairs of the customers start <= i < stop) each.

    groups: by name, such as `category` and `brand`, the group of each item (P).

    Most are logarithms, since a logistic model then multiplies odds: of decayed purchases (`bought`), the same per
    trip (`per_trip`), purchases (`times`, `once`, `twice`, `rate`), weeks since the last one, also against the
    customer's own gap and the item's (`since`, `overdue`, `item_overdue`), the item's repeat rate, buyers and trends,
    the customer's trips (`trips`, `away`, `known`), items, share bought at a discount, size of the basket; and for each
    grouping the customer's purchases in the item's group, the item's share of them, weeks since the last, and how
    many of its items the customer knows.
    """
    begin, end = int(history.indptr[start]), int(history.indptr[stop])
    pairs, trips = history.pairs, history.trips
    per_week = float(history.periods_a_week)
    counts = np.diff(history.indptr[start : stop + 1])
    who = np.repeat(np.arange(stop - start), counts)
    item = history.item[begin:end].astype(np.int64)
    decay = history.decay(slice(begin, end)).astype(np.float64)
    trip = history.trip_decay(slice(start, stop)).astype(np.float64)
    times = pairs.times[begin:end].astype(np.float64)
    now = history.until + 1
    since = (now - pairs.last[begin:end]) / per_week
    known = (now - trips.first[start:stop])[who] / per_week
    owned = (now - pairs.first[begin:end]) / per_week
    first_to_last = (pairs.last[begin:end] - pairs.first[begin:end]) / per_week
    gap = np.where(times > 1, first_to_last / np.maximum(times - 1, 1), known / 2 + 2)
    expected_trips = trips.times[start:stop][who] * owned / known
    repeat = np.log(statistics.repeat_rate[item])
    once = (times == 1).astype(np.float64)
    overdue = np.log((since + 0.3) / (gap + 0.3))
    usual = statistics.gap[item]
    item_overdue = np.log((since + 0.3) / (usual + 0.3))

    found: dict[str, NDArray[np.floating]] = {}
    lives = [f"{life:g}" for life in history.half_lives]
    for h, life in enumerate(lives):
        found[f"bought_{life}"] = np.log(decay[:, h] + 0.02)
        found[f"per_trip_{life}"] = np.log((decay[:, h] + 0.02) / (trip[who, h] + 0.1))
        found[f"trips_{life}"] = np.log(trip[who, h] + 0.1)
    for h in range(len(lives) - 2):
        recent, before = statistics.popularity[item, h], statistics.popularity[item, h + 2]
        found[f"trend_{lives[h]}"] = np.log((recent + 0.2) / (before + 0.4))
    found["times"] = np.log(times)
    found["once"], found["twice"] = once, (times == 2).astype(np.float64)
    found["rate"] = np.log((times + 0.5) / (expected_trips + 1.0))
    found["since"], found["gap"] = np.log(since + 0.5), np.log(gap + 0.3)
    found["overdue"], found["overdue_squared"] = overdue, overdue**2
    found["item_gap"] = np.log(usual)
    found["item_overdue"], found["item_overdue_squared"] = item_overdue, item_overdue**2
    found["repeat_rate"], found["once_repeat_rate"] = repeat, once * repeat
    found["buyers"] = np.log(statistics.buyers[item] + 1.0)
    for name in ("repeat_rate", "item_gap", "buyers"):
        found[f"overdue_{name}"] = overdue * found[name]
    found["items"] = np.log(counts)[who]
    found["away"] = np.log(1.0 + (now - trips.last[start:stop])[who] / per_week)
    found["known"] = np.log(known + 1.0)
    found["discounted"] = pairs.discounted[begin:end] / times
    own_share = trips.discounted[start:stop] / np.maximum(trips.times[start:stop], 1)
    found["coupon_prone"] = own_share[who]
    middle = len(lives) // 2 + len(lives) // 4 if lives else 0
    if lives:
        basket = np.bincount(who, weights=decay[:, middle], minlength=stop - start)
        found["basket"] = np.log((basket[who] + 0.1) / (trip[who, middle] + 0.1))
    for name, group in groups.items():
        code = group[item].astype(np.int64)
        _, place = np.unique(who * (int(group.max()) + 1) + code, return_inverse=True)
        for h in sorted({len(lives) // 3, middle}) if lives else ():
            total = np.bincount(place, weights=decay[:, h])[place]
            found[f"{name}_{lives[h]}"] = np.log(total + 0.05)
            found[f"{name}_share_{lives[h]}"] = np.log((decay[:, h] + 0.02) / (total + 0.05))
        latest = np.full(int(place.max(initial=-1)) + 1, np.inf)
        np.minimum.at(latest, place, since)
        found[f"{name}_since"] = np.log(latest[place] + 0.5)
        found[f"{name}_items"] = np.log(np.bincount(place)[place])
    return {name: values.astype(np.float32) for name, values in found.items()}


def stretches(history: PurchaseHistory) -> Iterator[tuple[int, int]]:
    """Ranges of customers to work on."""
    return row_blocks(history.indptr, PAIRS)
