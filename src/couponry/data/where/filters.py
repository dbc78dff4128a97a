"""The `where` grammar: which rows of a table a rule or limit is about."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...utils.checks import as_float, is_number, shown
from ...utils.errors import InvalidInput
from ...utils.suggestions import known_names
from .. import tables
from ..arrow_columns import flat_lists, holds_lists, one_array
from .conditions import Where, as_time, plain_condition, plain_where, values_of

__all__ = ["Where", "absent_values", "plain_where", "rows_where", "values_of"]

MAX_LOOKED_FOR_ONE_BY_ONE = 16
"""Values that a column is searched for one after the other; more of them are looked up in a table of its values."""


def rows_where(
    table: pa.Table,
    what: str,
    where: Where,
    by_whom: str,
    argument: str = "where",
    known: list[str] | None = None,
) -> NDArray[np.bool_]:
    """Find the rows for which every condition holds.

    Parameters
    ----------
    table : pyarrow.Table
    what : str
        Name of the table, for messages.
    where : mapping
        Conditions by column. A null fulfils none. A list fulfils a condition if one of its values does.
    by_whom : str
        The rule or limit that asks, for messages.
    argument : str
        What the user wrote the conditions as, for messages.
    known : list of str, optional
        Names that conditions may have, for messages. Default: the columns of the table.

    Returns
    -------
    ndarray of bool, shape (n_rows,)

    Raises
    ------
    InvalidInput
        Where there is no such column, or a condition does not suit its type.
    """
    mask = np.ones(table.num_rows, bool)
    for name, test in where.items():
        if name not in table.column_names:
            raise InvalidInput(
                f"{by_whom}: {argument}: table {what} has no column {shown(name)}"
                f"{known_names(name, known or table.column_names, 'columns')}"
            )
        mask &= _column_where(table[name], test, f"{by_whom}: {argument} {name!r}")
    return mask


def absent_values(column: pa.ChunkedArray, test: Any, label: str) -> list[Any]:
    """List the values that a condition names and that occur nowhere in a column.

    The categories of a categorical column count as values that occur, whether a row has them or not.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
    test : object
        The condition.
    label : str
        What it belongs to, for messages.

    Returns
    -------
    list
        None for a range.

    Raises
    ------
    InvalidInput
        Where the condition does not suit the column's type.
    """
    if isinstance(test, Mapping):
        return []
    values = pa.chunked_array([flat_lists(column)[1]]) if holds_lists(column.type) else column
    if pa.types.is_dictionary(values.type):
        categories = [chunk.dictionary for chunk in values.chunks]
        values = pa.chunked_array(categories, type=values.type.value_type)
    wanted = _wanted(values_of(test, label), values.type, label)
    there = _occur(wanted.fitting, values)
    absent = [value for value, occurs in zip(wanted.values, there, strict=True) if not occurs]
    return [*absent, *wanted.foreign]


def _occur(wanted: pa.Array, values: pa.ChunkedArray) -> list[bool]:
    """Whether each of some values occurs among others."""
    if len(wanted) <= MAX_LOOKED_FOR_ONE_BY_ONE:
        try:  # stops at the first row that has it
            return [pc.index(values, one).as_py() >= 0 for one in wanted]
        except pa.ArrowNotImplementedError:
            pass
    there = one_array(values)
    if len(wanted) < len(there):  # what is looked up in should be small
        there = wanted.take(pc.index_in(there, value_set=wanted).unique().drop_null())
    found: list[bool] = pc.is_in(wanted, value_set=there).to_pylist()
    return found


def _column_where(column: pa.ChunkedArray, test: Any, label: str) -> NDArray[np.bool_]:
    """Where one condition holds."""
    if isinstance(test, Mapping):
        return _in_range(column, test, label)
    wanted = values_of(test, label)
    if holds_lists(column.type):
        rows, values = flat_lists(column)
        mask = np.zeros(len(column), bool)
        mask[rows[_is_in(values, wanted, label)]] = True
        return mask
    return _is_in(column, wanted, label)


def _is_in(column: pa.Array | pa.ChunkedArray, wanted: list[Any], label: str) -> NDArray[np.bool_]:
    """Where a column holds one of some values."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    found = pc.is_in(column, value_set=_wanted(wanted, column.type, label).fitting)
    found = pc.and_(found, pc.is_valid(column))
    return np.asarray(found.to_numpy(zero_copy_only=False), bool)


class _Wanted(NamedTuple):
    """Values of a condition beside a column's type.

    Attributes
    ----------
    fitting : pyarrow.Array
        Those that such a column can hold, in its type.
    values : list
        The same as they were given.
    foreign : list
        Those that it cannot hold, though they are of its kind: a fraction among whole numbers.
    """

    fitting: pa.Array
    values: list[Any]
    foreign: list[Any]


def _wanted(values: list[Any], kind: pa.DataType, label: str) -> _Wanted:
    """Values in the type of a column."""
    message = f"{label}: the column holds {kind}, got {shown(values)}"
    try:
        if not _same_kind(values, kind):
            raise InvalidInput(message)
        fitted = [_fitted(value, kind) for value in values]
        kept = [n for n, value in enumerate(fitted) if value is not None]
        given = [fitted[n] for n in kept]
        direct = not given or pa.types.is_integer(kind)
        fitting = pa.array(given, kind) if direct else pa.array(given).cast(kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(message) from error
    foreign = [values[n] for n, value in enumerate(fitted) if value is None]
    return _Wanted(fitting, [values[n] for n in kept], foreign)


def _same_kind(values: list[Any], kind: pa.DataType) -> bool:
    """Whether values can be compared with those of a type; text may be a date or a time."""
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return all(is_number(value) or isinstance(value, Decimal) for value in values)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return all(isinstance(value, str) for value in values)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return all(isinstance(value, (str, datetime.date)) for value in values)
    if pa.types.is_boolean(kind):
        return all(isinstance(value, bool) for value in values)
    return True


def _fitted(value: Any, kind: pa.DataType) -> Any:
    """A value as a column of this type can hold it; None where it cannot."""
    if pa.types.is_integer(kind):
        if not math.isfinite(value) or value != int(value):
            return None
        least, most = _whole_range(kind)
        return int(value) if least <= value <= most else None
    if pa.types.is_floating(kind):
        return float(value) if abs(value) < float("inf") and float(value) == value else None
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        value = as_time(value)
        if pa.types.is_date(kind) and isinstance(value, datetime.datetime):
            return value.date() if value.time() == datetime.time() else None
        if pa.types.is_timestamp(kind) and not isinstance(value, datetime.datetime):
            return datetime.datetime.combine(value, datetime.time())
    return value


def _whole_range(kind: pa.DataType) -> tuple[int, int]:
    """The least and the largest whole number of a type."""
    if pa.types.is_signed_integer(kind):
        return -(1 << (kind.bit_width - 1)), (1 << (kind.bit_width - 1)) - 1
    return 0, (1 << kind.bit_width) - 1


def _in_range(column: pa.ChunkedArray, test: Mapping[str, Any], label: str) -> NDArray[np.bool_]:
    """Where a column of numbers, dates or times lies in a range."""
    test = plain_condition(test, label)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        return _in_date_range(column, test, label)
    for bound in test.values():
        if not is_number(bound) or math.isnan(as_float(bound)):
            raise InvalidInput(f"{label}: expected numbers as range, got {shown(test)}")
    low, high = test.get("min", -math.inf), test.get("max", math.inf)
    if not low <= high:
        raise InvalidInput(f"{label}: min {shown(low)} is above max {shown(high)}")
    table = pa.table({"x": column})
    try:
        values = tables.numbers(table, "", "x", nullable=True)
    except InvalidInput as error:
        why = (
            str(error).partition("'x'")[2].lstrip(",: ")
        )  # row 3: expected a finite number, got nan
        got = column.type if why.startswith("expected numbers") else f"{column.type}, {why}"
        raise InvalidInput(f"{label}: a range needs a column of numbers, got {got}") from None
    return np.asarray((values >= as_float(low)) & (values <= as_float(high)), bool)


def _in_date_range(
    column: pa.ChunkedArray, test: Mapping[str, Any], label: str
) -> NDArray[np.bool_]:
    """Where a column of dates or times lies in a range."""
    try:
        bounds = {key: pa.scalar(as_time(bound)) for key, bound in test.items()}
        if not all(pa.types.is_temporal(bound.type) for bound in bounds.values()):
            raise TypeError("a number of days or seconds is no date")
        bounds = {key: bound.cast(column.type) for key, bound in bounds.items()}
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"{label}: expected dates as range, got {shown(test)}") from error
    if len(bounds) == 2 and bounds["min"].as_py() > bounds["max"].as_py():
        raise InvalidInput(f"{label}: min {test['min']} is above max {test['max']}")
    mask = pc.is_valid(column)
    if "min" in bounds:
        mask = pc.and_(mask, pc.greater_equal(column, bounds["min"]))
    if "max" in bounds:
        mask = pc.and_(mask, pc.less_equal(column, bounds["max"]))
    return np.asarray(pc.fill_null(mask, False).to_numpy(), bool)
