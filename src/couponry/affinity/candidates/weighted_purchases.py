"""What some customers of a history bought, as a sparse matrix, weighted for scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...utils.arrays.blocks import row_blocks
from ...utils.arrays.mapped_arrays import release_pages
from ...utils.lazy_imports import sparse as sp
from ..history.decay import decay_factors, half_life_index
from ..history.purchase_history import PurchaseHistory
from ..scores.item_neighbours import recent_weights
from ..scores.own.pair_model import PairScorer

BLOCK_PAIRS, BLOCK_CUSTOMERS = 3 << 16, 1 << 14
"""Pairs and customers that are worked on at a time, at most: more pairs than most ranges of purchases have, so that few
are cut into a block and a small rest."""

BYTES_PER_CANDIDATE, BYTES_PER_PAIR = 48, 64
"""Memory of a block while it is worked on."""

BYTES_PER_ITEM, BYTES_PER_LINK = 64, 16
"""Memory of a model: of each item, and of each entry of the similarity."""

Histories = PurchaseHistory | Callable[[], Iterator[PurchaseHistory]]
"""A history, or a function that lists several one after the other."""


class WeightedPurchases(NamedTuple):
    """What some customers bought, and how often they come.

    Attributes
    ----------
    matrix : csr_array of float32, shape (n_customers, n_items)
        log(1 + decayed purchases): weights for neighbours.
    own_weight : ndarray of float32, shape (matrix.nnz,)
        Weights for rewards: decayed purchases times a weight of the item, or -log(1 - the probability to buy again).
        Summed over what an offer is good for, that is -log(1 - the probability to buy any of it).
    trips : ndarray of float32, shape (n_customers,)
        Decayed trips.
    """

    matrix: sp.csr_array
    own_weight: NDArray[np.float32]
    trips: NDArray[np.float32]


@dataclass(frozen=True)
class CustomerRange:
    """The customers start <= i < stop of a history.

    Attributes
    ----------
    history : PurchaseHistory
    start, stop : int
    """

    history: PurchaseHistory
    start: int
    stop: int

    @classmethod
    def whole(cls, history: PurchaseHistory) -> CustomerRange:
        """Return all customers of a history.

        Parameters
        ----------
        history : PurchaseHistory

        Returns
        -------
        CustomerRange
        """
        return cls(history, 0, len(history.customers))

    def read(
        self,
        items: pa.Array,
        weight: NDArray[np.float32],
        half_life: float,
        scorer: PairScorer | None = None,
        *,
        recent: bool = False,
    ) -> WeightedPurchases:
        """Read what they bought.

        Parameters
        ----------
        items : pyarrow.Array, shape (n_items,)
            Ids of the items that count, ascending.
        weight : ndarray of float32, shape (n_items,)
            Of each item, for rewards.
        half_life : float
            In weeks, one of the history's.
        scorer : PairScorer, optional
            Predicts how likely they buy again: then rewards weigh that.
        recent : bool
            Whether weights for neighbours are those of discovery models (`recent_weights`), whatever the half-life.

        Returns
        -------
        WeightedPurchases
        """
        history = self.history
        h = half_life_index(half_life, history.half_lives)
        periods = history.until - history.start + 1
        factor = decay_factors(history.half_lives, history.unit, periods)[:, h]
        ends = history.indptr[self.start : self.stop + 1]
        part = slice(int(ends[0]), int(ends[-1]))
        item, indptr = history.item[part].view(np.int32), ends - ends[0]
        weights = recent_weights(history, part) if recent else np.log1p(history.decay_at(part, h))
        again = None if scorer is None else scorer.score(self.start, self.stop)
        own = history.decay_at(part, h) if again is None else -np.log1p(-again)
        if not history.items.equals(items):
            item = tables.positions(history.items, items).astype(np.int32)[item]
            kept = item >= 0
            if not kept.all():
                indptr = np.append(0, np.cumsum(kept))[indptr]
                item, own, weights = item[kept], own[kept], weights[kept]
        if again is None:
            own = own * weight[item]
        shape = (self.stop - self.start, len(items))
        matrix = sp.csr_array((weights, item, indptr), shape=shape)
        matrix.has_canonical_format = True  # ascending for a customer, and once each
        trips = history.trips.decay[self.start : self.stop, h]
        trips = trips * factor[history.until - history.trips.last[self.start : self.stop]]
        return WeightedPurchases(matrix, own, trips)

    def release(self) -> None:
        """Give back the memory that their part of a history in files takes up; the files keep it."""
        history, customers = self.history, slice(self.start, self.stop)
        part = slice(int(history.indptr[self.start]), int(history.indptr[self.stop]))
        release_pages(history.item[part], *(array[part] for array in history.pairs))
        release_pages(history.indptr[customers], *(array[customers] for array in history.trips))


def customer_ranges(histories: Histories) -> Iterator[CustomerRange]:
    """Yield the ranges of customers to work on, of a history or of several one after the other.

    Parameters
    ----------
    histories : PurchaseHistory or callable
        A history, or a function that lists several.

    Yields
    ------
    CustomerRange
        At most BLOCK_CUSTOMERS customers, of about BLOCK_PAIRS pairs.
    """
    for history in each_history(histories):
        yield from ranges_of(history)


def ranges_of(history: PurchaseHistory) -> Iterator[CustomerRange]:
    """Yield the ranges of customers to work on, of one history.

    Parameters
    ----------
    history : PurchaseHistory

    Yields
    ------
    CustomerRange
        As `customer_ranges` does.
    """
    for start, stop in row_blocks(history.indptr, BLOCK_PAIRS):
        for first in range(start, stop, BLOCK_CUSTOMERS):
            yield CustomerRange(history, first, min(first + BLOCK_CUSTOMERS, stop))


def each_history(histories: Histories) -> Iterator[PurchaseHistory]:
    """Return an iterator over one history, or over those that a function lists.

    Parameters
    ----------
    histories : PurchaseHistory or callable
        A history, or a function that lists several.

    Returns
    -------
    iterator of PurchaseHistory
    """
    return iter([histories]) if isinstance(histories, PurchaseHistory) else histories()


def memory_of_blocks(links: int, items: int, width: int, threads: int) -> int:
    """Estimate the memory of a model and of the blocks that are worked on.

    Parameters
    ----------
    links, items : int
        Entries of the similarity, and items.
    width : int
        Offers that are chosen for a customer at most.
    threads : int
        Threads that work on blocks.

    Returns
    -------
    int
        Bytes, about.
    """
    block = BLOCK_CUSTOMERS * width * BYTES_PER_CANDIDATE + BLOCK_PAIRS * BYTES_PER_PAIR
    return BYTES_PER_LINK * links + BYTES_PER_ITEM * items + (2 * threads + 1) * block
