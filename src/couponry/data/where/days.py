"""Days on which coupons are sent, as whole numbers, and the windows of consecutive days that matter."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...utils.errors import InvalidInput, first_line
from ..arrow_columns import one_array

DAY = "day"
"""Column of offers, and of the history, that says when a coupon is sent."""


LAST_DAY = 1_000_000_000
"""The largest number of a day, with either sign: days are told apart for some millions of years."""


class Days(NamedTuple):
    """The day of each row of a table.

    Attributes
    ----------
    day : ndarray of int64, shape (n_rows,)
        0 where it is not known.
    known : ndarray of bool, shape (n_rows,)
    are_dates : bool
        Whether the column holds dates or times, of which days are counted from 1970; else it holds whole numbers.
    """

    day: NDArray[np.int64]
    known: NDArray[np.bool_]
    are_dates: bool

    def take(self, rows: NDArray[np.int64]) -> Days:
        """Return the days of some rows.

        Parameters
        ----------
        rows : ndarray of int64, shape (n,)

        Returns
        -------
        Days
        """
        return self._replace(day=self.day[rows], known=self.known[rows])


def days_of(column: pa.ChunkedArray, what: str) -> Days:
    """Read a column of days.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Whole numbers, dates, or times, which count as their date.
    what : str
        Table and column, for messages.

    Returns
    -------
    Days

    Raises
    ------
    InvalidInput
        Where the column holds anything else.
    """
    kind = column.type
    are_dates = pa.types.is_date(kind) or pa.types.is_timestamp(kind)
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)
    if not are_dates and not is_number:
        raise InvalidInput(f"{what}: expected whole numbers or dates, got {kind}")
    if are_dates:
        try:
            column = column.cast(pa.date32()).cast(pa.int32())
        except pa.ArrowException as error:  # an unknown time zone
            raise InvalidInput(f"{what}: {first_line(error)}") from error
    known = np.asarray(one_array(pc.is_valid(column)).to_numpy(zero_copy_only=False), bool)
    try:
        whole = pc.fill_null(column.cast(pa.int64()), 0)
    except pa.ArrowInvalid:
        days = [0 if day is None else day for day in column.to_pylist()]
        row = next(n for n, day in enumerate(days) if day % 1 or abs(day) > LAST_DAY)
        if days[row] % 1:
            raise InvalidInput(
                f"{what}, row {row}: expected a whole number of days, got {days[row]}"
            ) from None
        raise _far(what, row, days[row]) from None
    days = one_array(whole).to_numpy()
    far = (days < -LAST_DAY) | (days > LAST_DAY)
    if far.any():
        row = int(far.argmax())
        raise _far(what, row, days[row])
    return Days(days, known, are_dates)


def _far(what: str, row: int, day: float) -> InvalidInput:
    """What is said of a day that is beyond all others."""
    return InvalidInput(
        f"{what}, row {row}: expected a day from {-LAST_DAY:,} to {LAST_DAY:,}, got {day}"
    )


def days_of_offers(offers: pa.Table, by_whom: str) -> Days:
    """Read the column `day` of the offers.

    Parameters
    ----------
    offers : pyarrow.Table
    by_whom : str
        The rule that asks, and its argument, for messages.

    Returns
    -------
    Days

    Raises
    ------
    InvalidInput
        Where there is none, or it does not hold days.
    """
    if DAY not in offers.column_names:
        raise InvalidInput(f"{by_whom}: table offers has no column {DAY!r}")
    return days_of(offers[DAY], f"{by_whom}: table offers, column {DAY!r}")


def refuse_other_days(of_offers: Days, of_history: Days, by_whom: str) -> None:
    """Refuse numbers of days beside dates.

    Parameters
    ----------
    of_offers, of_history : Days
    by_whom : str
        The rule that asks, for messages.

    Raises
    ------
    InvalidInput
    """
    if of_history.known.any() and of_offers.are_dates != of_history.are_dates:
        kinds = ("whole numbers", "dates")
        raise InvalidInput(
            f"{by_whom}: table history, column {DAY!r}: expected {kinds[of_offers.are_dates]} as in table offers, "
            f"got {kinds[of_history.are_dates]}"
        )


def first_days(
    days: NDArray[np.int64], others: NDArray[np.int64], length: int
) -> NDArray[np.int64]:
    """Choose windows of consecutive days such that every other window has no day of these that none of them has.

    Parameters
    ----------
    days : ndarray of int64, shape (n,)
        Each window chosen has one of these.
    others : ndarray of int64, shape (m,)
        Days that count as well.
    length : int
        Days of a window.

    Returns
    -------
    ndarray of int64
        First days of the windows, ascending.
    """
    if len(days) == 0:
        return np.zeros(0, np.int64)
    days = np.unique(days)
    near = np.unique(others)
    near = near[(near > days[0] - length) & (near < days[-1] + length)]
    event = np.union1d(days, near)
    last = event[np.searchsorted(event, event + length - 1, side="right") - 1]
    is_new = (
        np.diff(last, prepend=last[0] - 1) > 0
    )  # ends with a day that the window before has not
    next_day = days[np.minimum(np.searchsorted(days, event), len(days) - 1)]
    has_one = (next_day >= event) & (next_day <= last)
    return np.asarray(event[is_new & has_one])


def every_first_day(
    days: NDArray[np.int64], others: NDArray[np.int64], length: int
) -> NDArray[np.int64]:
    """Choose windows of consecutive days such that every other window has just the days of one of them.

    Parameters
    ----------
    days, others, length
        As `first_days` has them.

    Returns
    -------
    ndarray of int64
        First days of the windows, ascending.
    """
    if len(days) == 0:
        return np.zeros(0, np.int64)
    event = np.union1d(days, others)
    begins = np.union1d(event - length + 1, event + 1)  # where a day comes in, or has gone
    return np.asarray(begins[(begins > days.min() - length) & (begins <= days.max())])


def windows_with(
    first: NDArray[np.int64], length: int, days: Days
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the windows that each day lies in.

    Parameters
    ----------
    first : ndarray of int64, shape (n_windows,)
        First day of each window, ascending.
    length : int
        Days of a window.
    days : Days

    Returns
    -------
    row, window : ndarray of int64, shape (n_pairs,)
        Pairs of a row and a window that its day is in, by row.
    """
    begin = np.searchsorted(first, days.day - length, side="right")
    count = np.where(days.known, np.searchsorted(first, days.day, side="right") - begin, 0)
    row = np.repeat(np.arange(len(count)), count)
    within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return row, begin[row] + within
