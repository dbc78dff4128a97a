"""Columns of Arrow tables: as single arrays, lists taken apart, distinct values numbered."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..utils.checks import as_float
from ..utils.errors import InvalidInput, first_line

KINDS_OF_LABELS = (
    pa.types.is_null,
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_date,
    pa.types.is_time,
    pa.types.is_timestamp,
    pa.types.is_duration,
)
"""What `by` can tell groups by."""

LARGEST_ID = (1 << 63) - 1
"""The largest integer that ids may be."""

LARGEST_WHOLE = 1 << 53
"""The largest of the integers all of which float64 holds."""


def refuse_beyond(
    column: pa.ChunkedArray | pa.Array, where: str, most: int, first_row: int = 0
) -> None:
    """Refuse whole numbers beyond the largest one that a column may hold; any other column is left alone.

    Parameters
    ----------
    column : pyarrow.ChunkedArray or pyarrow.Array
    where : str
        What messages call it.
    most : int
        The largest; with its sign changed the least.
    first_row : int
        Number of its first row, for messages.

    Raises
    ------
    InvalidInput
        Names the first row.
    """
    if not pa.types.is_integer(column.type) or column.type.bit_width < 64:
        return
    least = 0 if pa.types.is_unsigned_integer(column.type) else -most
    low, high = pa.scalar(least, column.type), pa.scalar(most, column.type)
    within = pc.and_(pc.greater_equal(column, low), pc.less_equal(column, high))
    row = pc.index(within, False).as_py()
    if row >= 0:
        more = " (others as float64)" if most == LARGEST_WHOLE else ""
        raise InvalidInput(
            f"{where}, row {first_row + row}: expected a whole number from {least:,} to {most:,}{more}, "
            f"got {column[row].as_py():,}"
        )


def one_array(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return a column as one array.

    Parameters
    ----------
    column : pyarrow.ChunkedArray or pyarrow.Array
        The column.

    Returns
    -------
    pyarrow.Array
        The same values.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column


def without_dictionaries(table: pa.Table) -> pa.Table:
    """Write out columns that are numbers of their distinct values, as categories of pandas are.

    Parameters
    ----------
    table : pyarrow.Table

    Returns
    -------
    pyarrow.Table
        The same values.
    """
    for at, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            column = table.column(at).cast(field.type.value_type)
            table = table.set_column(at, field.with_type(column.type), column)
    return table


def without_empty_chunks(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Leave out chunks without rows: from a stream they may come as what PyArrow can neither join nor take from.

    Parameters
    ----------
    column : pyarrow.ChunkedArray

    Returns
    -------
    pyarrow.ChunkedArray
        The same values.
    """
    chunks = [chunk for chunk in column.chunks if len(chunk)]
    return column if len(chunks) == column.num_chunks else pa.chunked_array(chunks, column.type)


def refused_column(data: Any) -> str:
    """Say which column of a mapping Arrow takes for none, as messages do.

    Parameters
    ----------
    data : mapping, or anything else

    Returns
    -------
    str
        Empty where it is none of them alone.
    """
    if isinstance(data, dict):
        for name, values in data.items():
            try:
                pa.table({name: values})
            except Exception:  # whatever containers raise
                return f", column {name!r}"
    return ""


def float_column(values: Iterable[float | None]) -> pa.Array:
    """Make a column of numbers; whole ones that float64 does not hold become the nearest that it does.

    Parameters
    ----------
    values : iterable of int, float or None
        None is null.

    Returns
    -------
    pyarrow.Array of float64
    """
    return pa.array([None if value is None else as_float(value) for value in values], pa.float64())


def holds_lists(kind: pa.DataType) -> bool:
    """Tell whether a column of this type holds several values a row.

    Parameters
    ----------
    kind : pyarrow.DataType
        Type of the column.

    Returns
    -------
    bool
        Whether it is a type of lists.
    """
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def flat_lists(column: pa.ChunkedArray | pa.Array) -> tuple[NDArray[np.int64], pa.Array]:
    """Take the lists of a column apart: the row of each value, and the values.

    Parameters
    ----------
    column : pyarrow.ChunkedArray or pyarrow.Array
        A column of lists.

    Returns
    -------
    tuple of ndarray of int64 and pyarrow.Array
        Of the same length.
    """
    whole = one_array(column)
    rows: NDArray[np.int64] = pc.list_parent_indices(whole).to_numpy()
    return rows, pc.list_flatten(whole)


def labels(column: pa.ChunkedArray, label: str) -> tuple[NDArray[np.int64], list[Any]]:
    """Number the distinct values of a column.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Of text, numbers, truth values, dates or times.
    label : str
        Names the column, for messages.

    Returns
    -------
    code : ndarray of int64, shape (n_rows,)
        Number of each row's value; -1: null.
    values : list
        The distinct values in ascending order.

    Raises
    ------
    InvalidInput
        Where the column holds something else, NaN, or dates and times that Python does not have or tell apart.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not any(is_kind(column.type) for is_kind in KINDS_OF_LABELS):
        raise InvalidInput(f"{label}: expected text, numbers or dates, got {column.type}")
    if pa.types.is_null(column.type):
        return np.full(len(column), -1), []
    encoded = one_array(column).dictionary_encode()
    distinct = python_values(encoded.dictionary, label)
    if any(value != value for value in distinct):
        raise InvalidInput(f"{label}: expected a value or null, got nan")
    order = sorted(range(len(distinct)), key=lambda j: distinct[j])
    for j, k in pairwise(order):
        if distinct[j] == distinct[k]:
            raise InvalidInput(
                f"{label}: expected times in whole microseconds, got two that are {distinct[j]} then"
            )
    rank = np.full(len(distinct) + 1, -1, np.int64)
    rank[order] = np.arange(len(order))
    codes = pc.fill_null(encoded.indices, len(distinct)).to_numpy(zero_copy_only=False)
    return rank[codes], [distinct[j] for j in order]


def python_values(column: pa.ChunkedArray | pa.Array, label: str) -> list[Any]:
    """Turn a column into a list of Python's values.

    Parameters
    ----------
    column : pyarrow.ChunkedArray or pyarrow.Array
    label : str
        Names the column, for messages.

    Returns
    -------
    list
        None for nulls.

    Raises
    ------
    InvalidInput
        Where Python has no such value: a year beyond 9999, an unknown time zone.
    """
    try:
        found: list[Any] = column.to_pylist()
    except (ValueError, OverflowError, KeyError, pa.ArrowException) as error:
        raise InvalidInput(f"{label}: {first_line(error)}") from error
    return found
