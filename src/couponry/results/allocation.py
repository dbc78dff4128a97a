"""The coupons given, made block by block from a plan: as record batches, as a table, or as Parquet files."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..data import tables
from ..model.compiled_campaign import CompiledCampaign
from ..solver.plan import Plan
from ..utils.mapped_arrays import release_pages

PART_ROWS = 1 << 24  # in one Parquet file, about


class Allocation:
    """One row per coupon given: customer, offer and those of value, response and cost that exist.

    Ordered by customer, then by offer, with ids as they came. Nothing is held but the plan: `batches` makes the rows
    anew each time, the same bits. It speaks the Arrow stream protocol, so that whatever takes Arrow takes it.

    Attributes
    ----------
    schema : pyarrow.Schema
    """

    def __init__(self, compiled: CompiledCampaign, plan: Plan):
        self._compiled = compiled
        self._plan = plan
        self._offers = tables.ids(compiled.campaign.offers, "offers", "offer")
        self._table: pa.Table | None = None
        self.schema = self._batch(np.zeros(0, np.int64)).schema

    def __len__(self) -> int:
        return self._plan.coupons

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The coupons of one block of customers after the other."""
        problem = self._compiled.problem
        for start, stop, chosen in self._plan.blocks():
            begin, end = problem.shard.indptr[[start, stop]]
            yield self._batch(begin + np.flatnonzero(chosen.view(bool)))
            release_pages(*(attribute[begin:end] for attribute in problem.attributes))

    def to_arrow(self) -> pa.Table:
        """All of them in memory; made at first use and kept."""
        if self._table is None:
            self._table = pa.Table.from_batches(self.batches(), self.schema).combine_chunks()
        return self._table

    def to_pandas(self) -> Any:
        """All of them as a pandas DataFrame; pandas must be installed."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """All of them as a Polars DataFrame.

        Raises
        ------
        ImportError
            Where Polars is not installed.
        """
        try:
            import polars
        except ImportError:
            raise ImportError("Allocation.to_polars needs Polars: pip install polars") from None
        return polars.from_arrow(self.to_arrow())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        reader = pa.RecordBatchReader.from_batches(self.schema, self.batches())
        return reader.__arrow_c_stream__(requested_schema)

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
        """A Parquet file, or, where there are many, a folder of them."""
        if len(self) <= PART_ROWS:
            pq.write_table(self.to_arrow(), path)
            return
        path.mkdir()
        batches = self.batches()
        batch = next(batches, None)
        part = 0
        while batch is not None:
            rows = 0
            with pq.ParquetWriter(path / f"part-{part:05}.parquet", self.schema) as writer:
                while batch is not None and rows < PART_ROWS:
                    writer.write_batch(batch)
                    rows += batch.num_rows
                    batch = next(batches, None)
            part += 1

    def _batch(self, positions: NDArray[np.int64]) -> pa.RecordBatch:
        candidates = self._compiled.campaign.candidates
        customer = self._compiled.problem.customer_of(positions)
        columns: dict[str, Any] = {
            "customer": _plain(candidates.customers.take(pa.array(customer))),
            "offer": _plain(self._offers.take(pa.array(candidates.offer[positions]))),
        }
        for name in self._compiled.campaign.coupon_columns():
            columns[name] = self._compiled.coupon_values(name, positions)
        return pa.record_batch(columns)


def _plain(ids: pa.Array) -> pa.Array:
    return ids.cast(pa.string()) if pa.types.is_large_string(ids.type) else ids


def _warn_of_table(use: str) -> None:
    warnings.warn(
        f"Result.allocation{use}: it is an Allocation now; use Result.allocation.to_arrow(){use}",
        DeprecationWarning,
        stacklevel=3,
    )
