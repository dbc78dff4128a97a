"""A large table as a stream of its rows, from files or from whatever hands over record batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..utils.errors import InvalidInput, first_line
from ..utils.lazy_imports import is_imported
from . import tables
from .formats.parquet_rows import ParquetRows, Part
from .table_files import dataset, fitted, in_blocks, list_files, plain_schema

BATCH_ROWS = 1 << 17
"""Rows of a data set that are decoded at a time."""


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
    parquet : ParquetRows or None
        The Parquet files that it is of.
    rows : int or None
        How many there are, as far as that is known.
    """

    schema: pa.Schema
    batches: Callable[[], Iterator[pa.Table]]
    repeatable: bool = True
    files: list[list[Any]] | None = None
    parquet: ParquetRows | None = None
    rows: int | None = None

    def parts(self, rows: Callable[[], int], coded: Sequence[str] = ()) -> Iterator[Part]:
        """Yield the same rows in parts, which any thread may read: of Parquet files they are not decoded yet.

        Parameters
        ----------
        rows : callable
            Returns about how many rows the next part is to have.
        coded : sequence of str
            Columns whose text may come in dictionaries.

        Yields
        ------
        Part
        """
        if self.parquet is not None:
            yield from self.parquet.parts(rows, coded)
            return
        for block in self.blocks(rows):
            yield Part.of(block)

    def blocks(self, rows: Callable[[], int]) -> Iterator[pa.Table]:
        """Return the same rows in tables of as many rows as `rows()` says each time; the last has what is left.

        Parameters
        ----------
        rows : callable
            Returns the number of rows of the next table.

        Returns
        -------
        iterator of pyarrow.Table
        """
        return in_blocks(self.batches(), rows)


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

    parquet = ParquetRows.open(paths, what, columns)
    return Stream(parquet.schema, parquet.batches, files=files, parquet=parquet, rows=parquet.rows)


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
    return Stream(table.schema, lambda: iter([table]), files=files, rows=len(table))


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
