"""What the footers of Parquet files say of a table, without reading it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from . import tables
from .streams import reading


@dataclass(frozen=True)
class Footers:
    """A table's Parquet files; CSV files have no footers and count as nothing.

    rows: how many. schema: the columns. size: bytes of the columns, decoded. ids: the least and the largest id of the
    key column, None where the files do not say. in_order: whether the row groups come by that column; False where the
    files do not say.
    """

    rows: int
    schema: pa.Schema
    size: int
    ids: tuple[Any, Any] | None
    in_order: bool


def footers(folder: Path, name: str | list[str], what: str, key: str) -> Footers:
    """The footers of a table's files, named as `tables.read` takes them; `key` is the column of its ids."""
    rows, size = 0, 0
    fields: dict[str, pa.Field] = {}
    bounds: list[tuple[Any, Any] | None] = []
    for path in tables.files(folder, name, what):
        if path.suffix.lower() == ".csv":
            continue
        with reading(path, what):
            metadata = pq.read_metadata(path)
            fields |= {field.name: field for field in metadata.schema.to_arrow_schema()}
        rows += metadata.num_rows
        for group in range(metadata.num_row_groups):
            size += metadata.row_group(group).total_byte_size
        bounds += _bounds(metadata, key)
    known = [bound for bound in bounds if bound is not None]
    stated = bool(known) and len(known) == len(bounds) and len({type(low) for low, _ in known}) == 1
    return Footers(
        rows,
        pa.schema(list(fields.values())),
        size,
        (min(low for low, _ in known), max(high for _, high in known)) if stated else None,
        stated and all(a[1] <= b[0] for a, b in pairwise(known)),
    )


def _bounds(metadata: Any, key: str) -> Iterator[tuple[Any, Any] | None]:
    """The least and largest id of each row group, None where it does not say."""
    paths = [metadata.schema.column(n).path for n in range(metadata.num_columns)]
    for group in range(metadata.num_row_groups):
        found = None
        if key in paths and metadata.row_group(group).num_rows:
            statistics = metadata.row_group(group).column(paths.index(key)).statistics
            if statistics is not None and statistics.has_min_max:
                found = (statistics.min, statistics.max)
        yield found
