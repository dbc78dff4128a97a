"""Features of every pair of customer and offer, bought before or not: what p0 of a few hundred offers is fitted on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...utils.lazy_imports import sparse as sp
from ..history.item_statistics import ItemStatistics
from ..history.purchase_history import PurchaseHistory

Mix = tuple[PurchaseHistory, sp.csr_array]


def offer_features(
    history: PurchaseHistory, customers: pa.Array, offers: pa.Array, mixes: Mapping[str, Mix]
) -> dict[str, NDArray[np.float32]]:
    """Features by name, float32 (customers x offers) each, customers outermost.

    history: its items are offers (see `catalogue` of PurchaseHistory). customers, offers: ids; those that the history
    does not know have bought nothing and are bought by nobody.
    mixes: by name, such as `category`, a history by category, and what share of an offer's sales is in each:
    (offers, categories), each row adding up to 1 at most.

    Logarithms of decayed purchases, of purchases, of weeks since the last; of decayed purchases in the offer's mix of
    categories; of trips; of how many buy the offer, now and before.
    """
    shape = len(customers), len(offers)
    who = tables.positions(customers, history.customers)
    known = np.flatnonzero(who >= 0)
    what = tables.positions(offers, history.items)
    trips = np.zeros((shape[0], len(history.half_lives)))
    trips[known] = history.trip_decay(slice(None))[who[known]]
    away = np.full(shape[0], 52.0)
    now = history.until + 1
    away[known] = (now - history.trips.last[who[known]]) / history.periods_a_week
    decay, times = history.decay(slice(None)), history.pairs.times
    since = (now - history.pairs.last) / history.periods_a_week
    statistics = ItemStatistics.of(history)

    def rows(values: NDArray[np.floating]) -> NDArray[np.float64]:
        """(customers, offers) of a value of each pair, 0 where there is none."""
        item, indptr = history.item.astype(np.int64), history.indptr
        matrix = sp.csr_array((values, item, indptr), shape=(len(indptr) - 1, len(history.items)))
        found = np.zeros(shape)
        bought = np.flatnonzero(what >= 0)
        part = matrix[who[known]][:, what[bought]].toarray()
        found[np.ix_(known, bought)] = part
        return found

    def of_offers(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(what >= 0, values[what], 0.0) if len(values) else np.zeros(shape[1])

    found: dict[str, NDArray[np.floating]] = {}
    for h, life in enumerate(history.half_lives):
        found[f"bought_{life:g}"] = np.log(rows(decay[:, h]) + 0.03)
        found[f"trips_{life:g}"] = np.log(trips[:, h] + 0.1)[:, None]
        popular = of_offers(statistics.popularity[:, h])
        found[f"popularity_{life:g}"] = np.log(popular + 0.5)[None, :]
    count = rows(times.astype(np.float64))
    found["times"], found["ever"] = np.log(count + 0.3), (count > 0).astype(np.float64)
    found["since"] = np.where(count > 0, np.log(rows(since) + 0.5), np.log(60.0))
    found["away"] = np.log(away + 0.5)[:, None]
    found["buyers"] = np.log(of_offers(statistics.buyers) + 0.5)[None, :]
    rate = np.where(what >= 0, of_offers(statistics.repeat_rate), 0.1)
    found["repeat_rate"] = np.log(rate)[None, :]
    for name, (by_group, mix) in mixes.items():
        place = tables.positions(customers, by_group.customers)
        there = np.flatnonzero(place >= 0)
        group_decay = by_group.decay(slice(None))
        for h in range(1, len(history.half_lives), 3):
            matrix = sp.csr_array(
                (group_decay[:, h], by_group.item.astype(np.int64), by_group.indptr),
                shape=(len(by_group.customers), len(by_group.items)),
            )
            total = np.zeros(shape)
            total[there] = (matrix[place[there]] @ sp.csr_array(mix).T).toarray()
            found[f"{name}_{history.half_lives[h]:g}"] = np.log(total + 0.05)
    return {
        name: np.ascontiguousarray(np.broadcast_to(values, shape), np.float32).reshape(-1)
        for name, values in found.items()
    }
