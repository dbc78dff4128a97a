"""The `where` grammar: which rows of a table a rule or limit is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..utils.checks import did_you_mean
from ..utils.errors import InvalidInput
from . import tables
from .arrow_columns import flat_lists, holds_lists

Where = Mapping[str, Any]
"""Conditions by column: a value, a list of values (any of them), or ``{"min": ..., "max": ...}`` (both ends in)."""


def rows_where(table: pa.Table, what: str, where: Where, by_whom: str) -> NDArray[np.bool_]:
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
                f"{by_whom}: where: table {what} has no column {name!r}"
                f"{did_you_mean(name, table.column_names)}"
            )
        mask &= _column_where(table[name], test, f"{by_whom}: where {name!r}")
    return mask


def values_of(test: Any, label: str) -> list[Any]:
    """List the values that a condition names.

    Parameters
    ----------
    test : object
        The condition.
    label : str
        What it belongs to, for messages.

    Returns
    -------
    list
        At least one value.

    Raises
    ------
    InvalidInput
        Where it names none, or something that is no value.
    """
    values = list(test) if isinstance(test, (list, tuple, set, frozenset)) else [test]
    if not values or any(isinstance(v, (dict, list)) or v is None for v in values):
        raise InvalidInput(f"{label}: expected a value, a list of values or a range, got {test!r}")
    return values


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
    try:
        value_set = pa.array(wanted)
        if not _same_kind(value_set.type, column.type):
            raise InvalidInput(f"{label}: the column holds {column.type}, got {wanted!r}")
        if pa.types.is_integer(column.type) and pa.types.is_floating(value_set.type):
            column = column.cast(pa.float64())
        value_set = value_set.cast(column.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise InvalidInput(f"{label}: the column holds {column.type}, got {wanted!r}") from error
    found = pc.is_in(column, value_set=value_set)
    found = pc.and_(found, pc.is_valid(column))
    return np.asarray(found.to_numpy(zero_copy_only=False), bool)


def _same_kind(a: pa.DataType, b: pa.DataType) -> bool:
    """Whether values of two types can be compared."""

    def kind(t: pa.DataType) -> str:
        if pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_decimal(t):
            return "number"
        if pa.types.is_string(t) or pa.types.is_large_string(t):
            return "string"
        return "any" if pa.types.is_null(t) else str(t).split("[")[0]

    return "any" in (kind(a), kind(b)) or kind(a) == kind(b)


def _in_range(column: pa.ChunkedArray, test: Mapping[str, Any], label: str) -> NDArray[np.bool_]:
    """Where a column of numbers, dates or times lies in a range."""
    if not test or not set(test) <= {"min", "max"}:
        raise InvalidInput(f"{label}: expected a range {{min, max}}, got {dict(test)!r}")
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        return _in_date_range(column, test, label)
    for bound in test.values():
        if isinstance(bound, bool) or not isinstance(bound, (int, float)):
            raise InvalidInput(f"{label}: expected numbers as range, got {dict(test)!r}")
    low, high = test.get("min", -np.inf), test.get("max", np.inf)
    if not low <= high:
        raise InvalidInput(f"{label}: min {low} is above max {high}")
    table = pa.table({"x": column})
    try:
        values = tables.numbers(table, "", "x", nullable=True)
    except InvalidInput:
        raise InvalidInput(
            f"{label}: a range needs a column of numbers, got {column.type}"
        ) from None
    return np.asarray((values >= low) & (values <= high), bool)


def _in_date_range(
    column: pa.ChunkedArray, test: Mapping[str, Any], label: str
) -> NDArray[np.bool_]:
    """Where a column of dates or times lies in a range."""
    try:
        bounds = {key: pa.scalar(bound) for key, bound in test.items()}
        if not all(pa.types.is_temporal(bound.type) for bound in bounds.values()):
            raise TypeError("a number of days or seconds is no date")
        bounds = {key: bound.cast(column.type) for key, bound in bounds.items()}
    except (pa.ArrowException, TypeError) as error:
        raise InvalidInput(f"{label}: expected dates as range, got {dict(test)!r}") from error
    if len(bounds) == 2 and bounds["min"].as_py() > bounds["max"].as_py():
        raise InvalidInput(f"{label}: min {test['min']} is above max {test['max']}")
    mask = pc.is_valid(column)
    if "min" in bounds:
        mask = pc.and_(mask, pc.greater_equal(column, bounds["min"]))
    if "max" in bounds:
        mask = pc.and_(mask, pc.less_equal(column, bounds["max"]))
    return np.asarray(pc.fill_null(mask, False).to_numpy(), bool)
