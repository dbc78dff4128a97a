"""Candidates for discovery, and their features: what neighbours say, popularity, the customer's groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...utils.lazy_imports import sparse as sp
from ...utils.parallel import parallel_map, worker_count
from ..history.item_statistics import ItemStatistics
from ..history.joined_history import with_items
from ..history.purchase_history import PurchaseHistory
from .features import Features, ItemGroups, as_float32, groups_of_items
from .item_neighbours import PurchaseWeights, recent_weights, unit_weights
from .known_items import KnownItems, purchase_matrix

BLOCK_CUSTOMERS = 128
"""Customers that are scored at a time."""

FEW_ITEMS = 10.0
"""Items of customers whose neighbours say little: what sells counts more for those who know fewer."""

POPULAR = ("buyers", "popularity_")
"""How names of features begin that say what sells."""


class DiscoveryBlock(NamedTuple):
    """Items that some customers may begin to buy, with features; ordered by customer and item.

    Attributes
    ----------
    customer, item : ndarray of int64, shape (n_pairs,)
        Positions in the history's customers, and in the features' items.
    features : dict of str to ndarray of float32, shape (n_pairs,)
    """

    customer: NDArray[np.int64]
    item: NDArray[np.int64]
    features: Features


class DiscoveryFeatures:
    """Finds the items that customers may begin to buy, and computes their features.

    Parameters
    ----------
    known : KnownItems
        What the model knows of items.
    groups : mapping of str to ndarray of int, callable, or None
        Groupings of the items by name.
    history : PurchaseHistory
        Of the customers that are asked about.

    Attributes
    ----------
    items : pyarrow.Array
        Ids of the items of the history and of those known, ascending.
    """

    def __init__(self, known: KnownItems, groups: Any, history: PurchaseHistory):
        self._known, self._history = known, with_items(history, known.statistics.items)
        self.items: pa.Array = self._history.items
        self._groups = groups_of_items(groups, self._history)
        self._items = tables.positions(known.items, self.items)  # those that take part
        self._column = np.full(len(self.items), -1)
        self._column[self._items] = np.arange(len(self._items))
        statistics = known.statistics.among(self.items)
        self._item_features = _item_features(
            statistics, self._groups, self._items, history.half_lives
        )
        self._popular = [name for name in self._item_features if name.startswith(POPULAR)]

    def blocks(self) -> Iterator[DiscoveryBlock]:
        """Yield the pairs to be scored, some customers at a time, in order.

        Yields
        ------
        DiscoveryBlock
            At most BLOCK_CUSTOMERS customers.
        """
        customers = len(self._history.customers)
        ranges = (
            (start, min(start + BLOCK_CUSTOMERS, customers))
            for start in range(0, customers, BLOCK_CUSTOMERS)
        )
        for block in parallel_map(self._block, ranges, worker_count()):
            if len(block.customer):
                yield block

    def key(self, customer: NDArray[np.int64], item: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return one number for each pair.

        Parameters
        ----------
        customer, item : ndarray of int64, shape (n_pairs,)
            Positions in the history's customers and in `items`.

        Returns
        -------
        ndarray of int64, shape (n_pairs,)
            Ordered by customer and item.
        """
        key: NDArray[np.int64] = customer * len(self.items) + item
        return key

    def _matrix(self, weights: PurchaseWeights, start: int, stop: int) -> sp.csr_array:
        """Return what the customers start <= i < stop bought of the items that take part."""
        return purchase_matrix(self._history, weights, self._column, (start, stop))

    def _block(self, customers: tuple[int, int]) -> DiscoveryBlock:
        """Return the pairs of a range of customers."""
        start, stop = customers
        known = self._known
        own = self._matrix(unit_weights, start, stop).toarray() > 0
        predicted = [
            self._matrix(one.weights, start, stop) @ similarity
            for one, similarity in zip(known.neighbours, known.similarities, strict=True)
        ]
        row, column = np.nonzero(self._candidates(predicted, own))
        found: dict[str, NDArray[np.floating]] = {}
        for one, scores, scale in zip(known.neighbours, predicted, known.scales, strict=True):
            x = scores[row, column].astype(np.float64) / scale
            found[one.name] = np.log(np.maximum(x, 0.0) + 10.0)
            found[f"{one.name}_root"] = np.sign(x) * np.sqrt(np.abs(x))
        for name, values in self._item_features.items():
            found[name] = values[column]
        found.update(self._customer_features(start, stop, row, column))
        few = np.exp(-np.expm1(found["known_items"]) / FEW_ITEMS)
        found["few_items"] = few
        found.update({f"few_items_{name}": few * found[name] for name in self._popular})
        return DiscoveryBlock(row + start, self._items[column], as_float32(found))

    def _candidates(
        self, predicted: list[NDArray[np.float32]], own: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Mark the pairs to be scored: those that neighbours rank first, ties included, and bestsellers."""
        keep = min(self._known.keep, own.shape[1])
        total = sum(s / scale for s, scale in zip(predicted, self._known.scales, strict=True))
        ranked = np.where(own, -np.inf, np.asarray(total, np.float64))
        cut = -np.partition(-ranked, keep - 1, axis=1)[:, keep - 1 : keep] if keep else np.inf
        mask: NDArray[np.bool_] = ranked >= cut
        mask[:, self._known.bestsellers] = True
        mask &= ~own
        return mask

    def _customer_features(
        self, start: int, stop: int, row: NDArray[np.int64], column: NDArray[np.int64]
    ) -> dict[str, NDArray[np.floating]]:
        """Compute how much each customer bought, at all and of the item's groups."""
        history, n_customers = self._history, stop - start
        part = slice(int(history.indptr[start]), int(history.indptr[stop]))
        customer = np.repeat(np.arange(n_customers), np.diff(history.indptr[start : stop + 1]))
        amount = np.expm1(recent_weights(history, part).astype(np.float64))
        item = history.item[part].astype(np.int64)
        n_items = np.bincount(customer, minlength=n_customers)
        bought = np.bincount(customer, weights=amount, minlength=n_customers)
        found: dict[str, NDArray[np.floating]] = {
            "known_items": np.log(n_items + 1.0)[row],
            "bought": np.log(bought + 1.0)[row],
        }
        for name, group in self._groups.items():
            size = int(group.max()) + 1
            cell = customer * size + group[item]
            wanted = row * size + group[self._items][column]
            total = np.bincount(cell, weights=amount, minlength=n_customers * size)
            count = np.bincount(cell, minlength=n_customers * size)
            found[f"{name}_bought"] = np.log(total[wanted] + 0.05)
            found[f"{name}_items"] = np.log(count[wanted] + 0.3)
        return found


def _item_features(
    statistics: ItemStatistics,
    groups: ItemGroups,
    items: NDArray[np.int64],
    half_lives: Sequence[float],
) -> dict[str, NDArray[np.float64]]:
    """Compute the features of items alone."""
    found = {"buyers": np.log(statistics.buyer_share[items])}
    for h, half_life in enumerate(half_lives):
        found[f"popularity_{half_life:g}"] = np.log(statistics.popularity_rate[items, h])
    found["repeat_rate"] = np.log(statistics.repeat_rate[items])
    last = statistics.popularity[:, -1] if half_lives else statistics.buyers
    for name, group in groups.items():
        size = np.bincount(group, weights=last)[group[items]]
        found[f"{name}_size"] = np.log((size + 1.0) / (statistics.customers + 1.0))
        found[f"{name}_share"] = np.log((last[items] + 0.1) / (size + 1.0))
    return found
