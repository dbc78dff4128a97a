"""The coupons of an allocation, put into order by customer and offer: read in batches, kept in memory or on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ..data import tables
from ..data.arrow_columns import one_array
from ..data.ids import positions_among
from ..data.streams import Stream, stream_files
from ..data.table_files import empty_table
from ..utils.arrays.array_store import ArrayStore
from ..utils.arrays.blocks import blocks as array_blocks
from ..utils.arrays.mapped_arrays import release_pages
from ..utils.errors import InvalidInput
from ..utils.parallel import parallel_map, worker_count
from .block import Block, with_neighbours
from .claims import COUNT, Tally
from .customer_rules.unit_column import differing
from .inputs import Inputs
from .rounding import Floats, Integers

BATCH_COUPONS = 1 << 19
"""Coupons that are read at a time, by each thread."""

SORTED_COUPONS = 1 << 21
"""Coupons, about, that are put into order at a time."""

SORT_STEPS = 1 << 12
"""Steps that the numbers of coupons are counted in, to divide them for sorting."""

SAMPLE_STEP = 1 << 12
"""One of so many coupons' numbers is kept in memory."""

FOREIGN = f"allocation: {COUNT} pairs are not candidates, first"
UNORDERED = "allocation: not in order of customer, first at"


_Part = tuple[pa.Table, int]
"""Rows of the table, and the number of the first."""


class _Batch(NamedTuple):
    """Coupons as they were read.

    key: their numbers. columns: claimed ones, by name. errors: what is wrong with those that hold no numbers.
    customer: of the first and the last. first: text and row of the first. tally: what is wrong.
    """

    key: Integers
    columns: dict[str, Floats]
    errors: dict[str, str]
    customer: tuple[int, int]
    first: tuple[str, int]
    tally: Tally


class GivenCoupons:
    """Coupons with their number in the campaign, and what the allocation says of each, in order of the numbers.

    Parameters
    ----------
    source : Stream
        The allocation table.
    inputs : Inputs
    store : ArrayStore
        Where numbers and columns go.
    tally : Tally
        Receives what is wrong.
    ordered : bool
        Whether rows must come in order of the customers.

    Attributes
    ----------
    keys : ndarray of int64, shape (n_coupons,)
        Numbers of the coupons, ascending, as `Block.keys` has them; -1: of a customer or offer that is not there.
    columns : dict of str to ndarray of float64, shape (n_coupons,)
        Claimed columns; NaN: null.
    names : list of str
        Columns of the table.

    Raises
    ------
    InvalidInput
        If it cannot be read, or has no ids.
    """

    def __init__(
        self,
        source: Stream,
        inputs: Inputs,
        store: ArrayStore,
        tally: Tally,
        *,
        ordered: bool,
    ):
        self._inputs, self._ordered = inputs, ordered
        self.names = source.schema.names
        claimed = inputs.claimed
        self._usable = {name: name in self.names for name in claimed}
        self._claimed = [name for name in self.names if name in claimed]
        self._row: Integers | None = None  # None: as they are in the file
        self._read_all(source, store, tally)
        if not _ascends(self.keys):
            self._put_in_order(store)
        self._sample = _sampled(self.keys)

    def _read_all(self, source: Stream, store: ArrayStore, tally: Tally) -> None:
        """Read the table, a part at a time in each thread."""
        key = store.writer("coupon", np.int64)
        writers = {name: store.writer(f"claimed-{name}", np.float64) for name in self._claimed}
        last = -1
        for batch in parallel_map(self._read, _parts(source), worker_count()):
            if self._ordered and batch.customer[0] < last:
                tally.add(UNORDERED, 1, *batch.first)
            last = batch.customer[1]
            tally.merge(batch.tally)
            key.append(batch.key)
            for name, writer in writers.items():
                writer.append(batch.columns[name])
                if name in batch.errors and self._usable[name]:
                    tally.add(batch.errors[name], 1, "")
                    self._usable[name] = False
        self.keys: Integers = key.finish()
        self.columns: dict[str, Floats] = {name: w.finish() for name, w in writers.items()}
        if len(self.keys) == 0:
            self._check_types(empty_table(source.schema), tally)

    def __len__(self) -> int:
        return len(self.keys)

    def is_usable(self, name: str) -> bool:
        """Return whether a column is there, and holds numbers.

        Parameters
        ----------
        name : str
            One of `Inputs.claimed`.

        Returns
        -------
        bool
            False if a problem with it has been noted.
        """
        return self._usable[name]

    def span(self, block: Block) -> slice:
        """Return where the coupons of a block's customers are.

        Parameters
        ----------
        block : Block

        Returns
        -------
        slice
            Of `keys` and `columns`.
        """
        width = len(self._inputs.offer_ids)
        return slice(self._place(block.start * width), self._place(block.stop * width))

    def _place(self, number: int) -> int:
        """Where coupons begin whose numbers are not below one; only a few pages of a mapped file are looked at."""
        step = int(np.searchsorted(self._sample, number))
        start = max(0, step - 1) * SAMPLE_STEP
        return start + int(np.searchsorted(self.keys[start : step * SAMPLE_STEP], number))

    def rows(self, at: Integers) -> Integers:
        """Return the rows of the allocation that some coupons stand in.

        Parameters
        ----------
        at : ndarray of int64, shape (n,)
            Places in `keys`.

        Returns
        -------
        ndarray of int64, shape (n,)
        """
        return at if self._row is None else np.asarray(self._row[at])

    def first_of(self, at: Integers) -> tuple[str, int]:
        """Describe the one of some coupons that stands first in the allocation.

        Parameters
        ----------
        at : ndarray of int64
            Places in `keys`.

        Returns
        -------
        str, int
            Its row and ids, and the row; nothing, and 0, if there are none.
        """
        if len(at) == 0:
            return "", 0
        rows = self.rows(at)
        one = int(np.argmin(rows))
        customer, offer = divmod(int(self.keys[at[one]]), len(self._inputs.offer_ids))
        names = (self._inputs.customer_ids[customer], self._inputs.offer_ids[offer])
        return _row_text(int(rows[one]), *(name.as_py() for name in names)), int(rows[one])

    def count_foreign(self, at: Integers, tally: Tally) -> None:
        """Count coupons that are not candidates.

        Parameters
        ----------
        at : ndarray of int64
            Places in `keys`.
        tally : Tally
            Receives them.
        """
        tally.add(FOREIGN, len(at), *self.first_of(at))

    def release(self, span: slice) -> None:
        """Give back the memory that some coupons take up in this process, where they are in a file.

        Parameters
        ----------
        span : slice
            Of `keys` and `columns`.
        """
        wide = with_neighbours(span)
        release_pages(self.keys[wide], *(column[wide] for column in self.columns.values()))

    def _check_types(self, table: pa.Table, tally: Tally, first_row: int = 0) -> list[pa.Array]:
        """The ids; notes those of another type than the campaign's."""
        tables.require(table, "allocation", "customer", "offer")
        known = {"customer": self._inputs.customer_ids, "offer": self._inputs.offer_ids}
        found = [tables.ids(table, "allocation", name, first_row) for name in known]
        for ids, (name, among) in zip(found, known.items(), strict=True):
            if ids.type != among.type:
                text = f"allocation: column {name!r}: expected {among.type}, got {table[name].type}"
                tally.add(text, 1, "")
        return found

    def _read(self, part: _Part) -> _Batch:
        """Number the coupons of a part of the table; -1: of a customer or offer that the campaign does not have."""
        table, first_row = part
        tally = Tally()
        ids = self._check_types(table, tally, first_row)
        units = self._inputs.data.units
        # customers of units are in no order
        find = positions_among if units is None else tables.positions
        customer = find(ids[0], self._inputs.customer_ids)
        offer = positions_among(ids[1], self._inputs.offer_ids)

        def first(rows: Integers) -> tuple[str, int]:
            if len(rows) == 0:
                return "", 0
            row = int(rows[0])
            return _row_text(first_row + row, *(one[row].as_py() for one in ids)), first_row + row

        if self._ordered:
            below = 1 + np.flatnonzero(np.diff(customer) < 0)
            tally.add(UNORDERED, len(below), *first(below))
        unknown = (customer < 0) | (offer < 0)
        foreign = np.flatnonzero(unknown)
        tally.add(FOREIGN, len(foreign), *first(foreign))
        key = customer * len(self._inputs.offer_ids) + offer
        key[foreign] = -1
        columns, errors = {}, {}
        for name in self._claimed:
            try:
                columns[name] = _claimed_numbers(table, name, first_row)
            except InvalidInput as error:
                columns[name], errors[name] = np.full(len(table), np.nan), str(error)
        if units is not None and units.column in table.column_names:
            known = np.flatnonzero(customer >= 0)
            wrong = known[differing(table[units.column], known, units.names_of(customer[known]))]
            what = f"allocation: column {units.column!r} is wrong in {COUNT} rows, first"
            tally.add(what, len(wrong), *first(wrong))
        ends = int(customer[0]), int(customer[-1])
        return _Batch(key, columns, errors, ends, first(np.zeros(1, np.int64)), tally)

    def _put_in_order(self, store: ArrayStore) -> None:
        """Sort the coupons by their numbers, some of the customers at a time."""
        keys, columns = self.keys, self.columns
        sorted_keys = store.writer("sorted-coupon", np.int64)
        row = store.writer("sorted-row", np.int64)
        writers = {name: store.writer(f"sorted-{name}", np.float64) for name in columns}
        for low, high in self._ranges():
            inside = [
                part.start + np.flatnonzero((keys[part] >= low) & (keys[part] < high))
                for part in array_blocks(len(keys))
            ]
            rows = np.concatenate(inside)
            rows = rows[np.argsort(keys[rows], kind="stable")]
            sorted_keys.append(keys[rows])
            row.append(rows)
            for name, writer in writers.items():
                writer.append(columns[name][rows])
            release_pages(keys, *columns.values())
        self.keys, self._row = sorted_keys.finish(), row.finish()
        self.columns = {name: writer.finish() for name, writer in writers.items()}

    def _ranges(self) -> Iterator[tuple[int, int]]:
        """Ranges of coupon numbers, ascending, each of about `SORTED_COUPONS` coupons."""
        end = len(self._inputs.customer_ids) * len(self._inputs.offer_ids)
        step = end // SORT_STEPS + 1
        count = np.zeros(SORT_STEPS + 1, np.int64)
        for part in array_blocks(len(self.keys)):
            count += np.bincount(np.maximum(self.keys[part], 0) // step, minlength=len(count))
        low, total = -1, 0
        for number, more in enumerate(count.tolist()):
            if total and total + more > SORTED_COUPONS:
                yield low, number * step
                low, total = number * step, 0
            total += more
        yield low, end


def _ascends(keys: Integers) -> bool:
    """Whether coupons are in order, by blocks of them."""
    for part in array_blocks(len(keys)):
        some = keys[part.start : part.stop + 1]
        if (some[1:] < some[:-1]).any():
            return False
        release_pages(some)
    return True


def _sampled(keys: Integers) -> Integers:
    """Every so many coupons' number, to look others up without the file that they are in."""
    samples = np.arange(0, len(keys), SAMPLE_STEP)
    found = np.empty(len(samples), np.int64)
    for part in array_blocks(len(samples), 256):
        found[part] = keys[samples[part]]
        release_pages(keys[samples[part][0] : samples[part][-1] + 1])
    return found


def _parts(source: Stream) -> Iterator[_Part]:
    """Tables with the numbers of their first rows."""
    first_row = 0
    for table in source.blocks(lambda: BATCH_COUPONS):
        yield table, first_row
        first_row += len(table)


def _row_text(row: int, customer: Any, offer: Any) -> str:
    """A row of the allocation, for messages."""
    return f" row {row}: customer {customer!r}, offer {offer!r}"


def _claimed_numbers(table: pa.Table, name: str, first_row: int) -> Floats:
    """Numbers of an allocation, NaN for nulls; those that follow from others may be larger than any of them may be."""
    if pa.types.is_floating(table[name].type):
        values: Floats = one_array(table[name].cast(pa.float64())).to_numpy(zero_copy_only=False)
        if np.isfinite(values).all():
            return values
    return tables.numbers(table, "allocation", name, nullable=True, first_row=first_row)


def open_allocation(path: Path, claimed: list[str]) -> Stream:
    """Open an allocation table.

    Parameters
    ----------
    path : Path
        A file, or a folder of files.
    claimed : list of str
        Columns to look at besides the ids.

    Returns
    -------
    Stream
        Of the columns that are looked at.

    Raises
    ------
    InvalidInput
        If it cannot be read.
    """
    return stream_files(path.parent, path.name, "allocation", ["customer", "offer", *claimed])
