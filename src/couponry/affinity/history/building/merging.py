"""Merges purchases into the arrays of a history, a range of customers at a time, on all threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....data import tables
from ....data.ids import IdWriter
from ....kernels import load
from ....kernels.affinity_contract import Pairs
from ....utils.arrays.array_store import Arrays, ArrayStore
from ....utils.arrays.mapped_arrays import release_pages
from ....utils.arrays.ragged import union_of_ascending
from ....utils.parallel import work_in_turns
from ..history_arrays import HistoryArrays
from ..pair_states import slice_states
from .group_room import GroupRoom
from .grouping import CustomerRows, GroupedPurchases, RangeOfPurchases


class _Purchases(NamedTuple):
    """New purchases of pairs (or of customers: trips): key of each pair, where its purchases begin, and these."""

    key: NDArray[np.int64]
    ptr: NDArray[np.int64]
    period: NDArray[np.int32]
    discounted: NDArray[np.uint8]
    spend: NDArray[np.int64]


class _Part(NamedTuple):
    """A range of customers of the new history, and which of the old one were merged into it."""

    start: int
    stop: int
    customers: pa.Array
    n_pairs: NDArray[np.int64]
    item: NDArray[np.uint32]
    pairs: Pairs
    trips: Pairs


class HistoryMerger:
    """Writes the arrays of a history: an old one and the purchases that are added to it.

    Parameters
    ----------
    old : HistoryArrays
    items : pyarrow.Array, shape (n_items,)
        Ids of all items, old and new, ascending.
    factors : ndarray of float32, shape (n_periods, n_half_lives)
        What is left of a purchase by its age, as the kernel `fold` takes it.
    store : ArrayStore
        Where the arrays are written.
    """

    def __init__(
        self, old: HistoryArrays, items: pa.Array, factors: NDArray[np.float32], store: ArrayStore
    ):
        self._old, self._factors, self._kernels = old, factors, load().unchecked
        self._items = items
        position = tables.positions(old.items, items)  # of the old items among all
        self._position = position.astype(np.uint32)
        self._n_items = max(len(items), 1)
        self._n_half_lives = factors.shape[1]
        self._room = GroupRoom(self._n_half_lives)
        self._written_customers, self._written_pairs = 0, 0
        self._store = store
        self._writers: dict[str, Any] = {}

    def merge(self, grouped: GroupedPurchases) -> Arrays:
        """Write everything and return the arrays by name.

        Parameters
        ----------
        grouped : GroupedPurchases

        Returns
        -------
        dict of str to ndarray
            As `HistoryArrays.from_named` takes them, without the items.
        """
        self._bounds = grouped.first, max(grouped.first, grouped.last)
        self._customers = IdWriter(self._store, "customers", grouped.customer_type)
        self._begin(grouped.rows)
        ranges = grouped.ranges(self._items, self._old.customers, self._old.indptr)
        work_in_turns(self._merged, self._claim, _with_starts(ranges), grouped.threads)
        return self.finish()

    def _begin(self, rows: int) -> None:
        """Begin the arrays of a history to which so many purchases are added, at most."""
        most = {"pairs": rows + len(self._old.item), "trips": rows + len(self._old.customers)}
        kinds: list[tuple[str, Any, int]] = [
            ("indptr", np.int64, most["trips"] + 1),
            ("item", np.uint32, most["pairs"]),
        ]
        for name, count in most.items():
            for field, array in Pairs.new(0, self._n_half_lives)._asdict().items():
                values = count * (self._n_half_lives if field == "decay" else 1)
                kinds.append((f"{name}-{field}", array.dtype, values))
        self._writers = {name: self._store.writer(name, *kind) for name, *kind in kinds}
        self._writers["indptr"].append(np.zeros(1, np.int64))

    def finish(self) -> Arrays:
        """Finish the arrays."""
        names = ("customers", "customers-ends")
        arrays = dict(zip(names, self._customers.finish()[1], strict=False))
        for name, writer in self._writers.items():
            rows = self._written_pairs if name.startswith("pairs") else self._written_customers
            is_matrix = name.endswith("-decay")
            arrays[name] = writer.finish((rows, self._n_half_lives) if is_matrix else None)
        return arrays

    def _claim(self, part: _Part) -> Callable[[], None]:
        """Take customers, their pairs and the states of both; return what writes them."""
        self._writers["indptr"].append(np.cumsum(part.n_pairs) + self._written_pairs)
        self._customers.append(part.customers)
        writes = [self._writers["item"].claim(part.item)]
        for name, states in (("pairs", part.pairs), ("trips", part.trips)):
            for field, array in states._asdict().items():
                writes.append(self._writers[f"{name}-{field}"].claim(array.reshape(-1)))
        self._written_pairs += len(part.item)
        self._written_customers += len(part.customers)
        return partial(self._write, writes, part.start, part.stop)

    def _write(self, writes: list[Callable[[], None]], start: int, stop: int) -> None:
        """Write a part, and let go of what was read for it."""
        for write in writes:
            write()
        old = self._old
        begin, end = int(old.indptr[start]), int(old.indptr[stop])
        release_pages(old.item[begin:end], *slice_states(old.pairs, begin, end))

    def _merged(self, given: tuple[int, RangeOfPurchases]) -> _Part:
        """Merge the old customers start <= i < stop, and purchases of theirs and of new customers between them."""
        start, (stop, read) = given
        added = None if read is None else read()
        if added is not None and len(added.rows.customer):
            merged = self._of_purchases if start == stop else self._with_purchases
            return merged(start, stop, added)
        old, begin, end = self._old, int(self._old.indptr[start]), int(self._old.indptr[stop])
        return _Part(
            start, stop, old.customers[start:stop], np.diff(old.indptr[start : stop + 1]),
            self._position[old.item[begin:end]], slice_states(old.pairs, begin, end),
            slice_states(old.trips, start, stop),
        )  # fmt: skip

    def _of_purchases(self, start: int, stop: int, added: CustomerRows) -> _Part:
        """Return new customers; what is said of them is there until the thread merges again."""
        found = self._room.of_states(len(added.rows.customer))
        self._kernels.group_states(added.rows, added.rank, *self._bounds, self._factors, found)
        n, pairs = found.counts.tolist()
        return _Part(
            start, stop, added.ids(found.customer[:n].copy()), found.n_pairs[:n], found.item[:pairs],
            slice_states(found.pairs, 0, pairs), slice_states(found.trips, 0, n),
        )  # fmt: skip

    def _with_purchases(self, start: int, stop: int, added: CustomerRows) -> _Part:
        """Merge old customers with purchases."""
        old = self._old
        begin, end = int(old.indptr[start]), int(old.indptr[stop])
        found = self._room.of_purchases(len(added.rows.customer))
        self._kernels.group_purchases(added.rows, added.rank, *self._bounds, found)
        n, pairs, purchases, trips = found.counts.tolist()
        new_customers = added.ids(found.customer[:n].copy())
        both, customers = tables.ranks(pa.concat_arrays([old.customers[start:stop], new_customers]))
        old_code, code = both[: stop - start], both[stop - start :]
        new_key: NDArray[np.int64] = np.repeat(code, np.diff(found.customer_pairs[: n + 1]))
        new_key *= self._n_items
        new_key += found.pair_item[:pairs]
        new_pairs = _Purchases(
            new_key, found.pair_purchases[: pairs + 1],
            found.period[:purchases], found.discounted[:purchases], found.spend[:purchases],
        )  # fmt: skip
        new_trips = _Purchases(
            code, found.customer_trips[: n + 1], found.trip_period[:trips],
            found.trip_discounted[:trips], found.trip_spend[:trips],
        )  # fmt: skip
        old_key = np.repeat(old_code, np.diff(old.indptr[start : stop + 1])) * self._n_items
        old_key += self._position[old.item[begin:end]]
        key, pair_states = self._fold(old_key, slice_states(old.pairs, begin, end), new_pairs)
        trip_states = self._fold(old_code, slice_states(old.trips, start, stop), new_trips)[1]
        count = np.bincount(key // self._n_items, minlength=len(customers))
        item = (key % self._n_items).astype(np.uint32)
        return _Part(start, stop, customers, count, item, pair_states, trip_states)

    def _fold(
        self, old_key: NDArray[np.int64], old: Pairs, new: _Purchases
    ) -> tuple[NDArray[np.int64], Pairs]:
        """Return the keys of all pairs in order, and their states."""
        key, ptr = new.key, new.ptr
        if len(old_key):
            key = union_of_ascending(old_key, key)
            # pairs without new purchases: those of the next one begin where theirs end
            ptr = ptr[np.searchsorted(new.key, np.append(key, np.iinfo(np.int64).max))]
        states = Pairs.new(len(key), self._n_half_lives)
        if len(old_key):
            place = np.searchsorted(key, old_key)
            target: Any
            for target, source in zip(states, old, strict=True):
                target[place] = source
        self._kernels.fold_purchases(ptr, *new[2:], self._factors, states)
        return key, states


def _with_starts(ranges: Iterator[RangeOfPurchases]) -> Iterator[tuple[int, RangeOfPurchases]]:
    """Yield each range with the number of the old customers before it."""
    start = 0
    for each in ranges:
        yield start, each
        start = each.stop
