"""What a discovery model knows of items: which of them take part, how they sell, and how alike they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....utils.errors import InvalidInput
from ....utils.lazy_imports import sparse as sp
from ...history.item_statistics import ItemStatistics
from ...history.purchase_history import PurchaseHistory
from ..item_neighbours import Neighbours, PrecomputedSimilarity, PurchaseWeights, unit_weights
from .known_customers import KnownCustomers

BESTSELLERS = 0.1
"""Bestsellers that are scored for everybody, as a share of the items that are scored for a customer besides."""

LEAST_SOLD = 0.05
"""Share of the items that take part that sell least: items that take no part are taken to be like these."""

PRIOR_BEGUN, PRIOR_BEGUN_OF_GROUP = 0.5, 2.0
"""Customers that lately began an item, and one of its group, besides those that were seen."""


@dataclass(frozen=True)
class KnownItems:
    """Statistics and similarities of items, as they were learned from a history.

    Attributes
    ----------
    statistics : ItemStatistics
        Of all items of the history.
    items : pyarrow.Array, shape (n_taking_part,)
        Ids of the items that take part, ascending.
    bestsellers : ndarray of int64
        Which of them sell most lately.
    keep : int
        How many items of each customer are scored besides.
    neighbours : sequence of Neighbours
    similarities : list of ndarray of float32, shape (n_taking_part, n_taking_part)
        Of each of the neighbours.
    scales : list of float
        Mean size of each similarity.
    customers : KnownCustomers
        Customers who are asked what those like them may begin.
    least : ndarray of int64
        Which of the items that take part sell least.
    """

    statistics: ItemStatistics
    items: pa.Array
    bestsellers: NDArray[np.int64]
    keep: int
    neighbours: Sequence[Neighbours]
    similarities: list[NDArray[np.float32]]
    scales: list[float]
    customers: KnownCustomers
    least: NDArray[np.int64]

    @classmethod
    def learned(
        cls,
        history: PurchaseHistory,
        neighbours: Sequence[Neighbours],
        *,
        items: int,
        keep: int,
        customers: int,
    ) -> KnownItems:
        """Learn from a history.

        Parameters
        ----------
        history : PurchaseHistory
        neighbours : sequence of Neighbours
        items : int
            How many of the most bought items take part.
        keep : int
            How many items of each customer are scored; a tenth as many bestsellers besides.
        customers : int
            How many customers are kept to be asked.

        Returns
        -------
        KnownItems

        Raises
        ------
        InvalidInput
            If a similarity has another shape than the items that take part.
        """
        statistics = ItemStatistics.from_history(history)
        popularity = _popularity_now(statistics, len(history.half_lives))
        order = np.argsort(-(statistics.buyers + 2 * popularity), kind="stable")
        part = np.sort(order[:items])
        column = np.full(len(history.items), -1)
        column[part] = np.arange(len(part))
        ids = history.items.take(pa.array(part))
        top = np.argsort(-popularity[part], kind="stable")
        similarities = [_similarity(one, history, ids, column) for one in neighbours]
        scales = [float(np.abs(found).mean()) or 1.0 for found in similarities]
        bestsellers = np.sort(top[: int(BESTSELLERS * keep)])
        bought = purchase_matrix(history, unit_weights, column, (0, len(history.customers)))
        asked = KnownCustomers.learned(history.customers, bought, customers)
        least = np.searchsorted(part, order[:items][-int(np.ceil(LEAST_SOLD * len(part))) :])
        found = similarities, scales, asked, np.sort(least)
        return cls(statistics, ids, bestsellers, keep, neighbours, *found)


def share_of_begun(
    begun: NDArray[np.float64], group: NDArray[np.integer], of_groups: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return each item's share of what was lately begun of its group.

    Parameters
    ----------
    begun : ndarray of float64, shape (n_items,)
        Customers who lately began it.
    group : ndarray of int, shape (n_items,)
    of_groups : ndarray of float64, shape (n_groups,)
        The same of each group: the sum of its items'.

    Returns
    -------
    ndarray of float64, shape (n_items,)
        Above 0.
    """
    found: NDArray[np.float64] = (begun + PRIOR_BEGUN) / (of_groups[group] + PRIOR_BEGUN_OF_GROUP)
    return found


def purchase_matrix(
    history: PurchaseHistory,
    weights: PurchaseWeights,
    column: NDArray[np.int64],
    customers: tuple[int, int],
) -> sp.csr_array:
    """Return what customers bought of the items that take part.

    Parameters
    ----------
    history : PurchaseHistory
    weights : callable
        From a history and a slice of its pairs to their weights.
    column : ndarray of int64, shape (n_items,)
        Column of each of the history's items, -1 for those that take no part.
    customers : tuple of int
        The first customer, and the one after the last.

    Returns
    -------
    csr_array of float32, shape (n_customers, n_taking_part)
    """
    start, stop = customers
    part = slice(int(history.indptr[start]), int(history.indptr[stop]))
    place = column[history.item[part]]
    row = np.repeat(np.arange(stop - start), np.diff(history.indptr[start : stop + 1]))
    kept = place >= 0
    entries = (weights(history, part)[kept], (row[kept], place[kept]))
    return sp.csr_array(entries, shape=(stop - start, int(column.max(initial=-1)) + 1))


def _popularity_now(statistics: ItemStatistics, half_lives: int) -> NDArray[np.float64]:
    """Return decayed purchases of each item at the half-life a third up the list; buyers if there is none."""
    return statistics.popularity[:, half_lives // 3] if half_lives else statistics.buyers


def _similarity(
    neighbours: Neighbours, history: PurchaseHistory, ids: pa.Array, column: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the similarity of the items that take part."""
    if isinstance(neighbours.similarity, PrecomputedSimilarity):
        similarity = neighbours.similarity.among(ids)
    else:
        everyone = (0, len(history.customers))
        matrix = purchase_matrix(history, neighbours.weights, column, everyone)
        similarity = neighbours.similarity(matrix)
    if similarity.shape != (len(ids),) * 2:
        raise InvalidInput(
            f"neighbours {neighbours.name!r}: expected a similarity of {len(ids):,} x "
            f"{len(ids):,} items, got {similarity.shape}"
        )
    return np.ascontiguousarray(similarity, np.float32)
