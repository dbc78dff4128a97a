"""Users' tables as Arrow tables, from memory or files; and their columns of ids and numbers, checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..utils.checks import LARGEST_NUMBER
from ..utils.errors import InvalidInput, first_line
from ..utils.suggestions import did_you_mean, listed
from .arrow_columns import LARGEST_ID, LARGEST_WHOLE, one_array, refuse_beyond, refused_column
from .formats.csv_files import is_csv, read_csv, text_in_some
from .plain_types import check_values
from .refusals.near_misses import hint_of_columns, refuse_no_ids, refuse_no_numbers, refuse_no_table
from .table_files import (
    all_columns,
    common_schema,
    fitted,
    list_files,
    plain_schema,
    reading,
    remember_columns,
)

NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)


def as_table(data: Any, what: str, columns: list[str] | None = None) -> pa.Table:
    """Make an Arrow table of whatever a user hands over as one.

    Parameters
    ----------
    data : table, dict, str or Path
        Anything that speaks the Arrow stream protocol, a mapping of columns, or the path of a file.
    what : str
        Name of the table, for messages.
    columns : list of str, optional
        Those to keep, as far as they are there. Default: all.

    Returns
    -------
    pyarrow.Table
        With these columns, of types that Arrow's functions take.

    Raises
    ------
    InvalidInput
    """
    if isinstance(data, (str, Path)):
        return read(Path(), str(data), what, columns)
    is_reader = isinstance(data, pa.RecordBatchReader)
    is_query = type(data).__name__ == "LazyFrame"  # of Polars, that has not run yet
    known = is_reader or is_query or isinstance(data, (pa.Table, pa.RecordBatch, dict))
    if known or (hasattr(data, "__arrow_c_stream__") and not isinstance(data, type)):
        try:
            data = data.collect() if is_query else data
            table = data.read_all() if is_reader else pa.table(data)
        except Exception as error:  # whatever containers raise
            place = f"table {what}{refused_column(data)}"
            raise InvalidInput(
                f"{place}: expected what Arrow takes: {first_line(error)}"
            ) from error
    else:
        refuse_no_table(data, what)
    table = fitted(table, plain_schema(table.schema, what, columns), what)
    for name in table.column_names:
        check_values(table[name], f"table {what}, column {name!r}")
    return table


def read(
    folder: Path, name: str | list[str], what: str, columns: list[str] | None = None
) -> pa.Table:
    """Read a table from files.

    Parameters
    ----------
    folder : Path
        What `name` is relative to.
    name : str or list of str
        A file, a list of files, a glob or a folder of Parquet files.
    what : str
        Name of the table, for messages.
    columns : list of str, optional
        Those to read, as far as they are there. Default: all.

    Returns
    -------
    pyarrow.Table
        The rows of all files.

    Raises
    ------
    InvalidInput
    """
    paths = list_files(folder, name, what)
    parts = [_read_file(path, what, columns) for path in paths]
    codes = text_in_some([part.schema for part in parts])
    if codes:  # in some files they look like numbers
        parts = [_read_file(path, what, columns, codes) for path in paths]
    schema = common_schema(paths, [part.schema for part in parts], what)
    return pa.concat_tables([fitted(part, schema, what) for part in parts])


def _read_file(path: Path, what: str, columns: list[str] | None, codes: Any = ()) -> pa.Table:
    """The rows of one file; `codes`: columns that are text in CSV files, whatever they look like."""
    with reading(path, what):
        if is_csv(path):
            part = read_csv(path, codes)
        else:
            with pq.ParquetFile(path) as file:
                names = file.schema_arrow.names
                have = None if columns is None else [name for name in columns if name in names]
                part = remember_columns(file.read(columns=have), names)
    return as_table(part, what, columns)


def require(table: pa.Table, what: str, *names: str) -> None:
    """Refuse a table without these columns.

    Parameters
    ----------
    table : pyarrow.Table
        The table.
    what : str
        Name of the table, for messages.
    *names : str
        Names of the columns.
    """
    for name in names:
        if name not in table.column_names:
            present = all_columns(table.schema)
            have = listed(present) if present else "no columns"
            near = did_you_mean(name, present) or hint_of_columns(present)
            raise InvalidInput(f"table {what}: expected a column {name!r}, got {have}{near}")


def ids(table: pa.Table, what: str, name: str, first_row: int = 0) -> pa.Array:
    """Return a column of ids as one array.

    Parameters
    ----------
    table : pyarrow.Table
    what, name : str
        Names of the table and the column.
    first_row : int
        Number of the table's first row, for messages.

    Returns
    -------
    pyarrow.Array of int64 or large_string
        Without nulls.

    Raises
    ------
    InvalidInput
    """
    require(table, what, name)
    column = table[name]
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_integer(kind):
        target = pa.int64()
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        target = pa.large_string()
    elif len(column) == 0:  # of whatever type: an empty table of pandas has numbers with a point
        return pa.array([], pa.int64())
    else:
        refuse_no_ids(column, f"table {what}, column {name!r}")
    if column.null_count:
        row = first_row + pc.index(pc.is_null(column), True).as_py()
        raise InvalidInput(f"table {what}, column {name!r}, row {row}: expected an id, got null")
    try:
        found = one_array(column.cast(kind).cast(target))
    except pa.ArrowInvalid as error:
        refuse_beyond(column.cast(kind), f"table {what}, column {name!r}", LARGEST_ID, first_row)
        raise InvalidInput(f"table {what}, column {name!r}: {first_line(error)}") from error
    check_values(found, f"table {what}, column {name!r}", first_row)
    return found


def kind_of_ids(column: pa.Array) -> str:
    """Say what an id column holds: integers or strings.

    Parameters
    ----------
    column : pyarrow.Array
        A column of ids.

    Returns
    -------
    str
        A plural.
    """
    return "integers" if pa.types.is_integer(column.type) else "strings"


def check_kind_of_ids(ids: pa.Array, known: pa.Array, label: str, table: str) -> None:
    """Refuse ids of another type than those they must be among.

    Parameters
    ----------
    ids, known : pyarrow.Array
    label : str
        Where `ids` are from, for the message.
    table : str
        Name of the table that `known` are from.

    Raises
    ------
    InvalidInput
    """
    if ids.type != known.type:
        raise InvalidInput(
            f"{label}: expected {kind_of_ids(known)} as in table {table}, got {kind_of_ids(ids)}; a CSV column is "
            "text where any id has a leading zero (007): write ids alike in both, or as text in Parquet"
        )


def ranks(values: pa.Array) -> tuple[NDArray[np.int64], pa.Array]:
    """Find each id's position among the distinct ids in ascending order (by bytes for strings), and those ids.

    Parameters
    ----------
    values : pyarrow.Array
        Ids.

    Returns
    -------
    tuple of ndarray of int64 and pyarrow.Array
        Position of each id, and the distinct ids.
    """
    stretches = pc.run_end_encode(values, run_end_type=pa.int64())
    distinct = stretches.values
    if ascends(distinct):  # in order as it came
        ends = stretches.run_ends.to_numpy()
        return np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0)), distinct
    encoded = values.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank[encoded.indices.to_numpy()], encoded.dictionary.take(pa.array(order))


def ascends(values: pa.Array) -> bool:
    """Tell whether each id is larger than the one before it (by bytes for strings).

    Parameters
    ----------
    values : pyarrow.Array
        Ids.

    Returns
    -------
    bool
        True for a single id, or none.
    """
    return pc.all(pc.less(values[:-1], values[1:])).as_py() is not False


def positions(values: pa.Array, among: pa.Array) -> NDArray[np.int64]:
    """Find the position of each id in `among`: -1 where it is not there or where the types differ.

    Parameters
    ----------
    values : pyarrow.Array
        The ids to look up.
    among : pyarrow.Array
        Distinct ids.

    Returns
    -------
    ndarray of int64, shape (len(values),)
        Positions.
    """
    if values.type != among.type:
        return np.full(len(values), -1)
    if len(among) and pa.types.is_integer(among.type) and ascends(among):  # no hash table of them
        wanted, known = values.to_numpy(), among.to_numpy()
        position: NDArray[np.int64] = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        position[known[position] != wanted] = -1
        return position
    found: NDArray[np.int32] = pc.fill_null(pc.index_in(values, value_set=among), -1).to_numpy()
    return found.astype(np.int64)


def numbers(
    table: pa.Table, what: str, name: str, nullable: bool = False, first_row: int = 0
) -> NDArray[np.float64]:
    """Return a numeric column as finite float64 values; with `nullable`, nulls become NaN.

    Parameters
    ----------
    table : pyarrow.Table
    what, name : str
        What messages call the table, and the column.
    nullable : bool
        Whether nulls are allowed.
    first_row : int
        Number of the table's first row, for messages.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        The values.

    Raises
    ------
    InvalidInput
    """
    return _finite(table, what, name, pa.float64(), nullable, first_row)


def exact_numbers(table: pa.Table, what: str, name: str, first_row: int = 0) -> NDArray[Any]:
    """Return a numeric column as finite values: float32 where it is that, else float64.

    Parameters
    ----------
    table : pyarrow.Table
        The table.
    what : str
        Name of the table, for messages.
    name : str
        Name of the column.
    first_row : int
        Number of the table's first row, for messages.

    Returns
    -------
    ndarray of float32 or float64, shape (n_rows,)
        The values.

    Raises
    ------
    InvalidInput
    """
    kind = pa.float32() if table.schema.field(name).type == pa.float32() else pa.float64()
    return _finite(table, what, name, kind, False, first_row)


def _finite(
    table: pa.Table, what: str, name: str, kind: pa.DataType, nullable: bool, first_row: int = 0
) -> NDArray[Any]:
    column = table[name]
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    is_null = nullable and pa.types.is_null(column.type)
    if not is_null and not any(is_number(column.type) for is_number in NUMBERS):
        refuse_no_numbers(column, f"table {what}, column {name!r}", first_row)
    if column.null_count and not nullable:
        row = first_row + pc.index(pc.is_null(column), True).as_py()
        raise InvalidInput(f"table {what}, column {name!r}, row {row}: expected a number, got null")
    try:
        values: NDArray[Any] = one_array(column.cast(kind)).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid as error:
        refuse_beyond(column, f"table {what}, column {name!r}", LARGEST_WHOLE, first_row)
        raise InvalidInput(f"table {what}, column {name!r}: {first_line(error)}") from error
    if values.min(initial=0) >= -LARGEST_NUMBER and values.max(initial=0) <= LARGEST_NUMBER:
        return values
    wrong = ~(np.abs(values) <= LARGEST_NUMBER)  # NaN, too
    if column.null_count:
        wrong &= one_array(column).is_valid().to_numpy(zero_copy_only=False)
    if wrong.any():
        row = int(wrong.argmax())
        within = f"number from {-LARGEST_NUMBER:g} to {LARGEST_NUMBER:g}"
        raise InvalidInput(
            f"table {what}, column {name!r}, row {first_row + row}: expected a "
            f"{within if np.isfinite(values[row]) else 'finite number'}, got {values[row]}"
        )
    return values


def check_probabilities(values: NDArray[Any], what: str, name: str, first_row: int = 0) -> None:
    """Refuse values outside 0 to 1.

    Parameters
    ----------
    values : ndarray of float
        The column.
    what : str
        Name of the table, for messages.
    name : str
        Name of the column.
    first_row : int
        Number of the table's first row, for messages.
    """
    outside = (values < 0) | (values > 1)
    if outside.any():
        row = int(outside.argmax())
        raise InvalidInput(
            f"table {what}, column {name!r}, row {first_row + row}: expected a probability from 0 to 1, "
            f"got {values[row]}"
        )
