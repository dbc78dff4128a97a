"""Periods: the days or weeks in which purchases are counted."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...data import tables
from ...utils.checks import shown
from ...utils.errors import InvalidInput

PERIODS_PER_WEEK = {"day": 7, "week": 1}
"""Periods in a week, by the unit of a period."""

MAX_PERIODS = 1 << 17
"""Periods from the first to the last that a history may cover: 358 years of days. More is a mistake in the data."""

MAX_PERIOD_NUMBER = 1 << 30
"""Absolute value that a period's number stays below, so that differences fit in int32."""


def read_periods(
    table: pa.Table, name: str, first_row: int, what: str, timezone: str | None = None
) -> NDArray[np.int32]:
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
    timezone : str, optional
        Time zone of the shop, for timestamps that have one.

    Returns
    -------
    ndarray of int32, shape (n_rows,)
        The numbers as they are; of dates, days since 1970; of timestamps without a time zone, their days; of those
        with one, their days in the shop's, or in UTC.

    Raises
    ------
    InvalidInput
        If the column has another type, holds nulls, or numbers that no day or week has.
    """
    column = table[name]
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type):
        if timezone is not None:
            if column.type.tz is None:
                raise InvalidInput(
                    f"timezone: expected timestamps with a time zone in table {what}, column {name!r}, got "
                    f"{column.type}; without timezone they are taken to be the shop's"
                )
            column = pc.local_timestamp(column.cast(pa.timestamp(column.type.unit, timezone)))
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
    if max(-int(values.min(initial=0)), int(values.max(initial=0))) >= MAX_PERIOD_NUMBER:
        row = int((np.abs(values) >= MAX_PERIOD_NUMBER).argmax())
        raise InvalidInput(
            f"table {what}, column {name!r}, row {first_row + row}: expected a day or week, got {values[row]}"
        )
    return values.astype(np.int32)


def check_timezone(timezone: str | None) -> None:
    """Refuse a time zone that nobody knows.

    Parameters
    ----------
    timezone : str or None

    Raises
    ------
    InvalidInput
    """
    if timezone is None:
        return
    try:
        pc.local_timestamp(pa.array([0], pa.int64()).cast(pa.timestamp("s", timezone)))
    except (pa.ArrowInvalid, TypeError, ValueError):
        raise InvalidInput(
            f"timezone: expected the name of a time zone, such as 'Europe/Berlin', got {shown(timezone)}"
        ) from None


def period_number(period: int | date | None, unit: str) -> int | None:
    """Return a period that somebody names as a number.

    Parameters
    ----------
    period : int, date or None
        Dates are days since 1970.
    unit : {"day", "week"}
        What a period is.

    Returns
    -------
    int or None

    Raises
    ------
    InvalidInput
        If a date is given and periods are weeks.
    """
    if not isinstance(period, date):
        return period
    if unit != "day":
        raise InvalidInput(f"until: expected the number of a {unit}, got the date {period}")
    return period.toordinal() - date(1970, 1, 1).toordinal()


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
