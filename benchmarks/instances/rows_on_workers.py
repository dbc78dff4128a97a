"""Candidates of synthetic customers that workers make themselves, so that they are in no table of this process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from benchmarks.instances.synthetic import BLOCK, Synthetic

import couponry
from couponry.engines import ProcessPoolRunner
from couponry.engines.cluster.work import Rows, answer_of, packed_task, work_on_rows

SMALL = 1 << 16
"""Customers of the campaign whose free use limits are set from."""


@dataclass(frozen=True)
class MadeRows:
    """The candidates of a `Synthetic`, as a table of the cluster."""

    size: Synthetic

    @property
    def schema(self) -> pa.Schema:
        """Columns."""
        return pa.schema({"customer": pa.int64(), "offer": pa.int64(), "response": pa.float32()})

    def rows(self, blocks: range) -> Iterator[Rows]:
        """Make the rows of some blocks of customers."""
        for number in blocks:
            offer, response = self.size.block(number)
            customer = np.repeat(np.arange(len(offer)) + number * BLOCK, self.size.width)
            columns = [customer, offer.ravel().astype(np.int64), response.ravel()]
            yield (
                "candidates",
                pa.RecordBatch.from_arrays(list(map(pa.array, columns)), schema=self.schema),
            )


class MakingRunner(ProcessPoolRunner):
    """Processes of this machine that make rows of `MadeRows`."""

    def takes(self, table: Any) -> bool:
        """See `Runner.takes`."""
        return isinstance(table, MadeRows)

    def on_rows(
        self, task: Any, tables: Mapping[str, Any], customers: int, unit: str | None = None
    ) -> list[Any]:
        """See `Runner.on_rows`."""
        (made,) = tables.values()
        blocks = -(-made.size.customers // BLOCK)
        step = max(1, customers // BLOCK)
        parts = [range(at, min(at + step, blocks)) for at in range(0, blocks, step)]
        work = partial(_on_part, packed_task(task), made, self.threads)
        return [answer_of(found) for found in self._pool.map(work, range(len(parts)), parts)]


def _on_part(task: bytes, made: MadeRows, threads: int, number: int, blocks: range) -> bytes:
    return work_on_rows(task, number, made.rows(blocks), threads)


def agreed(size: Synthetic) -> dict[str, Any]:
    """Rules, and limits that bind: nine tenths of what a small campaign of the same kind spends and gives freely."""
    few = Synthetic(SMALL, size.width, size.offers, size.brands, size.seed)
    rules = [couponry.CustomerRule("slots", max=3)]
    blocks = few.candidate_blocks()
    free = couponry.Campaign(few.offers_table(), blocks, rules=rules).solve().by("brand")
    table, scale = free.to_arrow(), size.customers / SMALL
    caps = pa.table(
        {"brand": table["brand"], "max": np.ceil(0.9 * scale * table["coupons"].to_numpy()) + 3}
    )
    budget = 0.9 * scale * float(table["cost"].to_numpy().sum())
    limits = [
        couponry.Limit("caps", by="brand", table=caps),
        couponry.Limit("budget", sum="cost", max=budget),
    ]
    return {"rules": rules, "limits": limits}
