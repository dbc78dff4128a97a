"""Transactions grouped by customer: who puts them into order, and how ranges of customers are handed on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....kernels.purchases_contract import PurchaseRows
from ....utils.arrays.blocks import row_blocks

BLOCK_PAIRS = 1 << 20
"""Pairs of an older history that purchases are merged with at a time."""

PURPOSE = "grouping the transactions"
"""What memory and disk are used for, for errors."""


class Watcher(Protocol):
    """Looks at transactions while they are read."""

    def look(self, batch: pa.RecordBatch) -> Any:
        """Look at a batch, in any thread, while others look at others.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
            Gone afterwards.

        Returns
        -------
        object
            What there is to `take`.
        """

    def take(self, found: Any) -> None:
        """Take what looking came to, in the order of the batches.

        Parameters
        ----------
        found : object
        """


class Watchers:
    """Several watchers as one.

    Parameters
    ----------
    *watchers : Watcher
    """

    def __init__(self, *watchers: Watcher):
        self._watchers = watchers

    def look(self, batch: pa.RecordBatch) -> list[Any]:
        """Look at a batch; see `Watcher`.

        Parameters
        ----------
        batch : pyarrow.RecordBatch

        Returns
        -------
        list
        """
        return [watcher.look(batch) for watcher in self._watchers]

    def take(self, found: list[Any]) -> None:
        """Take what looking came to; see `Watcher`.

        Parameters
        ----------
        found : list
        """
        for watcher, some in zip(self._watchers, found, strict=True):
            watcher.take(some)


@dataclass
class Watching:
    """Who looks on while transactions are read.

    Attributes
    ----------
    watch : Watcher, optional
        Looks at every batch of transactions before they are grouped.
    last_complete : callable, optional
        Called when all of them were read: the last period that is kept; None: all are.
    """

    watch: Watcher | None = None
    last_complete: Callable[[], int | None] | None = None
    _seen: int = 0
    _again: int = 0

    def look(self, batch: pa.RecordBatch) -> tuple[int, Any]:
        """Let them look at a batch, in any thread; return how many rows it has, and what there is to take."""
        return len(batch), None if self.watch is None else self.watch.look(batch)

    def take(self, looked: tuple[int, Any]) -> None:
        """Let them take what looking at a batch came to, which none of them has seen before."""
        rows, found = looked
        self._seen += rows
        if self.watch is not None:
            self.watch.take(found)

    def see(self, batch: pa.RecordBatch) -> None:
        """Let them look at a batch, but for rows that they have seen before."""
        again = min(self._again, len(batch))
        self._again -= again
        if len(batch) > again:
            self.take(self.look(batch.slice(again)))

    def begin_again(self) -> None:
        """Transactions are read once more, from the first on."""
        self._again = self._seen

    def last_kept(self) -> int | None:
        """Return the last period that is kept, once all transactions were read; None: all are."""
        return None if self.last_complete is None else self.last_complete()


class CustomerRows(NamedTuple):
    """All purchases of some customers.

    Attributes
    ----------
    rows : PurchaseRows
    rank : ndarray of uint32
        Of the item of each number; see `couponry.kernels.reference.purchases.group_purchases`.
    ids : callable
        Turns customers as `rows` have them into ids.
    """

    rows: PurchaseRows
    rank: NDArray[np.uint32]
    ids: Callable[[NDArray[np.int64]], pa.Array]


class RangeOfPurchases(NamedTuple):
    """A range of customers: some of an older history, and the purchases of theirs and of others between them.

    Attributes
    ----------
    stop : int
        The customers of the older history before this one, and behind the ranges before, belong to it.
    read : callable, optional
        Returns the purchases, in any thread; None: there are none.
    """

    stop: int
    read: Callable[[], CustomerRows] | None


def older_blocks(indptr: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Cut the customers of an older history into blocks.

    Parameters
    ----------
    indptr : ndarray of int64, shape (n + 1,)
        Where the pairs of each customer begin, and where those of the last end.

    Returns
    -------
    list of (int, int)
        Customers start <= i < stop of each block, which has about BLOCK_PAIRS pairs at most.
    """
    return list(row_blocks(indptr, BLOCK_PAIRS))


class GroupedPurchases(Protocol):
    """Purchases by customer; a context manager that gives back what they take up.

    Nothing depends on the order of the transactions: amounts are summed as whole numbers.

    Attributes
    ----------
    customer_type : pyarrow.DataType
    items : pyarrow.Array
        Ids of the items, ascending.
    first, last : int
        Earliest and latest period; 0 and -1 if there are no purchases. Where later ones were left out, the last that
        is kept, whether anything was bought in it or not.
    rows : int
        How many purchases there are, at most.
    threads : int
        That may work on ranges at a time.
    """

    customer_type: pa.DataType
    items: pa.Array
    first: int
    last: int
    rows: int
    threads: int

    @property
    def held_bytes(self) -> int:
        """Memory that purchases are kept in."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def ranges(
        self, items: pa.Array, old: pa.Array, indptr: NDArray[np.int64]
    ) -> Iterator[RangeOfPurchases]:
        """Hand on the purchases, a range of customers at a time.

        Parameters
        ----------
        items : pyarrow.Array
            Ids of all items that may occur, ascending.
        old : pyarrow.Array
            Ids of the customers of an older history, ascending.
        indptr : ndarray of int64
            Where the pairs of each of them begin.

        Yields
        ------
        RangeOfPurchases
            Behind the one before; together all customers, as often as they are asked for. Each has about BLOCK_PAIRS
            older pairs at most.
        """
        ...
