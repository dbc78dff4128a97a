"""Grouping and ordering of purchases by DuckDB, which goes to disk where memory is short."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa

from ...data import tables
from ...utils.errors import InvalidInput
from ...utils.memory import size_text
from .purchases import Purchases

MISSING = 'purchase histories need the package duckdb: pip install "couponry[affinity]"'
ROWS = 1 << 20  # of the ordered purchases at a time


class Grouped:
    """Purchases ordered by customer, item and period; a context that ends with its files on disk.

    customer: the type of the customers' ids. items: the ids of the items, ascending. first, last: the earliest and the
    latest period; 0 and -1 where there are no purchases.

    watch: is called with all purchases, a batch after the other, before they are grouped.

    Nothing that is kept depends on the order of the rows: amounts are summed as whole numbers.
    """

    def __init__(
        self,
        purchases: Purchases,
        catalogue: pa.Table | None,
        *,
        memory: int | None,
        threads: int,
        spill: Path | None,
        watch: Callable[[pa.RecordBatch], None] | None = None,
    ):
        try:
            import duckdb
        except ImportError as error:
            raise ImportError(MISSING) from error
        self._duckdb: Any = duckdb
        self.customer = purchases.customer
        self._purchases, self._memory, self._watch = purchases, memory, watch
        self._spill = tempfile.TemporaryDirectory(prefix="couponry-", dir=spill)
        settings: dict[str, Any] = {
            "threads": threads,
            "temp_directory": self._spill.name,
            "preserve_insertion_order": False,
        }
        if memory is not None:
            settings["memory_limit"] = f"{memory}B"
        try:
            self._connection: Any = duckdb.connect(":memory:", config=settings)
            self._group(catalogue)
        except BaseException:
            self._spill.cleanup()
            raise

    def __enter__(self) -> Grouped:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()
        self._spill.cleanup()

    def _group(self, catalogue: pa.Table | None) -> None:
        failed: list[BaseException] = []

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                for batch in self._purchases.batches():
                    if self._watch is not None:
                        self._watch(batch)
                    yield batch
            except BaseException as error:
                failed.append(error)  # DuckDB would wrap it
                raise

        rows = pa.RecordBatchReader.from_batches(self._purchases.schema, batches())
        self._connection.register("purchases", rows)
        query = "SELECT customer, product AS item, period, discounted, spend FROM purchases"
        if catalogue is not None:  # items have several products each: fewer rows to be ordered
            self._connection.register("catalogue", catalogue)
            query = (
                "SELECT customer, item, period, max(discounted) AS discounted, CAST(sum(spend) AS BIGINT) AS spend "
                "FROM purchases LEFT JOIN catalogue USING (product) GROUP BY ALL"
            )
        try:
            self._run(f"CREATE TEMP TABLE grouped AS {query}")
        except Exception:
            if failed:
                raise failed[0] from None
            raise
        self._connection.unregister("purchases")
        bounds = self._run("SELECT min(period), max(period) FROM grouped")[0]
        self.first: int = 0 if bounds[0] is None else bounds[0]
        self.last: int = -1 if bounds[0] is None else bounds[1]
        found = self._table("SELECT DISTINCT item FROM grouped WHERE item IS NOT NULL ORDER BY 1")
        self.items = tables.ids(found, "transactions", "item")

    def ordered(self, items: pa.Array) -> Iterator[pa.Table]:
        """customer, item (int64, its place in `items`, -1: not in the catalogue), period, discounted, spend.

        items: all ids that may occur, ascending. Ordered by customer, item and period.
        """
        known = pa.table({"item": items, "place": np.arange(len(items), dtype=np.int64)})
        self._connection.register("known", known)
        query = (
            "SELECT customer, coalesce(place, -1) AS item, period, discounted, spend "
            "FROM grouped LEFT JOIN known USING (item) ORDER BY 1, 2, 3"
        )
        try:
            yield from map(pa.table, self._connection.sql(query).to_arrow_reader(ROWS))
        except self._duckdb.OutOfMemoryException as error:
            raise self._too_little(error) from None

    def _run(self, query: str) -> Any:
        try:
            return self._connection.execute(query).fetchall()
        except self._duckdb.OutOfMemoryException as error:
            raise self._too_little(error) from None

    def _table(self, query: str) -> pa.Table:
        return self._connection.sql(query).to_arrow_table()

    def _too_little(self, error: BaseException) -> InvalidInput:
        allowed = "what is available" if self._memory is None else size_text(self._memory)
        return InvalidInput(
            f"memory: grouping the transactions needs more than {allowed}: {tables.first_line(error)}"
        )
