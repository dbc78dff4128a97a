"""Rows of an allocation of customers whom this process never saw: made by workers, some shards at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from ...coupon_rows import PlannedRows
from ..parts import ShardRows, coupons_of_shards, engine_of


@dataclass(frozen=True, eq=False)
class ListTask:
    """Send the rows of shards; of each, customers with any, and the rows as an Arrow stream."""

    rows: ShardRows

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[tuple[int, bytes]]:
        """See `engines.cluster.runner.Task`."""
        return [self._listed(number, threads) for number in shards]

    def _listed(self, number: int, threads: int) -> tuple[int, bytes]:
        customers, batches = self.rows.batches(number, threads)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.rows.schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        return customers, sink.getvalue().to_pybytes()


class RowsElsewhere(PlannedRows):
    """See `PlannedRows`: the compiled campaign is of a few customers alone, and workers have everybody's candidates."""

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Have the coupons of some shards made after those of others.

        Yields
        ------
        pyarrow.RecordBatch
            Coupons, in order.
        """
        customers, coupons = 0, coupons_of_shards(self)
        for _, (own, written) in engine_of(self.plan).in_turns(lambda n: ListTask(coupons(n))):
            customers += own
            yield from pa.ipc.open_stream(written)
        self._customers = customers

    @property
    def customers(self) -> int:
        """Customers with at least one coupon; see `PlannedRows.customers`."""
        if self._customers is None:
            for _ in self.batches():
                pass
        assert self._customers is not None
        return self._customers
