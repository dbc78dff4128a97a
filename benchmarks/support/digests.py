"""SHA-256 of tables, arrays and JSON: what shows that two runs came to the same bits."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ROWS = 1 << 22  # of a column that are digested at a time


def as_table(rows: Any) -> pa.Table:
    """A table, of whatever has the rows."""
    return rows if isinstance(rows, pa.Table) else rows.to_arrow()


def digest(table: pa.Table) -> str:
    """SHA-256 of a table: names, types, nulls and values of its columns, in order, however they are chunked."""
    found = hashlib.sha256(str(table.num_rows).encode())
    for name in table.column_names:
        column = table[name]
        found.update(f"\n{name} {column.type}\n".encode())
        for start in range(0, table.num_rows, ROWS):
            found.update(_values(column.slice(start, ROWS)))
    return found.hexdigest()


def _values(column: pa.ChunkedArray) -> bytes:
    """Nulls and values: numbers as they are in memory, anything else as JSON."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return json.dumps(column.to_pylist(), default=str).encode()
    filled = pc.fill_null(column, pa.scalar(0, column.type)) if column.null_count else column
    nulls = pc.is_null(column).to_numpy() if column.null_count else np.zeros(0, bool)
    return bytes(np.packbits(nulls)) + np.ascontiguousarray(filled.to_numpy()).tobytes()


def digest_arrays(*arrays: Any) -> str:
    """SHA-256 of arrays: types, shapes and values."""
    found = hashlib.sha256()
    for array in map(np.asarray, arrays):
        found.update(f"{array.dtype} {array.shape}\n".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def digest_json(content: Any) -> str:
    """SHA-256 of the canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
