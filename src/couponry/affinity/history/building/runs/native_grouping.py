"""Transactions put into the order of customers by this package's own kernels, on all threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .....data import tables
from .....data.formats.parquet_rows import Part
from .....data.ids import TEXT, count_before
from .....kernels import load
from .....kernels.purchases_contract import PurchaseRows
from .....utils.memory import available_memory
from .....utils.parallel import parallel_map
from ..duckdb_session import Resources
from ..grouping import PURPOSE, CustomerRows, RangeOfPurchases, Watching, older_blocks
from ..packed_rows import numbers_of, periods_of
from ..transactions import Transactions
from .extents import Extent, Extents
from .item_numbers import CatalogueNumbers, ItemNumbers, ProductNumbers
from .part_reader import PartReader, Taken
from .run import Run, make_run, make_unplaced_run
from .sorted_runs import SortedRuns
from .text_numbers import OrderedTexts, TextNumbers

RUN_ROWS = 1 << 19
"""Rows of a run, about, unless row groups have more."""

BLOCK_ROWS = 1 << 18
"""Rows of a range of customers, about."""

BYTES_PER_ROW = 128
"""A row while it is read and put into a run, or grouped; as it came, checked, in order, added up."""

SHARE_OF_IDS = 0.3
"""Share of the memory that ids of customers may take that are text."""

SHARE_OF_RUNS = 0.6
"""Share of the memory that runs may take before they go to disk."""

UNLIMITED_BYTES = 4 << 30
"""Memory that is taken to be there where nobody says."""


class _Made(NamedTuple):
    """What there was in rows besides purchases, and a run of these; None: there are none."""

    taken: list[Taken]
    run: Run | None


class IdsBeyondMemory(Exception):
    """Ids of customers, which are text, do not fit into their share of the memory."""


class SortedPurchases:
    """Purchases by customer in sorted runs; see `GroupedPurchases`.

    Customers whose ids are text have numbers while they are read; runs are put into the order of ids at the end.

    Parameters
    ----------
    transactions : Transactions
        Read once, here.
    catalogue : pyarrow.Table, optional
        Columns product and item, each row once: what a product counts as. None: products are items.
    resources : Resources
    watching : Watching

    Attributes
    ----------
    customer_type : pyarrow.DataType
    items : pyarrow.Array
    first, last, rows, threads : int

    Raises
    ------
    IdsBeyondMemory
    """

    def __init__(
        self,
        transactions: Transactions,
        catalogue: pa.Table | None,
        resources: Resources,
        watching: Watching,
    ):
        self.customer_type = transactions.customer_type
        self._transactions, self._watching = transactions, watching
        self._kernels = load().unchecked
        self._numbers: ItemNumbers = (
            ProductNumbers(transactions.product_type)
            if catalogue is None
            else CatalogueNumbers(catalogue)
        )
        self._texts = TextNumbers() if transactions.customer_type == TEXT else None
        look = None if watching.watch is None else watching.look
        self._reader = PartReader(transactions, self._numbers, self._texts, self._kernels, look)
        memory = resources.memory or available_memory() or UNLIMITED_BYTES
        self._most_of_ids = int(memory * SHARE_OF_IDS)
        at_once = int(memory * (1 - SHARE_OF_RUNS)) // BYTES_PER_ROW
        most = transactions.most_rows(RUN_ROWS)
        self._decoded = 2 * most > at_once
        most = RUN_ROWS if self._decoded else most
        self._threads = min(resources.threads, max(at_once // most - 1, 1))
        self.threads = min(resources.threads, max(at_once // BLOCK_ROWS - 1, 1))
        self._runs = SortedRuns(
            int(memory * SHARE_OF_RUNS), resources.scratch, PURPOSE, self._kernels
        )
        self.rows = 0
        try:
            self.first, self.last = self._read()
            del self._reader  # and the room that it keeps
            self._last_kept = watching.last_kept()
            if self._last_kept is not None and self.first <= self.last:
                is_any_kept = self.first <= self._last_kept
                self.first, self.last = (self.first, self._last_kept) if is_any_kept else (0, -1)
            self.items = self._items()
            if self._texts is not None:
                self._customers = OrderedTexts(self._texts.ids())
                self._texts = None
                self._runs.place(self._customers.rank, self._threads)
        except BaseException:
            self._runs.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._runs.close()

    @property
    def held_bytes(self) -> int:
        """Memory that purchases are kept in."""
        return self._runs.held_bytes

    def _read(self) -> tuple[int, int]:
        """Read the transactions into runs; return their first and last period, 0 and -1 if there are none."""
        periods: list[Extent] = []
        parts = self._transactions.parts(RUN_ROWS, self._decoded)
        for found in parallel_map(self._made, parts, self._threads):
            for part in found.taken:
                self._transactions.count(part.left_out, part.guests, part.too_late)
                for looked in part.looked:
                    self._watching.take(looked)
                periods += [] if part.extents is None else [part.extents.period]
            if found.run is not None:
                self._check_ids()
                self._runs.add(found.run)
                self.rows += len(found.run.rows.bought)
            del found
        return Extent.of(periods) if periods else (0, -1)

    def _bytes_of_ids(self) -> int:
        """Return what ids of customers take."""
        return 0 if self._texts is None else self._texts.nbytes

    def _check_ids(self) -> None:
        """Raise where ids of customers take too much."""
        if self._bytes_of_ids() > self._most_of_ids:
            raise IdsBeyondMemory

    def _made(self, given: tuple[Part, int]) -> _Made:
        """Read rows, check them, give their items numbers and put them into a run."""
        taken = self._reader.read(*given)
        there = [
            (part.columns, part.extents)
            for part in taken
            if part.columns is not None and part.extents is not None
        ]
        found = [part._replace(columns=None) for part in taken]
        if not there:
            return _Made(found, None)
        parts, extents = [part for part, _ in there], [extent for _, extent in there]
        of_all = Extents(*(Extent.of(list(each)) for each in zip(*extents, strict=True)))
        make = make_run if self._texts is None else make_unplaced_run
        room = partial(self._runs.room, taken=self._bytes_of_ids())
        return _Made(found, make(parts, of_all, self._kernels, room))

    def _items(self) -> pa.Array:
        """Return the ids of the items of purchases that are kept, ascending."""
        number, ids = self._numbers.known()
        if self._last_kept is not None:
            is_kept = np.zeros(int(number.max(initial=-1)) + 2, np.bool_)
            for word in self._runs.words():
                found = numbers_of(word[periods_of(word) <= self._last_kept])
                is_kept[np.minimum(found, len(is_kept) - 1)] = True  # the last one: of no item
            ids = ids.filter(pa.array(is_kept[number]))
        return tables.ranks(ids)[1]

    def ranges(
        self, items: pa.Array, old: pa.Array, indptr: NDArray[np.int64]
    ) -> Iterator[RangeOfPurchases]:
        """Hand on the purchases, a range of customers at a time; see `GroupedPurchases`.

        Parameters
        ----------
        items, old : pyarrow.Array
        indptr : ndarray of int64

        Yields
        ------
        RangeOfPurchases
        """
        number, ids = self._numbers.known()
        rank = np.zeros(int(number.max(initial=-1)) + 1, np.uint32)
        rank[number] = tables.positions(ids, items)
        if self.customer_type == TEXT:
            yield from self._ranges_of_texts(rank, old, indptr)
            return
        known = old.to_numpy() if len(old) else np.zeros(0, np.int64)
        of_old = known[[start for start, _ in older_blocks(indptr)[1:]]]
        bounds = self._runs.cut(BLOCK_ROWS, of_old)
        for place, stop in enumerate([*np.searchsorted(known, bounds).tolist(), len(known)]):
            yield RangeOfPurchases(stop, partial(self._customer_rows, place, rank, pa.array))

    def _ranges_of_texts(
        self, rank: NDArray[np.uint32], old: pa.Array, indptr: NDArray[np.int64]
    ) -> Iterator[RangeOfPurchases]:
        """Hand on ranges of customers whose ids are text; those of many older customers several times, in parts."""
        customers, start, low = self._customers, 0, 0
        blocks = older_blocks(indptr)
        bounds = self._runs.cut(BLOCK_ROWS, np.zeros(0, np.int64)).tolist()
        for place, high in enumerate([*bounds, len(customers.rank)]):
            stop = len(old)
            if len(old) and high < len(customers.rank):
                stop = int(count_before(old, customers.at(np.array([high])).to_pylist())[0])
            ends = [end for _, end in blocks if start < end < stop]
            of_ends = [customers.count_before(old[end].as_py()) for end in ends]
            for end, up_to in [*zip(ends, of_ends, strict=True), (stop, high)]:
                part = (low, up_to) if ends else None
                yield RangeOfPurchases(
                    end, partial(self._customer_rows, place, rank, customers.at, part)
                )
                low = up_to
            start = stop

    def _customer_rows(
        self,
        place: int,
        rank: NDArray[np.uint32],
        ids: Callable[[NDArray[np.int64]], pa.Array],
        part: tuple[int, int] | None = None,
    ) -> CustomerRows:
        """Return the purchases of a range that are kept, or those of some of its customers."""
        rows = self._runs.read(place)
        if part is not None:
            is_there = (rows.customer >= part[0]) & (rows.customer < part[1])
            rows = rows.those(is_there)
        return CustomerRows(self._kept(rows), rank, ids)

    def _kept(self, rows: PurchaseRows) -> PurchaseRows:
        """Return the rows up to the last period that is kept."""
        if self._last_kept is None:
            return rows
        return rows.those(periods_of(rows.bought) <= self._last_kept)
