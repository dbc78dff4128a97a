"""Candidates for discovery, and their features: what neighbours and customers alike say, popularity, groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....data import tables
from ....utils.parallel import parallel_map, worker_count
from ...history.joined_history import with_items
from ...history.purchase_history import PurchaseHistory
from ..features import Features, as_float32, groups_of_items
from ..item_neighbours import recent_weights
from ..own.own_columns import OwnColumn, OwnFeatures
from .item_features import FeaturesOfItems, as_least_sold, popular_features
from .known_items import KnownItems
from .predictions import Predictions, Predictor

BLOCK_CUSTOMERS = 128
"""Customers that are scored at a time."""

FEW_ITEMS = 10.0
"""Items of customers whose neighbours say little: what sells counts more for those who know fewer."""

SMALL_SHARE = 1e-3
"""Share of customers alike that makes little difference."""

LEAST_OF_GROUP = {"bought": 0.05, "items": 0.3}
"""Added to decayed purchases and to items of a group, of which logarithms are taken."""


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
        found = FeaturesOfItems(
            known.statistics.among(self.items), self._groups, history.half_lives
        )
        self._item_features = as_least_sold(
            found.among(self._items),
            column[self._items] < 0,
            found.among(taking_part[known.least]),
        )
        self._popular = popular_features(self._item_features)

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
            found[one.name], found[f"{one.name}_root"] = said_by_neighbours(x)
        share = said.alike[row, place].astype(np.float64)
        found["alike"] = np.log(share + SMALL_SHARE)
        found["alike_root"] = np.sqrt(share)
        for name, values in self._item_features.items():
            found[name] = values[place]
        found.update(self._customer_features(start, start + len(said.bought), row, place))
        few = knows_few(np.expm1(found["known_items"]))
        found["few_items"] = few
        found.update({f"few_items_{name}": few * found[name] for name in self._popular})
        customers = (start, start + len(said.bought))
        return self._own.added_to_new(as_float32(found), customers, row, self._items[place])

    def _customer_features(
        self, start: int, stop: int, row: NDArray[np.int64], place: NDArray[np.int64]
    ) -> dict[str, NDArray[np.floating]]:
        """Compute how much each customer bought, at all and of the item's groups, and what of these is begun lately."""
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
            for kind, weights in (("bought", amount), ("items", None)):
                total = np.bincount(cell, weights=weights, minlength=1)
                least = LEAST_OF_GROUP[kind]
                found[f"{name}_{kind}"] = np.log(np.where(known, total[at], 0.0) + least)
            share = self._item_features[f"{name}_begun"][place]
            found[f"{name}_expected"] = found[f"{name}_bought"] + share
        return found


def said_by_neighbours(said: NDArray[np.floating]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Compute the features of what neighbours say.

    Parameters
    ----------
    said : ndarray of float, shape (n_pairs,)
        In units of its mean size.

    Returns
    -------
    logarithm, root : ndarray of float, shape (n_pairs,)
    """
    return np.log(np.maximum(said, 0) + 10), np.sign(said) * np.sqrt(np.abs(said))


def knows_few(items: NDArray[np.floating]) -> NDArray[Any]:
    """Return how much customers know few items: 1 for none, a third for ten.

    Parameters
    ----------
    items : ndarray of float, shape (n,)

    Returns
    -------
    ndarray of float, shape (n,)
    """
    few: NDArray[Any] = np.exp(-items / FEW_ITEMS)
    return few


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
