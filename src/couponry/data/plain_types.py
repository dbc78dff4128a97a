"""Columns of users' tables in the types that Arrow's functions take, and checked byte by byte."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..utils.errors import InvalidInput, first_line
from .arrow_columns import one_array

UUID = pa.uuid()

COUNTED = ("pandas.period",)
"""Types that are stored as numbers which say nothing by themselves: months since 1970, quarters, weeks."""

LISTS = (
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
    pa.types.is_fixed_size_list,
)


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Find the type that holds the same values and that Arrow's functions take.

    Parameters
    ----------
    kind : pyarrow.DataType
        Of a column.

    Returns
    -------
    pyarrow.DataType
    """
    if kind == UUID:
        return pa.large_string()
    if kind == pa.bool8():
        return pa.bool_()
    if isinstance(kind, pa.BaseExtensionType):
        return kind if kind.extension_name in COUNTED else plain_type(kind.storage_type)
    if pa.types.is_run_end_encoded(kind):
        return plain_type(kind.value_type)
    if pa.types.is_dictionary(kind):
        values = plain_type(kind.value_type)
        if values == kind.value_type:
            return kind
        return pa.dictionary(pa.int32(), values) if values == pa.large_string() else values
    if any(is_list(kind) for is_list in LISTS):
        return pa.large_list(plain_type(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(plain_type(field.type)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(plain_type(kind.key_type), plain_type(kind.item_type))
    if pa.types.is_decimal32(kind) or pa.types.is_decimal64(kind):
        return pa.decimal128(kind.precision, kind.scale)
    plainer: dict[pa.DataType, pa.DataType] = {
        pa.string_view(): pa.large_string(),
        pa.binary_view(): pa.large_binary(),
        pa.float16(): pa.float32(),
    }
    return plainer.get(kind, kind)


def as_type(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Give a column another type, `plain_type` of its own or one that is as wide.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
    kind : pyarrow.DataType

    Returns
    -------
    pyarrow.ChunkedArray
        The same values.

    Raises
    ------
    pyarrow.ArrowException
        Where Arrow cannot do it.
    """
    while column.type != kind:
        own = column.type
        if own == UUID:
            column = pa.chunked_array([uuid_texts(column)])
            continue
        if isinstance(own, pa.BaseExtensionType):
            parts, own = [chunk.storage for chunk in column.chunks], own.storage_type
        elif pa.types.is_run_end_encoded(own):
            parts, own = [pc.run_end_decode(chunk) for chunk in column.chunks], own.value_type
        elif pa.types.is_list_view(own) or pa.types.is_large_list_view(own):
            parts, own = list(map(_lists, column.chunks)), pa.large_list(own.value_type)
        elif pa.types.is_struct(own) and pa.types.is_struct(kind) and own.names == kind.names:
            parts, own = [_struct(chunk, kind) for chunk in column.chunks], kind
        else:
            return column.cast(kind)
        column = pa.chunked_array(parts, own)
    return column


def _lists(views: pa.Array) -> pa.LargeListArray:
    """Turn views of lists into lists; Arrow's own cast fails at nulls."""
    lengths = pc.fill_null(pc.list_value_length(views), 0).to_numpy(zero_copy_only=False)
    ends = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    nulls = pc.is_null(views) if views.null_count else None
    return pa.LargeListArray.from_arrays(pa.array(ends), pc.list_flatten(views), mask=nulls)


def _struct(array: pa.StructArray, kind: pa.StructType) -> pa.StructArray:
    """Give the fields of a struct other types; Arrow's own cast garbles views of lists."""
    parts = [
        one_array(as_type(pa.chunked_array([array.field(number)]), field.type))
        for number, field in enumerate(kind)
    ]
    return pa.StructArray.from_arrays(parts, fields=list(kind), mask=pc.is_null(array))


def check_values(column: pa.Array | pa.ChunkedArray, label: str, first_row: int = 0) -> None:
    """Refuse a column whose bytes are not what its type says: text that is no UTF-8, numbers beyond a dictionary.

    Parameters
    ----------
    column : pyarrow.Array or pyarrow.ChunkedArray
    label : str
        Names the column, for the message.
    first_row : int
        Number of the column's first row, for messages.

    Raises
    ------
    InvalidInput
    """
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        if not _is_ascii(chunk):
            try:
                chunk.validate(full=True)
            except pa.ArrowInvalid as error:
                broken = re.search(r"Invalid UTF8 sequence at string index (\d+)", str(error))
                if broken is None:
                    raise InvalidInput(f"{label}: {first_line(error)}") from error
                nested = pa.types.is_nested(chunk.type) or pa.types.is_dictionary(chunk.type)
                row = "" if nested else f", row {first_row + int(broken[1])}"
                raise InvalidInput(
                    f"{label}{row}: expected text in UTF-8, got other bytes"
                ) from error
        first_row += len(chunk)


def _is_ascii(chunk: pa.Array) -> bool:
    """Whether an array is text of ASCII alone, which is found out many times as fast as whether it is UTF-8."""
    if pa.types.is_string(chunk.type):
        width: type[np.integer[Any]] = np.int32
    elif pa.types.is_large_string(chunk.type):
        width = np.int64
    else:
        return False
    _, ends, data = chunk.buffers()
    if len(chunk) == 0 or data is None:
        return True
    first, last = np.frombuffer(ends, width)[[chunk.offset, chunk.offset + len(chunk)]]
    if first == last:
        return True
    return bool(np.frombuffer(data, np.int8)[first:last].min() >= 0)


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
