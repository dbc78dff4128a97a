"""Features of every pair of customer and offer, bought before or not: what p0 of a few hundred offers is fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...utils.lazy_imports import sparse as sp
from ...utils.process.cached_property import cached_property
from ..history.item_statistics import ItemStatistics
from ..history.purchase_history import PurchaseHistory
from .features import Features

Mix = tuple[PurchaseHistory, "sp.csr_array"]
"""A history by category, and what share of each offer's sales is in each category."""

Named = dict[str, NDArray[np.floating]]

WEEKS_AWAY_IF_UNKNOWN = 52.0
WEEKS_SINCE_IF_NEVER = 60.0
REPEAT_RATE_IF_UNKNOWN = 0.1


def offer_features(
    history: PurchaseHistory, customers: pa.Array, offers: pa.Array, mixes: Mapping[str, Mix]
) -> Features:
    """Compute the features of every customer and offer.

    Parameters
    ----------
    history : PurchaseHistory
        Its items are offers; see `catalogue` of `PurchaseHistory.from_transactions`.
    customers, offers : pyarrow.Array
        Ids; those that the history does not know count as not bought.
    mixes : mapping of str to (PurchaseHistory, csr_array)
        By name, such as `category`: a history by category, and what share of an offer's sales is in each: a matrix
        (n_offers, n_categories) whose rows add up to at most 1.

    Returns
    -------
    dict of str to ndarray of float32, shape (n_customers * n_offers,)
        By name, customers outermost: logarithms of decayed purchases, of purchases, of weeks since the last; of
        decayed purchases in the offer's mix of categories; of trips; of how many buy the offer, now and before.
    """
    grid = _Grid(history, customers, offers)
    found = {**_purchase_features(grid), **_offer_features(grid)}
    for name, (by_group, mix) in mixes.items():
        found.update(_mix_features(grid, name, by_group, mix))
    shape = grid.shape
    return {
        name: np.ascontiguousarray(np.broadcast_to(values, shape), np.float32).reshape(-1)
        for name, values in found.items()
    }


@dataclass(frozen=True)
class _Grid:
    """Customers times offers, looked up in a history."""

    history: PurchaseHistory
    customers: pa.Array
    offers: pa.Array

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.customers), len(self.offers)

    @cached_property
    def row(self) -> NDArray[np.int64]:
        """The history's row of each customer, -1 for none."""
        return tables.positions(self.customers, self.history.customers)

    @cached_property
    def known(self) -> NDArray[np.int64]:
        """The customers whom the history knows."""
        return np.flatnonzero(self.row >= 0)

    @cached_property
    def item(self) -> NDArray[np.int64]:
        """The history's item of each offer, -1 for none."""
        return tables.positions(self.offers, self.history.items)

    @cached_property
    def statistics(self) -> ItemStatistics:
        return ItemStatistics.from_history(self.history)

    def of_pairs(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the value of each pair of the history as a matrix, 0 where there is no pair."""
        history = self.history
        item, indptr = history.item.astype(np.int64), history.indptr
        matrix = sp.csr_array((values, item, indptr), shape=(len(indptr) - 1, len(history.items)))
        dense = np.zeros(self.shape)
        bought = np.flatnonzero(self.item >= 0)
        part = matrix[self.row[self.known]][:, self.item[bought]].toarray()
        dense[np.ix_(self.known, bought)] = part
        return dense

    def of_offers(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value of each offer's item, 0 where there is none."""
        if not len(values):
            return np.zeros(self.shape[1])
        return np.where(self.item >= 0, values[self.item], 0.0)


def _purchase_features(grid: _Grid) -> Named:
    """Decayed purchases, trips and popularity by half-life; purchases and weeks since the last."""
    history, known = grid.history, grid.known
    trips = np.zeros((grid.shape[0], len(history.half_lives)))
    trips[known] = history.trip_decay(slice(None))[grid.row[known]]
    decay = history.decay(slice(None))
    found: Named = {}
    for h, half_life in enumerate(history.half_lives):
        found[f"bought_{half_life:g}"] = np.log(grid.of_pairs(decay[:, h]) + 0.03)
        found[f"trips_{half_life:g}"] = np.log(trips[:, h] + 0.1)[:, None]
        popular = grid.of_offers(grid.statistics.popularity[:, h])
        found[f"popularity_{half_life:g}"] = np.log(popular + 0.5)[None, :]
    count = grid.of_pairs(history.pairs.times.astype(np.float64))
    since = (history.until + 1 - history.pairs.last) / history.periods_a_week
    found["times"], found["ever"] = np.log(count + 0.3), (count > 0).astype(np.float64)
    found["since"] = np.where(
        count > 0, np.log(grid.of_pairs(since) + 0.5), np.log(WEEKS_SINCE_IF_NEVER)
    )
    return found


def _offer_features(grid: _Grid) -> Named:
    """The customer's absence, and the offer's buyers and repeat rate."""
    history, known = grid.history, grid.known
    away = np.full(grid.shape[0], WEEKS_AWAY_IF_UNKNOWN)
    last = history.trips.last[grid.row[known]]
    away[known] = (history.until + 1 - last) / history.periods_a_week
    repeat_rate = grid.of_offers(grid.statistics.repeat_rate)
    repeat_rate = np.where(grid.item >= 0, repeat_rate, REPEAT_RATE_IF_UNKNOWN)
    return {
        "away": np.log(away + 0.5)[:, None],
        "buyers": np.log(grid.of_offers(grid.statistics.buyers) + 0.5)[None, :],
        "repeat_rate": np.log(repeat_rate)[None, :],
    }


def _mix_features(grid: _Grid, name: str, by_group: PurchaseHistory, mix: sp.csr_array) -> Named:
    """The customer's decayed purchases in the offer's mix of categories, at every third half-life."""
    place = tables.positions(grid.customers, by_group.customers)
    known = np.flatnonzero(place >= 0)
    decay, half_lives = by_group.decay(slice(None)), grid.history.half_lives
    shape = (len(by_group.customers), len(by_group.items))
    found: Named = {}
    for h in range(1, len(half_lives), 3):
        entries = (decay[:, h], by_group.item.astype(np.int64), by_group.indptr)
        matrix = sp.csr_array(entries, shape=shape)
        total = np.zeros(grid.shape)
        total[known] = (matrix[place[known]] @ sp.csr_array(mix).T).toarray()
        found[f"{name}_{half_lives[h]:g}"] = np.log(total + 0.05)
    return found
