"""Ordered purchases taken up into a history, a stretch of customers at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...data import tables
from ...data.ids import IdWriter, up_to
from ...kernels.affinity_contract import Pairs, kernels
from ...utils.array_store import Arrays, ArrayStore
from ...utils.blocks import row_blocks
from ...utils.mapped_arrays import release_pages

if TYPE_CHECKING:
    from .purchase_history import PurchaseHistory

MANY = 1 << 20  # pairs of the old history at a time


class _Rows(NamedTuple):
    """Purchases of some customers, ordered by customer, item and period; item -1: of nothing that is kept."""

    customer: pa.Array
    item: NDArray[np.int64]
    period: NDArray[np.int32]
    discounted: NDArray[np.uint8]
    spend: NDArray[np.int64]

    def part(self, start: int, stop: int) -> _Rows:
        columns: list[Any] = [column[start:stop] for column in self]
        return _Rows(*columns)


class Merging:
    """Writes the arrays of a history that is `history` and the purchases that are added.

    items: all ids of items, ascending. factor: float32 (G, H), as `fold` takes it. kind: of the customers' ids.
    """

    def __init__(
        self,
        history: PurchaseHistory,
        items: pa.Array,
        factor: NDArray[np.float32],
        space: ArrayStore,
        kind: pa.DataType,
    ):
        self._old, self._factor, self._kernels = history, factor, kernels().kernels
        self._place = tables.positions(history.items, items)  # of the old items among all
        self._count = max(len(items), 1)
        self._next = 0  # of the old customers
        self._done, self._pairs = 0, 0
        self._waiting: list[pa.Table] = []
        self._kind = kind
        self._customers = IdWriter(space, "customers", kind)
        half_lives = factor.shape[1]
        self._writers: dict[str, Any] = {
            "indptr": space.writer("indptr", np.int64),
            "item": space.writer("item", np.uint32),
        }
        for name in ("pairs", "trips"):
            for part, array in Pairs.new(0, half_lives)._asdict().items():
                self._writers[f"{name}-{part}"] = space.writer(f"{name}-{part}", array.dtype)
        self._writers["indptr"].append(np.zeros(1, np.int64))

    def add(self, table: pa.Table) -> None:
        """The next of the ordered purchases; those of the last customer wait for more of them."""
        self._waiting.append(table)
        whole = pa.concat_tables(self._waiting).combine_chunks()
        last = whole["customer"][-1]
        same = pc.equal(whole["customer"], last)
        cut = pc.index(same, True).as_py()  # they are in order: all before belong to others
        if cut:
            self._take(whole.slice(0, cut))
        self._waiting = [whole.slice(cut)]

    def finish(self) -> Arrays:
        """The arrays, by name."""
        if self._waiting:
            self._take(pa.concat_tables(self._waiting).combine_chunks())
        self._keep(len(self._old.customers), None)
        half_lives = self._factor.shape[1]
        names = ("customers", "customers-ends")
        arrays = dict(zip(names, self._customers.finish()[1], strict=False))
        for name, writer in self._writers.items():
            deep = name.endswith("-decay")
            rows = self._pairs if name.startswith("pairs") else self._done
            arrays[name] = writer.finish((rows, half_lives) if deep else None)
        return arrays

    def _take(self, table: pa.Table) -> None:
        customer = tables.ids(table, "transactions", "customer")
        rows = _once(
            customer, *(table[name].combine_chunks().to_numpy() for name in _Rows._fields[1:])
        )
        self._keep(up_to(self._old.customers, customer[len(customer) - 1].as_py()), rows)

    def _keep(self, stop: int, rows: _Rows | None) -> None:
        """Write the old customers up to `stop` and the new purchases, which are not of later customers."""
        start, at = self._next, 0
        pieces = list(row_blocks(self._old.indptr[start : stop + 1], MANY))
        for a, b in pieces or [(0, 0)]:
            part = None
            if rows is not None:
                end = len(rows.item)
                if start + b < stop:
                    end = up_to(rows.customer, self._old.customers[start + b - 1].as_py())
                part, at = rows.part(at, end), end
            self._write(start + a, start + b, part)
        self._next = stop

    def _write(self, start: int, stop: int, rows: _Rows | None) -> None:
        old = self._old
        begin, end = int(old.indptr[start]), int(old.indptr[stop])
        customers = old.customers[start:stop]
        if rows is None or len(rows.item) == 0:
            rows = None
            ids, code = customers, None
        else:
            code, ids = _union(customers, rows.customer)
        first = np.arange(stop - start) if code is None else code[: stop - start]
        old_code = np.repeat(first, np.diff(old.indptr[start : stop + 1]))
        old_key = old_code * self._count + self._place[old.item[begin:end]]
        bought = None if rows is None or code is None else (rows, code[stop - start :])
        key, pairs = self._folded(old_key, _part(old.pairs, begin, end), bought, self._count)
        trips = self._trips(first, _part(old.trips, start, stop), bought, len(ids))
        count = np.bincount(key // self._count, minlength=len(ids))
        self._writers["indptr"].append(np.cumsum(count) + self._pairs)
        self._writers["item"].append((key % self._count).astype(np.uint32))
        for name, states in (("pairs", pairs), ("trips", trips)):
            for part, array in states._asdict().items():
                self._writers[f"{name}-{part}"].append(array.reshape(-1))
        self._customers.append(ids)
        self._pairs += len(key)
        self._done += len(ids)
        release_pages(old.item[begin:end], *_part(old.pairs, begin, end))

    def _folded(
        self,
        old_key: NDArray[np.int64],
        old: Pairs,
        bought: tuple[_Rows, NDArray[np.int64]] | None,
        count: int,
    ) -> tuple[NDArray[np.int64], Pairs]:
        """Keys (customer * count + item) of all pairs in order, and their states."""
        if bought is None:
            return old_key, old
        rows, code = bought
        kept = rows.item >= 0
        if not kept.all():
            code = code[kept]
            columns: list[Any] = [column[kept] for column in rows[1:]]
            rows = _Rows(rows.customer, *columns)
        new_key = code * count + rows.item
        begins = np.flatnonzero(np.diff(new_key, prepend=-1) != 0)
        distinct = new_key[begins]
        if len(old_key) == 0:
            key, place = distinct, np.arange(0)
        else:
            key = np.union1d(old_key, distinct)
            place = np.searchsorted(key, old_key)
        pairs = Pairs.new(len(key), self._factor.shape[1])
        mine: Any
        for mine, theirs in zip(pairs, old, strict=True):
            mine[place] = theirs
        ptr = np.append(begins, len(new_key)).astype(np.int64)
        if len(distinct) < len(key):  # pairs without new purchases
            ptr = ptr[np.searchsorted(distinct, np.append(key, np.iinfo(np.int64).max))]
        self._kernels.fold(ptr, rows.period, rows.discounted, rows.spend, self._factor, pairs)
        return key, pairs

    def _trips(
        self,
        first: NDArray[np.int64],
        old: Pairs,
        bought: tuple[_Rows, NDArray[np.int64]] | None,
        customers: int,
    ) -> Pairs:
        """The same for purchases of anything: at a discount where any of a period's were, spend summed."""
        if bought is None:
            return old
        rows, code = bought
        least = int(rows.period.min()) if len(rows.period) else 0
        span = int(rows.period.max()) - least + 1 if len(rows.period) else 1
        when, inverse = np.unique(
            code * span + (rows.period.astype(np.int64) - least), return_inverse=True
        )
        discounted = np.zeros(len(when), np.uint8)
        np.maximum.at(discounted, inverse, rows.discounted)
        spend = np.zeros(len(when), np.int64)
        np.add.at(spend, inverse, rows.spend)
        days = _Rows(
            rows.customer,
            np.zeros(len(when), np.int64),
            (when % span + least).astype(np.int32),
            discounted,
            spend,
        )
        _, pairs = self._folded(first, old, (days, when // span), 1)
        return pairs


def _once(
    customer: pa.Array,
    item: NDArray[np.int64],
    period: NDArray[np.int32],
    discounted: NDArray[np.uint8],
    spend: NDArray[np.int64],
) -> _Rows:
    """Rows with each customer, item and period once: at a discount where any of them was, spend summed."""
    other = (item[1:] != item[:-1]) | (period[1:] != period[:-1])
    other |= pc.not_equal(customer[1:], customer[:-1]).to_numpy(zero_copy_only=False)
    if other.all():
        return _Rows(customer, item, period, discounted, spend)
    begins = np.append(0, np.flatnonzero(other) + 1)
    return _Rows(
        customer.take(pa.array(begins)),
        item[begins],
        period[begins],
        np.maximum.reduceat(discounted, begins),
        np.add.reduceat(spend, begins),
    )


def _part(pairs: Pairs, begin: int, end: int) -> Pairs:
    arrays: list[Any] = [array[begin:end] for array in pairs]
    return Pairs(*arrays)


def _union(a: pa.Array, b: pa.Array) -> tuple[NDArray[np.int64], pa.Array]:
    """Code of each id of both among the distinct ids in ascending order, and those ids."""
    return tables.ranks(pa.concat_arrays([a, b]) if len(a) else b)
