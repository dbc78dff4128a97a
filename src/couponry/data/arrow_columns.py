"""Columns of Arrow tables as single arrays, lists in them taken apart, and their distinct values numbered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


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
        column = column.combine_chunks()
    return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column


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


def labels(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], list[Any]]:
    """Number the distinct values of a column.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Of any type that can be sorted.

    Returns
    -------
    code : ndarray of int64, shape (n_rows,)
        Number of each row's value; -1: null.
    values : list
        The distinct values in ascending order.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    encoded = one_array(column).dictionary_encode()
    distinct = encoded.dictionary.to_pylist()
    order = sorted(range(len(distinct)), key=lambda j: distinct[j])
    rank = np.full(len(distinct) + 1, -1, np.int64)
    rank[order] = np.arange(len(order))
    codes = pc.fill_null(encoded.indices, len(distinct)).to_numpy(zero_copy_only=False)
    return rank[codes], [distinct[j] for j in order]


def uuid_texts(column: pa.ChunkedArray) -> pa.Array:
    """Write UUIDs as text: 32 digits of base 16, with hyphens where they are usual.

    Parameters
    ----------
    column : pyarrow.ChunkedArray of UUIDs

    Returns
    -------
    pyarrow.Array of large_string
    """
    whole = one_array(column)
    storage = whole.storage
    start = 16 * storage.offset
    data = np.frombuffer(storage.buffers()[1] or b"", np.uint8)[start : start + 16 * len(storage)]
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    pairs = np.stack([digits[data >> 4], digits[data & 15]], axis=-1).reshape(len(storage), 32)
    text = np.full((len(storage), 36), ord("-"), np.uint8)
    text[:, [n for n in range(36) if n not in (8, 13, 18, 23)]] = pairs
    ends = np.arange(len(storage) + 1, dtype=np.int64) * 36
    valid = pa.array(whole.is_valid()).buffers()[1] if whole.null_count else None
    buffers = [valid, pa.py_buffer(ends), pa.py_buffer(text)]
    return pa.Array.from_buffers(pa.large_string(), len(storage), buffers)
