"""Periods: the days or weeks in which purchases are counted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...data import tables
from ...utils.errors import InvalidInput

PERIODS_PER_WEEK = {"day": 7, "week": 1}
"""Periods in a week, by the unit of a period."""

MAX_PERIODS = 1 << 17
"""Periods from the first to the last that a history may cover: 358 years of days. More is a mistake in the data."""

MAX_PERIOD_NUMBER = 1 << 30
"""Absolute value that a period's number stays below, so that differences fit in int32."""


def read_periods(table: pa.Table, name: str, first_row: int, what: str) -> NDArray[np.int32]:
    """Read a column of days, weeks or dates as whole numbers.

    Parameters
    ----------
    table : pyarrow.Table
    name : str
        The column: whole numbers, dates or timestamps.
    first_row : int
        Number of the table's first row, for errors.
    what : str
        Name of the table, for errors.

    Returns
    -------
    ndarray of int32, shape (n_rows,)
        The numbers as they are; of dates, days since 1970; of timestamps, their days in UTC.

    Raises
    ------
    InvalidInput
        If the column has another type, holds nulls, or numbers that no day or week has.
    """
    column = table[name]
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp(column.type.unit))  # without a time zone: UTC
        column = pc.floor_temporal(column, unit="day").cast(pa.date32())
    if pa.types.is_date64(column.type):
        column = column.cast(pa.date32())
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    elif not pa.types.is_integer(column.type):
        raise InvalidInput(
            f"table {what}, column {name!r}: expected whole numbers or dates, got {column.type}"
        )
    values: NDArray[np.int64] = tables.ids(
        pa.table({name: column}), what, name, first_row
    ).to_numpy()
    wrong = np.abs(values) >= MAX_PERIOD_NUMBER
    if wrong.any():
        row = int(wrong.argmax())
        raise InvalidInput(
            f"table {what}, column {name!r}, row {first_row + row}: expected a day or week, got {values[row]}"
        )
    return values.astype(np.int32)


def check_span(start: int, last: int) -> None:
    """Refuse periods that lie so far apart that some of them must be a mistake.

    Parameters
    ----------
    start, last : int
        First and last period.

    Raises
    ------
    InvalidInput
        If there are more than MAX_PERIODS.
    """
    if last - start >= MAX_PERIODS:
        raise InvalidInput(
            f"table transactions: expected at most {MAX_PERIODS:,} periods, got {start} to {last}"
        )
