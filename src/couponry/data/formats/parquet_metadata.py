"""What the footers of Parquet files say of a table, without reading it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from ...utils.parallel import parallel_map, worker_count
from ..table_files import list_files, reading

BUFFER_BYTES = 1 << 16
"""Bytes of a column that are read at a time; without a buffer all of it would be read when it is opened."""


@dataclass(frozen=True)
class ParquetMetadata:
    """What the footers of a table's files say. CSV files have none and count as nothing.

    Attributes
    ----------
    rows : int
    schema : pyarrow.Schema
    decoded_bytes : int
        Size of the columns, decoded.
    id_range : tuple of (int or str), or None
        The least and the largest id of the key column; None where the files do not say.
    is_in_order : bool
        Whether the row groups come by the key column; False where the files do not say.
    """

    rows: int
    schema: pa.Schema
    decoded_bytes: int
    id_range: tuple[Any, Any] | None
    is_in_order: bool


def read_parquet_metadata(
    folder: Path, name: str | list[str], what: str, key: str | None = None
) -> ParquetMetadata:
    """Read the footers of a table's files.

    Parameters
    ----------
    folder : Path
        What `name` is relative to.
    name : str or list of str
        The files, as `tables.read` takes them.
    what : str
        Name of the table, for messages.
    key : str, optional
        The column of its ids. None: what files say of ids is not asked for.

    Returns
    -------
    ParquetMetadata
        Of all files together.

    Raises
    ------
    InvalidInput
    """
    rows, size = 0, 0
    fields: dict[str, pa.Field] = {}
    ranges: list[tuple[Any, Any] | None] = []
    files = [path for path in list_files(folder, name, what) if path.suffix.lower() != ".csv"]
    for footer in parallel_map(lambda path: _footer(path, what, key), files, worker_count()):
        fields |= {field.name: field for field in footer.schema}
        rows, size = rows + footer.rows, size + footer.decoded_bytes
        ranges += footer.id_ranges
    known = [found for found in ranges if found is not None]
    stated = bool(known) and len(known) == len(ranges) and len({type(low) for low, _ in known}) == 1
    return ParquetMetadata(
        rows=rows,
        schema=pa.schema(list(fields.values())),
        decoded_bytes=size,
        id_range=(min(low for low, _ in known), max(high for _, high in known)) if stated else None,
        is_in_order=stated and all(a[1] <= b[0] for a, b in pairwise(known)),
    )


class _Footer(NamedTuple):
    """What the footer of one file says."""

    rows: int
    decoded_bytes: int
    schema: pa.Schema
    id_ranges: list[tuple[Any, Any] | None]


def _footer(path: Path, what: str, key: str | None) -> _Footer:
    """Read the footer of a file."""
    with reading(path, what), pq.ParquetFile(path, buffer_size=BUFFER_BYTES) as file:
        metadata = file.metadata
        groups = (metadata.row_group(group) for group in range(metadata.num_row_groups))
        return _Footer(
            metadata.num_rows,
            sum(group.total_byte_size for group in groups),
            metadata.schema.to_arrow_schema(),
            [] if key is None else list(id_ranges(file, key)),
        )


def id_ranges(file: pq.ParquetFile, key: str) -> Iterator[tuple[Any, Any] | None]:
    """Yield the least and largest id of each row group, None where it does not say.

    Parameters
    ----------
    file : pyarrow.parquet.ParquetFile
        Opened with a buffer: of each row group the first page of ids is read.
    key : str
        The column of the ids.

    Yields
    ------
    tuple of (int or str), or None

    Raises
    ------
    pyarrow.ArrowException, OSError
        If the footer is damaged.
    """
    metadata = file.metadata
    paths = [metadata.schema.column(n).path for n in range(metadata.num_columns)]
    for group in range(metadata.num_row_groups):
        found = None
        if key in paths and metadata.row_group(group).num_rows:
            # a damaged footer is an error here, while PyArrow ends the process if it is asked for the statistics first
            next(file.iter_batches(1, [group], [key], use_threads=False), None)
            statistics = metadata.row_group(group).column(paths.index(key)).statistics
            if statistics is not None and statistics.has_min_max:
                with suppress(ValueError, OverflowError):  # what says no value of Python's
                    found = (statistics.min, statistics.max)
        yield found
