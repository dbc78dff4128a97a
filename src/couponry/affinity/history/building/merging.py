"""Merges ordered purchases into the arrays of a history, a range of customers at a time."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ....data import tables
from ....data.ids import IdWriter, count_up_to
from ....kernels import load
from ....kernels.affinity_contract import Pairs
from ....utils.arrays.array_store import Arrays, ArrayStore
from ....utils.arrays.blocks import row_blocks
from ....utils.arrays.mapped_arrays import release_pages
from ..history_arrays import HistoryArrays
from ..pair_states import slice_states
from .transactions import TABLE

BLOCK_PAIRS = 1 << 20
"""Pairs of the old history that are merged at a time."""


class _Purchases(NamedTuple):
    """Purchases of some customers by customer, item and period; item -1: the catalogue lacks the product."""

    customer: pa.Array
    item: NDArray[np.int64]
    period: NDArray[np.int32]
    discounted: NDArray[np.uint8]
    spend: NDArray[np.int64]

    def part(self, start: int, stop: int) -> _Purchases:
        columns: list[Any] = [column[start:stop] for column in self]
        return _Purchases(*columns)


class _Added(NamedTuple):
    """Purchases to be merged, and the code of each one's customer among old and new customers of the block."""

    purchases: _Purchases
    code: NDArray[np.int64]


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
    customer_type : pyarrow.DataType
        Type of the customers' ids.
    """

    def __init__(
        self,
        old: HistoryArrays,
        items: pa.Array,
        factors: NDArray[np.float32],
        store: ArrayStore,
        customer_type: pa.DataType,
    ):
        self._old, self._factors, self._kernels = old, factors, load().unchecked
        self._position = tables.positions(old.items, items)  # of the old items among all
        self._n_items = max(len(items), 1)
        self._n_half_lives = factors.shape[1]
        self._next_customer = 0  # first of the old customers that is not written yet
        self._written_customers, self._written_pairs = 0, 0
        self._waiting: list[pa.Table] = []
        self._customers = IdWriter(store, "customers", customer_type)
        self._writers: dict[str, Any] = {
            "indptr": store.writer("indptr", np.int64),
            "item": store.writer("item", np.uint32),
        }
        for name in ("pairs", "trips"):
            for field, array in Pairs.new(0, self._n_half_lives)._asdict().items():
                self._writers[f"{name}-{field}"] = store.writer(f"{name}-{field}", array.dtype)
        self._writers["indptr"].append(np.zeros(1, np.int64))

    def add(self, table: pa.Table) -> None:
        """Take the next of the ordered purchases; those of the last customer wait for more of them.

        Parameters
        ----------
        table : pyarrow.Table
            Columns customer, item, period, discounted and spend, as `GroupedPurchases.ordered` yields them.
        """
        self._waiting.append(table)
        whole = pa.concat_tables(self._waiting).combine_chunks()
        last = whole["customer"][-1]
        same = pc.equal(whole["customer"], last)
        cut = pc.index(same, True).as_py()  # they are in order: all before belong to others
        if cut:
            self._merge(whole.slice(0, cut))
        self._waiting = [whole.slice(cut)]

    def finish(self) -> Arrays:
        """Write the rest and return the arrays by name.

        Returns
        -------
        dict of str to ndarray
            As `HistoryArrays.from_named` takes them, without the items.
        """
        if self._waiting:
            self._merge(pa.concat_tables(self._waiting).combine_chunks())
        self._write_up_to(len(self._old.customers), None)
        names = ("customers", "customers-ends")
        arrays = dict(zip(names, self._customers.finish()[1], strict=False))
        for name, writer in self._writers.items():
            rows = self._written_pairs if name.startswith("pairs") else self._written_customers
            is_matrix = name.endswith("-decay")
            arrays[name] = writer.finish((rows, self._n_half_lives) if is_matrix else None)
        return arrays

    def _merge(self, table: pa.Table) -> None:
        """Merge all purchases of some customers."""
        customer = tables.ids(table, TABLE, "customer")
        columns = (table[name].combine_chunks().to_numpy() for name in _Purchases._fields[1:])
        purchases = _distinct(_Purchases(customer, *columns))
        last = customer[len(customer) - 1].as_py()
        self._write_up_to(count_up_to(self._old.customers, last), purchases)

    def _write_up_to(self, stop: int, purchases: _Purchases | None) -> None:
        """Write the old customers before `stop`, and new purchases of theirs and of new customers between them."""
        start, begin = self._next_customer, 0
        blocks = list(row_blocks(self._old.indptr[start : stop + 1], BLOCK_PAIRS))
        for a, b in blocks or [(0, 0)]:
            part = None
            if purchases is not None:
                end = len(purchases.item)
                if start + b < stop:
                    last = self._old.customers[start + b - 1].as_py()
                    end = count_up_to(purchases.customer, last)
                part, begin = purchases.part(begin, end), end
            self._write_block(start + a, start + b, part)
        self._next_customer = stop

    def _write_block(self, start: int, stop: int, purchases: _Purchases | None) -> None:
        """Write the old customers start <= i < stop, and purchases of theirs and of new customers between them."""
        old = self._old
        begin, end = int(old.indptr[start]), int(old.indptr[stop])
        old_customers, added = old.customers[start:stop], None
        if purchases is None or len(purchases.item) == 0:
            customers, old_code = old_customers, np.arange(stop - start)
        else:
            code, customers = _union(old_customers, purchases.customer)
            old_code = code[: stop - start]
            added = _Added(purchases, code[stop - start :])
        code_of_pair = np.repeat(old_code, np.diff(old.indptr[start : stop + 1]))
        old_key = code_of_pair * self._n_items + self._position[old.item[begin:end]]
        old_states = slice_states(old.pairs, begin, end)
        key, pairs = self._fold(old_key, old_states, added, self._n_items)
        old_trips = slice_states(old.trips, start, stop)
        trips = old_trips if added is None else self._fold_trips(old_code, old_trips, added)
        self._append(customers, key, pairs, trips)
        release_pages(old.item[begin:end], *old_states)

    def _append(
        self, customers: pa.Array, key: NDArray[np.int64], pairs: Pairs, trips: Pairs
    ) -> None:
        """Append customers, their pairs (keys: customer * n_items + item) and the states of both."""
        count = np.bincount(key // self._n_items, minlength=len(customers))
        self._writers["indptr"].append(np.cumsum(count) + self._written_pairs)
        self._writers["item"].append((key % self._n_items).astype(np.uint32))
        for name, states in (("pairs", pairs), ("trips", trips)):
            for field, array in states._asdict().items():
                self._writers[f"{name}-{field}"].append(array.reshape(-1))
        self._customers.append(customers)
        self._written_pairs += len(key)
        self._written_customers += len(customers)

    def _fold(
        self, old_key: NDArray[np.int64], old: Pairs, added: _Added | None, n_items: int
    ) -> tuple[NDArray[np.int64], Pairs]:
        """Return the keys (customer * n_items + item) of all pairs in order, and their states."""
        if added is None:
            return old_key, old
        purchases, code = added
        kept = purchases.item >= 0
        if not kept.all():
            code = code[kept]
            columns: list[Any] = [column[kept] for column in purchases[1:]]
            purchases = _Purchases(purchases.customer, *columns)
        new_key = code * n_items + purchases.item
        begins = np.flatnonzero(np.diff(new_key, prepend=-1) != 0)
        distinct = new_key[begins]
        if len(old_key) == 0:
            key, place = distinct, np.arange(0)
        else:
            key = np.union1d(old_key, distinct)
            place = np.searchsorted(key, old_key)
        states = Pairs.new(len(key), self._n_half_lives)
        target: Any
        for target, source in zip(states, old, strict=True):
            target[place] = source
        ptr = np.append(begins, len(new_key)).astype(np.int64)
        if len(distinct) < len(key):  # pairs without new purchases
            ptr = ptr[np.searchsorted(distinct, np.append(key, np.iinfo(np.int64).max))]
        self._kernels.fold_purchases(
            ptr, purchases.period, purchases.discounted, purchases.spend, self._factors, states
        )
        return key, states

    def _fold_trips(self, old_code: NDArray[np.int64], old: Pairs, added: _Added) -> Pairs:
        """Return the customers' trips: at a discount if anything in the period was, spend summed."""
        purchases, code = added
        period = purchases.period
        least = int(period.min()) if len(period) else 0
        span = int(period.max()) - least + 1 if len(period) else 1
        when, inverse = np.unique(
            code * span + (period.astype(np.int64) - least), return_inverse=True
        )
        discounted = np.zeros(len(when), np.uint8)
        np.maximum.at(discounted, inverse, purchases.discounted)
        spend = np.zeros(len(when), np.int64)
        np.add.at(spend, inverse, purchases.spend)
        trips = _Purchases(
            purchases.customer,
            np.zeros(len(when), np.int64),
            (when % span + least).astype(np.int32),
            discounted,
            spend,
        )
        return self._fold(old_code, old, _Added(trips, when // span), 1)[1]


def _distinct(rows: _Purchases) -> _Purchases:
    """Return each customer, item and period once: at a discount if any of its rows was, spend summed."""
    customer, item, period, discounted, spend = rows
    other = (item[1:] != item[:-1]) | (period[1:] != period[:-1])
    other |= pc.not_equal(customer[1:], customer[:-1]).to_numpy(zero_copy_only=False)
    if other.all():
        return rows
    begins = np.append(0, np.flatnonzero(other) + 1)
    return _Purchases(
        customer.take(pa.array(begins)),
        item[begins],
        period[begins],
        np.maximum.reduceat(discounted, begins),
        np.add.reduceat(spend, begins),
    )


def _union(a: pa.Array, b: pa.Array) -> tuple[NDArray[np.int64], pa.Array]:
    """Return the code of each id of both among the distinct ids in ascending order, and those ids."""
    return tables.ranks(pa.concat_arrays([a, b]) if len(a) else b)
