"""The coupons given, made block by block from a plan: as record batches, as a table, or as Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from . import tables
from .allocate.plan import Plan
from .space import forget

if TYPE_CHECKING:
    from .campaign import Campaign, Compiled

PART_ROWS = 1 << 24  # in one Parquet file, about


class Allocation:
    """One row per coupon given: customer, offer and those of value, response and cost that exist.

    Ordered by customer, then by offer, with ids as they came. Nothing is held but the plan: every iteration makes the
    rows anew, the same bits each time.
    """

    def __init__(self, campaign: Campaign, compiled: Compiled, plan: Plan):
        self._campaign = campaign
        self._compiled = compiled
        self._plan = plan
        self._offers = tables.ids(campaign.offers, "offers", "offer")
        self.schema = self._batch(np.zeros(0, np.int64)).schema

    def __len__(self) -> int:
        return self._plan.coupons

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The coupons of one block of customers after the other."""
        problem = self._compiled.problem
        for start, stop, chosen in self._plan.blocks():
            begin, end = problem.shard.indptr[[start, stop]]
            yield self._batch(begin + np.flatnonzero(chosen.view(bool)))
            forget(*(channel[begin:end] for channel in problem.channels))

    def table(self) -> pa.Table:
        """All of them in memory."""
        return pa.Table.from_batches(self.batches(), self.schema).combine_chunks()

    def write(self, path: Path) -> None:
        """A Parquet file, or, where there are many, a folder of them."""
        if len(self) <= PART_ROWS:
            pq.write_table(self.table(), path)
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
        candidates = self._campaign.candidates
        customer = self._compiled.problem.customer_of(positions)
        columns: dict[str, Any] = {
            "customer": _plain(candidates.customers.take(pa.array(customer))),
            "offer": _plain(self._offers.take(pa.array(candidates.offer[positions]))),
        }
        for name in self._campaign.coupon_columns():
            columns[name] = self._compiled.coupon_values(name, positions)
        return pa.record_batch(columns)


def _plain(ids: pa.Array) -> pa.Array:
    return ids.cast(pa.string()) if pa.types.is_large_string(ids.type) else ids
