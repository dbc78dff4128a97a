"""Candidates for discovery, and their features: what neighbours and customers alike say, popularity, groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....data import tables
from ....utils.parallel import parallel_map, worker_count
from ...history.item_statistics import ItemStatistics
from ...history.joined_history import with_items
from ...history.purchase_history import PurchaseHistory
from ..features import Features, ItemGroups, as_float32, groups_of_items
from ..item_neighbours import recent_weights
from ..own.own_columns import OwnColumn, OwnFeatures
from .known_items import KnownItems
from .predictions import Predictions, Predictor

BLOCK_CUSTOMERS = 128
"""Customers that are scored at a time."""

FEW_ITEMS = 10.0
"""Items of customers whose neighbours say little: what sells counts more for those who know fewer."""

SMALL_SHARE = 1e-3
"""Share of customers alike that makes little difference."""

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
    asked : pyarrow.Array, optional
        Ids of the items that are asked about, ascending. Default: those that take part.
    columns : mapping of str to OwnColumn, optional
        Features of the user's own, of customers and items.

    Attributes
    ----------
    items : pyarrow.Array
        Ids of the items of the history, of those known and of those asked about, ascending.
    """

    def __init__(
        self,
        known: KnownItems,
        groups: Any,
        history: PurchaseHistory,
        asked: pa.Array | None = None,
        columns: Mapping[str, OwnColumn] | None = None,
    ):
        history = with_items(history, known.statistics.items)
        history = history if asked is None else with_items(history, asked)
        self._known, self._history = known, history
        self.items: pa.Array = history.items
        self._groups = groups_of_items(groups, history)
        self._own = OwnFeatures(columns, history)
        taking_part = tables.positions(known.items, self.items)
        self._items = taking_part if asked is None else tables.positions(asked, self.items)
        column = np.full(len(self.items), -1)
        column[taking_part] = np.arange(len(taking_part))
        self._predictor = Predictor(known, history, self._groups, taking_part, column[self._items])
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
        ranges = customer_ranges(0, len(self._history.customers))
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

    def of_pairs(
        self, start: int, stop: int, customer: NDArray[np.int64], item: NDArray[np.int64]
    ) -> Features:
        """Compute the features of given pairs.

        Parameters
        ----------
        start, stop : int
            Range of customers.
        customer, item : ndarray of int64, shape (n_pairs,)
            Positions in the history's customers, start <= i < stop, and in the items asked about.

        Returns
        -------
        dict of str to ndarray of float32, shape (n_pairs,)
            The same bits as those of `blocks`.
        """
        said = self._predictor.predictions(start, stop)
        return self._features(said, start, customer - start, item)

    def _block(self, customers: tuple[int, int]) -> DiscoveryBlock:
        """Return the pairs of a range of customers."""
        start, stop = customers
        said = self._predictor.predictions(start, stop)
        row, place = np.nonzero(self._candidates(said))
        return DiscoveryBlock(
            row + start, self._items[place], self._features(said, start, row, place)
        )

    def _candidates(self, said: Predictions) -> NDArray[np.bool_]:
        """Mark the pairs to be scored: those that are said first, ties included, and bestsellers."""
        keep = min(self._known.keep, said.bought.shape[1])
        ranked = np.where(said.bought, -np.inf, said.together(self._known.scales))
        cut = -np.partition(-ranked, keep - 1, axis=1)[:, keep - 1 : keep] if keep else np.inf
        mask: NDArray[np.bool_] = ranked >= cut
        mask[:, self._known.bestsellers] = True
        mask &= ~said.bought
        return mask

    def _features(
        self, said: Predictions, start: int, row: NDArray[np.int64], place: NDArray[np.int64]
    ) -> Features:
        """Compute the features of pairs of a customer, counted from `start`, and an item asked about."""
        known = self._known
        found: dict[str, NDArray[np.floating]] = {}
        for one, scores, scale in zip(known.neighbours, said.neighbours, known.scales, strict=True):
            x = scores[row, place].astype(np.float64) / scale
            found[one.name] = np.log(np.maximum(x, 0.0) + 10.0)
            found[f"{one.name}_root"] = np.sign(x) * np.sqrt(np.abs(x))
        share = said.alike[row, place].astype(np.float64)
        found["alike"] = np.log(share + SMALL_SHARE)
        found["alike_root"] = np.sqrt(share)
        for name, values in self._item_features.items():
            found[name] = values[place]
        found.update(self._customer_features(start, start + len(said.bought), row, place))
        few = np.exp(-np.expm1(found["known_items"]) / FEW_ITEMS)
        found["few_items"] = few
        found.update({f"few_items_{name}": few * found[name] for name in self._popular})
        customers = (start, start + len(said.bought))
        return self._own.added_to_new(as_float32(found), customers, row, self._items[place])

    def _customer_features(
        self, start: int, stop: int, row: NDArray[np.int64], place: NDArray[np.int64]
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
            size = int(group.max(initial=-1)) + 1
            cells, cell = np.unique(customer * size + group[item], return_inverse=True)
            wanted = row * size + group[self._items][place]
            at = np.minimum(np.searchsorted(cells, wanted), max(len(cells) - 1, 0))
            known = cells[at] == wanted if len(cells) else np.zeros(len(at), bool)
            for kind, weights, least in (("bought", amount, 0.05), ("items", None, 0.3)):
                total = np.bincount(cell, weights=weights, minlength=1)
                found[f"{name}_{kind}"] = np.log(np.where(known, total[at], 0.0) + least)
        return found


def customer_ranges(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of at most BLOCK_CUSTOMERS customers.

    Parameters
    ----------
    start, stop : int
        The first customer, and the one after the last.

    Yields
    ------
    int, int
        First customer of a range, and the one after the last.
    """
    for first in range(start, stop, BLOCK_CUSTOMERS):
        yield first, min(first + BLOCK_CUSTOMERS, stop)


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
