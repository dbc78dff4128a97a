"""Reads parts of transactions into columns of purchases: by a kernel where nothing is odd, else as anything is read."""

from __future__ import annotations

from collections.abc import Callable
from threading import local
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from .....data.arrow_columns import one_array
from .....data.formats.parquet_rows import Part
from .....kernels.purchases_contract import GivenPurchases, PurchaseColumns
from ..money import MAX_SPEND
from ..pieces import pieces_of
from ..plain_rows import LAST_PERIOD, bounds_of
from ..transactions import Transactions
from .extents import Extent, Extents
from .item_numbers import ItemNumbers
from .text_numbers import TextNumbers

Look = Callable[[pa.RecordBatch], Any]


class Taken(NamedTuple):
    """Purchases of some rows, and what there was besides.

    Attributes
    ----------
    columns : PurchaseColumns or None
        None: no row counts. They are there until the same thread reads again.
    extents : Extents or None
        Of these.
    left_out, guests, too_late : int
        Returns, rows without a customer, and rows of periods after the last that is read.
    looked : list
        What looking at them came to, batch by batch.
    """

    columns: PurchaseColumns | None
    extents: Extents | None
    left_out: int
    guests: int
    too_late: int
    looked: list[Any]


class PartReader:
    """Reads parts of transactions; several threads may do so at a time.

    Parameters
    ----------
    transactions : Transactions
    numbers : ItemNumbers
    texts : TextNumbers, optional
        Numbers of customers whose ids are text.
    kernels : module
        Of any backend.
    look : callable, optional
        Looks at batches of purchases.
    """

    def __init__(
        self,
        transactions: Transactions,
        numbers: ItemNumbers,
        texts: TextNumbers | None,
        kernels: ModuleType,
        look: Look | None,
    ):
        self._transactions, self._numbers, self._texts = transactions, numbers, texts
        self._kernels, self._look = kernels, look
        self._room = _ColumnRoom()

    def read(self, part: Part, first_row: int) -> list[Taken]:
        """Read a part, a piece after the other.

        Parameters
        ----------
        part : Part
        first_row : int
            Number of its first row.

        Returns
        -------
        list of Taken

        Raises
        ------
        InvalidInput
            With the first row that makes no sense.
        """
        table, taken, begin = part.read(), list[Taken](), 0
        room = self._room.of(len(table))
        for piece, row in pieces_of(table, first_row):
            columns: list[Any] = [column[begin : begin + len(piece)] for column in room]
            found = self._plain(piece, row, PurchaseColumns(*columns)) or self._any(piece, row)
            taken.append(found)
            begin += len(piece)
        return taken

    def _plain(self, table: pa.Table, first_row: int, room: PurchaseColumns) -> Taken | None:
        """Read rows of plain numbers; None: these are not such, or some are not as they should be."""
        given = self._transactions.plain(table) if len(self._numbers.seen) else None
        if given is None:
            return None
        ids: pa.Array | None = None
        if self._texts is not None:
            ids = self._transactions.customers(table, first_row)
            given = given._replace(customer=self._texts.of(ids))
        seen, found = self._numbers.seen, np.zeros(9, np.int64)
        bounds = bounds_of(given, len(seen), self._transactions.until, MAX_SPEND)
        self._kernels.take_purchases(given, bounds, room, seen, found)
        kept, left_out, too_late = found[:3].tolist()
        if kept < 0:
            return None
        if kept == 0:
            return Taken(None, None, left_out, 0, too_late, [])
        part: list[Any] = [column[:kept] for column in room]
        columns = PurchaseColumns(*part)
        looked = [] if self._look is None else [self._look(self._batch(given, ids, columns))]
        extents = Extents(*(Extent(*pair) for pair in found[3:].reshape(3, 2).tolist()))
        return Taken(columns, extents, left_out, 0, too_late, looked)

    def _batch(
        self, given: GivenPurchases, ids: pa.Array | None, columns: PurchaseColumns
    ) -> pa.RecordBatch:
        """Return purchases as a record batch; ids: of all customers, if they are text."""
        customer = pa.array(columns.customer) if ids is None else ids
        if len(columns.customer) < len(customer):
            until = self._transactions.until
            is_kept = given.period <= (LAST_PERIOD if until is None else until)
            if len(given.quantity):
                is_kept &= given.quantity > 0
            customer = customer.filter(pa.array(is_kept))
        product = pa.array(columns.number.astype(np.int64))
        rest = (pa.array(column) for column in columns[2:])
        return pa.record_batch([customer, product, *rest], schema=self._transactions.schema)

    def _any(self, table: pa.Table, first_row: int) -> Taken:
        """Read rows of any kind."""
        checked = self._transactions.checked(table, first_row)
        rows, others = checked.rows, (checked.left_out, checked.guests, checked.too_late)
        looked = []
        if self._look is not None:
            looked = [self._look(batch) for batch in rows.to_batches() if len(batch)]
        if len(rows) == 0:
            return Taken(None, None, *others, looked)
        number, row = self._numbers.of(one_array(rows["product"]))
        ids = one_array(rows["customer"])
        customer = ids.to_numpy() if self._texts is None else self._texts.of(ids)
        names = ("period", "discounted", "spend")
        columns: list[Any] = [customer, *(one_array(rows[name]).to_numpy() for name in names)]
        if row is not None:
            columns = [column[row] for column in columns]
        if len(columns[0]) == 0:
            return Taken(None, None, *others, looked)
        purchases = PurchaseColumns(columns[0], number, *columns[1:])
        return Taken(purchases, Extents.of_columns(purchases), *others, looked)


class _ColumnRoom(local):
    """Room for purchases, of each thread, which is used again."""

    def __init__(self) -> None:
        self._columns = PurchaseColumns.new(0)

    def of(self, rows: int) -> PurchaseColumns:
        """Return room for so many rows, until the thread asks again."""
        if len(self._columns.customer) < rows:
            self._columns = PurchaseColumns.new(rows)
        return self._columns
