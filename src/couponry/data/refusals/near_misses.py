"""What is said of tables and columns that are none: what was expected, what came, and what would have done."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...utils.checks import shown
from ...utils.errors import InvalidInput

NUMBER = r"^\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*$"
"""Text that is a number, as casts of text take it."""

OTHER_SEPARATORS = (";", "\t", "|")
"""What stands between the values of files that are not separated by commas."""


def refuse_no_table(data: Any, what: str) -> NoReturn:
    """Refuse what is no table.

    Parameters
    ----------
    data : object
    what : str
        Name of the table, for messages.

    Raises
    ------
    InvalidInput
    """
    raise InvalidInput(
        f"table {what}: expected a table that speaks the Arrow stream protocol (PyArrow, pandas, Polars, DuckDB) "
        f"or a path, got {type(data).__name__}{_nearest_table(data)}"
    )


def _nearest_table(data: Any) -> str:
    first = data[0] if isinstance(data, (list, tuple)) and data else None
    if isinstance(first, (pa.RecordBatch, pa.Table)):
        is_batch = isinstance(first, pa.RecordBatch)
        made = "pyarrow.Table.from_batches" if is_batch else "pyarrow.concat_tables"
        return f"; {made} makes one of it"
    if isinstance(first, dict):
        return "; pyarrow.Table.from_pylist makes one of it"
    if isinstance(data, np.ndarray):
        return "; pandas.DataFrame makes one of it"
    if type(data).__name__ == "Scanner":
        return "; its to_reader() is one"
    if type(data).__name__ == "DuckDBPyConnection":
        return "; what its sql(…) gives is one"
    return ""


def refuse_no_ids(column: pa.ChunkedArray | pa.Array, label: str) -> NoReturn:
    """Refuse a column whose type is none of ids.

    Parameters
    ----------
    column : pyarrow.ChunkedArray or pyarrow.Array
    label : str
        Names table and column.

    Raises
    ------
    InvalidInput
    """
    kind, near = column.type, ""
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        near = "; cast whole numbers to int64 (in pandas Int64, where some are missing)"
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        near = "; cast text to string"
    elif pa.types.is_temporal(kind) or pa.types.is_boolean(kind):
        near = "; write them as text"
    raise InvalidInput(f"{label}: expected integers or strings, got {kind}{near}")


def refuse_no_numbers(column: pa.ChunkedArray | pa.Array, label: str, first_row: int) -> NoReturn:
    """Refuse a column whose type is none of numbers.

    Parameters
    ----------
    column : pyarrow.ChunkedArray or pyarrow.Array
    label : str
        Names table and column.
    first_row : int
        Number of the column's first row, for messages.

    Raises
    ------
    InvalidInput
    """
    kind, near = column.type, ""
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        row = pc.index(pc.match_substring_regex(column, NUMBER), False).as_py()
        is_text = row >= 0
        at = f"; row {first_row + row} has {shown(column[row].as_py())}" if is_text else ""
        near = at or "; cast such text to float64"
    elif pa.types.is_boolean(kind):
        near = "; cast true and false to int8"
    raise InvalidInput(f"{label}: expected numbers, got {kind}{near}")


def hint_of_columns(present: list[str]) -> str:
    """Say what is wrong with a header of one column that holds several.

    Parameters
    ----------
    present : list of str
        Columns of a table.

    Returns
    -------
    str
        Empty where nothing is.
    """
    if len(present) != 1 or not any(separator in present[0] for separator in OTHER_SEPARATORS):
        return ""
    return "; values of CSV files are separated by commas"


def hint_of_file(path: Path, line: str) -> str:
    """Say what a file must be that could not be read.

    Parameters
    ----------
    path : Path
    line : str
        What the reader said.

    Returns
    -------
    str
        Empty where that says it all.
    """
    if "magic bytes" in line or "not a parquet" in line.lower():
        return "; expected Parquet, or CSV in a file whose name ends in .csv"
    if "invalid UTF8" in line or "codec can't decode" in line:
        return "; expected UTF-8"
    if "\\x00" in line or "\x00" in line:
        return "; expected UTF-8, got what looks like UTF-16"
    return ""
