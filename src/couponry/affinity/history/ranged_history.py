"""RangedHistory: a history that is never there as a whole; ranges of customers are added up whenever they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from threading import Semaphore, local
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data.ids import TEXT
from ...kernels import load
from ...utils.parallel import parallel_map
from ...utils.progress.watch import go_on
from .building.from_transactions import GroupingOptions, read_and_grouped
from .building.group_room import GroupRoom
from .building.grouping import CustomerRows, GroupedPurchases
from .building.transactions import Transactions
from .customer_sample import ShareOfCustomers, hash_ids
from .decay import checked_half_lives, decay_factors
from .history_arrays import HistoryArrays
from .history_folder import Coverage
from .item_statistics import ItemStatistics, late_periods, no_counts
from .pair_states import slice_states
from .purchase_history import PurchaseHistory

EVERYBODY = ShareOfCustomers(0)


class _ItemSums(NamedTuple):
    """What one thread has counted: the statistics of items, a row each, and how many customers."""

    counts: NDArray[np.float64]
    customers: NDArray[np.int64]


class RangedHistory:
    """A history of which ranges of customers are made one after the other, and as often as they are asked for.

    Adding up a range costs less than writing it to a file and reading it, and what is kept are the purchases alone.

    Parameters
    ----------
    grouped : GroupedPurchases
    covered : Coverage

    Attributes
    ----------
    nobody : PurchaseHistory
        Its items and what it covers, without a customer.
    customers : int
        How many there are, once the statistics were computed; about, where these are of a share of them.
    threads : int
        That may make ranges at a time.
    """

    def __init__(self, grouped: GroupedPurchases, covered: Coverage):
        self._grouped, self._kernels = grouped, load().unchecked
        empty = HistoryArrays.empty(len(covered.half_lives))
        about = {**vars(empty), **vars(covered), "items": grouped.items}
        self.nobody = PurchaseHistory(**{**about, "customers": pa.array([], grouped.customer_type)})
        n_periods = covered.until - covered.start + 1
        self._factors = decay_factors(covered.half_lives, covered.unit, n_periods)
        self._bounds = grouped.first, max(grouped.first, grouped.last)
        self._room = GroupRoom(len(covered.half_lives))
        self.threads, self.customers = grouped.threads, 0

    @property
    def held_bytes(self) -> int:
        """Bytes of memory that purchases are kept in."""
        return self._grouped.held_bytes

    def parts(self) -> Iterator[Callable[[], PurchaseHistory]]:
        """Hand on all customers, a range after the other.

        Yields
        ------
        callable
            Returns the history of the range, in any thread. Its arrays are there until the same thread makes another.
        """
        for read in self._ranges():
            yield partial(self._made, read)

    def statistics(
        self, turns: Semaphore | None = None, share: ShareOfCustomers = EVERYBODY
    ) -> ItemStatistics:
        """Add up the statistics of customers' items.

        Parameters
        ----------
        turns : threading.Semaphore, optional
            How many threads may count at a time. Default: all.
        share : ShareOfCustomers
            Of whom. Default: everybody.

        Returns
        -------
        ItemStatistics
            Those of the whole history, or of the share of it, bit for bit.
        """
        nobody, sums, own = self.nobody, list[_ItemSums](), local()
        late = late_periods(nobody)

        def count(read: Callable[[], CustomerRows]) -> None:
            with nullcontext() if turns is None else turns:
                count_range(read)

        def count_range(read: Callable[[], CustomerRows]) -> None:
            rows, rank, ids = read()
            if share.halvings:
                rows = rows.those(share.holds(self._hashed(rows.customer, ids)))
            if not hasattr(own, "sums"):
                own.sums = _ItemSums(no_counts(nobody).T.copy(), np.zeros(1, np.int64))
                sums.append(own.sums)
            self._kernels.count_purchases(
                rows, rank, *self._bounds, self._factors, nobody.until, late, *own.sums
            )

        for _ in parallel_map(count, self._ranges(), self.threads):
            pass
        counted = sum(int(some.customers[0]) for some in sums)
        self.customers = counted << share.halvings
        total = sum((some.counts.T for some in sums), no_counts(nobody))
        return ItemStatistics.from_counts(total, nobody, counted)

    def _hashed(
        self, customer: NDArray[np.int64], ids: Callable[[NDArray[np.int64]], pa.Array]
    ) -> NDArray[np.uint64]:
        """Hash the ids of the customers of rows."""
        if self.nobody.customers.type != TEXT:
            return hash_ids(pa.array(customer))
        whose, place = np.unique(customer, return_inverse=True)
        return hash_ids(ids(whose))[place]

    def _ranges(self) -> Iterator[Callable[[], CustomerRows]]:
        """Hand on what reads the purchases of each range."""
        nobody = self.nobody
        for each in self._grouped.ranges(nobody.items, nobody.customers, nobody.indptr):
            if each.read is not None:
                yield each.read

    def _made(self, read: Callable[[], CustomerRows]) -> PurchaseHistory:
        """Add up the purchases of some customers."""
        rows, rank, ids = read()
        found = self._room.of_states(len(rows.customer))
        self._kernels.group_states(rows, rank, *self._bounds, self._factors, found)
        n, pairs = found.counts.tolist()
        arrays = HistoryArrays(
            ids(found.customer[:n].copy()), self.nobody.items,
            np.append(0, np.cumsum(found.n_pairs[:n])), found.item[:pairs],
            slice_states(found.pairs, 0, pairs), slice_states(found.trips, 0, n),
        )  # fmt: skip
        about = {name: getattr(self.nobody, name) for name in Coverage.__dataclass_fields__}
        return PurchaseHistory(**vars(arrays), **about)


@contextmanager
def ranged_history(
    transactions: Transactions,
    options: GroupingOptions,
    half_lives: Sequence[float],
    scratch: Path | None,
) -> Iterator[RangedHistory]:
    """Read transactions into a history whose ranges are made when they are asked for.

    Parameters
    ----------
    transactions : Transactions
    options : GroupingOptions
    half_lives : sequence of float
        In weeks.
    scratch : pathlib.Path, optional
        Folder for what does not fit into memory; None: the system's place for temporary files.

    Yields
    ------
    RangedHistory
        Gone with the context.

    Raises
    ------
    InvalidInput
        If transactions make no sense.
    """
    nothing = Coverage(checked_half_lives(half_lives))
    go_on("histories", "transactions are read")
    with read_and_grouped(nothing, transactions, options, scratch) as (grouped, covered):
        yield RangedHistory(grouped, covered)
