"""A large table as a stream of its rows, from files or from whatever hands over record batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..utils.errors import InvalidInput, first_line
from ..utils.lazy_imports import is_imported
from . import tables
from .table_files import common_schema, dataset, fitted, list_files, plain_schema, reading

BATCH_ROWS = 1 << 17
"""Rows that are decoded at a time."""

OPENED_ROWS = 1 << 20
"""Rows, about, of the row groups of a file that are opened at a time."""


@dataclass(frozen=True)
class Stream:
    """The rows of a table, front to back.

    Attributes
    ----------
    schema : pyarrow.Schema
    batches : callable
        Returns an iterator of tables of that schema, from the first row on.
    repeatable : bool
        Whether `batches` can be called again.
    files : list of lists, or None
        Path and `file_state` of each file that it reads; None where it is not of files.
    """

    schema: pa.Schema
    batches: Callable[[], Iterator[pa.Table]]
    repeatable: bool = True
    files: list[list[Any]] | None = None

    def blocks(self, rows: Callable[[], int]) -> Iterator[pa.Table]:
        """Yield the same rows in tables of as many rows as `rows()` says each time; the last has what is left.

        Parameters
        ----------
        rows : callable
            Returns the number of rows of the next table.

        Yields
        ------
        pyarrow.Table
            The next rows.
        """
        waiting: list[pa.Table] = []
        count = 0
        for batch in self.batches():
            waiting.append(batch)
            count += len(batch)
            while count >= rows():
                table, size = pa.concat_tables(waiting), rows()
                yield table.slice(0, size)
                count -= size
                waiting = [table.slice(size)] if count else []
        if count:
            yield pa.concat_tables(waiting)


def stream(data: Any, what: str, columns: list[str]) -> Stream:
    """Make a stream of a table.

    Parameters
    ----------
    data : object
        The path of a file or folder; a `pyarrow.dataset.Dataset`; a `pyarrow.RecordBatchReader` or any other iterator
        of record batches or tables, which is read once; or a table that is in memory, as `tables.as_table` takes it.
    what : str
        Name of the table, for messages.
    columns : list of str
        Those to keep, as far as they are there.

    Returns
    -------
    Stream
        Of these columns.

    Raises
    ------
    InvalidInput
    """
    if isinstance(data, (str, Path)):
        return stream_files(Path(), str(data), what, columns)
    if is_imported(dataset) and isinstance(data, dataset.Dataset):
        return _stream_dataset(data, what, columns)
    if isinstance(data, pa.RecordBatchReader):
        schema = plain_schema(data.schema, what, columns)
        return Stream(schema, lambda: _fitted(data, schema, what), repeatable=False)
    if isinstance(data, Iterator):
        return _stream_iterator(data, what, columns)
    return _stream_table(tables.as_table(data, what, columns))


def stream_files(folder: Path, name: str | list[str], what: str, columns: list[str]) -> Stream:
    """Make a stream of a table's files, named as `tables.read` takes them; with CSV files among them it is read whole.

    Parameters
    ----------
    folder : Path
        What `name` is relative to.
    name : str or list of str
        The files.
    what : str
        Name of the table, for messages.
    columns : list of str
        Those to keep, as far as they are there.

    Returns
    -------
    Stream
        Of these columns.

    Raises
    ------
    InvalidInput
    """
    paths = list_files(folder, name, what)
    files = [[str(path.resolve()), *file_state(path)] for path in paths]
    if any(path.suffix.lower() == ".csv" for path in paths):
        return _stream_table(tables.read(folder, name, what, columns), files)

    schemas = []
    for path in paths:
        with reading(path, what):
            schemas.append(plain_schema(pq.read_schema(path), what, columns))
    schema = common_schema(paths, schemas, what)

    def batches() -> Iterator[pa.Table]:
        for path in paths:
            with reading(path, what), pq.ParquetFile(path, buffer_size=1 << 20) as file:
                for groups in _row_groups(file.metadata):
                    for batch in file.iter_batches(BATCH_ROWS, groups, columns=schema.names):
                        yield fitted(pa.table(batch), schema, what)

    return Stream(schema, batches, files=files)


def _row_groups(metadata: pq.FileMetaData) -> Iterator[list[int]]:
    """Row groups of a file that are opened together: each takes memory as long as the others are read."""
    opened: list[int] = []
    rows = 0
    for group in range(metadata.num_row_groups):
        opened.append(group)
        rows += metadata.row_group(group).num_rows
        if rows >= OPENED_ROWS:
            yield opened
            opened, rows = [], 0
    if opened:
        yield opened


def file_state(path: Path) -> list[int]:
    """Return what changes whenever a file is written or replaced.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    list of int
        Size, and times of change in nanoseconds: of its content, and of anything about it, which nobody can set.
    """
    state = path.stat()
    return [state.st_size, state.st_mtime_ns, state.st_ctime_ns]


def _stream_table(table: pa.Table, files: list[list[Any]] | None = None) -> Stream:
    return Stream(table.schema, lambda: iter([table]), files=files)


def _stream_dataset(data: dataset.Dataset, what: str, columns: list[str]) -> Stream:
    schema = plain_schema(data.schema, what, columns)

    def batches() -> Iterator[pa.Table]:
        # little read ahead: batches wait in memory
        found = data.to_batches(
            columns=schema.names, batch_size=BATCH_ROWS, batch_readahead=4, fragment_readahead=1
        )
        return _fitted(found, schema, what)

    return Stream(schema, batches)


def _stream_iterator(data: Iterator[Any], what: str, columns: list[str]) -> Stream:
    first = next(data, None)
    if first is None:
        raise InvalidInput(f"table {what}: expected at least one row, got none")
    if not isinstance(first, (pa.RecordBatch, pa.Table)):
        raise InvalidInput(
            f"table {what}: expected an iterator of record batches, got one of {type(first).__name__}"
        )
    schema = plain_schema(first.schema, what, columns)
    return Stream(schema, lambda: _fitted(chain([first], data), schema, what), repeatable=False)


def _fitted(batches: Iterable[Any], schema: pa.Schema, what: str) -> Iterator[pa.Table]:
    try:
        for batch in batches:
            for name in schema.names:
                if name not in batch.schema.names:
                    raise InvalidInput(f"table {what}: a record batch has no column {name!r}")
            yield fitted(pa.table(batch.select(schema.names)), schema, what)
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(f"table {what}: {first_line(error)}") from error
