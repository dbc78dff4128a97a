"""What a table may be that a user hands over, for type checkers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol


class ArrowStream(Protocol):
    """What speaks the Arrow stream protocol: tables of PyArrow, pandas, Polars, DuckDB, and couponry's own."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Hand the rows over."""


class ArrowBatch(Protocol):
    """What speaks the Arrow array protocol: record batches of PyArrow."""

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        """Hand the rows over."""


class LazyTable(Protocol):
    """A query that has not run yet: a LazyFrame of Polars."""

    def collect(self) -> ArrowStream:
        """Run it."""


class BatchedTable(Protocol):
    """What hands its rows over in parts: a dataset of PyArrow."""

    def to_batches(self, *arguments: Any, **options: Any) -> Iterable[Any]:
        """Hand over the next parts."""


class ColumnBlocks(Protocol):
    """Candidates that couponry makes of purchases, a block of customers at a time."""

    @property
    def columns(self) -> Any:
        """Names of the numbers of each candidate."""

    def collect(self, store: Any, threads: int) -> Any:
        """Make them all."""


Table = ArrowStream | LazyTable | dict[str, Any] | str | Path
"""A table: whatever has ``__arrow_c_stream__``, a dict of columns, or the path of a Parquet or CSV file."""

RowSource = Table | BatchedTable | Iterator[ArrowBatch] | Iterator[ArrowStream] | ColumnBlocks
"""The same for tables that may be large, which may also come in parts."""
