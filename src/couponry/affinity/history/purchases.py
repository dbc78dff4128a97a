"""Transactions, checked: record batches of customer, product, period, discounted and spend, whatever they came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...data import tables
from ...data.ids import INTEGERS
from ...data.streams import Stream, stream
from ...utils.errors import InvalidInput

TABLE = "transactions"
TIMES = ("day", "week", "date")
KNOWN = ("customer", "product", *TIMES, "quantity", "spend", "discount")
PERIODS_A_WEEK = {"day": 7, "week": 1}
MOST_PERIODS = 1 << 17  # from the first to the last: 358 years of days
MOST_SPEND = 9e13  # of one row


@dataclass(frozen=True)
class Purchases:
    """Transactions as they will be read.

    customer, product: the types of the ids, int64 or large_string. unit: what a period is, day or week.
    optional: which of `quantity`, `spend` and `discount` there are.
    """

    customer: pa.DataType
    product: pa.DataType
    unit: str
    optional: tuple[str, ...]
    _stream: Stream
    _names: dict[str, str]
    _time: str
    _told: list[int]

    @classmethod
    def of(cls, transactions: Any, columns: Mapping[str, str] | None) -> Purchases:
        """Reads nothing yet but the schema; transactions: a Stream, or as `stream.stream` takes them."""
        renamed, names = dict(columns or {}), _names(columns)
        rows = transactions
        if not isinstance(rows, Stream):
            rows = stream(transactions, TABLE, wanted(columns))
        empty = rows.schema.empty_table()
        tables.require(
            empty, TABLE, names["customer"], names["product"], *(names[k] for k in renamed)
        )
        times = [time for time in TIMES if names[time] in rows.schema.names]
        if len(times) != 1:
            raise InvalidInput(
                f"table {TABLE}: expected one column of day, week, date, got {' and '.join(times) or 'none of them'}"
            )
        customer, product = (
            tables.ids(empty, TABLE, names[key]).type for key in ("customer", "product")
        )
        optional = [c for c in ("quantity", "spend", "discount") if names[c] in rows.schema.names]
        unit = "week" if times == ["week"] else "day"
        return cls(customer, product, unit, tuple(optional), rows, names, times[0], [0])

    @property
    def files(self) -> list[list[Any]] | None:
        """Path, size and time of change of each file that they come from; None: not of files."""
        return self._stream.files

    @property
    def left_out(self) -> int:
        """Rows so far whose quantity is 0 or less: returns."""
        return self._told[0]

    @property
    def schema(self) -> pa.Schema:
        return pa.schema(
            [
                ("customer", self.customer),
                ("product", self.product),
                ("period", pa.int32()),
                ("discounted", pa.uint8()),
                ("spend", pa.int64()),
            ]
        )

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, checked; spend is in hundredths, periods of dates are days since 1970."""
        first_row = 0
        for table in self._stream.batches():
            yield from self._checked(table, first_row).to_batches()
            first_row += len(table)

    def _checked(self, table: pa.Table, first: int) -> pa.Table:
        names = self._names
        columns = {
            "customer": self._ids(table, "customer", self.customer, first),
            "product": self._ids(table, "product", self.product, first),
            "period": periods(table, names[self._time], first),
            "discounted": np.zeros(len(table), np.uint8),
            "spend": np.zeros(len(table), np.int64),
        }
        if "discount" in self.optional:
            discount = tables.exact_numbers(table, TABLE, names["discount"], first)
            columns["discounted"] = (discount != 0).astype(np.uint8)
        if "spend" in self.optional:
            spend = tables.numbers(table, TABLE, names["spend"])
            if (np.abs(spend) > MOST_SPEND).any():
                row = int((np.abs(spend) > MOST_SPEND).argmax())
                raise InvalidInput(
                    f"table {TABLE}, column {names['spend']!r}, row {first + row}: expected an amount of money, "
                    f"got {spend[row]}"
                )
            columns["spend"] = np.floor(spend * 100.0 + 0.5).astype(np.int64)
        found = pa.table(columns, schema=self.schema)
        if "quantity" not in self.optional:
            return found
        bought = tables.exact_numbers(table, TABLE, names["quantity"], first) > 0
        self._told[0] += int(len(table) - bought.sum())
        return found if bought.all() else found.filter(pa.array(bought))

    def _ids(self, table: pa.Table, key: str, kind: pa.DataType, first: int) -> pa.Array:
        found = tables.ids(table, TABLE, self._names[key], first)
        return found.cast(kind)  # a file whose column is empty has integers


def wanted(columns: Mapping[str, str] | None) -> list[str]:
    """The columns that are read, as far as they are there."""
    return list(dict.fromkeys(_names(columns).values()))


def _names(columns: Mapping[str, str] | None) -> dict[str, str]:
    renamed = dict(columns or {})
    for known in renamed:
        if known not in KNOWN:
            raise InvalidInput(f"columns: expected names among {', '.join(KNOWN)}, got {known!r}")
    return {known: renamed.get(known, known) for known in KNOWN}


def periods(table: pa.Table, name: str, first_row: int, what: str = TABLE) -> NDArray[np.int32]:
    """A column of days, weeks or dates as whole numbers; of dates, days since 1970."""
    column = table[name]
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp(column.type.unit))  # the days of UTC
        column = pc.floor_temporal(column, unit="day").cast(pa.date32())
    if pa.types.is_date64(column.type):
        column = column.cast(pa.date32())
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    elif not pa.types.is_integer(column.type):
        raise InvalidInput(
            f"table {what}, column {name!r}: expected whole numbers or dates, got {column.type}"
        )
    period = tables.ids(pa.table({name: column}), what, name, first_row)
    assert period.type == INTEGERS
    values = period.to_numpy()
    wrong = np.abs(values) >= 1 << 30
    if wrong.any():
        row = int(wrong.argmax())
        raise InvalidInput(
            f"table {what}, column {name!r}, row {first_row + row}: expected a day or week, got {values[row]}"
        )
    return values.astype(np.int32)
