"""The rows of Parquet files: batch by batch, or in parts, groups of rows that any thread can decode by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from ..table_files import common_schema, fitted, in_blocks, plain_schema, reading

BATCH_ROWS = 1 << 17
"""Rows that are decoded at a time where they come in batches."""

OPENED_ROWS = 1 << 20
"""Rows, about, of the row groups of a file that are opened at a time."""

MOST_PART_ROWS = 1 << 21
"""Rows of a row group from which on it is no part, but decoded batch by batch."""

BUFFER_BYTES = 1 << 20
"""Bytes of a column that are read at a time."""


class Part(NamedTuple):
    """Some rows of a table.

    Attributes
    ----------
    rows : int
        How many.
    read : callable
        Returns them as a table; any thread may call it.
    """

    rows: int
    read: Callable[[], pa.Table]

    @classmethod
    def of(cls, table: pa.Table) -> Part:
        """Return a table that is there already as a part.

        Parameters
        ----------
        table : pyarrow.Table
            The rows.

        Returns
        -------
        Part
        """
        return cls(len(table), lambda: table)


class _Groups(NamedTuple):
    """Row groups of a file."""

    path: Path
    metadata: pq.FileMetaData
    groups: list[int]


@dataclass(frozen=True)
class ParquetRows:
    """The rows of Parquet files, one file after the other.

    Attributes
    ----------
    paths : list of Path
    schema : pyarrow.Schema
        Of all of them, with the columns to read.
    what : str
        Name of the table, for messages.
    rows : int
        How many their footers say that there are.
    """

    paths: list[Path]
    schema: pa.Schema
    what: str
    rows: int

    @classmethod
    def open(cls, paths: list[Path], what: str, columns: list[str]) -> ParquetRows:
        """Open files, which must have the same columns, of types that fit.

        Parameters
        ----------
        paths : list of Path
        what : str
            Name of the table, for messages.
        columns : list of str
            Those to read, as far as they are there.

        Returns
        -------
        ParquetRows

        Raises
        ------
        InvalidInput
        """
        schemas, rows = [], 0
        for path in paths:
            with reading(path, what):
                metadata = pq.read_metadata(path)
                schemas.append(plain_schema(metadata.schema.to_arrow_schema(), what, columns))
            rows += metadata.num_rows
        return cls(paths, common_schema(paths, schemas, what), what, rows)

    def batches(self) -> Iterator[pa.Table]:
        """Yield the rows, batch by batch.

        Yields
        ------
        pyarrow.Table
            Of the schema.
        """
        for path in self.paths:
            with reading(path, self.what), pq.ParquetFile(path, buffer_size=BUFFER_BYTES) as file:
                for groups in _opened_together(file.metadata):
                    yield from self._batches(file, groups)

    def parts(self, rows: Callable[[], int], coded: Sequence[str] = ()) -> Iterator[Part]:
        """Yield the rows in parts of whole row groups, also of several files; a large row group in parts of its own.

        Parameters
        ----------
        rows : callable
            Returns about how many rows the next part is to have.
        coded : sequence of str
            Columns whose text may stay in dictionaries where files have it so.

        Yields
        ------
        Part
            Tables of the schema, but for such dictionaries.
        """
        schema = self._with_dictionaries(coded)
        waiting: list[_Groups] = []
        count = 0
        for path in self.paths:
            with reading(path, self.what):
                metadata = pq.read_metadata(path)
            for group in range(metadata.num_row_groups):
                size = metadata.row_group(group).num_rows
                if size == 0:
                    continue
                if waiting and (size > MOST_PART_ROWS or count + size > rows()):
                    yield Part(count, partial(self._read, waiting, schema))
                    waiting, count = [], 0
                if size > MOST_PART_ROWS:
                    yield from self._parts_of_group(path, group, rows)
                    continue
                if waiting and waiting[-1].path == path:
                    waiting[-1].groups.append(group)
                else:
                    waiting.append(_Groups(path, metadata, [group]))
                count += size
        if count:
            yield Part(count, partial(self._read, waiting, schema))

    def most_rows(self, rows: int) -> int:
        """Return how many rows a part has at most.

        Parameters
        ----------
        rows : int
            How many parts are asked to have.

        Returns
        -------
        int
        """
        most = rows
        for path in self.paths:
            with reading(path, self.what):
                metadata = pq.read_metadata(path)
            sizes = (metadata.row_group(k).num_rows for k in range(metadata.num_row_groups))
            most = max([most, *(size for size in sizes if size <= MOST_PART_ROWS)])
        return most

    def _with_dictionaries(self, coded: Sequence[str]) -> pa.Schema:
        """The schema, but for columns whose text the first row group has in a dictionary."""
        schema, path = self.schema, self.paths[0]
        names = [
            name for name in schema.names if name in coded and is_text(schema.field(name).type)
        ]
        with reading(path, self.what), pq.ParquetFile(path, buffer_size=BUFFER_BYTES) as file:
            if not names or file.metadata.num_row_groups == 0:
                return schema
            # a damaged footer is an error here, while PyArrow ends the process if it is asked for columns first
            next(file.iter_batches(1, [0], names, use_threads=False), None)
            written = file.metadata.schema
            paths = [written.column(number).path for number in range(len(written))]
            for name in names:
                if file.metadata.row_group(0).column(paths.index(name)).has_dictionary_page:
                    kind = pa.dictionary(pa.int32(), pa.string())  # PyArrow reads no other
                    schema = schema.set(schema.get_field_index(name), pa.field(name, kind))
        return schema

    def _read(self, files: list[_Groups], schema: pa.Schema) -> pa.Table:
        """Decode row groups, on the thread that calls."""
        coded = [field.name for field in schema if field.type != self.schema.field(field.name).type]
        tables = []
        for path, metadata, groups in files:
            with (
                reading(path, self.what),
                pq.ParquetFile(path, metadata=metadata, read_dictionary=coded) as file,
            ):
                table = file.read_row_groups(groups, columns=schema.names, use_threads=False)
                promised = sum(metadata.row_group(group).num_rows for group in groups)
                if len(table) != promised:
                    raise ValueError(
                        f"its footer promises {promised:,} rows, it has {len(table):,}"
                    )
                tables.append(fitted(table, schema, self.what))
        return pa.concat_tables(tables)

    def _parts_of_group(self, path: Path, group: int, rows: Callable[[], int]) -> Iterator[Part]:
        """A row group that is too large for memory, decoded here batch by batch."""
        with reading(path, self.what), pq.ParquetFile(path, buffer_size=BUFFER_BYTES) as file:
            for table in in_blocks(self._batches(file, [group]), rows):
                yield Part.of(table)

    def _batches(self, file: pq.ParquetFile, groups: list[int]) -> Iterator[pa.Table]:
        """The rows of some row groups."""
        for batch in file.iter_batches(BATCH_ROWS, groups, columns=self.schema.names):
            yield fitted(pa.table(batch), self.schema, self.what)


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a type is of text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _opened_together(metadata: pq.FileMetaData) -> Iterator[list[int]]:
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
