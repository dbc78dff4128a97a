"""The coupons of an allocation, put into order by customer and offer: read in batches, kept in memory or on disk."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data import tables
from ..data.streams import Stream, stream_files
from ..utils.arrays.array_store import ArrayStore
from ..utils.errors import InvalidInput
from .block import Block
from .claims import COUNT, Tally
from .inputs import Inputs
from .rounding import Floats, Integers

BATCH_COUPONS = 1 << 21
"""Coupons that are read at a time."""

CLAIMED = ("value", "response", "cost")
"""Columns of the allocation that are compared with the candidates'."""


class GivenCoupons:
    """Coupons with their number in the campaign, and what the allocation says of each.

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
    columns : dict of str to ndarray of float64, shape (n_coupons,)
        Claimed columns, in the order of the file; NaN: null.
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
        self._source, self._inputs, self._tally = source, inputs, tally
        self.names = source.schema.names
        self._usable = {name: name in self.names for name in CLAIMED}
        self._ordered, self._last = ordered, -1
        key = store.writer("coupon", np.int64)
        writers = {
            name: store.writer(f"claimed-{name}", np.float64)
            for name in self.names
            if name in CLAIMED
        }
        first_row = 0
        for table in source.blocks(lambda: BATCH_COUPONS):
            key.append(self._numbers(table, first_row))
            for name, writer in writers.items():
                writer.append(self._column(table, name))
            first_row += len(table)
        if first_row == 0:
            self._check_types(source.schema.empty_table())
        self._key = key.finish()
        self.columns = {name: w.finish() for name, w in writers.items()}

    def __len__(self) -> int:
        return len(self._key)

    def is_usable(self, name: str) -> bool:
        """Return whether a column is there, and holds numbers.

        Parameters
        ----------
        name : str
            One of `CLAIMED`.

        Returns
        -------
        bool
            False if a problem with it has been noted.
        """
        return self._usable[name]

    def coupons(self, block: Block) -> Integers:
        """Return the rows of the allocation with coupons of a block's customers, by customer and offer.

        Parameters
        ----------
        block : Block

        Returns
        -------
        ndarray of int64, shape (n,)
            Rows of the allocation.
        """
        key, order = self._sorted
        ends = np.array([block.start, block.stop]) * len(self._inputs.offer_ids)
        low, high = np.searchsorted(key, ends)
        return np.arange(low, high) if order is None else np.asarray(order[low:high])

    def keys(self, rows: Integers) -> Integers:
        """Return the numbers of coupons in the campaign, as `Block.keys` has them.

        Parameters
        ----------
        rows : ndarray of int64, shape (n,)
            Rows of the allocation.

        Returns
        -------
        ndarray of int64, shape (n,)
        """
        return np.asarray(self._key[rows])

    def described(self, row: int) -> str:
        """Describe a coupon.

        Parameters
        ----------
        row : int
            Row of the allocation.

        Returns
        -------
        str
            The row, and its ids.
        """
        number = int(self._key[row])
        if number >= 0:
            customer, offer = divmod(number, len(self._inputs.offer_ids))
            names = (self._inputs.customer_ids[customer], self._inputs.offer_ids[offer])
            return _row_text(row, *(name.as_py() for name in names))
        return f" row {row}"

    @cached_property
    def _sorted(self) -> tuple[Integers, NDArray[np.int64] | None]:
        """The numbers in ascending order, and the rows that they are of; None: as they are in the file."""
        steps = range(0, len(self._key), BATCH_COUPONS)
        if all(bool((np.diff(self._key[at : at + BATCH_COUPONS + 1]) >= 0).all()) for at in steps):
            return self._key, None
        order = np.argsort(self._key, kind="stable")
        return self._key[order], order

    def _check_types(self, table: pa.Table) -> tuple[pa.Array, pa.Array]:
        """The ids; notes those of another type than the campaign's."""
        tables.require(table, "allocation", "customer", "offer")
        known = {"customer": self._inputs.customer_ids, "offer": self._inputs.offer_ids}
        found = [tables.ids(table, "allocation", name) for name in known]
        for ids, (name, among) in zip(found, known.items(), strict=True):
            if ids.type != among.type:
                text = f"allocation: column {name!r}: expected {among.type}, got {table[name].type}"
                self._tally.add(text, 1, "")
        return found[0], found[1]

    def _numbers(self, table: pa.Table, first_row: int) -> Integers:
        """Number of each coupon in the campaign; -1: a customer or offer that it does not have."""
        ids = self._check_types(table)
        customer = tables.positions(ids[0], self._inputs.customer_ids)
        offer = tables.positions(ids[1], self._inputs.offer_ids)

        def text(row: int) -> str:
            return _row_text(first_row + row, *(one[row].as_py() for one in ids))

        if self._ordered:
            below = np.flatnonzero(np.diff(customer, prepend=self._last) < 0)
            for row in below[:1].tolist():
                self._tally.add("allocation: not in order of customer, first at", 1, text(row))
        self._last = int(customer[-1])
        foreign = np.flatnonzero((customer < 0) | (offer < 0))
        self.add_foreign(len(foreign), text(int(foreign[0])) if len(foreign) else "")
        return np.where(
            (customer < 0) | (offer < 0), -1, customer * len(self._inputs.offer_ids) + offer
        )

    def add_foreign(self, count: int, first: str) -> None:
        """Count coupons that are not candidates.

        Parameters
        ----------
        count : int
            How many more.
        first : str
            The first of these.
        """
        self._tally.add(f"allocation: {COUNT} pairs are not candidates, first", count, first)

    def _column(self, table: pa.Table, name: str) -> Floats:
        """A claimed column; NaN, and a problem, where it holds no numbers."""
        try:
            return tables.numbers(table, "allocation", name, nullable=True)
        except InvalidInput as error:
            self._usable[name] = False
            self._tally.add(str(error), 1, "")
            return np.full(len(table), np.nan)


def _row_text(row: int, customer: Any, offer: Any) -> str:
    """A row of the allocation, for messages."""
    return f" row {row}: customer {customer!r}, offer {offer!r}"


def open_allocation(path: Path) -> Stream:
    """Open an allocation table.

    Parameters
    ----------
    path : Path
        A file, or a folder of files.

    Returns
    -------
    Stream
        Of the columns that are looked at.

    Raises
    ------
    InvalidInput
        If it cannot be read.
    """
    return stream_files(path.parent, path.name, "allocation", ["customer", "offer", *CLAIMED])
