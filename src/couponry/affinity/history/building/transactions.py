"""Transactions, checked while they are read: batches of customer, product, period, discounted, spend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....data import tables
from ....data.formats.parquet_rows import Part
from ....data.streams import Stream, stream
from ....data.table_files import empty_table
from ....kernels.purchases_contract import GivenPurchases
from ....utils.checks import shown
from ....utils.errors import InvalidInput
from ..periods import check_timezone, period_number, read_periods
from .money import MAX_SPEND, in_hundredths
from .pieces import pieces_of
from .plain_rows import plain_rows
from .transaction_columns import OPTIONAL_COLUMNS, TIME_COLUMNS, column_names, transaction_columns

TABLE = "transactions"
NULL_CUSTOMERS = ("refuse", "skip")


class ReadOptions(NamedTuple):
    """How transactions are read.

    Attributes
    ----------
    timezone : str or None
        Time zone of the shop, such as "Europe/Berlin", that timestamps with a zone are days of; None: UTC.
    null_customers : {"refuse", "skip"}
        What becomes of rows without a customer.
    until : int, date or None
        Last period that is read; rows of later ones are left out.
    with_spend : bool
        Whether what was paid is read even where its column is not named.
    """

    timezone: str | None = None
    null_customers: str = "refuse"
    until: int | date | None = None
    with_spend: bool = True


DEFAULT_OPTIONS = ReadOptions()


class CheckedRows(NamedTuple):
    """Rows that were checked, and how many others there were among them.

    Attributes
    ----------
    rows : pyarrow.Table
        Of `Transactions.schema`.
    left_out, guests, too_late : int
        Returns, rows without a customer, and rows of periods after the last that is read.
    """

    rows: pa.Table
    left_out: int
    guests: int
    too_late: int


@dataclass
class Transactions:
    """Transactions that are checked batch by batch as they are read.

    Attributes
    ----------
    customer_type, product_type : pyarrow.DataType
        Types of the ids: int64 or large_string.
    unit : {"day", "week"}
        What a period is.
    optional : tuple of str
        Which of `quantity`, `spend` and `discount` there are.
    until : int or None
        Last period that is read.
    left_out : int
        Rows read so far whose quantity is 0 or less: returns.
    guests : int
        Rows read so far that have no customer.
    too_late : int
        Rows read so far of periods after the last that is read.
    """

    customer_type: pa.DataType
    product_type: pa.DataType
    unit: str
    optional: tuple[str, ...]
    _stream: Stream
    _names: dict[str, str]
    _time: str
    _timezone: str | None
    _skips_guests: bool
    until: int | None
    left_out: int = 0
    guests: int = 0
    too_late: int = 0

    @classmethod
    def open(
        cls,
        rows: Any,
        columns: Mapping[str, str] | None,
        options: ReadOptions = DEFAULT_OPTIONS,
    ) -> Transactions:
        """Look at the schema; no row is read yet.

        Parameters
        ----------
        rows : Stream, or what `couponry.data.streams.stream` takes
        columns : mapping of str to str, optional
            Names of the columns where they are others, such as ``{"customer": "household_id"}``.
        options : ReadOptions

        Raises
        ------
        InvalidInput
            If columns are missing or of a wrong type, or if not exactly one says when.
        """
        renamed, names = dict(columns or {}), column_names(columns)
        check_timezone(options.timezone)
        if options.null_customers not in NULL_CUSTOMERS:
            raise InvalidInput(
                f'null_customers: expected "refuse" or "skip", got {shown(options.null_customers)}'
            )
        wanted = transaction_columns(columns, with_spend=options.with_spend)
        if not isinstance(rows, Stream):
            rows = stream(rows, TABLE, wanted)
        empty = empty_table(rows.schema)
        required = (names["customer"], names["product"], *(names[key] for key in renamed))
        tables.require(empty, TABLE, *required)
        times = [
            time for time in TIME_COLUMNS if time in renamed
        ]  # what was said goes before what is there
        times = times or [time for time in TIME_COLUMNS if time in rows.schema.names]
        if len(times) != 1:
            raise InvalidInput(
                f"table {TABLE}: expected one column of day, week, date, got {' and '.join(times) or 'none of them'}"
            )
        customer, product = (
            tables.ids(empty, TABLE, names[key]).type for key in ("customer", "product")
        )
        there = {*rows.schema.names} & {*wanted}
        optional = [name for name in OPTIONAL_COLUMNS if names[name] in there]
        unit = "week" if times == ["week"] else "day"
        return cls(
            customer, product, unit, tuple(optional), rows, names, times[0], options.timezone,
            options.null_customers == "skip", period_number(options.until, unit),
        )  # fmt: skip

    @property
    def files(self) -> list[list[Any]] | None:
        """Path, size and time of change of each file that is read; None if the rows are not in files."""
        return self._stream.files

    @property
    def repeatable(self) -> bool:
        """Whether the rows can be read more than once."""
        return self._stream.repeatable

    def begin_again(self) -> None:
        """Forget what was counted: the rows are read once more."""
        self.left_out = self.guests = self.too_late = 0

    def name_of(self, period: int) -> str:
        """Name a period as the table does.

        Parameters
        ----------
        period : int

        Returns
        -------
        str
            Its number; of dates, the date.
        """
        kind = self._stream.schema.field(self._names[self._time]).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        return str(period) if pa.types.is_integer(kind) else str(np.datetime64(period, "D"))

    @property
    def schema(self) -> pa.Schema:
        """Schema of the batches."""
        return pa.schema(
            [
                ("customer", self.customer_type),
                ("product", self.product_type),
                ("period", pa.int32()),
                ("discounted", pa.uint8()),
                ("spend", pa.int64()),
            ]
        )

    def most_rows(self, rows: int) -> int:
        """Return how many rows a part has at most that is read undecoded.

        Parameters
        ----------
        rows : int
            How many parts are asked to have.

        Returns
        -------
        int
        """
        parquet = self._stream.parquet
        return rows if parquet is None else parquet.most_rows(rows)

    def parts(self, rows: int, decoded: bool) -> Iterator[tuple[Part, int]]:
        """Hand on the rows in parts, which any thread may read.

        Parameters
        ----------
        rows : int
            About so many to a part.
        decoded : bool
            Whether they are decoded before, a few at a time; else by who reads them, whole row groups at a time.

        Yields
        ------
        Part, int
            And the number of its first row.
        """
        first_row = 0
        parts = self._stream.parts(lambda: rows)
        if decoded:
            parts = map(Part.of, self._stream.blocks(lambda: rows))
        for part in parts:
            yield part, first_row
            first_row += part.rows

    def pieces(self) -> Iterator[tuple[pa.Table, int]]:
        """Read the rows as they are, some at a time.

        Yields
        ------
        pyarrow.Table, int
            As `pieces_of` does.
        """
        first_row = 0
        for table in self._stream.batches():
            yield from pieces_of(table, first_row)
            first_row += len(table)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Read the rows; spend is in hundredths, periods of dates are days since 1970.

        Yields
        ------
        pyarrow.RecordBatch
            Rows of `schema`, without returns.

        Raises
        ------
        InvalidInput
            With the first row that makes no sense.
        """
        for piece in self.pieces():
            checked = self.checked(*piece)
            self.count(checked.left_out, checked.guests, checked.too_late)
            yield from checked.rows.to_batches()

    def count(self, left_out: int, guests: int, too_late: int) -> None:
        """Count what was left out of rows.

        Parameters
        ----------
        left_out, guests, too_late : int
            See `CheckedRows`.
        """
        self.left_out += left_out
        self.guests += guests
        self.too_late += too_late

    def checked(self, table: pa.Table, first_row: int) -> CheckedRows:
        """Check rows; several threads may do so at a time.

        Parameters
        ----------
        table : pyarrow.Table
            A piece.
        first_row : int
            Number of its first row.

        Returns
        -------
        CheckedRows
            Without returns.

        Raises
        ------
        InvalidInput
            With the first row that makes no sense.
        """
        names = self._names
        table, has_customer = self._with_customers(table)
        guests = len(table) - int(np.count_nonzero(has_customer))
        if guests and guests == len(table):
            return CheckedRows(self.schema.empty_table(), 0, guests, 0)
        columns = {
            "customer": self.customers(table, first_row),
            "product": self._ids(table, "product", self.product_type, first_row),
            "period": read_periods(table, names[self._time], first_row, TABLE, self._timezone),
            "discounted": np.zeros(len(table), np.uint8),
            "spend": np.zeros(len(table), np.int64),
        }
        if "discount" in self.optional:
            discount = tables.exact_numbers(table, TABLE, names["discount"], first_row)
            columns["discounted"] = (discount != 0).astype(np.uint8)
        if "spend" in self.optional:
            columns["spend"] = self._spend(table, first_row)
        kept, too_late, left_out = has_customer, 0, 0
        if self.until is not None:
            in_time = columns["period"] <= self.until
            too_late = int(np.count_nonzero(kept & ~in_time))
            kept = kept & in_time
        if "quantity" in self.optional:
            bought = tables.exact_numbers(table, TABLE, names["quantity"], first_row) > 0
            left_out = int(np.count_nonzero(kept & ~bought))
            kept = kept & bought
        rows = pa.table(columns, schema=self.schema)
        rows = rows if kept.all() else rows.filter(pa.array(kept))
        return CheckedRows(rows, left_out, guests, too_late)

    def plain(self, table: pa.Table) -> GivenPurchases | None:
        """Return rows as plain numbers if they are such, as yet unchecked; customers whose ids are text are left out.

        Parameters
        ----------
        table : pyarrow.Table

        Returns
        -------
        GivenPurchases or None
        """
        names = self._names
        amounts = [names[name] if name in self.optional else None for name in OPTIONAL_COLUMNS]
        customer = names["customer"] if pa.types.is_integer(self.customer_type) else None
        if table[names["customer"]].null_count:
            return None
        return plain_rows(table, [customer, names["product"], names[self._time]], amounts)

    def customers(self, table: pa.Table, first_row: int) -> pa.Array:
        """Return the ids of customers.

        Parameters
        ----------
        table : pyarrow.Table
        first_row : int

        Returns
        -------
        pyarrow.Array
            Of `customer_type`.

        Raises
        ------
        InvalidInput
        """
        return self._ids(table, "customer", self.customer_type, first_row)

    def _with_customers(self, table: pa.Table) -> tuple[pa.Table, NDArray[np.bool_]]:
        """Return the rows, with any customer where there is none, and which rows have one."""
        name = self._names["customer"]
        column = table[name]
        if not self._skips_guests or not column.null_count:
            return table, np.ones(len(table), bool)
        has_customer = column.is_valid().to_numpy()
        somebody = np.maximum.accumulate(np.where(has_customer, np.arange(len(table)), 0))
        somebody[: int(has_customer.argmax())] = int(has_customer.argmax())
        place = table.column_names.index(name)
        return table.set_column(place, name, column.take(pa.array(somebody))), has_customer

    def _spend(self, table: pa.Table, first_row: int) -> NDArray[np.int64]:
        """Return spend in hundredths, rounded half up."""
        name = self._names["spend"]
        spend = tables.numbers(table, TABLE, name, first_row=first_row)
        if max(-spend.min(initial=0), spend.max(initial=0)) > MAX_SPEND:
            row = int((np.abs(spend) > MAX_SPEND).argmax())
            raise InvalidInput(
                f"table {TABLE}, column {name!r}, row {first_row + row}: expected an amount of money, got {spend[row]}"
            )
        return in_hundredths(spend)

    def _ids(self, table: pa.Table, key: str, kind: pa.DataType, first_row: int) -> pa.Array:
        """Return ids of the type that the schema promised; a file whose column is empty has integers."""
        return tables.ids(table, TABLE, self._names[key], first_row).cast(kind)
