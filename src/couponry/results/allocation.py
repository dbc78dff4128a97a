"""`Allocation`: the coupons given, one row each, made or read a block at a time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..data.table_view import StreamedTable, first_rows_html
from ..utils.checks import check_path
from ..utils.errors import InvalidInput
from ..utils.parallel import parallel_map
from .cluster.parts import coupons_of_shards, write_parts
from .coupon_rows import CouponRows, PlannedRows, SavedRows

PART_ROWS = 1 << 24
"""Rows of a Parquet file, about; an allocation with more is written as a folder of files."""

GROUP_ROWS = 1 << 20
"""Rows of a row group."""

SAMPLED_ROWS = 1 << 16
"""Rows of the first row group that tell which columns get dictionaries."""


class Allocation(StreamedTable):
    """The coupons given, one row each; `Result.allocation`.

    Rows have customer, offer, and those of value, response and cost that exist. They are ordered by customer, then by
    offer, with ids as they came. Nothing is held but the compact plan of the solver, or the name of the file that the
    rows were saved to: `batches` makes or reads them anew each time, the same bits. The allocation speaks the Arrow
    stream protocol, so whatever takes Arrow takes it.

    Parameters
    ----------
    rows : CouponRows
        Where the rows come from.

    Attributes
    ----------
    schema : pyarrow.Schema
        Names and types of the columns.

    Examples
    --------
    >>> import couponry
    >>> offers = {"offer": ["tea", "jam"]}
    >>> candidates = {"customer": [1, 1, 2], "offer": ["tea", "jam", "tea"], "value": [2.0, 1.0, 3.0]}
    >>> result = couponry.Campaign(offers, candidates).solve()
    >>> len(result.allocation)
    3
    >>> result.allocation.to_arrow()["offer"].to_pylist()
    ['jam', 'tea', 'tea']
    """

    def __init__(self, rows: CouponRows):
        self._rows = rows
        self._table: pa.Table | None = None
        self.schema = rows.schema

    def __len__(self) -> int:
        return self._rows.coupons

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Make, or read, the coupons of one block of customers after the other.

        Yields
        ------
        pyarrow.RecordBatch
            The coupons of a block, in order.
        """
        yield from self._rows.batches()

    @property
    def customers(self) -> int:
        """Customers with at least one coupon; counted on the way of `batches`, or else in a pass at first use."""
        return self._rows.customers

    @property
    def is_saved(self) -> bool:
        """Whether the rows are in files, and not made of a plan."""
        return isinstance(self._rows, SavedRows)

    def to_arrow(self) -> pa.Table:
        """Return all coupons as a table in memory, made at first use and kept.

        Returns
        -------
        pyarrow.Table
            One row for each coupon.
        """
        if self._table is None:
            self._table = pa.Table.from_batches(self.batches(), self.schema).combine_chunks()
        return self._table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        reader = pa.RecordBatchReader.from_batches(self.schema, self.batches())
        return reader.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self):,} rows of {', '.join(self.schema.names)}>"

    def _repr_html_(self) -> str:
        return first_rows_html(self.schema, self.batches(), len(self))

    def __getattr__(self, name: str) -> Any:
        """Deprecated: what only a `pyarrow.Table` has, which `Result.allocation` once was."""
        if name.startswith("_") or not hasattr(pa.Table, name):
            raise AttributeError(f"Allocation has no attribute {name!r}")
        _warn_of_table(f".{name}")
        return getattr(self.to_arrow(), name)

    def __getitem__(self, key: Any) -> Any:
        """Deprecated: a column, which `Result.allocation` once gave as a `pyarrow.Table`."""
        _warn_of_table(f"[{key!r}]")
        return self.to_arrow()[key]

    def write(self, path: Path) -> None:
        """Write a Parquet file, or a folder of them if there are more than 16 million coupons.

        Parameters
        ----------
        path : Path
            File or folder, which must not exist.
        """
        groups = self._row_groups()
        if len(self) <= PART_ROWS:
            _write_file(path, groups)
            return
        path.mkdir()
        for part, first in enumerate(groups):
            file = path / f"part-{part:05}.parquet"
            _write_file(file, chain([first], islice(groups, PART_ROWS // _group_rows() - 1)))

    def write_on_workers(self, folder: str | Path) -> list[Path | str]:
        """Have the workers that solved the campaign write the coupons: a Parquet file for each shard.

        Files are named by a manifest, `_manifest.json`, which is written last. Each shard's coupons are there once,
        however many workers were lost or tried it at the same time.

        Parameters
        ----------
        folder : str or Path
            A new folder, which this process and all workers reach by the same name, or a URI of a file system that
            PyArrow or fsspec knows, such as `s3://bucket/coupons`.

        Returns
        -------
        list of Path, or of str
            The files that count, or their URIs, in the customers' order.

        Raises
        ------
        InvalidInput
            Where the campaign was not solved over shards, or the folder holds something else.
        """
        if not isinstance(self._rows, PlannedRows):
            raise InvalidInput(
                "allocation: expected one that was solved in this process, got one that was read"
            )
        check_path(folder, "folder")
        rows = self._rows
        return write_parts(rows.plan, coupons_of_shards(rows), rows.coupons, folder)

    def _row_groups(self) -> Iterator[pa.Table]:
        """All coupons, a row group at a time, at least one table: whoever cancels ends it between them."""
        rows = _group_rows()
        batches = self.batches() if self._table is None else self._table.to_batches(rows)
        waiting: list[pa.RecordBatch] = []
        count, is_first = 0, True
        for batch in batches:
            while count + batch.num_rows >= rows:
                waiting.append(batch.slice(0, rows - count))
                batch = batch.slice(rows - count)
                yield pa.Table.from_batches(waiting, self.schema)
                waiting, count, is_first = [], 0, False
            waiting.append(batch)
            count += batch.num_rows
        if count > 0 or is_first:
            yield pa.Table.from_batches(waiting, self.schema)


def _group_rows() -> int:
    """Return how many rows a row group has; several are in a file."""
    return min(GROUP_ROWS, PART_ROWS)


def _write_file(path: Path, groups: Iterator[pa.Table]) -> None:
    """Write a Parquet file of at least one row group, each of which is written while the next one is made."""
    first = next(groups)
    rising = [name for name in first.column_names if _is_rising(first[name])]
    repeated = [
        name for name in first.column_names if name not in rising and _is_repeated(first[name])
    ]
    plain = {*first.column_names} - {*repeated, *rising}
    options = {
        "use_dictionary": repeated,
        "column_encoding": dict.fromkeys(rising, "DELTA_BINARY_PACKED"),
        # numbers most of which differ hardly get shorter
        "compression": {name: "none" if name in plain else "snappy" for name in first.column_names},
    }
    with pq.ParquetWriter(path, first.schema, **options) as writer:
        for _ in parallel_map(writer.write_table, chain([first], groups), 1):
            pass


def _is_rising(column: pa.ChunkedArray) -> bool:
    """Whether a column has whole numbers that never fall, as ids of customers: their differences are short."""
    if not pa.types.is_integer(column.type):
        return False
    some = column.slice(0, SAMPLED_ROWS).to_numpy()
    return bool((some[1:] >= some[:-1]).all())


def _is_repeated(column: pa.ChunkedArray) -> bool:
    """Whether a dictionary of a column's values is worth the while: not of numbers most of which differ."""
    if not pa.types.is_floating(column.type):
        return True
    some = column.slice(0, SAMPLED_ROWS)
    return bool(2 * pc.count_distinct(some).as_py() <= len(some))


def _warn_of_table(use: str) -> None:
    """Warn of a use of the allocation as the table that it once was."""
    warnings.warn(
        f"Result.allocation{use}: it is an Allocation now; use Result.allocation.to_arrow(){use}",
        DeprecationWarning,
        stacklevel=3,
    )
